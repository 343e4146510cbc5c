"""Findings that the user does not want to see again, kept in the user's data folder: paths and fingerprints, no code.

Nothing of it is sent anywhere, and nothing of it is written into the workspace. Several editors may write at once.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

_VERSION = 1
_MOST_OF_WORKSPACE = 5_000
"""Latest dismissals that are kept of each workspace folder."""
_WAITING_S = 10.0
"""So long others are waited for, on a thread of its own."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS dismissals (
    id INTEGER PRIMARY KEY, workspace TEXT NOT NULL, path TEXT NOT NULL, fingerprint TEXT NOT NULL,
    category TEXT NOT NULL, UNIQUE (workspace, path, fingerprint, category)
)
"""


@dataclass(frozen=True, slots=True)
class Dismissal:
    """One finding: the path of its file in the workspace folder, with forward slashes, and its fingerprint. Or all of
    a category: then both are ""."""

    path: str
    fingerprint: str
    category: str

    @property
    def is_category(self) -> bool:
        return not self.fingerprint


class DismissalStore:
    """The file of dismissals; blocking, so used beside the event loop. Every method raises sqlite3.Error or OSError if
    the file cannot be used, and leaves what is there."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or default_path()

    def of(self, root: Path) -> tuple[Dismissal, ...]:
        """What was dismissed in a workspace folder, the latest last. Whatever else stands in the file is left out."""
        if not self._path.exists():
            return ()
        with closing(self._open()) as database:
            if not _is_made(database):
                return ()
            rows = database.execute(
                "SELECT path, fingerprint, category FROM dismissals WHERE workspace = ? AND typeof(path) = 'text' "
                "AND typeof(fingerprint) = 'text' AND typeof(category) = 'text' ORDER BY id DESC LIMIT ?",
                (_name_of(root), _MOST_OF_WORKSPACE),
            ).fetchall()
        return tuple(Dismissal(*row) for row in reversed(rows))

    def change(self, root: Path, *, new: Sequence[Dismissal] = (), gone: Sequence[Dismissal] = ()) -> None:
        """Take some away and add others, in one step; the oldest are let go of."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        workspace = _name_of(root)
        with closing(self._open()) as database, database:
            # All in one: who has begun to read and then wants to write does not get to wait for others.
            database.execute("BEGIN IMMEDIATE")
            if not _is_made(database):
                database.execute(_SCHEMA)
                database.execute(f"PRAGMA user_version = {_VERSION}")
            database.executemany(
                "DELETE FROM dismissals WHERE workspace = ? AND path = ? AND fingerprint = ? AND category = ?",
                [(workspace, *_row(each)) for each in gone],
            )
            database.executemany(
                "INSERT OR REPLACE INTO dismissals (workspace, path, fingerprint, category) VALUES (?, ?, ?, ?)",
                [(workspace, *_row(each)) for each in new],
            )
            database.execute(
                "DELETE FROM dismissals WHERE workspace = ? AND id <= "
                "(SELECT id FROM dismissals WHERE workspace = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
                (workspace, workspace, _MOST_OF_WORKSPACE),
            )

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, isolation_level=None, timeout=_WAITING_S)
        database.text_factory = lambda data: data.decode("utf-8", "replace")
        try:
            if database.execute("PRAGMA user_version").fetchone()[0] not in (0, _VERSION):
                raise sqlite3.DatabaseError("the file of dismissals is of another version of codeassist")
        except sqlite3.Error:
            database.close()
            raise
        return database


def _row(dismissal: Dismissal) -> tuple[str, str, str]:
    # SQLite takes no lone surrogates, which a path may have.
    parts = (dismissal.path, dismissal.fingerprint, dismissal.category)
    path, fingerprint, category = (part.encode("utf-8", "replace").decode() for part in parts)
    return path, fingerprint, category


def _name_of(root: Path) -> str:
    """What a workspace folder is called in the file: the same whatever way leads to it."""
    try:
        real = root.resolve()
    except (OSError, RuntimeError):
        real = root
    return hashlib.sha256(str(real).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _is_made(database: sqlite3.Connection) -> bool:
    """Whether there is anything in the file: another process may be just about to make it."""
    return database.execute("SELECT 1 FROM sqlite_master WHERE name = 'dismissals'").fetchone() is not None


def default_path() -> Path:
    """The file in the user's data folder."""
    import platformdirs

    return platformdirs.user_data_path("codeassist", appauthor=False) / "dismissals.sqlite3"
