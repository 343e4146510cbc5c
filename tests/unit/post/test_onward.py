"""Where the cursor is after an acceptance, and what Enter brings there."""

from __future__ import annotations

import pytest

from codeassist.post.inline import Inline
from codeassist.post.onward import onward
from codeassist.text.document import Document, Offset, Span


def after(text: str, shown: str, language: str = "python", replaced: int = 0) -> str | None:
    """What the user types after accepting `shown` at `¦` of `text`; None if that is anybody's guess."""
    at = text.index("¦")
    document = Document.create("file:///a", text.replace("¦", ""), language)
    found = onward(document, Inline(shown, Span(Offset(at), Offset(at + replaced))))
    if found is None:
        return None
    accepted = document.text[:at] + shown + document.text[at + replaced :]
    assert found.accepted.text == accepted
    assert found.at == at + len(shown)
    assert found.document.text == accepted[: found.at] + found.lead + accepted[found.at :]
    assert found.offset == found.at + len(found.lead)
    assert document.replace(found.edits, 2).text == found.document.text
    item = found.as_shown(Inline("next()", Span(found.offset, Offset(found.offset))))
    assert item == Inline(found.lead + "next()", Span(found.at, found.at))
    return found.lead


@pytest.mark.parametrize(
    ("text", "shown", "lead"),
    [
        ("x = ¦\n", "load(path)", "\n"),
        ("def f():\n    x = ¦\n", "load(path)", "\n    "),
        ("def f():\n    x = ¦   \n", "load(path)", "\n    "),
        ("def f():\r\n    x = ¦\r\n", "load(path)", "\r\n    "),
        ("def f():\n  if ¦\n", "x:", "\n    "),
        ("def f():\n\tif ¦\n", "x:", "\n\t\t"),
        ("def f():\n    ¦\n", "if x:\n        return 1", "\n    "),
        ("def f():\n    return ¦\n", "1", "\n"),
        ("x = ¦\n", "call(", "\n    "),
        ("x = ¦\n", "[", "\n    "),
        ("x ¦\n", "=", ""),
        ("x = a ¦\n", "and", ""),
        ("x = ¦\n", '"""Begins', ""),
        ("call(¦)\n", "a, b", None),
        ("¦\n", "", ""),
    ],
)
def test_what_follows_in_python(text: str, shown: str, lead: str | None) -> None:
    assert after(text, shown) == lead


@pytest.mark.parametrize(
    ("text", "shown", "lead"),
    [
        ("function f() {\n  let x = ¦\n}\n", "1;", "\n  "),
        ("function f() {\n  if (¦\n}\n", "x) {", "\n    "),
        ("const f = (x) =>¦\n", " x + 1", "\n"),
        ("function f() {\n  return ¦\n}\n", "1;", "\n  "),
    ],
)
def test_what_follows_between_braces(text: str, shown: str, lead: str) -> None:
    assert after(text, shown, "typescript") == lead


def test_what_the_suggestion_replaces_is_gone() -> None:
    assert after("print(¦)\n", "a)", replaced=1) == "\n"
