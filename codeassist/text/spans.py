"""The units that places in a text are counted in: characters, lines and columns of characters.

A character is a Unicode code point (what `len(str)` counts). Other units (UTF-16 code units, bytes) exist
only at the edges: `positions` converts for the protocol, `codeassist.syntax.tree` for the parser.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

Offset = NewType("Offset", int)
"""Characters from the start of a document."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place by line and column, both from 0; the column counts characters, not bytes or UTF-16 units."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """From `start` up to, not including, `end`."""

    start: Position
    end: Position


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `start` up to, not including, `end`, in characters from the start of the document."""

    start: Offset
    end: Offset

    @property
    def length(self) -> int:
        """Characters covered."""
        return self.end - self.start

    def contains(self, offset: int) -> bool:
        """Whether the character at `offset` lies inside; the end itself does not."""
        return self.start <= offset < self.end

    def overlaps(self, other: Span) -> bool:
        """Whether the two share at least one character."""
        return self.start < other.end and other.start < self.end
