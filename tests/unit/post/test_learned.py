"""How sure the model must be, from what became of suggestions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeassist.post.learned import EDGES, least_probability


def test_without_anything_learned_it_is_what_the_settings_say() -> None:
    for wanted in (0.0, 0.1, 0.15, 0.17, 0.9):
        assert least_probability(wanted, []) == wanted


def test_it_rises_where_suggestions_are_typed_over() -> None:
    wrong = [(0.16, False)] * 40
    assert least_probability(0.15, wrong) == 0.2
    assert least_probability(0.15, [*wrong, *[(0.25, False)] * 40]) == 0.3


def test_a_few_do_not_move_it() -> None:
    assert least_probability(0.3, [(0.32, False), (0.32, True)]) in (0.3, 0.4)
    assert least_probability(0.15, [(0.16, False), (0.16, True), (0.17, True)]) == 0.15


def test_it_never_mutes_what_the_model_is_sure_of() -> None:
    everything = [(edge + 0.01, False) for edge in EDGES] * 200
    assert least_probability(0.15, everything) == 0.5
    assert least_probability(0.9, everything) == 0.9


def test_it_falls_where_less_sure_ones_were_asked_for_and_taken() -> None:
    assert least_probability(0.3, [(0.22, True)] * 40) == 0.2


def test_whoever_wants_everything_gets_it() -> None:
    assert least_probability(0.0, [(0.01, False)] * 100) == 0.0


@given(st.floats(0, 1), st.lists(st.tuples(st.floats(allow_nan=False), st.booleans()), max_size=60))
def test_it_is_a_probability(wanted: float, outcomes: list[tuple[float, bool]]) -> None:
    assert 0.0 <= least_probability(wanted, outcomes) <= max(wanted, 0.5)


@pytest.mark.parametrize("probability", [-1.0, 2.0])
def test_what_is_no_probability_is_taken_for_the_nearest(probability: float) -> None:
    assert least_probability(0.15, [(probability, False)]) == 0.15


def test_one_says_nothing_and_somebody_who_takes_few_is_not_muted() -> None:
    assert least_probability(0.15, [(0.18, False)]) == 0.15
    takes_a_third = [(edge + 0.01, number % 9 < 3 * edge + 1) for edge in EDGES[3:] for number in range(45)]
    assert least_probability(0.15, takes_a_third) < 0.3
