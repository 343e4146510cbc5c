"""Stretches of other files that show how something is done here: calls of the function being written, uses of what is
imported or stands before the dot, and code like that above the cursor."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Protocol

from codeassist.context.facts import Passage
from codeassist.context.question import Question

_MOST_SIMILAR, _MOST_CALLERS, _MOST_USED, _USES, _MEMBER_USES = 8, 2, 2, 1, 2
_AROUND_CALL = 4
_FOCUS_LINES = 20
_HALF_WEIGHT = 12
"""So many words above the cursor, one counts half as much as the last."""
_IDLE_START = 0.9
_LEAST_SHARED = 0.15
"""Of the words above the cursor, by weight, that similar code has to hold: with less it leads a model astray."""
_CALL_SCORE, _USE_SCORE = 3.0, 2.0
_NO_NAME = frozenset({"", "self", "cls", "this", "super"})
_WORD = re.compile(r"[^\W\d]\w*")
_NO_DEFINITION = "".join(
    rf"(?<!{word} )"
    for word in ("def", "func", "function", "fn", "fun", "class", "struct", "interface", "trait", "type")
)
_IMPORT = re.compile(r"\s*(?:import|from|use|using|require|include|export)\b")


class Stretch(Protocol):
    """A stretch of a file that a search found."""

    @property
    def path(self) -> str: ...
    @property
    def start_line(self) -> int: ...
    @property
    def end_line(self) -> int: ...
    @property
    def score(self) -> float: ...


class Searched(Protocol):
    """The part of `index.Index` that is needed here."""

    def similar(
        self, words: Sequence[str], limit: int, exclude: Collection[str] = (), holding: str = ""
    ) -> Sequence[Stretch]: ...
    def mentions(self, name: str, limit: int, exclude: Collection[str] = ()) -> Sequence[Stretch]: ...
    def text(self, path: str, start: int, end: int) -> str: ...


def passages(index: Searched, question: Question) -> Iterator[Passage]:
    """The stretches that are worth showing for a question, best first."""
    if question.writing:
        yield from _calls(index, question.writing, question.path, "calls", _CALL_SCORE, _MOST_CALLERS)
    for name in question.fresh[:_MOST_USED]:
        yield from _calls(index, name, question.path, "uses", _USE_SCORE, _USES)
    if question.receiver and (name := question.receiver.name) not in _NO_NAME:
        yield from _members(index, name, question)
    for found in index.similar(question.similar, _MOST_SIMILAR, (question.path,)):
        lines = _lines(index, found)
        first, last = _focus(lines, question.similar)
        if last > first:
            start, end = found.start_line + first, found.start_line + last
            yield Passage(found.path, start, end, "".join(lines[first:last]), "similar code", found.score)


def _calls(index: Searched, name: str, path: str, why: str, score: float, most: int) -> Iterator[Passage]:
    """The lines around the first calls of a function, or uses of a type, outside of its definition."""
    call = re.compile(rf"{_NO_DEFINITION}\b{re.escape(name)}\s*[(<]")
    shown = (
        _around(found, lines, at, f"{why} {name}", score)
        for found in index.mentions(name, 3 * most + 1, (path,))
        for lines in (_lines(index, found),)
        for at in _uses(call, lines)[:1]
    )
    yield from islice(shown, most)


def _members(index: Searched, name: str, question: Question) -> Iterator[Passage]:
    """The lines around places where a member of `name` is used, in code like that above the cursor by preference: what
    is taken of it elsewhere is likely what is wanted here."""
    use = re.compile(rf"(?<!\w){re.escape(name)}[?!]?(?:\.|->|::)\w")
    weights = _weights(question.similar)

    def worth(passage: Passage) -> float:
        return sum(weights[word] for word in weights.keys() & set(_WORD.findall(passage.text)))

    shown = (
        max((_around(found, lines, at, f"uses {name}", _USE_SCORE) for at in places), key=worth)
        for found in index.similar(question.similar, 3 * _MEMBER_USES, (question.path,), name)
        for lines in (_lines(index, found),)
        if (places := _uses(use, lines))
    )
    yield from islice(shown, _MEMBER_USES)


def _lines(index: Searched, found: Stretch) -> list[str]:
    return index.text(found.path, found.start_line, found.end_line).splitlines(keepends=True)


def _uses(pattern: re.Pattern[str], lines: Sequence[str]) -> list[int]:
    """The lines that match, imports aside."""
    return [at for at, line in enumerate(lines) if pattern.search(line) and not _IMPORT.match(line)]


def _around(found: Stretch, lines: Sequence[str], at: int, why: str, score: float) -> Passage:
    """What stands around line `at` of a stretch."""
    first, last = max(0, at - _AROUND_CALL), min(len(lines), at + _AROUND_CALL + 1)
    start, end = found.start_line + first, found.start_line + last
    return Passage(found.path, start, end, "".join(lines[first:last]), why, score, telling=True)


def _weights(words: Sequence[str]) -> dict[str, float]:
    """What each of the words above the cursor counts, the last of which come first."""
    return {word: 1 / (1 + number / _HALF_WEIGHT) for number, word in enumerate(words)}


def _focus(lines: Sequence[str], words: Sequence[str]) -> tuple[int, int]:
    """The run of lines of a stretch that holds most of `words`, the first of which count most; (0, 0) if
    none holds enough of them."""
    weights = _weights(words)
    held = [weights.keys() & set(_WORD.findall(line)) for line in lines]
    best, place = 0.0, (0, 0)
    for first in range(max(1, len(lines) - _FOCUS_LINES + 1)):
        seen: set[str] = set().union(*held[first : first + _FOCUS_LINES])
        worth = sum(weights[word] for word in seen) * (1.0 if held[first : first + 1] != [set()] else _IDLE_START)
        if worth > best:
            best, place = worth, (first, min(len(lines), first + _FOCUS_LINES))
    return place if best >= _LEAST_SHARED * sum(weights.values()) else (0, 0)
