"""Stretches of files by the words that they hold."""

from __future__ import annotations

import math
import sqlite3
from array import array
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from codeassist.workspace import schema
from codeassist.workspace.chunks import terms_of

_MOST_TERMS = 24
_MOST_CHUNKS_OF_A_TERM = 300
"""A term in more chunks than that says too little for the time that it costs."""
_LEAST_WEIGHT = 0.4
"""Of the parts of an identifier, next to the whole."""
_KEPT_TERMS = 1_024
"""Two megabytes at most."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Lines of a file from `start_line` up to `end_line`, from 0, as they were when the file was read."""

    path: str
    start_line: int
    end_line: int
    score: float


class Search:
    """Searches over one connection. The words above a cursor are mostly those of the line before: where they stand is
    remembered until the database changes."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, array[int]] = OrderedDict()
        self._version = -1

    def scores(self, connection: sqlite3.Connection, words: Mapping[str, float] | Sequence[str]) -> dict[int, float]:
        """Chunks with the sum of weight times rarity over the terms of `words` that they hold."""
        self._follow(connection)
        total = max(connection.execute("SELECT value FROM meta WHERE key = 'next_chunk'").fetchone()[0], 2)
        scores: defaultdict[int, float] = defaultdict(float)
        used = 0
        for term, weight in _weighted(words):
            chunks = self._chunks_with(connection, term)
            if not 0 < len(chunks) <= _MOST_CHUNKS_OF_A_TERM:
                continue
            # BM25's rarity, Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009).
            gain = weight * math.log(1.0 + (total - len(chunks) + 0.5) / (len(chunks) + 0.5))
            for chunk in chunks:
                scores[chunk] += gain
            used += 1
            if used == _MOST_TERMS:
                break
        return scores

    def _follow(self, connection: sqlite3.Connection) -> None:
        version = connection.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self._held.clear()
            self._version = version

    def _chunks_with(self, connection: sqlite3.Connection, term: str) -> array[int]:
        held = self._held.get(term)
        if held is None:
            rows = chunks_with(connection, term, _MOST_CHUNKS_OF_A_TERM + 1)
            held = self._held[term] = array("q", (chunk for (chunk,) in rows))
            if len(self._held) > _KEPT_TERMS:
                self._held.popitem(last=False)
        else:
            self._held.move_to_end(term)
        return held


def _weighted(words: Mapping[str, float] | Sequence[str]) -> list[tuple[str, float]]:
    """The terms of the words with their weights, heaviest first."""
    given = words.items() if isinstance(words, Mapping) else ((word, 1.0) for word in words)
    weights: dict[str, float] = {}
    for word, weight in given:
        for number, term in enumerate(terms_of(word)):
            own = weight if number == 0 else weight * _LEAST_WEIGHT
            weights[term] = max(weights.get(term, 0.0), own)
    return sorted(weights.items(), key=lambda item: (-item[1], item[0]))


def stretches(
    connection: sqlite3.Connection, chunks: Sequence[tuple[int, float]], limit: int, exclude: frozenset[str]
) -> Iterator[Stretch]:
    """The chunks that still are, in the order given."""
    count = 0
    for chunk, score in chunks:
        row = connection.execute(
            "SELECT f.path, c.start_line, c.end_line FROM chunks c JOIN files f ON f.id = c.file WHERE c.id = ?",
            (chunk,),
        ).fetchone()
        if row is None or row[0] in exclude:
            continue
        yield Stretch(row[0], row[1], row[2], score)
        count += 1
        if count == limit:
            return


def chunks_with(connection: sqlite3.Connection, term: str, limit: int) -> list[tuple[int]]:
    """The ids of chunks that hold a term; none where SQLite has no FTS5."""
    try:
        return connection.execute(
            "SELECT rowid FROM terms WHERE terms MATCH ? LIMIT ?", (_quoted(term), limit)
        ).fetchall()
    except sqlite3.OperationalError:
        if schema.has_terms(connection):
            raise
        return []


def _quoted(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'
