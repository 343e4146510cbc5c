"""How long to wait for the next key."""

from __future__ import annotations

import pytest

from codeassist.flow.rhythm import Rhythm


def typing(interval_s: float, keys: int = 60) -> Rhythm:
    rhythm = Rhythm()
    for number in range(keys):
        rhythm.key(number * interval_s)
    return rhythm


def test_it_learns_the_time_between_keys_and_leaves_pauses_out() -> None:
    rhythm = typing(0.1)
    assert rhythm.interval_s == pytest.approx(0.1, abs=0.001)
    rhythm.key(1000.0)
    assert rhythm.interval_s == pytest.approx(0.1, abs=0.001)


def test_an_engine_that_answers_between_two_keys_is_asked_when_the_next_is_due() -> None:
    rhythm = typing(0.2)
    for _ in range(60):
        rhythm.answered(0.15)
    assert rhythm.wait_s(1.0, line_start=False) == pytest.approx(0.05, abs=0.005)
    assert rhythm.wait_s(0.03, line_start=False) == 0.03


def test_a_slow_engine_is_asked_at_once() -> None:
    rhythm = typing(0.2)
    rhythm.answered(0.9)
    assert rhythm.wait_s(1.0, line_start=False) == 0.0


def test_at_the_start_of_a_line_nothing_is_waited_for_after_a_pause() -> None:
    rhythm = typing(0.2)
    assert rhythm.wait_s(1.0, line_start=True) > 0
    rhythm.key(60 * 0.2 + 0.7)
    assert rhythm.wait_s(1.0, line_start=True) == 0.0
    assert rhythm.wait_s(1.0, line_start=False) > 0
    assert Rhythm().wait_s(1.0, line_start=True) == 0.0


def test_a_clock_that_goes_back_does_no_harm() -> None:
    rhythm = Rhythm()
    rhythm.key(5.0)
    rhythm.key(4.0)
    assert rhythm.interval_s == 0.2


def test_what_the_editor_has_waited_is_not_waited_for_again() -> None:
    rhythm = typing(0.2)
    rhythm.waited_s = 0.05
    assert rhythm.wait_s(0.06, line_start=False) == pytest.approx(0.01)
    assert rhythm.wait_s(0.04, line_start=False) == 0.0
    rhythm.answered(0.9)
    assert rhythm.wait_s(1.0, line_start=False) == 0.0
