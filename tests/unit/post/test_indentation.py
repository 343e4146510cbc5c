"""How a file indents, read from its lines; and that fitting an answer changes nothing but white space."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeassist.context.cursor import cursor_view
from codeassist.context.limits import ContextLimits
from codeassist.post.indentation import fit_indentation, indentation_unit, without_trailing_blanks
from codeassist.text.document import Document, Offset

PIECES = st.sampled_from(
    ("if x:", "f(", ")", "{", "}", '"""', "`", "x = 1", "return", "\n", "\n", "\n  ", "\n    ", "\n\t", " ", "# c")
)
TEXTS = st.lists(PIECES, max_size=16).map("".join)


@pytest.mark.parametrize(
    ("lines", "unit"),
    [
        ([], ""),
        (["x = 1", "y = 2"], ""),
        (["def f():", "    return 1"], "    "),
        (["a {", "  b {", "    c", "  }", "}"], "  "),
        (["a {", "\tb", "}"], "\t"),
        (["/*", " * a", " */", "f() {", "   g();", "}"], "   "),
        (["call(a,", "            b)"], ""),
        (["  - a", "  - b"], "  "),
    ],
)
def test_the_unit_of_some_lines(lines: list[str], unit: str) -> None:
    assert indentation_unit(lines) == unit


def test_the_nearest_lines_win() -> None:
    blanks, tabs = ["a {", "  b", "}"] * 30, ["a {", "\tb", "}"] * 30
    assert indentation_unit(blanks + tabs) == "\t"
    assert indentation_unit(tabs + blanks) == "  "
    assert indentation_unit(blanks, tabs + tabs) == "\t", "in doubt tabs: blanks behind a tab are seen, tabs are not"


@settings(deadline=None, max_examples=200)
@given(TEXTS, TEXTS, st.sampled_from(["python", "javascript", "rust", "yaml", "markdown", ""]))
def test_only_white_space_changes(before: str, answer: str, language: str) -> None:
    document = Document.create("file:///a", before, language, 1)
    view = cursor_view(document, Offset(len(before)), ContextLimits(prompt_tokens=256))
    fitted = without_trailing_blanks(fit_indentation(answer, view), view)
    assert [line.strip() for line in fitted.split("\n")] == [line.strip() for line in answer.split("\n")]
    assert fit_indentation(answer.replace("\n", " "), view).strip() == answer.replace("\n", " ").strip()
