"""The parser of the `.case` format itself."""

from __future__ import annotations

import pytest

from tests.cases.format import CaseError, Expected, parse_case, update_goldens
from tests.cases.running import run_completion, run_review, same_answer
from tests.conftest import pytest_configure

SAMPLE = """\
Completes with a type imported from a sibling file.

family: qwen-coder
completion.max_lines: 3

-- shop/cart.py --
from .money import Price

def total(items):
    return <CURSOR>
-- shop/money.py --
class Price: ...
-- @context --
shop/money.py:0-1 defines Price
-- @model --
sum(¦items, Price(0))
-- @answer --
3:11 insert "sum(items, Price(0))"
"""


def test_a_whole_case() -> None:
    case = parse_case(SAMPLE)
    assert case.prose == "Completes with a type imported from a sibling file."
    assert case.options == {"family": "qwen-coder", "completion.max_lines": "3"}
    assert case.settings == {"completion.max_lines": "3"}
    assert list(case.files) == ["shop/cart.py", "shop/money.py"]
    assert case.files["shop/cart.py"] == "from .money import Price\n\ndef total(items):\n    return \n"
    assert case.cursor == ("shop/cart.py", len("from .money import Price\n\ndef total(items):\n    return "))
    assert case.model == "sum(¦items, Price(0))\n"
    assert case.goldens["@answer"] == '3:11 insert "sum(items, Price(0))"\n'


def test_prose_with_a_colon_is_prose() -> None:
    case = parse_case("Two kinds of line: long ones.\n\nNote: both are shown.\n-- a.py --\n")
    assert case.prose == "Two kinds of line: long ones.\n\nNote: both are shown."
    assert case.options == {}


def test_only_lines_of_a_whole_section_line_begin_one() -> None:
    text = "Shows.\n-- a.lua --\n-- a comment --\nx = 1 -- a.py --\n  -- a.py --\n"
    assert list(parse_case(text).files) == ["a.lua"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-- a.py --\nx\n", "sentence"),
        ("family: kimi\n\n-- a.py --\nx\n", "sentence"),
        ("Two.\n-- a.py --\n<CURSOR><CURSOR>\n", "one cursor"),
        ("Two.\n-- a.py --\n<CURSOR>\n-- b.py --\n<CURSOR>\n", "one cursor"),
        ("Shows.\n-- @nope --\n", "no section '@nope'"),
        ("Shows.\n-- answer --\n", "no section 'answer'"),
        ("Shows.\n-- a.py --\n-- a.py --\n", "twice"),
        ("Shows.\n-- @model --\n-- @model --\n", "twice"),
        ("Shows.\n\nfamly: kimi\n\n-- a.py --\n", "no option 'famly'"),
        ("Shows.\n\nserver.url: http://x\n\n-- a.py --\n", "no option"),
        ("Shows.\n-- a.py --\n<SEL>a\n", "one selection"),
        ("Shows.\n-- a.py --\n</SEL>a<SEL>\n", "one selection"),
        ("Shows.\n-- a.py --\n<SEL>a</SEL><SEL>b</SEL>\n", "one selection"),
        ("Shows.\n-- a.py --\n#^ warning bug\nx\n", "under the line"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        parse_case(text)


def test_expected_findings() -> None:
    case = parse_case(
        "Flags.\n-- a.py --\ndef f(x=[]):\n#       ^^ warning mutable-default\n    return x\n    print(1)\n"
        "#< info unreachable\n-- b.go --\n\tx := 1\n\t//   ^ error bug\n"
    )
    assert case.files["a.py"] == "def f(x=[]):\n    return x\n    print(1)\n"
    assert case.files["b.go"] == "\tx := 1\n"
    assert case.expected == (
        Expected("a.py", 0, 8, 10, "warning", "mutable-default"),
        Expected("a.py", 2, 4, 12, "info", "unreachable"),
        Expected("b.go", 0, 6, 7, "error", "bug"),
    )


def test_marks_do_not_move_the_cursor_or_each_other() -> None:
    case = parse_case("Both.\n-- a.py --\nx\n#^ error bug\n<SEL>y<CURSOR></SEL>z\n")
    assert case.files["a.py"] == "x\nyz\n"
    assert case.cursor == ("a.py", 8), "counted with the selection's first mark, which is taken out after it"


def test_crlf() -> None:
    case = parse_case("Lines.\n\nnewline: crlf\n\n-- a.py --\nx\ny\n<CURSOR>z\n")
    assert case.files["a.py"] == "x\r\ny\r\nz\r\n"
    assert case.cursor == ("a.py", 6)


def test_escapes() -> None:
    body = r"a\u000c\ud83c\\n\tb\q\0" + "\\\n"
    case = parse_case(f"Odd characters.\n-- a.py escaped --\n{body}-- b.py --\n{body}")
    assert case.files["a.py"] == "a\x0c\ud83c\\n\tb\\q\0"
    assert case.files["b.py"] == body


def test_only_goldens_are_rewritten() -> None:
    assert update_goldens(SAMPLE, {}) == SAMPLE
    changed = update_goldens(SAMPLE, {"@answer": "silence empty\n", "shop/cart.py": "no", "@model": "no"})
    assert changed == SAMPLE.replace('3:11 insert "sum(items, Price(0))"', "silence empty")
    with pytest.raises(CaseError, match="begins a section"):
        update_goldens(SAMPLE, {"@answer": "-- b.py --\n"})


def test_answers_are_compared_by_what_they_say() -> None:
    assert same_answer('0:1 insert "\\u00e9"\n', '0:1 insert "é"\n')
    assert not same_answer('0:1 insert "e"\n', '0:1 insert "é"\n')
    assert not same_answer('0:1 insert "é"\n', '0:1-0:2 replace "é"\n')
    assert same_answer("silence empty\n", "silence empty")
    assert not same_answer("silence empty\n", "silence blank\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("No cursor.\n-- a.py --\nx\n-- @answer --\n", "has a cursor"),
        ("Findings.\n-- a.py --\n<CURSOR>\n-- @findings --\n", "has no findings"),
        ("Wrong value.\n\ncompletion.max_lines: many\n\n-- a.py --\n<CURSOR>\n-- @answer --\n", "max_lines"),
    ],
)
async def test_a_completion_case_that_cannot_run(text: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        await run_completion(parse_case(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Cursor.\n-- a.py --\n<CURSOR>\n", "no cursor"),
        ("Answer.\n-- a.py --\nx\n-- @answer --\n", "no answer"),
        ("Language.\n-- a.unknown --\nx\n", "no grammar"),
    ],
)
async def test_a_review_case_that_cannot_run(text: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        await run_review(parse_case(text))


async def test_a_stream_is_checked() -> None:
    with pytest.raises(AssertionError, match="not closed"):
        await run_completion(parse_case("Streams.\n\nstream: closed\n\n-- a.py --\n<CURSOR>\n-- @model --\nx\n"))


class Asked:
    """A run that was asked to update goldens."""

    def getoption(self, name: str) -> bool:
        return name == "--update-goldens"


def test_goldens_are_not_rewritten_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.UsageError, match="CI"):
        pytest_configure(Asked())  # type: ignore[arg-type]  # A stand-in for the one method it calls.
    monkeypatch.delenv("CI")
    pytest_configure(Asked())  # type: ignore[arg-type]  # As above.
