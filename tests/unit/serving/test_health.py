"""When a server may be asked again. The clock is a number."""

from __future__ import annotations

import pytest

from codeassist.model.errors import BadRequest, Overloaded, ServerFailed, Unauthorised, Unreachable
from codeassist.serving.remote.health import WELL, Health


def failing(*errors: Exception, jitter: float = 1.0, now: float = 100.0) -> Health:
    health = WELL
    for error in errors:
        health = health.failed(error, now, jitter)  # type: ignore[arg-type]
    return health


def test_a_server_that_has_too_much_to_do_is_left_alone_for_longer_and_longer() -> None:
    busy = Overloaded("busy")
    waits = [failing(*[busy] * times).wait_s(100.0) for times in range(1, 8)]
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    assert failing(busy).state(100.9) == "closed"
    assert failing(busy).state(101.0) == "shunned"


def test_editors_of_a_team_come_back_at_different_times() -> None:
    assert failing(Overloaded("busy"), jitter=0.0).wait_s(100.0) == 0.5
    told = [failing(Overloaded("busy", 20.0), jitter=jitter).wait_s(100.0) for jitter in (0.0, 1.0)]
    assert told == [20.0, 22.0], "never before the time that the server named"


@pytest.mark.parametrize(("named_s", "wait_s"), [(5.0, 5.0), (3600.0, 30.0), (0.0, 1.0)])
def test_a_named_time_is_kept_to_within_bounds(named_s: float, wait_s: float) -> None:
    assert failing(Overloaded("busy", named_s), jitter=0.0).wait_s(100.0) == wait_s


def test_a_server_that_is_not_there_is_asked_again_within_two_seconds() -> None:
    waits = [failing(*[Unreachable("gone")] * times).wait_s(100.0) for times in range(1, 40)]
    assert waits[:4] == [0.5, 1, 2, 2]
    assert max(waits) == 2


@pytest.mark.parametrize("error", [ServerFailed("oops"), Unauthorised("no")])
def test_other_failures_close_nothing_but_let_others_go_first(error: Exception) -> None:
    health = failing(error)
    assert health.state(100.0) == "shunned"
    assert health.wait_s(100.0) == 0
    assert not health.is_due(101.9)
    assert health.is_due(102.0)


def test_a_wrong_request_says_nothing_about_the_server() -> None:
    assert failing(BadRequest("too long")) is WELL


def test_an_answer_forgives_all() -> None:
    assert failing(Overloaded("busy"), ServerFailed("oops")).answered() is WELL


def test_being_there_again_forgives_only_until_the_next_failure() -> None:
    back = failing(*[ServerFailed("oops")] * 3).looked_at()
    assert back.state(100.0) == "well"
    assert back.failed(ServerFailed("oops"), 200.0, 0.0).shunned_until == 216.0
