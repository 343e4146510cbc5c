"""Brings an index in step with its folder: what is new or changed is read, what is gone is taken out."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from codeassist.workspace import writing
from codeassist.workspace.crew import WORKER, Batch, Crew
from codeassist.workspace.extract import read
from codeassist.workspace.ignore import rules_at
from codeassist.workspace.store import StoreTrouble, database_path, distrust, identity, open_to_write, trouble_of
from codeassist.workspace.walk import Found, Walk
from codeassist.workspace.worker import bad_entry

Phase = Literal["looking", "reading", "done"]
Progress = Callable[[int, int, Phase], None]
"""Files done, files to do, and what is being done. Called from several threads, one at a time."""

ScanState = Literal[
    "done", "cancelled", "elsewhere", "full", "read-only", "damaged", "locked", "unwritable", "workers", "no-folder"
]
"""`elsewhere`: another process scans this folder now. `workers`: worker processes die whatever they read."""

_BATCH_FILES = 48
_BATCH_BYTES = 400_000
_FILES_A_WORKER = 24
"""Starting one takes as long as reading so many files."""
_MOST_WORKERS = 8
_GONE_AT_ONCE = 500
_TIDY_FROM = 500
"""Files read."""
_POLL_S = 0.05
_DEAD_SHARE = 0.5
_DEAD_LEAST = 20_000
_FILE_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """`max_file_bytes` and `exclude` are those of `index.*`. `folder`: where indexes are kept, if not in the cache.
    `processes`: worker processes; 0: by the number of processors. `limit_s`: for one file."""

    max_file_bytes: int = 1_000_000
    exclude: tuple[str, ...] = ()
    folder: Path | None = None
    processes: int = 0
    limit_s: float = _FILE_LIMIT_S
    worker: tuple[str, ...] = WORKER


@dataclass(slots=True)
class ScanReport:
    """How a scan ended. `found`: files seen; `read`: those that were new or changed; `removed`: those that are gone."""

    state: ScanState = "done"
    detail: str = ""
    found: int = 0
    read: int = 0
    removed: int = 0
    bad: list[str] = field(default_factory=list)
    unreadable_folders: int = 0
    odd_names: int = 0

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def scan(
    root: Path,
    options: ScanOptions,
    on_progress: Progress = lambda *_: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ScanReport:
    """Scan a folder. Blocks until it is done or `cancelled` says so; whatever is written by then stays.

    Never raises for what it finds on the disk: the report's state says it.
    """
    root = Path(os.path.realpath(root))
    if not root.is_dir():
        return ScanReport("no-folder", str(root))
    database = database_path(root, options.folder)
    report = _scanned(root, database, options, on_progress, cancelled)
    if report.state == "damaged":  # It was opened without a complaint, and is built anew now.
        distrust(database, identity(database))
        report = _scanned(root, database, options, on_progress, cancelled)
    return report


def _scanned(
    root: Path, database: Path, options: ScanOptions, on_progress: Progress, cancelled: Callable[[], bool]
) -> ScanReport:
    from filelock import FileLock, Timeout

    try:
        connection = open_to_write(database)
    except StoreTrouble as error:
        return ScanReport(error.trouble, str(error))
    try:
        with FileLock(f"{database}.scan", timeout=0, mode=0o600):
            return _Scan(root, database, connection, options, on_progress, cancelled).run()
    except Timeout:
        return ScanReport("elsewhere")
    except StoreTrouble as error:
        return ScanReport(error.trouble, str(error))
    except sqlite3.Error as error:
        return ScanReport(trouble_of(error), str(error))
    except OSError as error:
        return ScanReport("unwritable", str(error))
    finally:
        connection.close()


def default_processes() -> int:
    """Worker processes where nobody says how many."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(_MOST_WORKERS, usable))


@dataclass(slots=True)
class _Known:
    size: int
    mtime_ns: int
    state: str


class _Scan:
    def __init__(
        self,
        root: Path,
        database: Path,
        connection: sqlite3.Connection,
        options: ScanOptions,
        on_progress: Progress,
        cancelled: Callable[[], bool],
    ) -> None:
        self._root = root
        self._connection = connection
        self._options = options
        self._on_progress = on_progress
        self._cancelled = cancelled
        self._report = ScanReport()
        self._done = 0
        self._processes = options.processes or default_processes()
        self._crew = Crew(
            arguments=(str(root), str(database), str(options.max_file_bytes), str(options.limit_s)),
            folder=database.parent,
            limit_s=options.limit_s,
            on_done=self._advance,
            on_bad=self._is_bad,
            command=options.worker,
        )
        self._bad: list[str] = []

    def run(self) -> ScanReport:
        report, crew = self._report, self._crew
        self._forget_if_mostly_dead()
        known = self._known()
        if not known:
            crew.start(self._processes)  # They start while we walk.
        self._on_progress(0, 0, "looking")
        try:
            gone = self._look(known)
            crew.close()
            while not crew.wait(_POLL_S):
                if self._cancelled():
                    crew.stop("cancelled")
            if not self._cancelled():
                self._remove(gone)
            self._write_bad()
        finally:
            crew.stop("cancelled")
            crew.wait(5.0)
        if self._cancelled():
            report.state = "cancelled"
        elif crew.trouble and crew.trouble != "cancelled":
            report.state, report.detail = _state(crew.trouble)
        self._tidy()
        self._on_progress(self._done, report.read, "done")
        return report

    def _tidy(self) -> None:
        """Put together what was written in pieces: look-ups by words take half the time then."""
        with suppress(sqlite3.Error):
            if self._report.read >= _TIDY_FROM:
                self._connection.execute("INSERT INTO terms(terms) VALUES ('optimize')")
            # Nobody else makes it short again. Who reads just then is not waited for.
            self._connection.execute("PRAGMA busy_timeout = 0")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _look(self, known: dict[str, _Known]) -> list[str]:
        """Walk, hand out what is new or changed, and return what is gone."""
        report, crew = self._report, self._crew
        walk = Walk(self._root, rules_at(self._root, self._options.exclude), self._cancelled)
        batch: Batch = []
        size = 0
        for found in walk:
            report.found += 1
            before = known.pop(found.path, None)
            if before is not None and not self._changed(found, before):
                continue
            report.read += 1
            batch.append((found.path, before is not None))
            size += found.size
            if len(batch) >= _BATCH_FILES or size >= _BATCH_BYTES:
                self._give(batch)
                batch, size = [], 0
        if batch:
            self._give(batch)
        report.unreadable_folders, report.odd_names = walk.unseen.folders, walk.unseen.names
        if crew.trouble or self._cancelled():
            return []
        return list(known)

    def _give(self, batch: Batch) -> None:
        self._crew.give(batch)
        self._crew.start(min(self._processes, 1 + self._report.read // _FILES_A_WORKER))
        self._on_progress(max(self._done, 0), self._report.read, "reading")

    def _changed(self, found: Found, before: _Known) -> bool:
        if (before.size, before.mtime_ns) != (found.size, found.mtime_ns):
            return True
        # The limit may be another one than last time.
        return (before.state == "large") != (found.size > self._options.max_file_bytes)

    def _known(self) -> dict[str, _Known]:
        rows = self._connection.execute("SELECT path, size, mtime_ns, state FROM files")
        return {path: _Known(size, mtime_ns, state) for path, size, mtime_ns, state in rows}

    def _remove(self, gone: Sequence[str]) -> None:
        for start in range(0, len(gone), _GONE_AT_ONCE):
            part = gone[start : start + _GONE_AT_ONCE]
            writing.remove(self._connection, part)
            self._report.removed += len(part)

    def _advance(self, count: int) -> None:
        self._done += count
        self._on_progress(max(self._done, 0), self._report.read, "reading")

    def _is_bad(self, path: str) -> None:
        self._bad.append(path)

    def _write_bad(self) -> None:
        """Files that a worker died of are noted with their content, and left alone until it changes."""
        entries = [
            bad_entry(raw)
            for path in self._bad
            if (raw := read(str(self._root), path, self._options.max_file_bytes)) is not None
        ]
        if entries:
            writing.write(self._connection, entries)
        self._report.bad = sorted(self._bad)

    def _forget_if_mostly_dead(self) -> None:
        """Start afresh where most of the words are of chunks that are gone."""
        meta: Mapping[str, int] = dict(self._connection.execute("SELECT key, value FROM meta").fetchall())
        dead, ever = meta.get("dead_chunks", 0), meta.get("next_chunk", 1)
        if dead < max(_DEAD_LEAST, ever * _DEAD_SHARE):
            return
        with writing.transaction(self._connection):
            for table in ("files", "definitions", "imports", "chunks"):
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608  One of ours.
            self._connection.execute("INSERT INTO terms(terms) VALUES ('delete-all')")
            self._connection.execute("UPDATE meta SET value = 0 WHERE key = 'dead_chunks'")


def _state(trouble: str) -> tuple[ScanState, str]:
    if trouble in ("full", "read-only", "damaged", "locked", "unwritable"):
        return trouble, ""  # type: ignore[return-value] # One of the words just named.
    return "workers", trouble
