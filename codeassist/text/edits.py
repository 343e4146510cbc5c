"""Edits as values: apply them, carry places across them, find them between two texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate

from codeassist.text.spans import Offset, Span

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
_WORD = re.compile(r"\r\n|\w+|[^\S\r\n]+|.", re.DOTALL)
_MOST_COMPARISONS = 4_000_000
"""Pieces of one side times pieces of the other; comparing more would take too long."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the characters from `start` up to `end` of the old text by `text`."""

    start: Offset
    end: Offset
    text: str


def in_order(edits: Iterable[Edit], length: int) -> list[Edit]:
    """The edits sorted by place; insertions at the same place keep their order.

    Raises ValueError where two overlap or one lies outside a text of `length` characters.
    """
    ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
    previous_end = 0
    for edit in ordered:
        if not previous_end <= edit.start <= edit.end <= length:
            raise ValueError(f"edit {edit.start}..{edit.end} overlaps another or leaves the text (0..{length})")
        previous_end = edit.end
    return ordered


def apply(text: str, edits: Sequence[Edit]) -> str:
    """The text with all edits made at once. Raises ValueError as `in_order` does."""
    pieces: list[str] = []
    done = 0
    for edit in in_order(edits, len(text)):
        pieces += (text[done : edit.start], edit.text)
        done = edit.end
    pieces.append(text[done:])
    return "".join(pieces)


def shift(offset: Offset, edit: Edit, *, stay: bool = False) -> Offset:
    """Where `offset` is after one edit.

    A place inside replaced text goes to the end of the new text. A place where text is inserted moves behind
    that text, as a caret does while typing; with `stay` it remains before it.
    """
    if offset < edit.start or (stay and offset == edit.start):
        return offset
    if offset < edit.end:
        return Offset(edit.start + len(edit.text))
    return Offset(offset + len(edit.text) - (edit.end - edit.start))


def reanchor(span: Span, edits: Sequence[Edit]) -> Span | None:
    """Where `span` is after all edits, which count in the old text; None if one touched its inside.

    Text inserted exactly at an edge of the span stays outside it.
    """
    moved = 0
    for edit in edits:
        if edit.end <= span.start:
            moved += len(edit.text) - (edit.end - edit.start)
        elif edit.start < span.end:
            return None
    return Span(Offset(span.start + moved), Offset(span.end + moved))


def diff_edits(old: str, new: str) -> tuple[Edit, ...]:
    """Edits that turn `old` into `new`, in order, few and short, but not always the fewest or shortest.

    No edit begins or ends between the "\\r" and "\\n" of one line end of `old`.
    """
    if old == new:
        return ()
    return tuple(_by_lines(old, new))


def _by_lines(old: str, new: str) -> Iterator[Edit]:
    for start, end, new_start, new_end in _changes(_LINE.findall(old), _LINE.findall(new)):
        yield from _by_words(old[start:end], new[new_start:new_end], start)


def _by_words(old: str, new: str, base: int) -> Iterator[Edit]:
    for start, end, new_start, new_end in _changes(_WORD.findall(old), _WORD.findall(new)):
        yield Edit(Offset(base + start), Offset(base + end), new[new_start:new_end])


def _changes(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """The stretches that differ, as characters from, to in the old text and from, to in the new one."""
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    old_middle, new_middle = old[head : len(old) - tail], new[head : len(new) - tail]
    old_ends = list(accumulate(map(len, old_middle), initial=sum(map(len, old[:head]))))
    new_ends = list(accumulate(map(len, new_middle), initial=sum(map(len, new[:head]))))
    for first, last, new_first, new_last in _stretches(old_middle, new_middle):
        yield old_ends[first], old_ends[last], new_ends[new_first], new_ends[new_last]


def _stretches(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """The stretches that differ, as indexes of pieces."""
    if not old or not new:
        yield 0, len(old), 0, len(new)
    elif len(old) * len(new) <= _MOST_COMPARISONS:
        # Blanks and brackets are everywhere: left on, `autojunk` would drop them as anchors in long texts.
        for tag, first, last, new_first, new_last in SequenceMatcher(None, old, new, False).get_opcodes():
            if tag != "equal":
                yield first, last, new_first, new_last
    elif len(old) == len(new):  # A word replaced throughout a long file: the lines still pair up.
        yield from ((index, index + 1, index, index + 1) for index in range(len(old)) if old[index] != new[index])
    else:
        yield 0, len(old), 0, len(new)


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    """How many pieces the two have in common at their start."""
    count = 0
    for left, right in zip(old, new, strict=False):
        if left != right:
            break
        count += 1
    return count
