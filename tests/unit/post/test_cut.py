"""Where answers are cut, and why: the reason is what traces and cases cannot show."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeassist.post.cut import Cut, Shape, find_cut, finish_cut, is_telling, opens_block, same_line


def shape(
    line_prefix: str = "",
    line_suffix: str = "",
    below: str = "",
    *,
    block_start: bool = False,
    max_lines: int = 12,
    language: str = "python",
) -> Shape:
    return Shape(line_prefix, line_suffix, f"{line_suffix}\n{below}", block_start, max_lines, language)


@pytest.mark.parametrize(
    ("where", "answer", "text", "reason"),
    [
        (shape("f(", ", b)"), "a\nmore\n", "a", "line-end"),
        (shape("x = "), "1\ny = 2\n", "1", "statement-end"),
        (shape("x = 1"), "\ny = 2\n", "", "statement-end"),
        (shape("    a, ", below=")"), "b)\nx = 1\n", "b)", "statement-end"),
        (shape("if "), "a:\n    b\nc\n", "a:\n    b", "block-end"),
        (shape("if (a) ", language="c"), "{\n    b;\n}\nc;\n", "{\n    b;\n}", "block-end"),
        (shape("  ", block_start=True, language="ruby"), "a\nend\nb\n", "a\nend", "block-end"),
        (shape("    ", block_start=True), "a\nb\n", "a", "scope-end"),
        (shape("", below="}", block_start=True, language="c"), "  a;\n} else {\n", "  a;", "scope-end"),
        (shape("", below="}", block_start=True, language="c"), "a;\n} else {\n", "a;", "scope-end"),
        (shape(""), "a\n\nb\n", "a", "paragraph-end"),
        (shape("", block_start=True), "    a\n\n\n    b\n", "    a\n", "paragraph-end"),
        (shape("", below="total = 1\n"), "a\ntotal = 1\n", "a", "suffix"),
        (shape("", below="total = 1\n"), "total = 1\n", "", "suffix"),
        (shape(""), "show()\nshow()\nshow()\n", "show()", "repetition"),
        (shape("x = "), "ab " * 25, "", "repetition"),
        (shape("", max_lines=2), "a = 1\nb = 2\nc = 3\n", "a = 1\nb = 2", "max-lines"),
    ],
)
def test_reasons(where: Shape, answer: str, text: str, reason: str) -> None:
    assert find_cut(answer, where) == Cut(text, reason)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("where", "answer"),
    [
        (shape("x = "), "1"),
        (shape("f(", ", b)"), "a, "),
        (shape("x = ["), "1,\n  2,\n"),
        (shape("if "), "a:\n    b\n\n    c\n"),
        (shape("    ", block_start=True), "a\n\n    b\n"),
        (shape("", below="}\n", language="c"), "a;\n"),
        (
            shape("", language="c", max_lines=40),
            "case 1:\nf();\nbreak;\ncase 2:\ng();\nbreak;\ncase 3:\nh();\nbreak;\n",
        ),
        (shape("x = "), "-" * 200),
        (shape("x = ["), "0, " * 16),
        (shape('    """'), "Text. Not closed (yet\n\n\nsecond: part\n"),
    ],
)
def test_not_yet(where: Shape, answer: str) -> None:
    assert find_cut(answer, where) is None


@pytest.mark.parametrize(
    ("answer", "complete", "text", "reason"),
    [
        ("a = 1", True, "a = 1", "finish"),
        ("a = 1\nb = ", True, "a = 1\nb = ", "finish"),
        ("a = 1\nb = ", False, "a = 1", "finish"),
        ("a = 1\n", False, "a = 1", "finish"),
        ("a = ", False, "a = ", "finish"),
        ("a = 1\nfor b in c:\n    d", False, "a = 1", "finish"),
        ("a = 1\nfor b in c:\n    # why\n    d", False, "a = 1", "finish"),
        ("a = 1\n# why\nd", False, "a = 1\n# why", "finish"),
        ("for b in c:\n    if d:\n        e", False, "for b in c:", "finish"),
        ("a = 1\nfor b in c:\n    d\n    e", False, "a = 1\nfor b in c:\n    d", "finish"),
        ("a = 1\nfor b in c:", True, "a = 1\nfor b in c:", "finish"),
        ("", True, "", "finish"),
        ("a\n\nb", True, "a", "paragraph-end"),
    ],
)
def test_the_end_of_the_stream(answer: str, complete: bool, text: str, reason: str) -> None:
    assert finish_cut(answer, shape(), complete=complete) == Cut(text, reason)  # type: ignore[arg-type]


def test_the_most_lines_do_not_end_in_a_header() -> None:
    assert find_cut("a = 1\nfor b in c:\n", shape(max_lines=2)) == Cut("a = 1", "max-lines")


@pytest.mark.parametrize(
    ("code", "language", "opens"),
    [
        ("if a:", "python", True),
        ("x = {", "python", True),
        ("x = 1", "python", False),
        ("items.each do |item|", "ruby", True),
        ("def total(items)", "ruby", True),
        ("def total = 1 end", "ruby", False),
        ("def total(items)", "python", False),
        ("if [ -f a ]; then", "bash", True),
        ("local function f(a)", "lua", True),
        ("local f = function(a)", "lua", True),
        ("x => {", "typescript", True),
        ("", "python", False),
    ],
)
def test_block_openers(code: str, language: str, opens: bool) -> None:
    assert opens_block(code, language) is opens


def test_what_a_repetition_must_hold() -> None:
    assert [is_telling(line) for line in ("return x", "}", "});", "end", "else:", "try:", "a")] == [True] + [False] * 6
    assert same_line("\treturn x", "    return x  ")
    assert not same_line("  return x", "    return x")


LINES = st.sampled_from(
    ["", "a = 1", "    b = 2", "    if a:", "        c()", "}", "  {", "f(", ")", '"""', "return x", "# (", "end"]
)


@settings(deadline=None, max_examples=150)
@given(st.lists(LINES, max_size=12), st.sampled_from(["", "    ", "x = ", "if ", "f("]), st.booleans())
def test_an_answer_is_cut_at_the_same_place_however_it_streams(
    lines: list[str], line_prefix: str, block_start: bool
) -> None:
    where = shape(line_prefix, below="return x\n", block_start=block_start, max_lines=8)
    answer = "\n".join(lines) + "\n"
    whole = find_cut(answer, where)
    first = next((cut for end in range(len(answer)) if (cut := find_cut(answer[: end + 1], where))), None)
    assert first == whole
    if whole is not None:
        assert answer.startswith(whole.text)
