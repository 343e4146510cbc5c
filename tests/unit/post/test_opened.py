"""What is open where a line begins, and how the line is read behind its end."""

from __future__ import annotations

import pytest

from codeassist.post.opened import line_code, open_above
from codeassist.text.document import Document, Offset


@pytest.mark.parametrize(
    ("text", "language", "quote"),
    [
        ('"""\n¦', "python", '"""'),
        ("x = '''\n¦", "python", "'''"),
        ('"""a"""\n¦', "python", ""),
        ('"""a\\"""\n¦', "python", '"""'),
        ("# \"\"\"\nx = 1  # don't '''\n¦", "python", ""),
        ('x = \'"""\'\n¦', "python", ""),
        ("'''\n\"\"\"\n¦", "python", "'''"),
        ("x = ''\n¦", "python", ""),
        ("let x = `\n¦", "typescript", "`"),
        ('let x = /[`"]/\n¦', "typescript", ""),
        ("// don't use `\n¦", "typescript", ""),
        ("/* `\n¦", "typescript", "*/"),
        ("x := `\\`\n¦", "go", ""),
        ("int x; /* don't */\n¦", "c", ""),
        ("x = `date\n¦", "bash", ""),
    ],
)
def test_what_is_open_where_a_line_begins(text: str, language: str, quote: str) -> None:
    start = Offset(text.index("¦"))
    assert open_above(Document.create("file:///a", text.replace("¦", '"""`*/'), language), start) == quote


@pytest.mark.parametrize(
    ("text", "language", "code"),
    [
        ('x = """\na""", (¦', "python", "____, ("),
        ('x = """\n  a""", (¦', "python", "  ____, ("),
        ('x = """\na ¦', "python", "a "),
        ('x = """a""" + (¦', "python", 'x = """a""" + ('),
        ("/* a\n * it's */ f(¦", "c", "           f("),
        ("let x = `\n${a(`b`, ¦", "tsx", "${a(`b`, "),
    ],
)
def test_the_line_behind_the_end(text: str, language: str, code: str) -> None:
    offset = Offset(text.index("¦"))
    assert line_code(Document.create("file:///a", text.replace("¦", ""), language), offset) == code
