"""The joint probability of a first line."""

from __future__ import annotations

import math

import pytest

from codeassist.post.confidence import Confidence


def test_tokens_multiply_up_to_the_end_of_the_first_line() -> None:
    sure = Confidence()
    sure.add([("\n", -0.5), ("    x", -1.0)])
    sure.add([(" = 1\n", -0.25), ("y", -9.0)])
    sure.add([("z", -9.0)])
    assert sure.ended
    assert sure.probability == pytest.approx(math.exp(-1.75))


def test_nothing_is_known_without_tokens() -> None:
    sure = Confidence()
    sure.add([])
    assert sure.probability is None
    assert not sure.is_below(1.0)


@pytest.mark.parametrize("logprob", [0.0, 0.5, math.nan, math.inf])
def test_what_is_no_probability_counts_as_certain(logprob: float) -> None:
    sure = Confidence()
    sure.add([("x", logprob)])
    assert sure.probability == 1.0


def test_it_can_only_become_less() -> None:
    sure = Confidence()
    sure.add([("x", -1.0)])
    assert sure.is_below(0.5)
    assert not sure.is_below(0.3)
    sure.add([("y", -math.inf)])
    assert sure.is_below(0.001)
