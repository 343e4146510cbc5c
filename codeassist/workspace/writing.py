"""Putting files into an index and taking them out, a batch in one short transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from codeassist.workspace import schema
from codeassist.workspace.extract import Entry
from codeassist.workspace.store import StoreTrouble, trouble_of

_FILE = (
    "INSERT INTO files(path, folder, reversed, language, size, mtime_ns, hash, state, lines) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_DEFINITION = "INSERT INTO definitions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_IMPORT = "INSERT INTO imports VALUES (?, ?, ?, ?, ?, ?, ?)"


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing. Raises StoreTrouble where SQLite raises."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        _roll_back(connection)
        raise StoreTrouble(trouble_of(error), str(error)) from error
    except BaseException:
        _roll_back(connection)
        raise


def write(
    connection: sqlite3.Connection,
    entries: Sequence[Entry],
    gone: Iterable[str] = (),
    same: Sequence[tuple[str, int, int]] = (),
) -> None:
    """Put `entries` in place of what was known of those files, take out those that are `gone`, and note the new size
    and time (path, size, mtime_ns) of those whose content is the `same`.

    Raises StoreTrouble, and then nothing of it is written.
    """
    with transaction(connection):
        connection.executemany(
            "UPDATE files SET size = ?, mtime_ns = ? WHERE path = ?", [(size, time, path) for path, size, time in same]
        )
        for path in gone:
            _remove(connection, path)
        _insert(connection, entries)


def remove(connection: sqlite3.Connection, paths: Iterable[str]) -> None:
    """Take files out. Raises StoreTrouble."""
    write(connection, (), paths)


def known_hash(connection: sqlite3.Connection, path: str) -> bytes | None:
    """The hash of a file's content as it is in the index, None if the file is not. Raises StoreTrouble."""
    try:
        row = connection.execute("SELECT hash FROM files WHERE path = ?", (path,)).fetchone()
    except sqlite3.Error as error:
        raise StoreTrouble(trouble_of(error), str(error)) from error
    return None if row is None else row[0]


def _roll_back(connection: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _remove(connection: sqlite3.Connection, path: str) -> None:
    row = connection.execute("SELECT id FROM files WHERE path = ?", (path,)).fetchone()
    if row is None:
        return
    connection.execute("DELETE FROM definitions WHERE file = ?", row)
    connection.execute("DELETE FROM imports WHERE file = ?", row)
    dead = connection.execute("DELETE FROM chunks WHERE file = ?", row).rowcount
    if dead:
        connection.execute("UPDATE meta SET value = value + ? WHERE key = 'dead_chunks'", (dead,))
    connection.execute("DELETE FROM files WHERE id = ?", row)


def _insert(connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    definitions: list[tuple[object, ...]] = []
    imports: list[tuple[object, ...]] = []
    chunks: list[tuple[int, int, int, int]] = []
    words: list[tuple[int, str]] = []
    first = next_chunk = connection.execute("SELECT value FROM meta WHERE key = 'next_chunk'").fetchone()[0]
    for entry in entries:
        file = _insert_file(connection, entry)
        definitions += [
            (
                file, ordinal, tag.name, tag.kind, tag.parent, tag.start_line, tag.end_line, tag.name_line,
                tag.signature_end, tag.signature, tag.doc,
            )
            for ordinal, tag in enumerate(entry.tags.definitions)
        ]  # fmt: skip
        imports += [
            (
                file, ordinal, one.module, json.dumps(one.names) if one.names else "", one.alias, one.line,
                one.exported,
            )
            for ordinal, one in enumerate(entry.tags.imports)
        ]  # fmt: skip
        for chunk in entry.chunks:
            chunks.append((next_chunk, file, chunk.start_line, chunk.end_line))
            words.append((next_chunk, chunk.words))
            next_chunk += 1
    connection.executemany(_DEFINITION, definitions)
    connection.executemany(_IMPORT, imports)
    connection.executemany("INSERT INTO chunks VALUES (?, ?, ?, ?)", chunks)
    if words and schema.has_terms(connection):
        connection.executemany("INSERT INTO terms(rowid, words) VALUES (?, ?)", words)
    if next_chunk != first:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'next_chunk'", (next_chunk,))


def _insert_file(connection: sqlite3.Connection, entry: Entry) -> int:
    path = entry.path
    values = (
        path, path.rpartition("/")[0], path[::-1], entry.language, entry.size, entry.mtime_ns, entry.hash, entry.state,
        entry.lines,
    )  # fmt: skip
    try:
        return connection.execute(_FILE, values).lastrowid or 0
    except sqlite3.IntegrityError:
        _remove(connection, path)
        return connection.execute(_FILE, values).lastrowid or 0
