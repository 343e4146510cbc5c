"""Places in texts as LSP counts them, worked out a second time so that the server's own arithmetic is not its judge."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from lsprotocol import types

Encoding = Literal["utf-8", "utf-16", "utf-32"]
CURSOR = "‸"

_BYTES = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


def cut(marked: str) -> tuple[str, int]:
    """A text with one cursor mark as the text and the offset of the cursor in characters."""
    before, after = marked.split(CURSOR)
    return before + after, len(before)


def position(text: str, offset: int, encoding: Encoding) -> types.Position:
    ends = [match.end() for match in re.finditer(r"\r\n|\n|\r", text[:offset])]
    start = ends[-1] if ends else 0
    return types.Position(len(ends), units(text[start:offset], encoding))


def units(text: str, encoding: Encoding) -> int:
    codec, size = _BYTES[encoding]
    return len(text.encode(codec, "surrogatepass")) // size


def offset(text: str, place: types.Position, encoding: Encoding) -> int:
    """The offset of a position, which must be one that exists in the text."""
    starts = [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text))]
    start = starts[place.line]
    end = start
    while units(text[start:end], encoding) < place.character:
        assert end < len(text), f"{place} lies behind the end"
        assert text[end] not in "\r\n", f"{place} lies behind its line"
        end += 1
    assert units(text[start:end], encoding) == place.character, f"{place} is inside a character"
    return end


def apply(text: str, edits: Sequence[types.TextEdit], encoding: Encoding) -> str:
    """The text after LSP edits, which all count in `text`."""
    spans = sorted(
        (offset(text, e.range.start, encoding), offset(text, e.range.end, encoding), e.new_text) for e in edits
    )
    for start, end, new in reversed(spans):
        text = text[:start] + new + text[end:]
    return text
