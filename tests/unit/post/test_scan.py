"""Brackets and strings, read without a grammar."""

from __future__ import annotations

import pytest

from codeassist.post.scan import Scan, scan


@pytest.mark.parametrize(
    ("text", "language", "brackets", "quote"),
    [
        ("f(a[", "python", "([", ""),
        ("f(a[0], {", "python", "({", ""),
        ('x = "(" + (', "python", "(", ""),
        ("x = 1  # (", "python", "", ""),
        ("n // 2 + (", "python", "(", ""),
        ("n / 2; // (", "c", "", ""),
        ("${#list[@]} (", "bash", "(", ""),
        ("f() -- (", "lua", "", ""),
        ("a /* ( */ + (", "go", "(", ""),
        ("/* (", "go", "", "*/"),
        ("<!-- (", "html", "", "-->"),
        ('"""(', "python", "", '"""'),
        ('"""(\n"', "python", "", '"""'),
        ('"(\n(', "python", "(", ""),
        ("`(\n(", "javascript", "", "`"),
        ("'a' + '(", "python", "", "'"),
        ("fn f<'a>(x: &'a (", "rust", "((", ""),
        ("if c == '(' || c == '\\'' {", "rust", "{", ""),
        ("it's (", "", "(", ""),
        ("say 'a (b' (", "", "(", ""),
        ("don't (", "markdown", "(", ""),
        (r'"a\"(" (', "python", "(", ""),
        ("([)", "python", "", ""),
        ("#main {", "css", "{", ""),
        ("see http://x (", "", "(", ""),
    ],
)
def test_what_stands_open(text: str, language: str, brackets: str, quote: str) -> None:
    found = scan(text, language)
    assert ("".join(found.brackets), found.quote) == (brackets, quote)


def test_closers_of_what_stands_before() -> None:
    assert scan("a, b))", "python").closed == ((")", 5), (")", 6))
    assert scan('b", c)', "python", Scan(quote='"')).closed == (('"', 2), (")", 6))
    assert scan("a) + f(", "python", Scan(brackets=("(",))).closed == ()
    assert scan('"a" + b', "python").closed == ()


def test_line_by_line_is_the_same_as_at_once() -> None:
    text = 'f(\n  "a)",\n  """x\n  (\n""",  # )\n  [1'
    state = Scan()
    for line in text.splitlines(keepends=True):
        state = scan(line, "python", state)
    whole = scan(text, "python")
    assert (state.brackets, state.quote) == (whole.brackets, whole.quote) == (("(", "["), "")


def test_code_is_without_comments_and_strings() -> None:
    assert scan('f("a(b", c)  # rest', "python").code == 'f("", c)  '
