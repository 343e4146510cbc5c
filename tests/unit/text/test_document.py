"""Documents: lines as the Language Server Protocol has them, places, and edits that splice the line index."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeassist.text.document import Document, Offset, Position, Range, Span
from codeassist.text.edits import Edit, apply

from .strategies import edits_of, texts


def document(text: str) -> Document:
    return Document.create("file:///a.py", text, "python", 1)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("a", ["a"]),
        ("a\n", ["a", ""]),
        ("a\r\nb\rc\nd", ["a", "b", "c", "d"]),
        ("\r\r\n\n", ["", "", "", ""]),
        ("a\fb\vc\x85d\u2028e\u2029f\x1cg", ["a\fb\vc\x85d\u2028e\u2029f\x1cg"]),
        ("nul\0\n\ud800", ["nul\0", "\ud800"]),
    ],
)
def test_lines(text: str, lines: list[str]) -> None:
    made = document(text)
    assert [made.line(line) for line in range(made.line_count)] == lines
    assert "".join(made.line_with_end(line) for line in range(made.line_count)) == text


@given(texts)
def test_lines_are_those_of_the_protocol(text: str) -> None:
    made = document(text)
    assert [made.line(line) for line in range(made.line_count)] == re.split(r"\r\n|\n|\r", text)
    for line in range(made.line_count):
        assert made.line_end(line) == made.line_start(line) + len(made.line(line))


@given(st.data())
@settings(max_examples=300)
def test_any_edits_equal_building_anew(data: st.DataObject) -> None:
    made = document(data.draw(texts))
    for version in range(2, 5):
        edits = data.draw(edits_of(len(made.text)))
        expected = apply(made.text, edits)
        made = made.replace(edits, version)
        assert made == Document.create("file:///a.py", expected, "python", version)
        assert made.starts == document(expected).starts


def test_edit_between_the_halves_of_a_line_end() -> None:
    made = document("a\r\nb")
    assert made.replace([Edit(Offset(2), Offset(2), "x")], 2).starts == [0, 2, 4]
    joined = document("a\rb").replace([Edit(Offset(2), Offset(2), "\n")], 2)
    assert joined.starts == [0, 3]


def test_replace_leaves_the_old_version_alone() -> None:
    old = document("a\nb\nc")
    starts = list(old.starts)
    new = old.replace([Edit(Offset(0), Offset(2), "\n\n\n")], 7)
    assert (old.text, old.starts, old.version) == ("a\nb\nc", starts, 1)
    assert (new.text, new.version, new.uri, new.language) == ("\n\n\nb\nc", 7, old.uri, old.language)


@pytest.mark.parametrize("edits", [[(0, 2), (1, 3)], [(2, 1)], [(-1, 0)], [(0, 9)]])
def test_impossible_edits_are_refused(edits: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="edit"):
        document("abc").replace([Edit(Offset(start), Offset(end), "") for start, end in edits], 2)


@given(texts)
def test_positions_round_trip(text: str) -> None:
    made = document(text)
    for offset in range(len(text) + 1):
        inside_line_end = text[offset - 1 : offset + 1] == "\r\n" if offset else False
        expected = offset - 1 if inside_line_end else offset
        assert made.offset_at(made.position_at(Offset(offset))) == expected
    for line in range(made.line_count):
        for column in range(len(made.line(line)) + 1):
            place = Position(line, column)
            assert made.position_at(made.offset_at(place)) == place


@pytest.mark.parametrize(
    ("position", "offset"),
    [((0, 99), 2), ((1, 99), 5), ((99, 0), 5), ((-1, 3), 0), ((0, -5), 0), ((1, 0), 4)],
)
def test_places_outside_are_moved_inside(position: tuple[int, int], offset: int) -> None:
    assert document("ab\r\nc").offset_at(Position(*position)) == offset


def test_offsets_outside_are_moved_inside() -> None:
    made = document("ab\nc")
    assert made.position_at(Offset(-3)) == Position(0, 0)
    assert made.position_at(Offset(99)) == Position(1, 1)
    assert made.line(-1) == made.line(9) == made.line_with_end(9) == ""
    assert (made.line_start(-1), made.line_start(9)) == (0, 4)


def test_spans_and_ranges() -> None:
    made = document("ab\ncd")
    place = Range(Position(0, 1), Position(1, 1))
    assert made.span(place) == Span(Offset(1), Offset(4))
    assert made.span(Range(place.end, place.start)) == Span(Offset(1), Offset(4))
    assert made.range(Span(Offset(1), Offset(4))) == place
    assert made.slice(Span(Offset(1), Offset(4))) == "b\nc"


@pytest.mark.parametrize(
    ("text", "newline"),
    [("", "\n"), ("a\nb", "\n"), ("a\r\nb", "\r\n"), ("a\r\nb\r\nc\n", "\r\n"), ("a\r\nb\nc\n", "\n"), ("a\rb", "\r")],
)
def test_newline_is_the_one_most_lines_have(text: str, newline: str) -> None:
    assert document(text).newline == newline


def test_spans() -> None:
    span = Span(Offset(2), Offset(5))
    assert (span.length, span.contains(2), span.contains(4), span.contains(5)) == (3, True, True, False)
    assert span.overlaps(Span(Offset(4), Offset(9)))
    assert not span.overlaps(Span(Offset(5), Offset(9)))


def test_a_large_document_is_only_indexed() -> None:
    line = "x" * 99 + "\n"
    made = document(line * 500_000).replace([Edit(Offset(100), Offset(100), "y\r\n")], 2)
    assert made.line_count == 500_002
    assert (made.line(1), made.line(2), made.line_start(500_001)) == ("y", "x" * 99, 50_000_003)
