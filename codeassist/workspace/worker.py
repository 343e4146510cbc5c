"""A process that reads files, takes them apart and writes what it found: all of a scan's work, away from the server.

    python -m codeassist.workspace.worker ROOT DATABASE MOST_BYTES LIMIT_S

It gets one JSON document a line: {"files": [[path, known], ...], "flush": bool}, and answers each with one:
{"done": count, "written": bool}, or {"trouble": why} when the index cannot be written; then it ends.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TextIO

from codeassist.workspace import writing
from codeassist.workspace.extract import Entry, Raw, extract, read
from codeassist.workspace.store import StoreTrouble, open_to_write, trouble_of

NICENESS = 10
_SOFT_BYTES = 3_000_000
"""Written when so much was read, if nobody else writes just then."""
_HARD_BYTES = 12_000_000
"""Written when so much was read, however long that waits."""
_CONTENTION_MS = 30_000
_LIMIT_FACTOR = 3


class Worker:
    """`take_apart` is a parameter for tests, which let it fail."""

    def __init__(
        self, root: str, connection: sqlite3.Connection, most_bytes: int, take_apart: Callable[[Raw], Entry] = extract
    ) -> None:
        self._root = root
        self._connection = connection
        self._most_bytes = most_bytes
        self._take_apart = take_apart
        self._entries: list[Entry] = []
        self._gone: list[str] = []
        self._same: list[tuple[str, int, int]] = []
        self._bytes = 0

    def look_at(self, path: str, known: bool) -> None:
        """Read one file; `known`: the index may hold it, with the same content."""
        raw = read(self._root, path, self._most_bytes)
        if raw is None:
            self._gone.append(path)
            return
        if known and raw.data is not None and writing.known_hash(self._connection, path) == raw.hash:
            self._same.append((path, raw.size, raw.mtime_ns))
            return
        try:
            entry = self._take_apart(raw)
        except Exception:
            entry = bad_entry(raw)
        self._entries.append(entry)
        self._bytes += raw.size if raw.data is not None else 0

    def write(self, must: bool) -> bool:
        """Write what was found. Unless it `must`, only if that is much and nobody else writes. Says whether nothing
        is left. Raises StoreTrouble."""
        if not must and self._bytes < _SOFT_BYTES:
            return False
        if not (self._entries or self._gone or self._same):
            return True
        patient = must or self._bytes >= _HARD_BYTES
        self._connection.execute(f"PRAGMA busy_timeout = {_CONTENTION_MS if patient else 0}")
        try:
            writing.write(self._connection, self._entries, self._gone, self._same)
        except StoreTrouble as error:
            if error.trouble == "locked" and not patient:
                return False
            raise
        self._entries, self._gone, self._same, self._bytes = [], [], [], 0
        return True


def bad_entry(raw: Raw) -> Entry:
    """What is written of a file on which its grammar fails: it is left alone until its content changes."""
    return Entry(raw.path, "", raw.size, raw.mtime_ns, raw.hash, "bad")


def main(arguments: list[str], take_apart: Callable[[Raw], Entry] = extract) -> int:
    """The loop of the process; ends with its standard input."""
    root, database, most_bytes, limit_s = arguments[0], Path(arguments[1]), int(arguments[2]), float(arguments[3])
    be_humble()
    out = _own_output()
    try:
        with closing(open_to_write(database)) as connection:
            connection.execute("PRAGMA cache_size = -65536")
            gc.set_threshold(50_000, 20, 100)  # Nodes of trees come by the thousand and form no cycles.
            worker = Worker(root, connection, most_bytes, take_apart)
            for line in sys.stdin:
                # Whoever started us ends us earlier; this is for when it is gone and a grammar never returns.
                faulthandler.dump_traceback_later(limit_s * _LIMIT_FACTOR, exit=True, file=sys.stderr)
                _say(out, _answer(worker, json.loads(line)))
                faulthandler.cancel_dump_traceback_later()
            worker.write(must=True)
    except StoreTrouble as error:
        _say(out, {"trouble": error.trouble})
    except sqlite3.Error as error:
        _say(out, {"trouble": trouble_of(error)})
    return 0


def _answer(worker: Worker, asked: dict[str, Any]) -> dict[str, Any]:
    files = asked["files"]
    for path, known in files:
        worker.look_at(path, known)
    return {"done": len(files), "written": worker.write(must=asked["flush"])}


def be_humble() -> None:
    """The editor goes first, and Ctrl-C is for whoever started us."""
    with suppress(OSError, ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        with suppress(OSError):
            os.nice(NICENESS - os.nice(0))


def _own_output() -> TextIO:
    """Standard output for our answers alone: what a grammar may print goes to standard error."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    with suppress(OSError):
        os.dup2(2, 1)
    return out


def _say(out: TextIO, answer: dict[str, Any]) -> None:
    with suppress(BrokenPipeError):
        out.write(json.dumps(answer) + "\n")
        out.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
