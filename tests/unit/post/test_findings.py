"""Findings are anchored, verified, ranked, and keep their names when code moves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from codeassist.post.findings import Finding, Severity, clean_message, fix_parses, told_apart, with_fingerprints
from codeassist.post.merging import join, shown
from codeassist.syntax.tree import Syntax, parse
from codeassist.text.document import Document, Offset, Span
from codeassist.text.edits import Edit

CODE = """\
class Box:
    def area(self):
        return self.width * self.width

    def twice(self):
        return self.area() + self.area()
"""


def parsed(text: str = CODE, language: str = "python") -> Syntax:
    syntax = parse(Document.create("file:///box.py", text, language, 1))
    assert syntax is not None
    return syntax


def at(text: str, part: str, number: int = 1) -> Span:
    """The `number`-th place of `part` in `text`."""
    start = -1
    for _ in range(number):
        start = text.index(part, start + 1)
    return Span(Offset(start), Offset(start + len(part)))


def finding(
    span: Span, score: float = 5.0, severity: Severity = "warning", fix: str | None = None, category: str = "wrong-name"
) -> Finding:
    edits = () if fix is None else (Edit(span.start, span.end, fix),)
    return Finding(span, severity, category, "Said.", "infill", score, edits)


def settle(found: list[Finding], syntax: Syntax, *, most: int, least: Severity = "info") -> tuple[Finding, ...]:
    return shown(join((), found, syntax, lambda _reason: None), most=most, least=least)


def test_findings_come_in_document_order() -> None:
    first, second = finding(at(CODE, "width"), 3.0), finding(at(CODE, "area()", 2), 9.0)
    assert [found.span for found in settle([second, first], parsed(), most=5)] == [first.span, second.span]


def test_the_most_surprising_are_kept() -> None:
    places = [at(CODE, "width", 1), at(CODE, "width", 2), at(CODE, "twice")]
    found = settle(
        [finding(span, score) for span, score in zip(places, (1.0, 3.0, 2.0), strict=True)], parsed(), most=2
    )
    assert [kept.score for kept in found] == [3.0, 2.0]
    assert settle([finding(places[0])], parsed(), most=0) == ()


def test_mild_ones_are_left_out() -> None:
    spans = [at(CODE, "Box"), at(CODE, "width"), at(CODE, "twice")]
    found = [finding(span, severity=kind) for span, kind in zip(spans, ("info", "warning", "error"), strict=True)]  # type: ignore[arg-type]
    assert [kept.severity for kept in settle(found, parsed(), most=5)] == ["info", "warning", "error"]
    assert [kept.severity for kept in settle(found, parsed(), most=5, least="warning")] == ["warning", "error"]
    assert [kept.severity for kept in settle(found, parsed(), most=5, least="error")] == ["error"]


def test_a_mild_finding_does_not_hide_a_grave_one() -> None:
    inner, outer = at(CODE, "width"), at(CODE, "self.width")
    found = [finding(outer, 9.0, "info"), finding(inner, 1.0, "error")]
    assert [kept.severity for kept in settle(found, parsed(), most=5, least="error")] == ["error"]


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (Span(Offset(4), Offset(8)), Span(Offset(7), Offset(9)), False),
        (Span(Offset(4), Offset(8)), Span(Offset(8), Offset(9)), True),
        (Span(Offset(4), Offset(4)), Span(Offset(4), Offset(4)), False),
        (Span(Offset(4), Offset(8)), Span(Offset(5), Offset(6)), False),
    ],
)
def test_one_finding_for_one_piece_of_code(one: Span, other: Span, both: bool) -> None:
    found = settle([finding(one, 2.0), finding(other, 1.0)], parsed(), most=5)
    assert [kept.score for kept in found] == ([2.0, 1.0] if both else [2.0])


def test_a_fix_that_breaks_the_program_is_no_evidence() -> None:
    span = at(CODE, "width", 2)
    assert [len(settle([finding(span, fix=fix)], parsed(), most=5)) for fix in ("height", "(", "width")] == [1, 0, 0]


def test_a_fix_may_leave_old_errors() -> None:
    broken = parsed("def f(:\n    return a < b\n")
    span = at(broken.document.text, "<")
    assert fix_parses([Edit(span.start, span.end, ">")], broken)


def test_messages_are_one_plain_line() -> None:
    assert clean_message("  a\n\tb\x1b[31m\x00c\u202e ") == "a b[31mc"
    assert len(clean_message("x" * 10_000)) == 600
    assert clean_message("x" * 10_000).endswith("…")
    assert clean_message(" \n ") == ""


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("See [the docs](https://a.example/b).", "See the docs."),
        ("See ![x](data:image/png,a) and <http://a.example>!", "See x and <[address]>!"),
        ("Run [it](command:workbench.quit).", "Run it."),
        ("javascript:alert(1) or file:///etc/passwd", "[address](1) or [address]"),
        ("Use `http://` no more; `a[0](1)` is `d[k]`.", "Use `http://` no more; `a[0](1)` is `d[k]`."),
        ("Either: this, or that.", "Either: this, or that."),
    ],
)
def test_messages_lead_nowhere(text: str, clean: str) -> None:
    assert clean_message(text) == clean


def named(text: str, part: str = "width", number: int = 2, **kinds: str) -> str:
    (found,) = settle([finding(at(text, part, number), **kinds)], parsed(text), most=5)  # type: ignore[arg-type]
    return found.fingerprint


def test_a_finding_keeps_its_name_when_code_moves() -> None:
    moved = "import os\n\n\n" + CODE
    indented_differently = CODE.replace("        return", "            return")
    other_code_changed = CODE.replace("self.area() + self.area()", "2 * self.area()")
    names = {named(text) for text in (CODE, moved, indented_differently, other_code_changed)}
    assert len(names) == 1
    assert len(names.pop()) == 16


def test_a_comment_behind_the_code_is_no_part_of_the_name() -> None:
    line = "        return self.width * self.width\n"
    assert line in CODE
    code = line.rstrip()
    twice = CODE.replace(line, f"{line}{line}")
    for comment in ("  # Why.", "# codeassist: ignore[bug]", "  # * self.width"):
        assert named(CODE.replace(line, f"{code}{comment}\n")) == named(CODE)
        above = twice.replace(line, f"{code}{comment}\n", 1)
        assert named(above, number=4) == named(twice, number=4) != named(CODE)
    longer = twice.replace(line, f"{code} + 1\n", 1)
    assert named(longer, number=4) == named(CODE), "the line above says something else"


def test_comments_between_the_lines_of_a_finding_are_no_part_of_its_name() -> None:
    def of(*lines: str) -> str:
        text = "def f(a):\n" + "".join(f"    {line}\n" for line in lines)
        found = [finding(Span(Offset(text.index("g(")), Offset(text.index(")\n    return") + 1)))]
        (one,) = with_fingerprints(found, parsed(text))
        return one.fingerprint

    assert of("g(", "a", ")", "return") == of("g(  # Here.", "# And there.", "a", ")", "return")
    assert of("g(", "a", ")", "return") != of("g(", "b", ")", "return")


def test_findings_about_comments_are_named_by_what_these_say() -> None:
    text = "def f(a):\n    # Adds one.\n    # Adds two.\n    return a + 1\n"
    names = {with_fingerprints([finding(at(text, part))], parsed(text))[0].fingerprint for part in ("one", "two")}
    assert len(names) == 2


def test_another_finding_has_another_name() -> None:
    texts = [CODE, CODE.replace("def area", "def size"), CODE.replace("* self.width", "+ self.width")]
    names = [named(text) for text in texts] + [named(CODE, category="wrong-operator")]
    assert len(set(names)) == 4


def test_equal_findings_are_told_apart() -> None:
    text = "def f(a):\n    a = a + 1\n    a = a + 1\n"
    found = settle([finding(at(text, "1", 1)), finding(at(text, "1", 2))], parsed(text), most=5)
    assert len({kept.fingerprint for kept in found}) == 2


OVERLOADS = """\
class Cart:
    @property
    def total(self):
        amount = self.amount + 1
        return amount

    @total.setter
    def total(self, value):
        amount = self.amount + 1
        return value + 1


class Basket:
    def total(self):
        amount = self.amount + 1
"""


def names_of(text: str, *places: int) -> list[str]:
    """The names of findings at `+` signs, each found by itself, in a review of its own."""
    return [settle([finding(at(text, "+", place))], parsed(text), most=1)[0].fingerprint for place in places]


def test_equal_lines_of_functions_with_one_name_are_told_apart_in_reviews_of_their_own() -> None:
    assert len(set(names_of(OVERLOADS, 1, 2, 3, 4))) == 4


def test_an_overload_put_before_another_leaves_the_names_of_its_findings() -> None:
    more = OVERLOADS.replace("class Cart:\n", "class Cart:\n    def total(self, tax):\n        return tax + 2\n\n")
    assert names_of(more, 2, 3, 4, 5) == names_of(OVERLOADS, 1, 2, 3, 4)
    assert names_of(more, 1)[0] not in names_of(OVERLOADS, 1, 2, 3, 4)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_which_of_equal_lines_was_found_first_does_not_change_their_names(newline: str) -> None:
    text = "def f(a):\n    a = a + 1\n    a = a + 1\n".replace("\n", newline)
    syntax = parsed(text)
    one, other = finding(at(text, "1", 1)), finding(at(text, "1", 2))

    def names(*found: Finding) -> dict[Span, str]:
        return {each.span: each.fingerprint for each in with_fingerprints(found, syntax)}

    assert names(one, other) == names(other, one) == {**names(one), **names(other)}


def test_findings_that_were_named_in_parts_keep_the_name_of_the_first() -> None:
    findings = [replace(finding(at(CODE, "width")), fingerprint="same") for _ in range(4)]
    at_once = [each.fingerprint for each in told_apart(findings)]
    in_parts = [each.fingerprint for each in told_apart([*told_apart(findings[:2]), *findings[2:]])]
    assert at_once == in_parts
    assert (at_once[0], len(set(at_once))) == ("same", 4)


def test_a_lone_surrogate_has_a_name_too() -> None:
    text = CODE.replace("self.width * ", '"\ud83c" * ')
    assert named(text, number=1)
