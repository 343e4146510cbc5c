"""A file cut into stretches of some 35 lines, each with the words that it is found by."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

MOST_LINES = 40
_LEAST_LINES = 20
_MOST_CHUNKS = 2_000
"""Of one file; what is behind them is data."""
_LONGEST_WORD = 64
_SHORTEST_WORD = 3
_MOST_KEPT = 300_000

_WORD_BYTES = bytes(b for b in range(256) if b >= 0x80 or chr(b).isalnum() or b == 0x5F)
_SPACED = bytes(b if b in _WORD_BYTES else 0x20 for b in range(256))
"""For `translate`: all but identifiers becomes spaces. Twice as fast as a regular expression."""
_HUMP = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[^\W\dA-Za-z_]+")
_COMMON = frozenset(
    b"and arg args assert async await bool break case catch class const continue def default del elif else enum "
    b"except export extends false False final finally float fn for from func function global goto if impl import "
    b"include instanceof int interface internal is lambda let long match mod mut namespace new nil None nonlocal not "
    b"null object override package pass private protected pub public raise return self Self short static str string "
    b"struct super switch template the then this throw throws trait True true try type typedef typename typeof union "
    b"unsigned use using val var void while with yield".split()
)
"""Words of the languages themselves: in nearly every chunk, so that they tell none from another."""


class Chunk(NamedTuple):
    """Lines from `start_line` up to `end_line`, from 0. `words`: the terms, with spaces between."""

    start_line: int
    end_line: int
    words: str


def chunks_of(source: bytes, starts: Sequence[int] = ()) -> list[Chunk]:
    """The chunks of a file. `starts`: lines on which definitions start, ascending; cuts are made there by preference,
    else at blank lines."""
    lines = source.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    found: list[Chunk] = []
    for first, end in _cuts(lines, starts):
        words = words_in(b"\n".join(lines[first:end]))
        if words and not words.isspace():
            found.append(Chunk(first, end, words))
        if len(found) == _MOST_CHUNKS:
            break
    return found


def words_in(source: bytes) -> str:
    """The terms of some code with spaces between: each identifier in lower case, and its parts. Some come twice."""
    if len(_TERMS) > _MOST_KEPT:
        _TERMS.clear()
    return " ".join(map(_TERMS.__getitem__, set(source.translate(_SPACED).split())))


def terms_of(name: str) -> tuple[str, ...]:
    """The terms of one identifier: itself in lower case first, then its parts; () if it is too short or too common."""
    identifier = name.encode("utf-8", "replace")
    return tuple(_split(identifier)) if identifier and not identifier.translate(None, _WORD_BYTES) else ()


def whole_term(name: str) -> str:
    """The term that stands for a whole identifier."""
    return name.lower() if name.isascii() else name


class _Terms(dict[bytes, str]):
    """The terms of each identifier seen so far: most come again and again."""

    def __missing__(self, identifier: bytes) -> str:
        terms = self[identifier] = " ".join(_split(identifier))
        return terms


_TERMS = _Terms()


def _split(identifier: bytes) -> Iterable[str]:
    if not _SHORTEST_WORD <= len(identifier) <= _LONGEST_WORD or identifier[0] in b"0123456789":
        return ()
    if identifier in _COMMON:
        return ()
    name = identifier.decode("utf-8", "replace")
    whole = whole_term(name)
    if identifier.islower():
        if b"_" not in identifier:
            return (whole,)
        parts: Iterable[str] = name.split("_")
    else:
        parts = map(whole_term, _HUMP.findall(name))
    return dict.fromkeys((whole, *(part for part in parts if len(part) >= _SHORTEST_WORD)))


def _cuts(lines: Sequence[bytes], starts: Sequence[int]) -> Iterator[tuple[int, int]]:
    first, count = 0, len(lines)
    while count - first > MOST_LINES:
        least, most = first + _LEAST_LINES, first + MOST_LINES
        at = bisect_left(starts, most + 1) - 1
        end = starts[at] if at >= 0 and starts[at] >= least else _blank(lines, least, most)
        yield first, end
        first = end
    if first < count:
        yield first, count


def _blank(lines: Sequence[bytes], least: int, most: int) -> int:
    """The line after the last blank one in between, or the last that may be."""
    for line in range(most - 1, least - 1, -1):
        if not lines[line].strip():
            return line + 1
    return most
