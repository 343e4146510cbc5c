"""Edits as values: apply them, and carry places across them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from codeassist.text.spans import Offset, Span


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
