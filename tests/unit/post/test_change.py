"""The smallest change between two lines, and names that a line makes up for itself."""

from __future__ import annotations

import pytest

from codeassist.post.change import Change, lexemes, smallest_change, with_names_of, without_comment


@pytest.mark.parametrize(
    ("line", "better", "change"),
    [
        ("a < b", "a > b", Change(2, 3, "<", ">")),
        ("a <= b", "a < b", Change(2, 4, "<=", "<")),
        ("a === b", "a !== b", Change(2, 5, "===", "!==")),
        ("width * width", "width * height", Change(8, 13, "width", "height")),
        ("range(n)", "range(n + 1)", Change(7, 7, "", " + 1")),
        ("f(a, b, c)", "f(a, c)", Change(5, 8, "b, ", "")),
        ("x == 'a'", "x == 'b'", Change(5, 8, "'a'", "'b'")),
        ("x = `a`", "x = `b`", Change(4, 7, "`a`", "`b`")),
        ("same", "same", Change(4, 4, "", "")),
        ("", "x", Change(0, 0, "", "x")),
        ("aa", "a", Change(0, 2, "aa", "a")),
        ("é = 1", "é = 2", Change(4, 5, "1", "2")),
    ],
)
def test_smallest_change(line: str, better: str, change: Change) -> None:
    found = smallest_change(line, better)
    assert found == change
    assert line[: found.start] + found.text + line[found.end :] == better


def test_lexemes_are_what_is_no_white_space() -> None:
    assert lexemes("  a.b(  'c d', 1.5)") == ["a", ".", "b", "(", "'c d'", ",", "1", ".", "5", ")"]


@pytest.mark.parametrize(
    ("line", "better", "renamed"),
    [
        ("[x for x in a if x in b]", "[s for s in a if b in s]", "[x for x in a if b in x]"),
        ("[f(x, y) for x, y in a]", "[f(i, j) for i, j in a]", "[f(x, y) for x, y in a]"),
        ("a.map(x => x + 1)", "a.map(y => y - 1)", "a.map(x => x - 1)"),
        ("a.map((x) => x + 1)", "a.map((y) => y - 1)", "a.map((x) => x - 1)"),
        ("key=lambda x: x.a", "key=lambda y: y.b", "key=lambda x: x.b"),
        ("a.each { |x| f(x) }", "a.each { |y| g(y) }", "a.each { |x| g(x) }"),
        ("for i in a:", "for j in a:", "for i in a:"),
        ("[x for x in a if y]", "[y for y in a if x]", "[y for y in a if x]"),
        ("for i in a:", "while j:", "while j:"),
        ("x = 1", "y = 1", "y = 1"),
    ],
)
def test_bound_names_are_those_of_the_line(line: str, better: str, renamed: str) -> None:
    assert with_names_of(line, better) == renamed


@pytest.mark.parametrize(
    ("line", "sign", "code"),
    [
        ("if a > b:  # The larger: it's b.", "#", "if a > b:"),
        ("    # All of it.", "#", ""),
        ('print("# no", a)  # yes', "#", 'print("# no", a)'),
        ("sum(a) // 2", "#", "sum(a) // 2"),
        ("total = sum(a); // of all", "//", "total = sum(a);"),
        ("x = $#", "#", "x = $#"),
        ("a  ", "", "a"),
    ],
)
def test_a_comment_behind_a_line_is_no_code(line: str, sign: str, code: str) -> None:
    assert without_comment(line, sign) == code
