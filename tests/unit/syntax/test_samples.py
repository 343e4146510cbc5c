"""Every language against its sample file."""

from __future__ import annotations

from itertools import pairwise

import pytest

from codeassist.syntax.definitions import definitions
from codeassist.syntax.outline import (
    comments_and_strings,
    enclosing,
    imports,
    outline,
    statements,
)
from codeassist.syntax.pieces import pieces
from codeassist.syntax.tree import error_count
from codeassist.text.document import Offset, Span

from .sample_files import FOLDER, NAMES, code, entries, one_line, parsed

every_language = pytest.mark.parametrize("name", NAMES)


def test_each_language_has_a_sample() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.sample")) == sorted(NAMES)


@every_language
def test_sample_parses(name: str) -> None:
    assert error_count(parsed(code(name), name)) == 0


@every_language
def test_outline(name: str) -> None:
    syntax = parsed(code(name), name)
    found = [f"{'  ' * symbol.depth}{symbol.kind} {symbol.name}" for symbol in outline(syntax)]
    assert found == entries(name, "outline")


@every_language
def test_spans_of_symbols(name: str) -> None:
    syntax = parsed(code(name), name)
    for symbol in outline(syntax):
        assert one_line(syntax.document.slice(symbol.name_span)) == symbol.name
        assert symbol.span.start <= symbol.name_span.start < symbol.name_span.end <= symbol.span.end
        assert symbol.signature
        assert one_line(syntax.document.slice(symbol.span)).startswith(symbol.signature)


@every_language
def test_imports(name: str) -> None:
    document = parsed(code(name), name).document
    spans = imports(parsed(code(name), name))
    assert [one_line(document.slice(span)) for span in spans] == entries(name, "imports")
    for span in spans:
        assert document.position_at(span.start).column == 0
        assert document.line_end(document.position_at(span.end).line) == span.end


@every_language
def test_scopes(name: str) -> None:
    syntax = parsed(code(name), name)
    flat = one_line(syntax.document.text)
    assert entries(name, "scopes")
    for entry in entries(name, "scopes"):
        fragment, _, path = entry.partition(" |")
        place = _unflatten(syntax.document.text, flat.index(fragment))
        assert " > ".join(symbol.name for symbol in enclosing(syntax, place)) == path.strip(), fragment


@every_language
def test_statements(name: str) -> None:
    syntax = parsed(code(name), name)
    whole = Span(Offset(0), Offset(len(syntax.document.text)))
    found = statements(syntax, whole)
    assert [one_line(syntax.document.slice(span)) for span in found] == entries(name, "statements")
    assert list(found) == sorted(found)
    assert all(left.end <= right.start for left, right in pairwise(found))


@every_language
def test_the_statements_of_a_definition_are_those_of_the_whole_that_lie_in_it(name: str) -> None:
    syntax = parsed(code(name), name)
    found = statements(syntax, Span(Offset(0), Offset(len(syntax.document.text))))
    for symbol in outline(syntax):
        inside = [each for each in found if symbol.span.start <= each.start and each.end <= symbol.span.end]
        assert list(statements(syntax, symbol.span)) == inside, symbol.name


@every_language
def test_comments_and_strings(name: str) -> None:
    syntax = parsed(code(name), name)
    whole = Span(Offset(0), Offset(len(syntax.document.text)))
    found = comments_and_strings(syntax, whole)
    assert [one_line(syntax.document.slice(span)) for span in found] == entries(name, "not code")


@every_language
def test_statements_of_each_function_are_those_of_the_file_inside_it(name: str) -> None:
    syntax = parsed(code(name), name)
    every = statements(syntax, Span(Offset(0), Offset(len(syntax.document.text))))
    for piece in pieces(syntax):
        inside = [span for span in every if piece.span.start <= span.start and span.end <= piece.span.end]
        assert list(statements(syntax, piece.span)) == inside


@every_language
def test_enclosing_agrees_with_the_outline(name: str) -> None:
    """Away from the blank lines of indented languages, and of values only from their second line on."""
    syntax = parsed(code(name), name)
    document = syntax.document
    for offset in range(0, len(document.text), 7):
        line = document.position_at(Offset(offset)).line
        text = document.line(line)
        blank = offset - document.line_start(line) < len(text) - len(text.lstrip())
        if not text.strip() or blank or offset >= document.line_start(line) + len(text.rstrip()):
            continue
        expected = [
            (symbol.kind, symbol.name)
            for symbol in outline(syntax)
            if symbol.span.contains(offset)
            and (
                symbol.kind not in {"constant", "variable", "field"}
                or document.position_at(symbol.span.start).line < line
            )
        ]
        found = [(symbol.kind, symbol.name) for symbol in enclosing(syntax, Offset(offset))]
        assert found == expected, (offset, text)


@every_language
def test_pieces_are_the_functions_and_what_is_outside_of_them(name: str) -> None:
    syntax = parsed(code(name), name)
    found = pieces(syntax)
    callables = [symbol.span for symbol in outline(syntax) if symbol.kind in {"function", "method"}]
    assert [piece.span for piece in found if piece.name] == callables
    assert len({piece.name for piece in found}) == len(found)
    assert [piece.name for piece in found].count("") <= 1
    for statement in statements(syntax, Span(Offset(0), Offset(len(syntax.document.text)))):
        around = [piece for piece in found if piece.span.start <= statement.start and statement.end <= piece.span.end]
        own = [
            piece
            for piece in around
            if not any(inner.start <= statement.start and statement.end <= inner.end for inner in piece.inner)
        ]
        assert len(own) == 1, "each statement belongs to one piece"


@every_language
def test_blank_lines_and_trailing_blanks_change_no_fingerprint(name: str) -> None:
    text = code(name)
    before = {piece.name: piece.fingerprint for piece in pieces(parsed(text, name)) if piece.name}
    after = {piece.name: piece.fingerprint for piece in pieces(parsed("\n\n" + text, name)) if piece.name}
    if name != "php":  # What stands before its first tag is text.
        assert after == before


@every_language
def test_nothing_is_defined_twice(name: str) -> None:
    found = definitions(parsed(code(name), name))
    assert len({definition.node.byte_range for definition in found}) == len(found)
    assert len({definition.name.byte_range for definition in found}) == len(found)


def _unflatten(text: str, flat_offset: int) -> Offset:
    """The place in a text of a place in the same text with its blanks collapsed."""
    return next(
        Offset(offset)
        for offset in range(len(text))
        if not text[offset].isspace() and len(" ".join((text[:offset] + "x").split())) - 1 == flat_offset
    )
