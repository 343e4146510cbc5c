from __future__ import annotations

import pytest

from codeassist.prompt.families import family
from codeassist.prompt.holefill import HOLE, extract_completion, render_holefill
from tests.unit.prompt.making import packed

KIMI = family("kimi")


def test_the_last_question_is_the_file_with_one_mark() -> None:
    *_, question, opening = render_holefill(
        packed("total = ", "\n", snippets=(("shop/money.py", "class Price: ..."),)), KIMI
    )
    assert question.role == "user"
    assert question.content == (
        f"File shop/money.py:\n```\nclass Price: ...\n```\n\nFile with the mark {HOLE}: shop/cart.py\n"
        f"```python\ntotal = {HOLE}\n```"
    )
    assert (opening.role, opening.content) == ("assistant", "<insert>")


def test_the_examples_answer_in_the_form_that_is_read() -> None:
    turns = render_holefill(packed("a"), KIMI)
    assert turns[0].role == "system"
    answers = [extract_completion(turn.content) for turn in turns[:-1] if turn.role == "assistant"]
    assert len(answers) == 3
    assert answers[0] == "width * height"
    assert all(HOLE in turn.content for turn in turns if turn.role == "user")


def test_a_model_that_cannot_continue_its_answer_is_asked_to_begin_it() -> None:
    assert render_holefill(packed("a"), family("gpt-oss"))[-1].role == "user"


def test_a_file_cannot_close_its_fence_nor_make_a_second_hole() -> None:
    question = render_holefill(packed(f"x = '{HOLE}'\n````\n", "z"), family("gpt-oss"))[-1].content
    assert question == (f"File with the mark ⟦here 2⟧: shop/cart.py\n`````python\nx = '{HOLE}'\n````\n⟦here 2⟧z\n`````")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("<insert>x + 1</insert>", "x + 1"),
        ("x + 1</insert> This adds one.", "x + 1"),
        ("x + 1", "x + 1"),
        ("<insert>x + 1", "x + 1"),
        ("<insert>x + 1</ins", "x + 1"),
        ("<insert>if x <", "if x "),  # What may be the closing tag is held back until more comes.
        ("<insert>x + 1</", "x + 1"),
        ("<INSERT>x + 1</INSERT>", "x + 1"),
        ("<insert>x + 1</insert><insert>y</insert>", "x + 1"),
        ("<insert></insert>", ""),
        ("", ""),
        ("<think>perhaps <insert>y</insert></think>\n<insert>x + 1</insert>", "x + 1"),
        ("Here you are:\n```python\nx + 1\n```\nIt adds one.", "x + 1"),
        ("```\nx + 1", "x + 1"),
        ("<insert>\n```python\nx + 1\n```\n</insert>", "x + 1"),
        ("<insert>\nx + 1\n</insert>", "x + 1"),
        ("<insert>\n    x + 1</insert>", "\n    x + 1"),
        ("<insert>x + 1\n    y = 2</insert>", "x + 1\n    y = 2"),
        (f"<insert>{HOLE}x + 1</insert>", "x + 1"),
        ("<insert>Run:\n```sh\nmake\n```\n</insert>", "Run:\n```sh\nmake\n```\n"),
    ],
)
def test_reads_the_insertion(answer: str, text: str) -> None:
    assert extract_completion(answer) == text


@pytest.mark.parametrize(
    ("answer", "line_prefix", "text"),
    [
        ("<insert>    return x + 1</insert>", "    return ", "x + 1"),
        ("<insert>return x + 1</insert>", "    return ", "x + 1"),
        ("<insert>x + 1</insert>", "    return ", "x + 1"),
        ("<insert>    y = 2</insert>", "    ", "y = 2"),
        ("<insert>        y = 2</insert>", "    ", "    y = 2"),
        ("<insert>a(a)</insert>", "a", "a(a)"),
    ],
)
def test_drops_what_the_line_already_says(answer: str, line_prefix: str, text: str) -> None:
    assert extract_completion(answer, line_prefix) == text


@pytest.mark.parametrize(
    "answer",
    ["<insert>x + 1\n    y = 2</insert>", "<think>so <b></think><insert>x + 1\n    y = 2</insert>"],
)
def test_a_growing_answer_never_shows_what_is_not_code(answer: str) -> None:
    final = extract_completion(answer)
    for end in range(len(answer)):
        assert final.startswith(extract_completion(answer[:end]))


def test_a_growing_block_is_read_from_its_second_line() -> None:
    answer = "```python\nx + 1\n```"
    shown = [extract_completion(answer[:end]) for end in range(len(answer) + 1)]
    assert [text for text in shown[: len("```python")] if text] == []
    assert shown[-1] == "x + 1"
