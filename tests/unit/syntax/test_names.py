"""What gives a value to a name, in the words of each grammar, and so what depends on it."""

from __future__ import annotations

import pytest

from codeassist.syntax.names import Names, names_in
from codeassist.text.document import Offset, Span

from .sample_files import parsed


def names(language: str, text: str, part: str) -> Names:
    start = text.index(part)
    return names_in(parsed(text, language), Span(Offset(start), Offset(start + len(part))))


@pytest.mark.parametrize(
    ("language", "text", "part", "given", "used"),
    [
        ("python", "x = a + b\n", "x = a + b", "x", "abx"),
        ("python", "a, b = c\n", "a, b = c", "ab", "abc"),
        ("python", "x += y\n", "x += y", "x", "xy"),
        ("python", "for i in y:\n    pass\n", "for i in y:", "i", "iy"),
        ("python", "with o() as z:\n    pass\n", "with o() as z:", "z", "oz"),
        ("python", "self.x = y\n", "self.x = y", "x", ["self", "x", "y"]),
        ("python", "return f(x)\n", "return f(x)", "", "fx"),
        ("javascript", "const {p, q} = o;\n", "const {p, q} = o;", "pq", "opq"),
        ("javascript", "x++;\n", "x++;", "x", "x"),
        ("go", "func f() { for i, v := range z { } }\n", "for i, v := range z", "iv", "ivz"),
        ("rust", "fn f() { let (p, q) = z; }\n", "let (p, q) = z;", "pq", "pqz"),
        ("java", "class A { void f() { int x = a; } }\n", "int x = a;", "x", "ax"),
        ("c", "void f() { char *p = q; }\n", "char *p = q;", "p", "pq"),
        ("lua", "local x = a\n", "local x = a", "x", "ax"),
        ("kotlin", "fun f() { val x = a }\n", "val x = a", "x", "ax"),
    ],
)
def test_names(language: str, text: str, part: str, given: str, used: str | list[str]) -> None:
    found = names(language, text, part)
    assert (sorted(found.given), sorted(found.used)) == (sorted(given), sorted(used))


def test_feeding_goes_both_ways() -> None:
    text = "x = 1\ny = x\nz = 3\n"
    gives, takes, other = (names("python", text, part) for part in ("x = 1", "y = x", "z = 3"))
    assert gives.feeds(takes)
    assert takes.feeds(gives)
    assert not gives.feeds(other)
