"""Comments, strings and code: where the cursor stands."""

from __future__ import annotations

import pytest

from codeassist.post.quiet import place_at
from codeassist.syntax.tree import parse
from codeassist.text.document import Document, Offset


def places(text: str, language: str) -> set[str]:
    """What the place marked by `¦` is, with and without the tree."""
    at = Offset(text.index("¦"))
    document = Document.create("file:///a", text.replace("¦", ""), language)
    syntax = parse(document)
    assert syntax is not None
    return {place_at(syntax, at), place_at(document, at)}


@pytest.mark.parametrize(
    ("text", "language", "place"),
    [
        ("x = ¦\n", "python", "code"),
        ("x = 1  # sum of¦\n", "python", "comment"),
        ("# ¦\n", "python", "comment"),
        ("# note\n¦\n", "python", "code"),
        ('x = "abc¦"\n', "python", "string"),
        ('x = "¦"\n', "python", "string"),
        ('x = "abc¦\ny = 1\n', "python", "string"),
        ('x = "abc"¦\n', "python", "code"),
        ('x = "a # b"; y = ¦\n', "python", "code"),
        ("let x = 'a¦';\n", "typescript", "string"),
        ("let x = 1; // a¦\n", "typescript", "comment"),
        ("let x = 1; /* a¦ */\n", "typescript", "comment"),
        ("let x = 1; /* a */ ¦\n", "typescript", "code"),
        ("let a = 'x'; // '¦\n", "typescript", "comment"),
        ("/// doc¦\nfn f() {}\n", "rust", "comment"),
        ("fn f<'a>(x: &'a str) -> ¦ {}\n", "rust", "code"),
        ("-- note¦\n", "lua", "comment"),
        ('{"a": "b¦"}\n', "json", "code"),
        ('echo "¦"\n', "bash", "code"),
    ],
)
def test_places_that_the_line_tells(text: str, language: str, place: str) -> None:
    assert places(text, language) == {place}


@pytest.mark.parametrize(
    ("text", "language", "place"),
    [
        ('"""Docs of\nseveral ¦lines\n"""\n', "python", "string"),
        ('def f():\n    """Docs.\n\n    ¦\n    """\n', "python", "string"),
        ('x = f"abc {y¦} d"\n', "python", "code"),
        ('x = f"abc¦ {y} d"\n', "python", "string"),
        ("const r = /['\"]/g; x.¦\n", "typescript", "code"),
        ('s.split(/"/).¦x;\n', "javascript", "code"),
        ("const a = <p>Don't {us¦}</p>;\n", "tsx", "code"),
        ("int x = 1'000; ¦\n", "cpp", "code"),
        ("y = '''a\nb''' + ¦z\n", "python", "code"),
        ("let a = `x ${y¦} z`;\n", "typescript", "code"),
        ("let a = `x\n ¦z`;\n", "typescript", "string"),
        ("/* a\n ¦ */\nlet a = 1;\n", "typescript", "comment"),
        ("/* a */\n¦\n", "typescript", "code"),
        ('a = "x #{y¦}"\n', "ruby", "code"),
        ('a = "x¦ #{y}"\n', "ruby", "string"),
        ('var a = $"x {y¦}";\n', "csharp", "code"),
        ('var a = $"x¦ {y}";\n', "csharp", "string"),
        ('val a = "x ${y¦}"\n', "kotlin", "code"),
        ('val a = s"x ${y¦}"\n', "scala", "code"),
        ('let a = "x \\(y¦)"\n', "swift", "code"),
        ("func f() {\n\tx := `a\n¦`\n}\n", "go", "string"),
        # Half-typed code behind the end of a string that began above.
        ('q = run("""\nselect\n""", (¦\nx = 1\n', "python", "code"),
        ('q = run("""\nselect ¦\n""", (\nx = 1\n', "python", "string"),
        ('q = run("""\nselect\n""", ("¦\nx = 1\n', "python", "string"),
        ('# """\nq = """a""", (¦\nx = 1\n', "python", "code"),
        ("const q = run(`\n  select\n`, [¦\n", "javascript", "code"),
        ("const q = /`/; const r = run(`\n`, [¦\n", "javascript", "code"),
        ("const a = <p>don't {show(¦</p>;\n", "tsx", "code"),
        ("const a = [return'¦\n", "javascript", "string"),
    ],
)
def test_places_that_the_tree_tells(text: str, language: str, place: str) -> None:
    at = Offset(text.index("¦"))
    syntax = parse(Document.create("file:///a", text.replace("¦", ""), language))
    assert syntax is not None
    assert place_at(syntax, at) == place
