"""The index of one workspace folder, for reading. It answers at once, from any thread, and never raises."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from codecs import BOM_UTF8 as BOM
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from codeassist.syntax.tags import Import, Tag
from codeassist.workspace.chunks import terms_of, whole_term
from codeassist.workspace.extract import read
from codeassist.workspace.search import Search, Stretch, chunks_with, stretches
from codeassist.workspace.store import beside, database_path, distrust, identity, open_to_read, trouble_of

IndexState = Literal["missing", "ready", "damaged"]
"""`damaged`: it made no sense; the next scan builds it anew."""

_MOST_HOLDING = 2_000
_MOST_ENDING = 2_000
_MOST_TEXT_BYTES = 4_000_000
_MOST_READ_BYTES = 500_000
_KEPT_FILES = 1_024
_VARIABLES = 500
_HIGHEST = "\U0010ffff"
_TAG = "d.name, d.kind, d.parent, d.start_line, d.end_line, d.name_line, d.signature_end, d.signature, d.doc"
_TAGS_OF_FILE = f"SELECT {_TAG} FROM definitions d WHERE file = ? ORDER BY ordinal"  # noqa: S608  Columns of ours.
_NAMED = f"SELECT f.path, {_TAG} FROM definitions d JOIN files f ON f.id = d.file WHERE d.name = ? LIMIT ?"  # noqa: S608

Answer = TypeVar("Answer")
_Held = tuple[tuple[int, int], sqlite3.Connection, tuple[tuple[int, int] | None, ...]]
"""A file by its identity, a connection to it, and what lay beside it then."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What an index holds. `states`: files by what became of them; `languages`: indexed files by language."""

    files: int = 0
    lines: int = 0
    definitions: int = 0
    imports: int = 0
    chunks: int = 0
    database_bytes: int = 0
    states: Mapping[str, int] = field(default_factory=dict)
    languages: Mapping[str, int] = field(default_factory=dict)


class Index:
    """Reads the index of `root`. While it is missing or being built, answers are empty or of what is there.

    Paths are relative to `root`, with "/" as separator. Each thread has a connection of its own.
    """

    def __init__(self, root: Path, folder: Path | None = None) -> None:
        self.root = root
        self.database = database_path(root, folder)
        self._local = threading.local()
        self._lock = threading.Lock()
        self._definitions: OrderedDict[tuple[int, bytes], tuple[Tag, ...]] = OrderedDict()
        self._all: list[sqlite3.Connection] = []
        self._damaged = False

    @property
    def state(self) -> IndexState:
        """Whether there is an index to read."""
        if self._damaged:
            return "damaged"
        return "ready" if self._connection() is not None else "missing"

    @property
    def is_cut_off(self) -> bool:
        """Whether somebody took away what lies beside the file while this thread reads it: it does not see what others
        write from then on, nor do those who write see each other. The next scan builds it anew."""
        held = getattr(self._local, "held", None)
        if held is None or held[2] == beside(self.database):
            return False
        distrust(self.database, held[0])
        return True

    def close(self) -> None:
        """Let go of the file. Only when no thread reads any more."""
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
        self._local = threading.local()

    def exists(self, path: str) -> bool:
        """Whether the folder holds this file, as far as it is known."""
        return bool(self._rows("SELECT 1 FROM files WHERE path = ?", (path,)))

    def ending(self, suffix: str, limit: int = 20) -> Sequence[str]:
        """The files that are `suffix` or end with "/" and it, those with the fewest parts first."""
        low = ("/" + suffix)[::-1]
        rows = self._rows(
            "SELECT path FROM files WHERE path = ? UNION ALL "
            "SELECT path FROM (SELECT path FROM files WHERE reversed >= ? AND reversed < ? LIMIT ?)",
            (suffix, low, low + _HIGHEST, _MOST_ENDING),
        )
        return sorted((row[0] for row in rows), key=lambda path: (path.count("/"), path))[:limit]

    def folder(self, path: str) -> Sequence[str]:
        """The files that lie directly in a folder."""
        rows = self._rows("SELECT path FROM files WHERE folder = ? ORDER BY path", (path.strip("/"),))
        return [row[0] for row in rows]

    def read(self, path: str) -> str | None:
        """The text of a small file of the index, as it is on the disk now; None if there is none."""
        data = self._bytes(path, _MOST_READ_BYTES) if self.exists(path) else None
        return None if data is None else data.decode("utf-8-sig", "replace")

    def text(self, path: str, start: int, end: int) -> str:
        """The lines from `start` up to `end`, as they are on the disk now; "" if they are gone."""
        data = self._bytes(path, _MOST_TEXT_BYTES)
        if data is None:
            return ""
        lines = b"\n".join(data.removeprefix(BOM).split(b"\n", max(0, end))[max(0, start) : max(0, end)])
        return lines.replace(b"\r\n", b"\n").removesuffix(b"\r").decode("utf-8", "replace")

    def definitions_in(self, paths: Sequence[str]) -> dict[str, tuple[Tag, ...]]:
        """The definitions of files, in document order; without those that are not known."""
        found: dict[str, tuple[Tag, ...]] = {}
        for file, path, content in self._files(paths):
            key = (file, content)
            with self._lock:
                tags = self._definitions.get(key)
                if tags is not None:
                    self._definitions.move_to_end(key)
            if tags is None:
                rows = self._read(_TAGS_OF_FILE, (file,))
                if rows is None:  # To be kept it must have been read.
                    continue
                tags = tuple(Tag(*row) for row in rows)
                with self._lock:
                    self._definitions[key] = tags
                    if len(self._definitions) > _KEPT_FILES:
                        self._definitions.popitem(last=False)
            found[path] = tags
        return found

    def definitions_named(self, names: Collection[str], limit: int = 8) -> dict[str, list[tuple[str, Tag]]]:
        """Where each of `names` is defined, at most `limit` places of each."""
        found: dict[str, list[tuple[str, Tag]]] = {}
        for name in names:
            rows = self._rows(_NAMED, (name, limit)) if name else []
            if rows:
                found[name] = [(row[0], Tag(*row[1:])) for row in rows]
        return found

    def imports_in(self, paths: Sequence[str]) -> dict[str, tuple[Import, ...]]:
        """The imports of files, in document order; without files that are not known."""
        return {
            path: tuple(
                Import(module, _names(names), alias, line, bool(exported))
                for module, names, alias, line, exported in self._rows(
                    "SELECT module, names, alias, line, exported FROM imports WHERE file = ? ORDER BY ordinal", (file,)
                )
            )
            for file, path, _ in self._files(paths)
        }

    def similar(
        self,
        words: Mapping[str, float] | Sequence[str],
        limit: int,
        exclude: Collection[str] = (),
        holding: str = "",
    ) -> list[Stretch]:
        """The stretches that share most with `words` (identifiers or parts of them, with a weight each), best first.

        The rarer a word, the more it counts. `exclude`: paths that are not wanted. `holding`: only those that hold
        this identifier, in any case of its letters; then some may share no more than it.
        """
        if limit < 1 or (holding and not terms_of(holding)):
            return []

        def ask(connection: sqlite3.Connection) -> list[Stretch]:
            scores = self._search().scores(connection, words)
            if holding:
                held = chunks_with(connection, whole_term(holding), _MOST_HOLDING)
                scores = {chunk: scores.get(chunk, 0.0) for (chunk,) in held}
            best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
            return list(stretches(connection, best[: limit * 4 + 16], limit, frozenset(exclude)))

        return self._ask(ask, [])

    def mentions(self, name: str, limit: int, exclude: Collection[str] = ()) -> list[Stretch]:
        """Stretches that hold `name` as a whole identifier, in any case of its letters."""
        if not terms_of(name):
            return []

        def ask(connection: sqlite3.Connection) -> list[Stretch]:
            rows = chunks_with(connection, whole_term(name), limit * 4 + 64)
            return list(stretches(connection, [(row[0], 1.0) for row in rows], limit, frozenset(exclude)))

        return self._ask(ask, [])

    def counts(self) -> Counts:
        """What the index holds now."""
        return self._ask(lambda connection: _counts(connection, self.database), Counts())

    def _files(self, paths: Sequence[str]) -> Iterator[tuple[int, str, bytes]]:
        for start in range(0, len(paths), _VARIABLES):
            part = tuple(dict.fromkeys(paths[start : start + _VARIABLES]))
            marks = ",".join("?" * len(part))
            yield from self._rows(f"SELECT id, path, hash FROM files WHERE path IN ({marks})", part)  # noqa: S608  Question marks only.

    def _rows(self, ask: str, values: Sequence[Any]) -> list[Any]:
        return self._read(ask, values) or []

    def _read(self, ask: str, values: Sequence[Any]) -> list[Any] | None:
        """None if it could not be read."""
        return self._ask(lambda connection: connection.execute(ask, values).fetchall(), None)

    def _ask(self, question: Callable[[sqlite3.Connection], Answer], empty: Answer) -> Answer:
        """The answer, or the empty one where there is no index or SQLite cannot read it."""
        try:
            connection = self._connection()
            return empty if connection is None else question(connection)
        except sqlite3.Error as error:
            held = getattr(self._local, "held", None)
            seen = held[0] if held is not None else None
            self._drop()
            if trouble_of(error) == "damaged":
                self._damaged = seen == identity(self.database)  # Another one may have come.
                distrust(self.database, seen)
        except UnicodeEncodeError:
            pass  # A name with half of a surrogate pair is in no file.
        return empty

    def _connection(self) -> sqlite3.Connection | None:
        """This thread's own, as long as the file is the one that it was opened on."""
        try:
            status = os.stat(self.database)  # noqa: PTH116  Before each look-up.
        except OSError:
            self._drop()
            return None
        found = (status.st_dev, status.st_ino)
        held: _Held | None = getattr(self._local, "held", None)
        if held is not None and held[0] == found:
            return held[1]
        self._drop()
        connection = open_to_read(self.database)
        if connection is not None:
            self._damaged = False
            self._local.held = found, connection, beside(self.database)
            with self._lock:
                self._all.append(connection)
        return connection

    def _search(self) -> Search:
        """What this thread's connection remembers of searches."""
        search: Search | None = getattr(self._local, "search", None)
        if search is None:
            search = self._local.search = Search()
        return search

    def _drop(self) -> None:
        held = getattr(self._local, "held", None)
        self._local.held = self._local.search = None
        if held is not None:
            with self._lock:
                if held[1] in self._all:
                    self._all.remove(held[1])
            held[1].close()

    def _bytes(self, path: str, most: int) -> bytes | None:
        if path.startswith("/") or ".." in path.split("/") or ":" in path[:2]:
            return None
        found = read(str(self.root), path, most)
        return None if found is None else found.data


def _counts(connection: sqlite3.Connection, database: Path) -> Counts:
    ask = connection.execute
    written_ahead = database.with_name(database.name + "-wal")
    files, lines = ask("SELECT count(*), coalesce(sum(lines), 0) FROM files").fetchone()
    return Counts(
        files=files,
        lines=lines,
        definitions=ask("SELECT count(*) FROM definitions").fetchone()[0],
        imports=ask("SELECT count(*) FROM imports").fetchone()[0],
        chunks=ask("SELECT count(*) FROM chunks").fetchone()[0],
        database_bytes=sum(one.stat().st_size for one in (database, written_ahead) if one.exists()),
        states=dict(ask("SELECT state, count(*) FROM files GROUP BY state ORDER BY 2 DESC").fetchall()),
        languages=dict(
            ask(
                "SELECT language, count(*) FROM files WHERE state = 'indexed' GROUP BY language ORDER BY 2 DESC"
            ).fetchall()
        ),
    )


def _names(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, local) for name, local in json.loads(text)) if text else ()
