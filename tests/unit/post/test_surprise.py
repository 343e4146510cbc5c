"""The arithmetic of the infill check, table by table."""

from __future__ import annotations

import pytest

from codeassist.post.surprise import Choice, Divergence, Reading, Step, advantage, walk


def sure(text: str) -> Choice:
    """A token that the model sees no alternative to."""
    return Choice(text, -0.01, ((text, -0.01),))


def choice(text: str, logprob: float, *others: tuple[str, float]) -> Choice:
    return Choice(text, logprob, ((text, logprob), *others))


def test_a_line_as_the_model_writes_it() -> None:
    assert walk("return a + b", 0, [sure("return"), sure(" a + b"), sure("\n")]) == Step(None, None, -0.02)


def test_a_token_may_reach_over_the_end_of_the_line() -> None:
    assert walk("f(x):", 0, [sure("f(x"), sure("):\n\n")]) == Step(None, None, -0.02)
    assert walk("f(x)", 0, [sure("f(x"), sure("):\n")]).divergence is not None


def test_a_control_token_where_the_line_ends_ends_it() -> None:
    assert walk("x", 0, [sure("x"), choice("", -0.1)]) == Step(None, None, -0.01)


def test_the_model_ends_the_line_early() -> None:
    step = walk("x = 1", 0, [sure("x"), choice("", -0.5, (" =", -2.5))])
    assert step.divergence == Divergence(1, "", 2.0, -0.5)
    assert step.force == 3


def test_a_listed_token_of_the_file_gives_the_gap() -> None:
    step = walk("a - b", 0, [sure("a"), choice(" +", -0.1, (" -", -4.1), (" -=", -9)), sure(" b"), sure("\n")])
    assert step.divergence is not None
    assert (step.divergence.position, step.divergence.expected) == (1, " + b")
    assert step.divergence.gap == pytest.approx(4.0)
    assert step.divergence.confidence == pytest.approx(-0.12)
    assert not step.divergence.bounded
    assert step.force == 3


def test_the_likeliest_of_several_fitting_tokens_counts() -> None:
    step = walk("total", 0, [choice("x", -0.5, ("to", -3.0), ("total", -2.0))])
    assert step.divergence is not None
    assert step.divergence.gap == pytest.approx(1.5)
    assert step.force is None, "the rest of the line was this token"


def test_an_unlisted_token_is_less_likely_than_all_listed() -> None:
    step = walk("a * b", 0, [sure("a"), choice(" +", -0.1, (" -", -6.0))])
    assert step.divergence is not None
    assert step.divergence.bounded
    assert step.divergence.gap == pytest.approx(6.9)
    assert step.force == 3, "the whole next lexeme is forced"


def test_an_unlisted_indentation_is_forced_but_for_its_last_character() -> None:
    """Tokenizers join that to the first word, which is to be judged as well."""
    step = walk("    return a", 0, [choice("print", -0.1, ("x", -6.0))])
    assert step.force == 3
    assert walk("    return a", 3, [sure(" return"), sure(" a"), sure("\n")]) == Step(None, None, -0.02)
    assert walk("\treturn a", 0, [choice("print", -0.1, ("x", -6.0))]).force == len("\treturn")


def test_the_walk_goes_on_from_the_forced_text() -> None:
    assert walk("a * b", 3, [sure(" b"), sure("\n")]) == Step(None, None, -0.01)
    assert walk("a * b", 5, [sure("anything")]) == Step(None, None)


def test_no_choices_no_judgement() -> None:
    assert walk("a * b", 0, []) == Step(None, None)


def test_the_expected_rest_ends_with_its_line() -> None:
    step = walk("x", 0, [choice("y", -0.1, ("x", -5.0)), sure(" + 1 \nmore"), sure("never")])
    assert step.divergence is not None
    assert step.divergence.expected == "y + 1"
    assert step.divergence.confidence == pytest.approx(-0.11)


def test_score_counts_certainty() -> None:
    assert Divergence(0, "x", gap=6.0, confidence=-2.0).score < Divergence(0, "x", gap=6.0, confidence=0.0).score == 6.0


def test_a_walk_says_how_likely_the_text_is_that_it_walked_over() -> None:
    step = walk("a - b", 0, [sure("a"), choice(" +", -0.1, (" -", -4.1)), sure(" b"), sure("\n")])
    assert step.logprob == pytest.approx(-4.11)
    assert walk("a - b", 3, [sure(" b"), sure("\n")]).logprob == pytest.approx(-0.01)


def test_the_advantage_of_the_line_before() -> None:
    now = Reading((), -7.0)
    assert advantage(Reading((), -2.0), now) == 5.0
    assert advantage(Reading((), -9.0), now) == -2.0
    assert advantage(Reading((), -2.0), Reading((), -40.0, cut=True)) == 8.0, "no gap counts more"
    assert advantage(Reading((), -2.0, cut=True), now) < -100, "nobody knows how unlikely that one is"
