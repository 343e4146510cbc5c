"""An answer that begins with what was asked: where the new part begins, and when that is not known yet."""

from __future__ import annotations

import pytest

from codeassist.post.parrot import Said, behind_echo, echoes_of
from codeassist.prompt.families import family

PREFIX = "import math\n\ndef area(radius):\n    square = radius * radius\n    return "
PROMPT = f"<|fim_prefix|>{PREFIX}<|fim_suffix|>\n\nprint(area(2))\n<|fim_middle|>"
BARE = f"{PREFIX}\n\nprint(area(2))\n"
ECHOES = echoes_of(PROMPT, family("qwen-coder"), PREFIX, "python")


@pytest.mark.parametrize("echo", [PROMPT, BARE, PREFIX, "square = radius * radius\n    return "])
def test_an_echo_is_taken_away_when_it_is_whole(echo: str) -> None:
    assert behind_echo(f"{echo}math.pi * square", ECHOES) == Said("math.pi * square", repeated=True)
    assert behind_echo(echo, ECHOES).is_echo
    for end in range(1, len(echo) - 1):
        begun = behind_echo(echo[:end], ECHOES)
        assert begun.repeated or begun.undecided


@pytest.mark.parametrize(
    "answer", ["", "\n    ", "math.pi", "return math.pi", "import os", "square = 2", "    return x"]
)
def test_what_parts_from_it_is_an_answer(answer: str) -> None:
    assert behind_echo(answer, ECHOES) == Said(answer)


def test_the_beginning_of_an_echo_is_one_if_it_is_long() -> None:
    assert behind_echo(PREFIX[:60], ECHOES).is_echo
    assert not behind_echo("import", ECHOES).is_echo


@pytest.mark.parametrize(
    ("prefix", "answer"),
    [
        ("f(\n    1,\n)\n", ")\n"),
        ("def f():\n    next(lines)\n    ", "next(lines)\n    return lines\n"),
        ("", "x = 1\n"),
        ('"', '"x = 1\n'),
    ],
    ids=["closers", "one line", "nothing before", "a sign before"],
)
def test_what_is_written_twice_is_no_echo(prefix: str, answer: str) -> None:
    echoes = echoes_of(
        f"<|fim_prefix|>{prefix}<|fim_suffix|>x = 1\n<|fim_middle|>", family("qwen-coder"), prefix, "python"
    )
    assert not behind_echo(answer, echoes).repeated


def test_where_the_suffix_comes_first_a_repeated_suffix_is_no_echo() -> None:
    prompt = "[SUFFIX]x = 1\n[PREFIX]y = "
    assert not behind_echo("x = 1\n", echoes_of(prompt, family("codestral"), "y = ", "python")).undecided
