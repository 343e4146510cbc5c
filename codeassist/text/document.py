"""One version of one open file, frozen: its text and the index of its lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from codeassist.text.edits import Edit, apply, in_order
from codeassist.text.lines import line_of, line_starts, splice
from codeassist.text.spans import Offset, Position, Range, Span

__all__ = ["Document", "Offset", "Position", "Range", "Span"]

_COUNTED_LINES = 1_000


@dataclass(frozen=True, slots=True)
class Document:
    """A snapshot; make one with `Document.create`, the next one with `replace`.

    Lines and columns count from 0, columns and offsets in characters. Places outside the document are moved
    to the nearest place inside it, as the protocol asks; nothing here raises for a place.
    """

    uri: str
    language: str
    """Our name of the language (`codeassist.syntax.grammars`), "" if unknown."""
    version: int
    text: str = field(repr=False)
    starts: Sequence[int] = field(repr=False, compare=False)
    """Offsets of the line starts. Never changed in place."""

    @classmethod
    def create(cls, uri: str, text: str, language: str = "", version: int = 0) -> Document:
        """A document from its whole text."""
        return cls(uri, language, version, text, line_starts(text))

    def replace(self, edits: Sequence[Edit], version: int) -> Document:
        """The next version. Edits count in this text, in any order. ValueError if they overlap or leave it."""
        ordered = in_order(edits, len(self.text))
        text = apply(self.text, ordered)
        return Document(self.uri, self.language, version, text, splice(self.starts, ordered, text))

    @property
    def line_count(self) -> int:
        """At least 1: a text that ends with a line end has an empty last line."""
        return len(self.starts)

    @property
    def newline(self) -> str:
        """The line end of most of the first thousand lines, "\\n", "\\r\\n" or "\\r"; for text to be inserted."""
        until = self.line_start(_COUNTED_LINES)
        windows = self.text.count("\r\n", 0, until)
        times = {
            "\n": self.text.count("\n", 0, until) - windows,
            "\r\n": windows,
            "\r": self.text.count("\r", 0, until) - windows,
        }
        return max(times, key=lambda newline: times[newline])

    def line_start(self, line: int) -> Offset:
        """Where a line begins; the end of the document for a line behind the last."""
        if line < 0:
            return Offset(0)
        return Offset(self.starts[line] if line < len(self.starts) else len(self.text))

    def line_end(self, line: int) -> Offset:
        """Where a line ends, before its line end."""
        return Offset(self.line_start(line) + len(self.line(line)))

    def line_with_end(self, line: int) -> str:
        """A line with its line end, if it has one; "" outside the document."""
        if line < 0:
            return ""
        return self.text[self.line_start(line) : self.line_start(line + 1)]

    def line(self, line: int) -> str:
        """A line without its line end; "" outside the document."""
        whole = self.line_with_end(line)
        if whole.endswith("\r\n"):
            return whole[:-2]
        return whole[:-1] if whole.endswith(("\n", "\r")) else whole

    def offset_at(self, position: Position) -> Offset:
        """The offset of a position; a column behind the end of its line means that end."""
        if position.line < 0:
            return Offset(0)
        if position.line >= len(self.starts):
            return Offset(len(self.text))
        column = min(max(position.column, 0), len(self.line(position.line)))
        return Offset(self.starts[position.line] + column)

    def position_at(self, offset: Offset) -> Position:
        """The position of an offset; one between "\\r" and "\\n" is the end of that line."""
        inside = min(max(offset, 0), len(self.text))
        line = line_of(self.starts, inside)
        return Position(line, min(inside - self.starts[line], len(self.line(line))))

    def span(self, place: Range) -> Span:
        """The offsets of a range; a range given backwards is turned round."""
        start, end = self.offset_at(place.start), self.offset_at(place.end)
        return Span(min(start, end), max(start, end))

    def range(self, span: Span) -> Range:
        """The positions of a span."""
        return Range(self.position_at(span.start), self.position_at(span.end))

    def slice(self, span: Span) -> str:
        """The text of a span."""
        return self.text[span.start : span.end]
