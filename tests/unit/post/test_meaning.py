"""Which forms of code mean the same, and which only look alike."""

from __future__ import annotations

import pytest

from codeassist.post.meaning import form_of, same_meaning
from codeassist.syntax.tree import Syntax, parse
from codeassist.text.document import Document, Offset, Span

SAME = [
    ("python", "x = 'a'", 'x = "a"'),
    ("python", "x = f'{a}'", 'x = f"{a}"'),
    ("python", "f(a,b)", "f( a, b, )"),
    ("python", "x = 1", "x = 1  # one"),
    ("python", "if (a): f()", "if a: f()"),
    ("python", "x += 1", "x = x + 1"),
    ("python", "f(range(0, n))", "f(range(n))"),
    ("python", "a[0:n]", "a[:n]"),
    ("python", "if x == None: f()", "if x is None: f()"),
    ("python", "if x != None: f()", "if x is not None: f()"),
    ("python", "if not a == b: f()", "if a != b: f()"),
    ("python", "if not a in b: f()", "if a not in b: f()"),
    ("python", "if a > b: f()", "if b < a: f()"),
    ("python", "x = list()", "x = []"),
    ("python", "x = dict()", "x = {}"),
    ("python", "a = b * c", "a = c * b"),
    ("python", "a = 2 * b * c", "a = c * (b * 2)"),
    ("python", "x[len(x) - 1 - i]", "x[len(x) - i - 1]"),
    ("python", "x = 1 + i / 2", "x = i / 2 + 1"),
    ("python", "x = a - (b - 1)", "x = a - b + 1"),
    ("python", "if n % 2 == 1: f()", "if n % 2 != 0: f()"),
    ("python", "x = {'a', 'b'}", "x = {'b', 'a'}"),
    ("python", "x = {'a': 1, 'b': 2}", "x = {'b': 2, 'a': 1}"),
    ("javascript", "x = {a: 1, b: 2};", "x = {b: 2, a: 1};"),
    ("python", "x = max(a, b)", "x = max(b, a)"),
    ("python", "def f():\n    return None", "def f():\n    return"),
    ("javascript", "if (a === b) { x++; }", "if (a == b) { x += 1 }"),
    ("javascript", "if (x !== null) f();", "if (!(x === null)) f()"),
    ("javascript", "const x = Math.max(a, b);", "const x = Math.max(b, a);"),
    ("javascript", "f('a')", 'f("a");'),
    ("java", "class A { int f() { return (a); } }", "class A { int f() { return a; } }"),
    ("go", "package a\n\nfunc f() { if (a > b) { i++ } }", "package a\n\nfunc f() { if b < a { i += 1 } }"),
]

DIFFERENT = [
    ("python", "x = 'a'", "x = 'b'"),
    ("python", "x = r'\\n'", "x = '\\n'"),
    ("python", "x = f'{a}'", "x = '{a}'"),
    ("python", "f(a, b)", "f(b, a)"),
    ("python", "a - b", "b - a"),
    ("python", "a + b", "b + a"),
    ("python", "x = a + 1", "x = a - 1"),
    ("python", "x = a - b - 1", "x = b - a - 1"),
    ("python", "x = a + '1' + b", "x = b + '1' + a"),
    ("python", "x = 2 ** n", "x = n ** 2"),
    ("python", "x = ['a', 'b']", "x = ['b', 'a']"),
    ("python", "if n % 3 == 1: f()", "if n % 3 != 0: f()"),
    ("javascript", "if (a) { b(); c(); }", "if (a) { c(); b(); }"),
    ("python", "a < b", "a <= b"),
    ("python", "a < b", "b < a"),
    ("python", "a and b", "b and a"),
    ("python", "a = (b + c) * d", "a = b + c * d"),
    ("python", "x = -1", "x = 1"),
    ("python", "if not a: f()", "if a: f()"),
    ("python", "a[1:n]", "a[:n]"),
    ("python", "f(range(1, n))", "f(range(n))"),
    ("python", "def f():\n    return 0", "def f():\n    return"),
    ("javascript", "i++", "i--"),
]


def parsed(code: str, language: str) -> Syntax:
    syntax = parse(Document.create("file:///a", code, language))
    assert syntax is not None
    return syntax


def same(language: str, one: str, other: str) -> bool:
    whole = [Span(Offset(0), Offset(len(code))) for code in (one, other)]
    return same_meaning(parsed(one, language), whole[0], parsed(other, language), whole[1])


@pytest.mark.parametrize(("language", "one", "other"), SAME)
def test_forms_of_the_same(language: str, one: str, other: str) -> None:
    assert same(language, one, other)


@pytest.mark.parametrize(("language", "one", "other"), DIFFERENT)
def test_what_differs(language: str, one: str, other: str) -> None:
    assert not same(language, one, other)


def test_only_the_stretch_is_compared() -> None:
    one, other = "if a:\n    f()\n", "if (a):\n    g()\n"
    assert same_meaning(
        parsed(one, "python"), Span(Offset(0), Offset(5)), parsed(other, "python"), Span(Offset(0), Offset(7))
    )
    assert not same("python", one, other)


def test_code_of_any_depth_has_a_form() -> None:
    code = "x = " + "(" * 500 + "1" + ")" * 500
    assert form_of(parsed(code, "python"), Span(Offset(0), Offset(len(code))))
