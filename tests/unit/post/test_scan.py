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
        ("s.replace(/[('\"]/g, (", "javascript", "((", ""),
        ('const quoted = /"(/; f(', "typescript", "(", ""),
        (r"x = /\/(/.exec(", "javascript", "(", ""),
        ("x = [/[/(]/, [", "javascript", "[[", ""),
        ("return /`/.test(", "tsx", "(", ""),
        ("/^(/.test(", "javascript", "(", ""),
        ("x => /(/.test(", "javascript", "(", ""),
        ("while (a) { b; /(/.test(", "javascript", "{(", ""),
        ("a / (b) / f(", "javascript", "(", ""),
        ("a[0] / f(1) / (", "javascript", "(", ""),
        ("(a) / f(b / (", "javascript", "((", ""),
        ('"a" / (b / (', "javascript", "((", ""),
        ("i++ / (b) / (", "javascript", "(", ""),
        ("total_in / (b / (", "javascript", "((", ""),
        ("x.of / (b / (", "javascript", "((", ""),
        ("a\n/ (b / (", "javascript", "((", ""),
        ("<p>{a}</p><b c={f(", "tsx", "{(", ""),
        ("<A b={x} /> <B c={f(", "tsx", "{(", ""),
        ("x = /(", "javascript", "", "/"),
        ("x = /[(/", "javascript", "", "/"),
        ("x = /(\n(", "javascript", "((", ""),
        ("x = 1 /", "javascript", "", ""),
        ("x = `/${a}/(`; f(", "javascript", "(", ""),
        ("x = 1 // /(", "javascript", "", ""),
        ("line =~ /['(]/ && f(", "ruby", "(", ""),
        ("when /it's (/", "ruby", "", ""),
        ("text.split /'(/ do |", "ruby", "", ""),
        ("text.split(//).map(", "ruby", "(", ""),
        ("total / (b / (", "ruby", "((", ""),
        ("x = a\n/(/.match(", "ruby", "(", ""),
        ("x = a /(b) / f(", "go", "(", ""),
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


def test_a_regular_expression_is_not_closed_for_the_user() -> None:
    assert scan("b)+/g, x)", "javascript", Scan(quote="/")).closed == ((")", 9),)
    assert scan("/g, x)", "javascript", Scan(brackets=("(",), quote="/")).closed == ()


def test_what_is_divided_may_stand_before_the_text() -> None:
    text = "/ (b) / f("
    assert scan(text, "javascript", Scan(tail="total")).brackets == ("(",)
    assert scan("/(/.test(", "javascript", scan("x = [\n", "javascript")).brackets == ("[", "(")
    assert scan("/ (b / (", "javascript", scan("x = a\n", "javascript")).brackets == ("(", "(")


def test_line_by_line_is_the_same_as_at_once() -> None:
    text = 'f(\n  "a)",\n  """x\n  (\n""",  # )\n  [1'
    state = Scan()
    for line in text.splitlines(keepends=True):
        state = scan(line, "python", state)
    whole = scan(text, "python")
    assert (state.brackets, state.quote) == (whole.brackets, whole.quote) == (("(", "["), "")


def test_code_is_without_comments_and_strings() -> None:
    assert scan('f("a(b", c)  # rest', "python").code == 'f("", c)  '
    assert scan("f(/a(b/g, c)", "javascript").code == 'f(""g, c)'
