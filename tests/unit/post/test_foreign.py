"""Control tokens that have not come whole, and code that looks like the beginning of one."""

from __future__ import annotations

import pytest

from codeassist.post.foreign import Surroundings, without_foreign


@pytest.mark.parametrize(
    "end",
    [
        "<|f",
        "<|fim_mid",
        "<|endoftext|",
        "<｜",
        "<｜fim▁ho",
        "<fim_",
        "<fim_suff",
        "<[fim-mi",
        " ▁<MI",
        "</think",
        "<|",
    ],
)
def test_the_beginning_of_a_control_token_is_held_back(end: str) -> None:
    found = without_foreign(f"sum(prices){end}", Surroundings("python"))
    assert (found.text, found.over) == ("sum(prices)", False)


@pytest.mark.parametrize(
    "code", ["a <| b", "f <|", "a < fim", "x <fine", "a<th", "</td", "a <[b", "a | b", "List<E", "|x"]
)
def test_code_is_not(code: str) -> None:
    assert without_foreign(code, Surroundings("javascript")).text == code


def test_what_was_held_back_comes_with_the_rest() -> None:
    assert without_foreign("a<|b", Surroundings("scala")).text == "a"
    assert without_foreign("a<|b c", Surroundings("scala")).text == "a<|b c"
