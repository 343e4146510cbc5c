"""Signatures and the finer points of statements; the rest is in the sample files."""

from __future__ import annotations

import pytest

from codeassist.syntax.outline import comments_and_strings, imports, outline, statements
from codeassist.text.document import Document, Offset, Span

from .sample_files import one_line, parsed

PLAIN = "def f(a):\n    if a:\n        return 1\n    return 2\n"


@pytest.mark.parametrize(
    ("language", "text", "signature"),
    [
        ("python", "class A(\n    B,\n    C,\n):\n    pass\n", "class A( B, C, ):"),
        ("python", "async def f(a, *, b: int = 1) -> int: return a\n", "async def f(a, *, b: int = 1) -> int:"),
        ("typescript", "export function f<T>(a: T): T { return a; }", "export function f<T>(a: T): T"),
        ("c", "static const char *f(int a)\n{\n}\n", "static const char *f(int a)"),
        ("go", "type S interface {\n\tF()\n}\n", "type S interface"),
        ("rust", "pub fn f<'a>(x: &'a str) -> &'a str {\n    x\n}\n", "pub fn f<'a>(x: &'a str) -> &'a str"),
        ("python", "def é(größe): pass\n", "def é(größe):"),
    ],
)
def test_signature(language: str, text: str, signature: str) -> None:
    assert outline(parsed(text, language))[0].signature == signature


def test_a_signature_has_a_bound() -> None:
    text = f"def f({', '.join(f'argument_{number}' for number in range(200))}): pass\n"
    assert len(outline(parsed(text, "python"))[0].signature) == 400


def test_outline_is_made_once_for_a_tree() -> None:
    syntax = parsed(PLAIN, "python")
    assert outline(syntax) is outline(syntax)


def test_imports_within_functions_are_left_out() -> None:
    text = "import a\nif T:\n    import b\ndef f():\n    import c\n"
    syntax = parsed(text, "python")
    assert [syntax.document.slice(span) for span in imports(syntax)] == ["import a", "    import b"]


def test_imports_on_one_line_are_one() -> None:
    text = "import a; import b\nimport c\n"
    syntax = parsed(text, "python")
    assert [syntax.document.slice(span) for span in imports(syntax)] == ["import a; import b", "import c"]


def spans_of(language: str, text: str, start: int = 0, end: int | None = None) -> list[str]:
    syntax = parsed(text, language)
    place = Span(Offset(start), Offset(len(text) if end is None else end))
    return [one_line(syntax.document.slice(span)) for span in statements(syntax, place)]


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("python", "x = 1; y = 2\n", ["x = 1", "y = 2"]),
        ("python", "if a: return 1\n", ["if a:", "return 1"]),
        ("python", "x = a if b else c\n", ["x = a if b else c"]),
        ("python", "for x in y:\n    pass\nelse:\n    z()\n", ["for x in y:", "pass", "z()"]),
        ("python", "def f():\n    'doc'\n    # comment\n    global x\n", ["global x"]),
        ("python", "f(lambda a: a + 1)\n", ["f(lambda a: a + 1)"]),
        ("javascript", "'use strict';\nfoo(function () {\n  bar();\n}, 3);\n", ["foo(function ()", "bar();", "3);"]),
        ("javascript", "a.b(() => {\n  c();\n}).d(1);\n", ["a.b(() =>", "c();", ".d(1);"]),
        ("javascript", ";;\n", []),
        ("c", "void f() {\n#if X\n  a();\n#else\n  b();\n#endif\n}\n", ["a();", "b();"]),
        ("go", "func f() {\n\tfor {\n\t\tbreak\n\t}\n}\n", ["break"]),
        ("rust", "fn f() { let x = if a { 1 } else { 2 }; }", ["let x = if a", "1", "2"]),
        ("kotlin", "fun f() { val x = if (a) 1 else 2 }", ["val x = if (a) 1 else 2"]),
        ("ruby", "a.each { |b| c(b) }\nd if e\n", ["a.each", "c(b)", "d if e"]),
        ("bash", "if a; then b; else c; fi\n", ["if a; then", "b", "c"]),
        ("python", "key = lambda a: a + 1\n", ["a + 1"]),
        ("typescript", "export const f = (a: T) => a + 1;\nclass A {\n  g = () => 1;\n}\n", ["a + 1", "1"]),
        ("javascript", "x.y = (a) => a.map(() => {\n  b();\n});\n", ["a.map(() =>", "b();"]),
        ("javascript", "const o = { f: (a) => a + 1, g };\n", ["const o = { f: (a) =>", "a + 1", "g };"]),
        ("ruby", "def f(a) = a + 1\n", ["a + 1"]),
        ("kotlin", "fun f(a: Int): Int =\n  // c\n  a + 1\nfun g() { a() }\n", ["a + 1", "a()"]),
        ("csharp", "class A { int F(int a) => a + 1; }", ["a + 1"]),
        ("swift", "func f() -> Int {\n  // c\n  1\n}\n", ["1"]),
        ("java", "enum E { A { int f() { return 1; } }, B; int f() { return 2; } }", ["return 1;", "return 2;"]),
        ("html", "<p>text</p>", []),
    ],
)
def test_statements(language: str, text: str, found: list[str]) -> None:
    assert spans_of(language, text) == found


def test_statements_of_a_part_lie_wholly_inside_it() -> None:
    text = "a = 1\nb = 2\nc = 3\n"
    assert spans_of("python", text, 6, 11) == ["b = 2"]
    assert spans_of("python", text, 7, 13) == []


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("python", "x = 'a'  # b\n", ["# b"]),
        ("python", "x = '''a\nb'''\n", ["'''a b'''"]),
        ("python", "f(\n    'a',\n    b='c',\n)\n", ["'a'"]),
        ("rust", "/// doc\nfn f() {} // end\n", ["/// doc", "// end"]),
        ("c", '/* a\nb */ char *x = "y";\n', ["/* a b */"]),
    ],
)
def test_comments_and_strings(language: str, text: str, found: list[str]) -> None:
    syntax = parsed(text, language)
    spans = comments_and_strings(syntax, Span(Offset(0), Offset(len(text))))
    assert [one_line(syntax.document.slice(span)) for span in spans] == found


def test_comments_of_a_part() -> None:
    text = "# a\n# b\n# c\n"
    document = Document.create("", text, "python")
    spans = comments_and_strings(parsed(text, "python"), Span(Offset(5), Offset(6)))
    assert [document.slice(span) for span in spans] == ["# b"]
