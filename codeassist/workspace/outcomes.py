"""What became of suggestions, kept in the user's data folder: numbers and names of models, never code.

Nothing of it is sent anywhere. Several editors may write at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

_VERSION = 1
_MOST_EVENTS = 500
"""Latest suggestions that are kept for each model; of older ones only the numbers are."""
_MOST_READ = 20_000
_WRITING_S, _ASKING_S = 10.0, 2.0
"""So long others are waited for: on a thread of its own, and where somebody looks at the totals."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY, model TEXT NOT NULL, language TEXT NOT NULL, verdict TEXT NOT NULL, probability REAL,
    characters INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS events_of_model ON events (model, id);
CREATE TABLE IF NOT EXISTS totals (
    model TEXT NOT NULL, verdict TEXT NOT NULL, count INTEGER NOT NULL, characters INTEGER NOT NULL,
    PRIMARY KEY (model, verdict)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Event:
    """One suggestion. `verdict` is "shown" or one of `post.outcome.Verdict`, `probability` that of its first line,
    `characters` how many of it were of use."""

    model: str
    language: str
    verdict: str
    probability: float | None
    characters: int = 0


class OutcomeStore:
    """The file of outcomes; blocking, so used beside the event loop. Every method raises sqlite3.Error or OSError if it
    cannot be used, and leaves what is there."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or default_path()

    def add(self, events: Sequence[Event]) -> None:
        """Keep events, and let go of the oldest ones."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(self._open(_WRITING_S)) as database, database:
            # All in one: who has begun to read and then wants to write does not get to wait for others.
            database.execute("BEGIN IMMEDIATE")
            if not _is_made(database):
                for statement in _SCHEMA.split(";"):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {_VERSION}")
            for event in events:
                database.execute(
                    "INSERT INTO totals VALUES (?, ?, 1, ?) ON CONFLICT DO UPDATE SET count = count + 1, "
                    "characters = characters + excluded.characters",
                    (event.model, event.verdict, event.characters),
                )
                if event.verdict != "shown":
                    database.execute(
                        "INSERT INTO events (model, language, verdict, probability, characters) VALUES (?, ?, ?, ?, ?)",
                        (event.model, event.language, event.verdict, event.probability, event.characters),
                    )
            for model in {event.model for event in events}:
                database.execute(
                    "DELETE FROM events WHERE model = ? AND id <= "
                    "(SELECT id FROM events WHERE model = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
                    (model, model, _MOST_EVENTS),
                )

    def latest(self) -> dict[str, list[tuple[str, float]]]:
        """Verdict and probability of the latest suggestions by model, oldest first, where both are known. Whatever
        else stands in the file is left out."""
        found: dict[str, list[tuple[str, float]]] = {}
        if not self._path.exists():
            return found
        with closing(self._open(_WRITING_S)) as database:
            if not _is_made(database):
                return found
            rows = database.execute(
                "SELECT model, verdict, probability FROM events WHERE typeof(model) = 'text' "
                "AND typeof(verdict) = 'text' AND typeof(probability) IN ('real', 'integer') "
                "AND probability BETWEEN 0 AND 1 ORDER BY id DESC LIMIT ?",
                (_MOST_READ,),
            ).fetchall()
        for model, verdict, probability in reversed(rows):
            found.setdefault(model, []).append((verdict, float(probability)))
        return found

    def totals(self) -> dict[str, dict[str, dict[str, int]]]:
        """How many suggestions of each model had which verdict, and the characters that were of use."""
        found: dict[str, dict[str, dict[str, int]]] = {}
        if not self._path.exists():
            return found
        with closing(self._open(_ASKING_S)) as database:
            if not _is_made(database):
                return found
            rows = database.execute(
                "SELECT model, verdict, count, characters FROM totals WHERE typeof(model) = 'text' AND "
                "typeof(verdict) = 'text' AND typeof(count) = 'integer' AND typeof(characters) = 'integer' "
                "ORDER BY model, verdict LIMIT ?",
                (_MOST_READ,),
            )
            for model, verdict, count, characters in rows:
                found.setdefault(model, {})[verdict] = {"count": count, "characters": characters}
        return found

    def _open(self, waiting_s: float) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, isolation_level=None, timeout=waiting_s)
        database.text_factory = _text
        try:
            if database.execute("PRAGMA user_version").fetchone()[0] not in (0, _VERSION):
                raise sqlite3.DatabaseError("the file of outcomes is of another version of codeassist")
        except sqlite3.Error:
            database.close()
            raise
        return database


def _text(data: bytes) -> str:
    """A text of the file, whatever somebody has put there."""
    return data.decode("utf-8", "replace")


def _is_made(database: sqlite3.Connection) -> bool:
    """Whether there is anything in the file: another process may be just about to make it."""
    return database.execute("SELECT 1 FROM sqlite_master WHERE name = 'totals'").fetchone() is not None


def default_path() -> Path:
    """The file in the user's data folder."""
    import platformdirs

    return platformdirs.user_data_path("codeassist", appauthor=False) / "outcomes.sqlite3"
