"""The outline of a document: what it defines, what encloses a place, what it imports, its statements.

The door to this package: every public function about the structure of code is reached from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

from codeassist.syntax.definitions import Kind, definitions, imported
from codeassist.syntax.scopes import enclosing
from codeassist.syntax.statements import comments_and_strings, statements
from codeassist.syntax.symbols import Symbol, nested
from codeassist.syntax.tree import Syntax
from codeassist.text.document import Document, Offset, Span
from codeassist.text.edits import Edit, in_order, shift

__all__ = [
    "Kind",
    "Symbol",
    "carry_imports",
    "comments_and_strings",
    "enclosing",
    "imports",
    "outline",
    "statements",
]

_outlines: WeakKeyDictionary[Syntax, tuple[Symbol, ...]] = WeakKeyDictionary()
_imports: WeakKeyDictionary[Syntax, tuple[Span, ...]] = WeakKeyDictionary()
"""Made once per parsed document; an entry goes when its document does."""


def outline(syntax: Syntax) -> tuple[Symbol, ...]:
    """Every symbol of the document, in document order, a parent before its members."""
    known = _outlines.get(syntax)
    if known is None:
        known = _outlines[syntax] = nested(syntax, definitions(syntax))
    return known


def imports(syntax: Syntax) -> tuple[Span, ...]:
    """The import, include and use statements outside of functions, as whole lines without the last end."""
    known = _imports.get(syntax)
    if known is None:
        known = _imports[syntax] = tuple(_imported(syntax))
    return known


def carry_imports(old: Syntax, edits: Sequence[Edit], new: Syntax) -> None:
    """Let `imports` know those of a tree that was moved by `edits`: those of `old` at their new places, as whole lines.

    Looking for them takes 2 ms in a long file. One that is being written is known once it is parsed.
    """
    known = _imports.get(old)
    if known is None:
        return
    ordered = in_order(edits, len(old.document.text))
    found: list[Span] = []
    for span in known:
        start, end, is_touched = span.start, span.end, False
        for edit in reversed(ordered):
            is_touched = is_touched or (edit.start <= span.end and span.start <= edit.end)
            start, end = shift(start, edit), shift(end, edit)
        if start < end:
            place = Span(start, end)
            _add_lines(found, _whole_lines(new.document, place) if is_touched else place)
    _imports[new] = tuple(found)


def _imported(syntax: Syntax) -> list[Span]:
    found: list[Span] = []
    for node in imported(syntax):
        _add_lines(found, _whole_lines(syntax.document, syntax.span_of(node)))
    return found


def _add_lines(found: list[Span], span: Span) -> None:
    """Spans on one line come together."""
    if found and span.start <= found[-1].end:
        span = Span(found.pop().start, max(span.end, span.start))
    found.append(span)


def _whole_lines(document: Document, span: Span) -> Span:
    first = document.position_at(span.start).line
    # Some grammars count the line end, or the blanks up to the next node, as part of the statement.
    last = document.position_at(Offset(span.start + len(document.slice(span).rstrip()))).line
    return Span(document.line_start(first), document.line_end(last))
