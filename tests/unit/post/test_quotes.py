"""A model's quotes are found where they stand, and what it would write reaches no further than they do."""

from __future__ import annotations

import pytest

from codeassist.post.quotes import bare_code, find_quote, replacing
from codeassist.text.document import Document, Offset, Span
from codeassist.text.edits import Edit

CODE = """\
class Box:
    def area(self):
        return self.width * self.width

    def twice(self):
        total = self.area()
        total = total + self.area()
        return total
"""


def document(text: str = CODE) -> Document:
    return Document.create("file:///box.py", text, "python", 1)


def within(start: str, end: str = "") -> Span:
    return Span(Offset(CODE.index(start)), Offset(CODE.index(end) if end else len(CODE)))


def found(quote: str, near: int | None = None, start: str = "    def area", end: str = "") -> str:
    span = find_quote(quote, document(), within(start, end), near=near)
    return document().slice(span) if isinstance(span, Span) else span


@pytest.mark.parametrize(
    "quote",
    [
        "self.width * self.width",
        "self.width*self.width",
        "self.width  *\n self.width",
        "  self . width * self.width  ",
        " 3   self.width * self.width",
        "3 + self.width * self.width",
        "3: self.width * self.width",
        "3 | self.width * self.width",
        "+ self.width * self.width",
        "`self.width * self.width`",
        "```python\nself.width * self.width\n```",
        "```\n 3 + self.width * self.width\n```",
    ],
)
def test_marks_and_white_space_do_not_count(quote: str) -> None:
    assert found(quote) == "self.width * self.width"


def test_a_quote_of_several_numbered_lines() -> None:
    lines = "        total = self.area()\n        total = total + self.area()"
    for quote in (
        lines,
        "6       total = self.area()\n7 +     total = total + self.area()",
        lines.replace("\n", "\\n"),
    ):
        assert found(quote) == lines.strip()


@pytest.mark.parametrize(
    "quote",
    ["self.height", "", "   ", ".*", "widt", "self.width * self.wid", "rn self.width", "12", "x" * 3_000, "a " * 900],
)
def test_what_is_not_there_is_not_found(quote: str) -> None:
    assert found(quote) == "no-such-quote"


def test_signs_of_code_alone_quote_nothing() -> None:
    """However many, and at once: all ways to part them are too many to be tried."""
    text = "x = $(date) `\n"
    for quote in ("```", "`" * 1_999, "`" * 1_999 + "y"):
        assert find_quote(quote, document(text), Span(Offset(0), Offset(len(text)))) == "no-such-quote"
    assert found("``self.width * self.width``") == "self.width * self.width"


def test_a_number_decides_between_several_places_only() -> None:
    assert found("self.area()") == "quote-in-several-places"
    span = find_quote("self.area()", document(), within("    def area"), near=6)
    assert span == Span(Offset(CODE.rindex("self.area()")), Offset(CODE.rindex("self.area()") + 11))
    assert found("self.area()", near=1) == "quote-in-several-places"
    assert found("self.width", near=2) == "quote-in-several-places", "twice on the line itself"
    assert found("return total", near=0) == "return total", "a wrong number does no harm where the quote is clear"


def test_only_what_was_shown_counts() -> None:
    assert found("return total", end="    def twice") == "no-such-quote"
    assert find_quote("return total", document(), within("class"), lines={1, 2}) == "no-such-quote"
    span = find_quote("self.area()", document(), within("class"), lines={4, 5})
    assert isinstance(span, Span)
    assert span.start == CODE.index("self.area()")


def test_code_that_begins_with_a_number_is_no_numbered_line() -> None:
    text = "x = [\n    3 + y,\n]\n"
    span = find_quote("3 + y", document(text), Span(Offset(0), Offset(len(text))))
    assert isinstance(span, Span)
    assert text[span.start : span.end] == "3 + y"


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("a\nb", "a\nb"),
        ("1   a\n2     b", "a\n  b"),
        ("10 + a\n\n11     b", "a\n\n  b"),
        ("+ a\n+ b", "a\nb"),
        ("+a\nb", "+a\nb"),
        ("-a", "-a"),
        ("", ""),
    ],
)
def test_bare_code(text: str, bare: str) -> None:
    assert bare_code(text) == bare


SPAN = Span(Offset(CODE.index("self.width *")), Offset(CODE.index("self.width *") + len("self.width * self.width")))


def fix(replacement: str, quote: str = "self.width * self.width", text: str = CODE) -> Edit | None:
    return replacing(replacement, quote, SPAN, document(text))


def test_a_replacement_goes_into_the_place_of_the_quote_and_nowhere_else() -> None:
    assert fix("self.width * self.height") == Edit(SPAN.start, SPAN.end, "self.width * self.height")
    assert fix("\n\nself.width * self.height\n\n") == Edit(SPAN.start, SPAN.end, "self.width * self.height")


def test_a_replacement_from_numbered_lines_loses_the_numbers() -> None:
    edit = fix("3 + self.height", quote="3 + self.width * self.width")
    assert edit is not None
    assert edit.text == "self.height"
    assert fix("3 + self.height") == Edit(SPAN.start, SPAN.end, "3 + self.height")


def test_indentation_that_stands_before_the_quote_is_not_doubled() -> None:
    start = Offset(CODE.index("return self.width"))
    edit = replacing("        return 0", "        return self.width", Span(start, Offset(start + 17)), document())
    assert edit == Edit(start, Offset(start + 17), "return 0")


def test_a_replacement_has_the_line_ends_of_the_document() -> None:
    text = CODE.replace("\n", "\r\n")
    start = Offset(text.index("return total"))
    edit = replacing("x = 1\nreturn x", "return total", Span(start, Offset(start + 12)), document(text))
    assert edit == Edit(start, Offset(start + 12), "x = 1\r\nreturn x")


@pytest.mark.parametrize(
    "replacement",
    [
        *("", "   ", "\n", "self.width * self.width", "self.width  *  self.width"),
        *("a\x00b", "a\x1b[31mb", "a\u202eb", "a\u200bb", "a\u2066b", "a\ud800b"),
        *("x\n" * 60, "x" * 5_000),
    ],
)
def test_what_is_no_fix(replacement: str) -> None:
    assert fix(replacement) is None
