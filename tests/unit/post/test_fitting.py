"""Suggestions for editors that only insert, or show one line: they make the same text, or its beginning."""

from __future__ import annotations

import pytest

from codeassist.post.fitting import first_line, inserted
from codeassist.post.inline import Inline
from codeassist.post.skip import Skip
from codeassist.text.document import Document, Offset, Span


def suggestion(line: str, text: str, replaced: int) -> tuple[Inline, Document]:
    """`text` at the `|` of a line, in place of so many characters."""
    at = line.index("|")
    document = Document.create("file:///a.py", line.replace("|", ""), "python")
    return Inline(text, Span(Offset(at), Offset(at + replaced)), 0.5), document


def applied(shown: Inline | Skip, document: Document) -> str:
    if isinstance(shown, Skip):
        return shown.reason
    assert shown.probability == 0.5
    return document.text[: shown.span.start] + shown.text + "|" + document.text[shown.span.end :]


@pytest.mark.parametrize(
    ("line", "text", "replaced", "after"),
    [
        ("f(|)", "a", 0, "f(a|)"),
        ("f(|)", "a)", 1, "f(a|)"),
        ("f(|))", "a))", 2, "f(a|))"),
        ("f(|)", "a,\n  b\n)", 1, "f(a,\n  b\n|)"),
        ("f(|)", "a) + 1", 1, "needs-replacing"),
        ("f(|)", ")", 1, "needs-replacing"),
    ],
)
def test_only_inserted(line: str, text: str, replaced: int, after: str) -> None:
    shown, document = suggestion(line, text, replaced)
    assert applied(inserted(shown, document), document) == after


@pytest.mark.parametrize(
    ("line", "text", "replaced", "after"),
    [
        ("f(|)", "a)", 1, "f(a)|"),
        ("f(|)", "a) ", 1, "f(a) |"),
        ("f(|)", "a,\n  b\n)", 1, "f(a,|)"),
        ("f(|)\nx = 1", "a,\r\n  b\r\n)", 1, "f(a,|)\nx = 1"),
        ("|x = 1", "y = 2\n", 0, "needs-lines"),
        ("f(|", "\n  a", 0, "needs-lines"),
        ("x = | # why", "[\n  1,\n]", 0, "needs-lines"),
    ],
)
def test_only_the_first_line(line: str, text: str, replaced: int, after: str) -> None:
    shown, document = suggestion(line, text, replaced)
    assert applied(first_line(shown, document), document) == after
