"""Comments, and the code beside them."""

from __future__ import annotations

import pytest

from codeassist.syntax.comments import code_of_line, comment_at
from codeassist.syntax.tree import Syntax, parse
from codeassist.text.document import Document


def parsed(text: str, language: str) -> Syntax:
    syntax = parse(Document.create("file:///a", text, language))
    assert syntax is not None
    return syntax


@pytest.mark.parametrize(
    ("language", "line", "code"),
    [
        ("python", "    return a < b  # Why.  ", "    return a < b"),
        ("python", "x = '# no comment'  ", "x = '# no comment'"),
        ("python", "x = 'é 😀'  # é", "x = 'é 😀'"),
        ("python", "# All of it.", ""),
        ("python", "", ""),
        ("javascript", "f(/* first */ a); /* one */ // two", "f(/* first */ a);"),
        ("javascript", "x = 'http://a';", "x = 'http://a';"),
        ("rust", "let x = 1; /* a /* nested */ one */", "let x = 1;"),
        ("lua", "x = 1 -- why", "x = 1"),
        ("bash", 'echo "${#x}" # why', 'echo "${#x}"'),
    ],
)
def test_the_code_of_a_line(language: str, line: str, code: str) -> None:
    assert code_of_line(parsed(f"\n{line}\n", language), 1) == code


def test_lines_of_a_longer_comment() -> None:
    syntax = parsed("x = 1; /* one\n two */ y = 2;\n /* three\n four */\n", "javascript")
    assert [code_of_line(syntax, line) for line in range(4)] == ["x = 1;", " two */ y = 2;", "", ""]


def test_the_comment_at_a_place() -> None:
    syntax = parsed("x = 1  # Why.\n", "python")
    assert comment_at(syntax, 4) is None
    comment = comment_at(syntax, 9)
    assert comment is not None
    assert syntax.document.slice(syntax.span_of(comment)) == "# Why."
