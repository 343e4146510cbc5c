"""The tables of an index. A change of any of them is a new VERSION: older files are set aside and built anew."""

from __future__ import annotations

import sqlite3

VERSION = 2

TABLES = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES ('next_chunk', 1), ('dead_chunks', 0);

-- `state`: 'indexed', or why it is not: 'bad' (its grammar failed on this content) or a reason of content.py.
CREATE TABLE files(
  id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, folder TEXT NOT NULL, reversed TEXT NOT NULL,
  language TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, hash BLOB NOT NULL, state TEXT NOT NULL,
  lines INTEGER NOT NULL
);
CREATE INDEX files_folder ON files(folder);
CREATE INDEX files_reversed ON files(reversed);

CREATE TABLE definitions(
  file INTEGER NOT NULL, ordinal INTEGER NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, parent TEXT NOT NULL,
  start_line INTEGER NOT NULL, end_line INTEGER NOT NULL, name_line INTEGER NOT NULL, signature_end INTEGER NOT NULL,
  signature TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (file, ordinal)
) WITHOUT ROWID;
CREATE INDEX definitions_name ON definitions(name);

CREATE TABLE imports(
  file INTEGER NOT NULL, ordinal INTEGER NOT NULL, module TEXT NOT NULL, names TEXT NOT NULL,
  alias TEXT NOT NULL, line INTEGER NOT NULL, exported INTEGER NOT NULL, PRIMARY KEY (file, ordinal)
) WITHOUT ROWID;

-- The id of a chunk is never used again: `terms` keeps those of chunks that are gone, because SQLite before 3.43
-- cannot take rows out of an index that does not hold its texts. They are counted in `dead_chunks`.
CREATE TABLE chunks(
  id INTEGER PRIMARY KEY, file INTEGER NOT NULL, start_line INTEGER NOT NULL, end_line INTEGER NOT NULL
);
CREATE INDEX chunks_file ON chunks(file);
"""

# Only which chunks hold a term: no texts, places or counts. That is a fifth of the size, and a chunk is so short that
# how often it repeats a word says little.
TERMS = """
CREATE VIRTUAL TABLE terms USING fts5(
  words, content='', detail=none, columnsize=0, tokenize="ascii tokenchars '_'"
);
"""


def create(connection: sqlite3.Connection) -> None:
    """Make the tables, inside the caller's transaction. Without FTS5 the index works, but finds nothing similar."""
    for statement in TABLES.split(";\n"):
        if statement.strip():
            connection.execute(statement)
    try:
        connection.execute(TERMS)
    except sqlite3.OperationalError as error:
        if "fts5" not in str(error):
            raise
    connection.execute(f"PRAGMA user_version = {VERSION}")


def has_terms(connection: sqlite3.Connection) -> bool:
    """Whether the index can find by words."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'terms'").fetchone()
    return found is not None
