"""A document together with its syntax tree, parsed anew only where an edit changed it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from codeassist.syntax.grammars import Grammar, grammar
from codeassist.text.document import Document, Offset, Span
from codeassist.text.edits import Edit, in_order
from codeassist.text.lines import has_lone_returns, line_of, with_line_feeds

if TYPE_CHECKING:
    import tree_sitter

_CHUNK = 1024
"""Characters between two known byte offsets in a text that is not pure ASCII."""
_CONTINUATION = bytes(range(0x80, 0xC0))
"""The bytes of UTF-8 that do not begin a character."""
_READ_BYTES = 4096
"""What the parser is given at a time of a text that is longer. Between two readings another thread has its turn:
given all at once, a long text holds the event loop up until it is parsed, whichever thread does that."""


@dataclass(frozen=True, eq=False)
class Syntax:
    """A parsed document. Frozen: `reparse` gives a new one and leaves this one usable.

    The parser counts bytes of UTF-8 (lone surrogates as three bytes each); everything else here counts
    characters. It ends lines at "\\n" only, so that it reads one where a line ends in "\\r" alone.
    """

    document: Document
    grammar: Grammar = field(repr=False)
    tree: tree_sitter.Tree = field(repr=False)
    source: bytes = field(repr=False)
    """The text as the parser saw it."""
    is_moved: bool = False
    """Not parsed yet: a tree of an older text, with its nodes at their new places. See `moved`."""

    @property
    def language(self) -> str:
        """Our name of the language the tree was parsed in."""
        return self.grammar.name

    def byte_at(self, offset: int) -> int:
        """The byte at which the character at `offset` begins; outside the document the nearer end."""
        text = self.document.text
        offset = min(max(offset, 0), len(text))
        if self._is_ascii:
            return offset
        chunk = offset // _CHUNK
        return self._chunk_bytes[chunk] + len(_encode(text[chunk * _CHUNK : offset]))

    def offset_at_byte(self, byte: int) -> Offset:
        """The character that holds a byte; outside the document the nearer end."""
        byte = min(max(byte, 0), len(self.source))
        if self._is_ascii:
            return Offset(byte)
        chunk = bisect_right(self._chunk_bytes, byte) - 1
        between = self.source[self._chunk_bytes[chunk] : byte]
        inside_character = byte < len(self.source) and self.source[byte] & 0xC0 == 0x80
        return Offset(chunk * _CHUNK + _character_count(between) - inside_character)

    def span_of(self, node: tree_sitter.Node) -> Span:
        """The characters of a node."""
        return Span(self.offset_at_byte(node.start_byte), self.offset_at_byte(node.end_byte))

    @cached_property
    def _is_ascii(self) -> bool:
        return len(self.source) == len(self.document.text)

    @cached_property
    def _chunk_bytes(self) -> list[int]:
        """The byte at which every `_CHUNK`-th character begins."""
        text = self.document.text
        sizes = (len(_encode(text[start : start + _CHUNK])) for start in range(0, len(text), _CHUNK))
        return list(accumulate(sizes, initial=0))[: len(text) // _CHUNK + 1]


def parse(document: Document) -> Syntax | None:
    """Parse a whole document; None if its language is unknown."""
    found = grammar(document.language)
    return _parse(document, found, None) if found else None


def reparse(old: Syntax, edits: Sequence[Edit], new: Document) -> Syntax:
    """Parse `new`, which `edits` made of `old.document`, reusing what they left untouched.

    Edits that cannot have led to `new` cost a full parse. Raises ValueError if they overlap or lie outside
    the old text.
    """
    between = moved(old, edits, new)
    return settled(between) if between is not None else _parse(new, grammar(new.language) or old.grammar, None)


def moved(old: Syntax, edits: Sequence[Edit], new: Document) -> Syntax | None:
    """The tree of `old` with all nodes where they are after `edits`, which lead to `new`; it may be moved on.

    Takes a small part of the time of a parse. Nodes that an edit touched are those of the old text, only longer or
    shorter: `settled` parses them. None for edits that cannot have led to `new`, and where lines end in "\\r" alone:
    what the parser reads there depends on the character behind. Raises as `reparse` does.
    """
    if has_lone_returns(old.document.text) or has_lone_returns(new.text):
        return None
    ordered = in_order(edits, len(old.document.text))
    growth = sum(len(edit.text) - (edit.end - edit.start) for edit in ordered)
    if new.language != old.document.language or len(old.document.text) + growth != len(new.text):
        return None
    tree = old.tree.copy()
    for edit in reversed(ordered):  # From the last to the first, so that old offsets stay right.
        start, end = old.byte_at(edit.start), old.byte_at(edit.end)
        start_point = _point(old, start)
        inserted = _encode(edit.text)
        tree.edit(
            start,
            end,
            start + len(inserted),
            start_point,
            _point(old, end),
            _moved(start_point, inserted),
        )
    return Syntax(new, old.grammar, tree, _encode(new.text), is_moved=True)


def settled(between: Syntax) -> Syntax:
    """The parse of the document of a moved tree; a parsed one as it is."""
    return _parse(between.document, between.grammar, between) if between.is_moved else between


def error_count(syntax: Syntax) -> int:
    """How many places the parser could not make sense of: its ERROR and MISSING nodes."""
    count = 0
    pending = [syntax.tree.root_node]
    while pending:
        node = pending.pop()
        if node.has_error:
            count += node.is_error or node.is_missing
            pending += node.children
    return count


def parses_as_well(old: Syntax, new: Syntax) -> bool:
    """Whether a change added no syntax errors."""
    return error_count(new) <= error_count(old)


def _parse(document: Document, found: Grammar, between: Syntax | None) -> Syntax:
    from tree_sitter import Parser

    source = between.source if between else _encode(with_line_feeds(document.text))
    # A parser of its own: parsers are cheap, hold state while they work, and parsing happens on several
    # threads.
    parser = Parser(found.handle)
    given = source if len(source) <= _READ_BYTES else lambda byte, _point: source[byte : byte + _READ_BYTES]
    tree = parser.parse(given, between.tree) if between else parser.parse(given)
    return Syntax(document, found, tree, source)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _character_count(data: bytes) -> int:
    return len(data.translate(None, _CONTINUATION))


def _point(syntax: Syntax, byte: int) -> tuple[int, int]:
    """Row and column in bytes."""
    line = line_of(syntax.document.starts, syntax.offset_at_byte(byte))
    return line, byte - syntax.byte_at(syntax.document.starts[line])


def _moved(start: tuple[int, int], inserted: bytes) -> tuple[int, int]:
    rows = inserted.count(b"\n")
    if not rows:
        return start[0], start[1] + len(inserted)
    return start[0] + rows, len(inserted) - (inserted.rfind(b"\n") + 1)
