"""What encloses the caret while code is being written: blank lines, open brackets, unclosed blocks."""

from __future__ import annotations

import pytest

from codeassist.syntax.outline import enclosing
from codeassist.text.document import Document, Offset

from .sample_files import parsed

CASES = [
    # Indented blocks: the caret's indentation decides on a blank line.
    ("python", "class A:\n    def f(self):\n        |\n\nx = 1\n", "A f"),
    ("python", "class A:\n    def f(self):\n        x = 1\n    |\n", "A"),
    ("python", "class A:\n    def f(self):\n        x = 1\n|\n", ""),
    ("python", "def f():\n    x = 1\n\n|\n    y = 2\n", "f"),
    ("python", "def f():\n    |", "f"),
    ("python", "|", ""),
    ("python", "\n\n   |", ""),
    ("python", "def f():\n    return x|", "f"),
    ("python", "@de|co\ndef f():\n    pass\n", "f"),
    ("python", "TABLE = {\n    |1: 2,\n}\n", "TABLE"),
    ("python", "LIMIT = |3\n", ""),
    # Code that does not parse.
    ("python", "def f():\n    x = (|\n", "f"),
    ("python", "class A:\n    def f(self, x|\n\n    def g(self):\n        pass\n", "A f"),
    ("python", "class A:\n    def f(self):\n        return [1, |\n\n    def g(self):\n        pass\n", "A f"),
    ("python", 'def f():\n    """doc\n    |\n', "f"),
    ("python", "class A:\n    def f(\n        self,\n        x,\n    ):\n        y = (|\n", "A f"),
    ("javascript", "class A {\n  f() {\n    const x = |\n", "A f"),
    ("javascript", "class A {\n  f() {\n    const x = |\n  }\n}\n", "A f"),
    ("javascript", "function f(\n  a,\n  b,\n) {\n  if (a) {\n    x();\n  } else {\n    y = [|\n", "f"),
    ("javascript", "const f = (a) => {\n  g(() => {\n    x = |\n", "f"),
    ("javascript", "function f() {\n  g('}{', |\n\nfunction h() {\n  return 1;\n}\n", "f"),
    ("typescript", "class A {\n  f(): void {\n    const x = |\n", "A f"),
    ("tsx", "function F() {\n  return (\n    <div>\n      {x.|\n", "F"),
    ("go", "func f() {\n\tx := |\n", "f"),
    ("go", "func f() {\n\tif x {\n\t\t|\n}\n\nfunc g() {}\n", "f"),
    ("rust", "impl A {\n    fn f(&self) {\n        let x = |\n", "A f"),
    ("java", "class A {\n  int f() {\n    int x = |\n", "A f"),
    ("c", "int f(int a)\n{\n  if (a) {\n    return |\n", "f"),
    ("cpp", "class A {\n  int f(int a) {\n    return |\n", "A f"),
    ("csharp", "class A\n{\n  int F()\n  {\n    var x = |\n", "A F"),
    ("ruby", "class A\n  def f\n    if y\n      x = |\n", "A f"),
    ("php", "<?php\nclass A {\n  function f() {\n    $x = |\n", "A f"),
    ("bash", "f() {\n  if x; then\n    |\n", "f"),
    ("lua", "function f()\n  local x = |\n", "f"),
    ("kotlin", "class A {\n  fun f() {\n    val x = |\n", "A f"),
    ("swift", "class A {\n  func f() {\n    let x = |\n", "A f"),
    ("scala", "class A {\n  def f() = {\n    val x = |\n", "A f"),
    ("json", '{"a": {"b": |\n', ""),
]


@pytest.mark.parametrize(("language", "marked", "path"), CASES)
def test_enclosing(language: str, marked: str, path: str) -> None:
    offset = Offset(marked.index("|"))
    syntax = parsed(marked.replace("|", "", 1), language)
    found = enclosing(syntax, offset)
    assert " ".join(symbol.name for symbol in found) == path
    for depth, symbol in enumerate(found):
        assert symbol.depth == depth
        assert syntax.document.slice(symbol.name_span) == symbol.name
        assert symbol.span.start <= symbol.name_span.start
        assert symbol.span.start <= offset


def test_a_guess_never_hides_what_the_tree_knows() -> None:
    text = "def f():\n    x = 1\n\ny = = 2\n"
    assert [symbol.name for symbol in enclosing(parsed(text, "python"), Offset(15))] == ["f"]


def test_signature_of_a_guessed_scope() -> None:
    text = "class A {\n  f(a, b) {\n    const x = "
    assert [symbol.signature for symbol in enclosing(parsed(text, "javascript"), Offset(len(text)))] == [
        "class A",
        "f(a, b)",
    ]


def test_offsets_outside_the_document() -> None:
    syntax = parsed("def f():\n    pass\n", "python")
    assert enclosing(syntax, Offset(-5)) == enclosing(syntax, Offset(0))
    assert enclosing(syntax, Offset(999)) == ()


def test_wide_characters_before_the_place() -> None:
    text = "# 😀é\ndef größe():\n    return '😀'\n"
    document = Document.create("", text, "python")
    (symbol,) = enclosing(parsed(text, "python"), Offset(text.index("return")))
    assert (symbol.name, document.slice(symbol.name_span)) == ("größe", "größe")
