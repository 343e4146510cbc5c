"""What is known of a server limits what is asked of it."""

from __future__ import annotations

from typing import Literal

import pytest

from codeassist.flow.admission import Rule
from codeassist.flow.asking import FAST, SEATS, Bound
from codeassist.model.abilities import Abilities, Known
from codeassist.model.scripted import ScriptedModel
from codeassist.prompt.families import family


def bound(**abilities: object) -> Bound:
    known = Abilities(**abilities)  # type: ignore[arg-type]
    return Bound(ScriptedModel(""), family("qwen-coder"), "coder", parallel=SEATS, cost=FAST, abilities=known)


@pytest.mark.parametrize(
    ("context", "wanted", "tokens"),
    [
        (None, 0, 2048),
        (None, 5000, 5000),
        (32_768, 0, 2048),
        (2048, 0, 1632),  # 85 % of what the answer leaves.
        (2048, 5000, 1632),
        (2048, 300, 300),
        (128, 0, 64),
    ],
)
def test_prompt_and_answer_fit_the_context(context: int | None, wanted: int, tokens: int) -> None:
    assert bound(max_model_tokens=context).prompt_tokens(wanted, 128) == tokens


@pytest.mark.parametrize(("cancel", "tokens"), [("yes", 128), ("unknown", 128), ("no", 48)])
def test_a_server_that_does_not_stop_is_asked_for_little(cancel: Known, tokens: int) -> None:
    assert bound(cancel=cancel).answer_tokens(128) == tokens
    assert bound(cancel=cancel).answer_tokens(16) == 16


@pytest.mark.parametrize(("priority", "give_way"), [("yes", "while-read"), ("unknown", "always"), ("no", "always")])
def test_reviews_run_on_only_where_the_server_puts_completions_first(
    priority: Known, give_way: Literal["always", "while-read"]
) -> None:
    assert bound(priority=priority).rule == Rule(seats=4, give_way=give_way)
