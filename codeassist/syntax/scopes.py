"""What encloses a place, also in code that is being written and does not parse yet.

In sound code the tree answers. Where the parser gave up, which while typing is mostly around the caret, the
lines with less and less indentation above the caret are taken for the headers of the blocks around it: closed
by hand they make a small program that does parse.
"""

from __future__ import annotations

import re
from dataclasses import replace

from codeassist.syntax.definitions import definitions, definitions_around
from codeassist.syntax.languages import BlockStyle
from codeassist.syntax.symbols import Symbol, nested
from codeassist.syntax.tree import Syntax, parse
from codeassist.text.document import Document, Offset, Position, Span

_LINES_ABOVE = 4000
"""How far up the headers of broken code are looked for."""
_HEADER_LINES = 40
"""The longest parameter list that is still taken for part of a header."""
_VALUES = frozenset({"constant", "variable", "field"})
_CLOSED_BY = {"{": "}", "(": ")", "[": "]"}
_DEFINES = re.compile(r"\b(?:def|class|module|function)\b|\(\)\s*\{")
"""Where keywords close blocks, only headers that define something are kept: others close otherwise."""
_NOT_CODE = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|`(?:[^`\\\n]|\\.)*`|//.*|/\*.*?\*/")


def enclosing(syntax: Syntax, offset: Offset) -> tuple[Symbol, ...]:
    """The symbols around a place, outermost first; finding them costs less than an outline.

    In a language of indented blocks the blank line after a body belongs to it as far as the caret is
    indented. Where the code is broken the answer is guessed from the indentation; the spans of guessed
    symbols end at `offset`.
    """
    style = syntax.grammar.language.blocks
    line = syntax.document.position_at(offset).line
    found = tuple(symbol for symbol in _by_tree(syntax, offset, style) if _is_scope(syntax, symbol, line))
    if not syntax.tree.root_node.has_error or style == "markup":
        return found
    guessed = _by_headers(syntax, offset)
    return guessed if len(guessed) > len(found) else found


def _is_scope(syntax: Syntax, symbol: Symbol, line: int) -> bool:
    """A value encloses the lines below its first: the entries of a long table, not the `3` in `LIMIT = 3`."""
    return symbol.kind not in _VALUES or syntax.document.position_at(symbol.span.start).line < line


def _by_tree(syntax: Syntax, offset: Offset, style: BlockStyle) -> tuple[Symbol, ...]:
    if style == "indent":
        return _by_tree_and_indent(syntax, offset)
    return nested(syntax, definitions_around(syntax, syntax.byte_at(offset)))


def _by_tree_and_indent(syntax: Syntax, offset: Offset) -> tuple[Symbol, ...]:
    document = syntax.document
    caret = document.position_at(offset)
    line = document.line(caret.line)
    if line.strip():
        column = min(max(caret.column, _indent(line)), len(line.rstrip()) - 1)
        probe = document.offset_at(Position(caret.line, column))
        return nested(syntax, definitions_around(syntax, syntax.byte_at(probe)))
    above = caret.line - 1
    while above >= 0 and not document.line(above).strip():
        above -= 1
    if above < 0:
        return ()
    probe = document.offset_at(Position(above, len(document.line(above).rstrip()) - 1))
    around = nested(syntax, definitions_around(syntax, syntax.byte_at(probe)))
    return tuple(
        symbol
        for symbol in around
        if symbol.span.contains(offset) or document.position_at(symbol.span.start).column < caret.column
    )


def _by_headers(syntax: Syntax, offset: Offset) -> tuple[Symbol, ...]:
    document = syntax.document
    style = syntax.grammar.language.blocks
    lines = _header_lines(document, offset)
    if style == "end":
        lines = [line for line in lines if _DEFINES.search(document.line(line))]
    if not lines:
        return ()
    texts = [document.line(line) for line in lines]
    program = "\n".join(texts + _closers(texts, style))
    opening = "<?php " if syntax.language == "php" else ""
    small = parse(Document.create("", opening + program, syntax.language))
    if small is None:
        return ()
    found: list[Symbol] = []
    for symbol in nested(small, definitions(small)):
        place = small.document.position_at(Offset(symbol.name_span.start))
        column = place.column - (len(opening) if place.line == 0 else 0)
        if place.line >= len(lines) or symbol.depth != len(found):
            continue
        name = document.offset_at(Position(lines[place.line], column))
        first = lines[max(0, small.document.position_at(symbol.span.start).line)]
        start = Offset(document.line_start(first) + _indent(document.line(first)))
        name_span = Span(name, Offset(name + symbol.name_span.length))
        found.append(replace(symbol, span=Span(start, max(start, offset)), name_span=name_span))
    return tuple(found)


def _header_lines(document: Document, offset: Offset) -> list[int]:
    """The lines above the caret that are indented less and less, with the rest of longer headers."""
    caret = document.position_at(offset)
    own = document.line(caret.line)
    limit = _indent(own) if own.strip() else caret.column
    found: list[int] = []
    line = caret.line - 1
    stop = max(-1, line - _LINES_ABOVE)
    while line > stop and limit > 0:
        text = document.line(line)
        if text.strip() and _indent(text) < limit:
            limit = _indent(text)
            first, kept = _header(document, line, limit)
            found += kept
            line = first
        line -= 1
    return sorted(found)


def _header(document: Document, line: int, indent: int) -> tuple[int, list[int]]:
    """The first line of the header that ends at `line`, and which of its lines to keep."""
    start = document.line(line).lstrip()[:1]
    if start not in ")]}{":
        return line, [line]
    first = line - 1
    while first > max(-1, line - _HEADER_LINES):
        text = document.line(first)
        if text.strip() and _indent(text) == indent and text.lstrip()[0] not in ")]}{":
            break
        if text.strip() and _indent(text) < indent:
            return line, [line]
        first -= 1
    if first < 0:
        return line, [line]
    # `} else {` says no more than the header that it continues; `) {` ends a header over several lines.
    return first, [first] if start == "}" else list(range(first, line + 1))


def _closers(texts: list[str], style: BlockStyle) -> list[str]:
    if style == "indent":
        return [" " * (_indent(texts[-1]) + 1) + "pass"]
    if style == "end":
        return ["}" if text.rstrip().endswith("{") else "end" for text in reversed(texts)]
    stack: list[str] = []
    for character in _NOT_CODE.sub("", "\n".join(texts)):
        if character in _CLOSED_BY:
            stack.append(_CLOSED_BY[character])
        elif stack and character == stack[-1]:
            stack.pop()
    return ["".join(reversed(stack))]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
