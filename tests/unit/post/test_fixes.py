"""Fixes: the smallest edit, in the file's own white space; several at once where none disturbs another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeassist.post.findings import Finding
from codeassist.post.fixes import applied, fitted, smallest, together, with_fitted_fix
from codeassist.syntax.tree import parse
from codeassist.text.document import Document, Offset, Span
from codeassist.text.edits import Edit, apply


def made(text: str, language: str = "python") -> Document:
    return Document.create("file:///a", text, language, 1)


def edit_of(document: Document, old: str, new: str) -> Edit:
    start = document.text.index(old)
    return Edit(Offset(start), Offset(start + len(old)), new)


def finding(*edits: Edit) -> Finding:
    span = Span(edits[0].start, edits[0].end) if edits else Span(Offset(0), Offset(0))
    return Finding(span, "warning", "bug", "Said.", "words", 1.0, edits)


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("a < b", "a > b", ("<", ">")),
        ("a < b", "a <= b", ("", "=")),
        ("total(prices)", "total(values)", ("prices", "values")),
        ("item_count", "item_counts", ("item_count", "item_counts")),
        ("x1", "x2", ("x1", "x2")),
        ("a", "a + 1", ("", " + 1")),
        ("f(a, b)", "f(b, a)", ("a, b", "b, a")),
        ("aaa aaa", "aaa", (" aaa", "")),
        ("a\r\nb", "a\nb", ("\r\n", "\n")),
        ("same", "same", ("same", "same")),
    ],
)
def test_an_edit_is_cut_to_what_differs(old: str, new: str, changed: tuple[str, str]) -> None:
    document = made(f"({old})\n")
    edit = smallest(edit_of(document, old, new), document)
    assert (document.text[edit.start : edit.end], edit.text) == changed


@given(st.text("ab_ \n\r1é😀", max_size=12), st.text("ab_ \n\r1é😀", max_size=12), st.text("ab \n", max_size=3))
def test_a_smaller_edit_does_the_same(old: str, new: str, around: str) -> None:
    document = made(around + old + around)
    edit = Edit(Offset(len(around)), Offset(len(around) + len(old)), new)
    cut = smallest(edit, document)
    assert apply(document.text, [cut]) == apply(document.text, [edit])
    assert cut.end - cut.start <= len(old)
    assert edit.start <= cut.start <= cut.end <= edit.end


TABS = "func f() {\n\tif a {\n\t\tb()\n\t}\n\tc()\n}\n"
BLANKS = "def f():\n    if a:\n        b()\n    c()\n"


@pytest.mark.parametrize(
    ("text", "old", "new", "after"),
    [
        # As the model was asked to write it.
        (BLANKS, "if a:\n        b()", "if not a:\n        b()", "def f():\n    if not a:\n        b()\n    c()\n"),
        # As if it stood at the beginning of a line.
        (BLANKS, "if a:\n        b()", "if not a:\n    b()", "def f():\n    if not a:\n        b()\n    c()\n"),
        (BLANKS, "c()", "try:\n    c()\nfinally:\n    d()", BLANKS.replace(
            "    c()", "    try:\n        c()\n    finally:\n        d()")),
        # With tabs, or blanks, where the file has the other.
        (BLANKS, "if a:\n        b()", "if not a:\n\t\tb()", "def f():\n    if not a:\n        b()\n    c()\n"),
        (TABS, "if a {\n\t\tb()\n\t}", "if !a {\n        b()\n    }", TABS.replace("if a", "if !a")),
        (TABS, "if a {\n\t\tb()\n\t}", "if !a {\n    b()\n}", TABS.replace("if a", "if !a")),
        # Line ends, and blank lines without blanks.
        (BLANKS.replace("\n", "\r\n"), "c()", "c()\n\n    d()", BLANKS.replace("c()", "c()\n\n    d()").replace(
            "\n", "\r\n")),
        (BLANKS, "c()", "c()\n\nd()", BLANKS.replace("c()", "c()\n\n    d()")),
    ],
)  # fmt: skip
def test_a_replacement_is_indented_as_the_file_is(text: str, old: str, new: str, after: str) -> None:
    document = made(text, "go" if "\t" in text else "python")
    assert apply(text, [fitted(edit_of(document, old, new), document)]) == after


def test_a_finding_without_a_fix_stays_as_it_is() -> None:
    bare = finding()
    assert with_fitted_fix(bare, made("x\n")) is bare
    document = made("if a < b:\n")
    (edit,) = with_fitted_fix(finding(edit_of(document, "a < b", "a > b")), document).fix
    assert edit == edit_of(document, "<", ">")


def test_several_fixes_at_once() -> None:
    document = made("x = a < b\ny = c < d\n")
    syntax = parse(document)
    assert syntax is not None
    one, other = edit_of(document, "a < b", "a > b"), edit_of(document, "c < d", "c > d")
    assert together([finding(other), finding(one)], syntax) == (one, other)
    assert together([finding(one), finding(edit_of(document, "< b", "<= b"))], syntax) == (), "they overlap"
    assert together([finding(one), finding(edit_of(document, "\ny", "\nz"))], syntax) == (), "they touch"
    assert together([finding()], syntax) == ()


def test_fixes_that_are_sound_alone_and_not_together() -> None:
    document = made("a = (1)\nb = [2, 3]\n")
    syntax = parse(document)
    assert syntax is not None
    opens, closes = edit_of(document, "(1", "((1"), edit_of(document, "3]", "3])")
    assert together([finding(opens), finding(closes)], syntax) == ()


def test_a_fix_is_known_by_what_it_did() -> None:
    before = made("x = a < b\ny = c < d\n")
    one, other = finding(edit_of(before, "a < b", "a >= b")), finding(edit_of(before, "<", ">"))
    second = finding(edit_of(before, "c < d", "c > d"))

    def after(*edits: Edit) -> Document:
        return before.replace(edits, 2)

    assert applied(before, after(*one.fix), [one]) == (4,)
    assert applied(before, after(edit_of(before, "< b", ">= b")), [one]) == (4,), "whatever way the client sends it"
    assert applied(before, after(*one.fix, *second.fix), [one, second]) == (4, 15)
    assert applied(before, after(*second.fix), [one, second]) == (14,)
    assert applied(before, after(edit_of(before, "a < b", "a")), [one, second]) == ()
    assert applied(before, after(*one.fix), [one, other]) == (4,), "two that overlap are looked at one by one"
    assert applied(before, after(*one.fix), []) == ()
