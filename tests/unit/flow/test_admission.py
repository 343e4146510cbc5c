"""Completions come first; reviews are taken back and lose nothing. Events say when, never the clock."""

from __future__ import annotations

import asyncio

import pytest

from codeassist.flow.admission import Admission, Begun, Rule
from tests.unit.flow.making import DEADLINE_S
from tests.unit.flow.making import until as holds


class Work:
    """Background work that says when it runs, waits to be let through, and notes how each run ended."""

    def __init__(self) -> None:
        self.running = asyncio.Event()
        self.go = asyncio.Event()
        self.runs: list[str] = []
        self.begun: Begun = lambda: None

    async def __call__(self, begun: Begun) -> str:
        self.runs.append("running")
        self.begun = begun
        self.running.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.runs[-1] = "taken back"
            raise
        finally:
            self.running.clear()
        self.runs[-1] = "done"
        return f"result {len(self.runs)}"


async def until(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), DEADLINE_S)


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_background_work_runs_when_nobody_else_does() -> None:
    work = Work()
    work.go.set()
    assert await Admission().background(work) == "result 1"
    assert work.runs == ["done"]


async def test_an_urgent_request_takes_background_work_back_and_it_is_run_again() -> None:
    admission, work = Admission(quiet_ms=0), Work()
    review = asyncio.ensure_future(admission.background(work))
    await until(work.running)
    async with admission.urgent():
        await turns()
        assert work.runs == ["taken back"]
        work.go.set()
        await turns()
        assert work.runs == ["taken back"], "nothing starts while the completion runs"
    assert await asyncio.wait_for(review, DEADLINE_S) == "result 2"
    assert work.runs == ["taken back", "done"]


async def test_work_can_be_taken_back_again_and_again() -> None:
    admission, work = Admission(quiet_ms=0), Work()
    review = asyncio.ensure_future(admission.background(work))
    for _ in range(3):
        await until(work.running)
        async with admission.urgent():
            await turns()
    await until(work.running)
    work.go.set()
    assert await asyncio.wait_for(review, DEADLINE_S) == "result 4"


RUNS_ON = Rule(seats=4, give_way="while-read")
"""Of a server that orders its queue by priority."""


async def test_on_a_server_with_priorities_a_review_that_is_answered_runs_on_and_none_starts() -> None:
    admission, running, waiting = Admission(quiet_ms=0), Work(), Work()
    first = asyncio.ensure_future(admission.background(running, RUNS_ON))
    await until(running.running)
    running.begun()
    async with admission.urgent():
        second = asyncio.ensure_future(admission.background(waiting, RUNS_ON))
        await turns()
        assert (running.runs, waiting.runs) == (["running"], [])
        running.go.set()
        assert await asyncio.wait_for(first, DEADLINE_S) == "result 1"
        await turns()
        assert waiting.runs == []
    waiting.go.set()
    assert await asyncio.wait_for(second, DEADLINE_S) == "result 1"


async def test_on_a_server_with_priorities_a_review_whose_prompt_is_read_is_taken_back() -> None:
    admission, answered, read = Admission(quiet_ms=0), Work(), Work()
    reviews = [asyncio.ensure_future(admission.background(work, RUNS_ON)) for work in (answered, read)]
    await turns()
    answered.begun()
    answered.begun()
    async with admission.urgent():
        await turns()
        assert (answered.runs, read.runs) == (["running"], ["taken back"])
        read.begun()  # Too late, and of the request that is gone.
    for work in (answered, read):
        work.go.set()
    assert await asyncio.wait_for(asyncio.gather(*reviews), DEADLINE_S) == ["result 1", "result 2"]


async def test_elsewhere_a_review_that_is_answered_is_taken_back_too() -> None:
    admission, work = Admission(quiet_ms=0), Work()
    review = asyncio.ensure_future(admission.background(work))
    await until(work.running)
    work.begun()
    async with admission.urgent():
        await turns()
        assert work.runs == ["taken back"]
    work.go.set()
    assert await asyncio.wait_for(review, DEADLINE_S) == "result 2"


async def test_what_was_taken_back_three_times_runs_to_its_end_in_the_next_quiet_moment() -> None:
    admission, work = Admission(quiet_ms=0), Work()
    review = asyncio.ensure_future(admission.background(work))
    for times in range(1, 4):
        await until(work.running)
        async with admission.urgent():
            await turns()
            assert work.runs == ["taken back"] * times
    await until(work.running)
    async with admission.urgent():
        await turns()
        assert work.runs == [*["taken back"] * 3, "running"]
        work.go.set()
        assert await asyncio.wait_for(review, DEADLINE_S) == "result 4"


async def test_only_so_many_run_at_once_whichever_review_they_belong_to() -> None:
    admission, works = Admission(quiet_ms=0), [Work() for _ in range(7)]
    reviews = [asyncio.ensure_future(admission.background(work, RUNS_ON)) for work in works]
    await turns()
    assert [bool(work.runs) for work in works] == [True] * 4 + [False] * 3
    works[2].go.set()
    await asyncio.wait_for(reviews[2], DEADLINE_S)
    await turns()
    assert [bool(work.runs) for work in works] == [True] * 5 + [False] * 2
    reviews[5].cancel()  # One that waits frees nothing.
    reviews[0].cancel()
    await asyncio.wait({reviews[0], reviews[5]}, timeout=DEADLINE_S)
    await turns()
    assert works[0].runs == ["taken back"]
    assert [bool(work.runs) for work in works[4:]] == [True, False, True]
    for work in works:
        work.go.set()
    await asyncio.wait_for(asyncio.gather(*reviews, return_exceptions=True), DEADLINE_S)


async def test_taken_back_work_keeps_its_seat_so_that_others_do_not_overtake_it() -> None:
    admission, first, second = Admission(quiet_ms=0), Work(), Work()
    reviews = [asyncio.ensure_future(admission.background(work)) for work in (first, second)]
    await until(first.running)
    async with admission.urgent():
        await turns()
    await until(first.running)
    assert (first.runs[-1], second.runs) == ("running", [])
    for work in (first, second):
        work.go.set()
    await asyncio.wait_for(asyncio.gather(*reviews), DEADLINE_S)


async def test_background_work_waits_for_all_urgent_requests() -> None:
    admission, work = Admission(quiet_ms=0), Work()
    work.go.set()
    first, second = admission.urgent(), admission.urgent()
    await first.__aenter__()
    await second.__aenter__()
    review = asyncio.ensure_future(admission.background(work))
    await turns()
    await first.__aexit__(None, None, None)
    await turns()
    assert work.runs == []
    await second.__aexit__(None, None, None)
    assert await asyncio.wait_for(review, DEADLINE_S) == "result 1"


async def test_urgent_requests_do_not_wait_for_each_other() -> None:
    admission = Admission()
    async with admission.urgent(), admission.urgent():
        pass


async def test_background_work_stays_held_back_for_a_while_after_typing() -> None:
    admission, work = Admission(quiet_ms=3_600_000), Work()
    async with admission.urgent():
        pass
    review = asyncio.ensure_future(admission.background(work))
    await turns()
    assert work.runs == []
    review.cancel()
    with pytest.raises(asyncio.CancelledError):
        await review


async def test_cancelling_a_review_ends_its_work_before_it_returns() -> None:
    admission, work = Admission(), Work()
    review = asyncio.ensure_future(admission.background(work))
    await until(work.running)
    review.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(review, DEADLINE_S)
    assert work.runs == ["taken back"]


async def test_a_review_cancelled_in_the_moment_it_is_taken_back_stays_cancelled() -> None:
    admission, work = Admission(quiet_ms=0), Work()
    review = asyncio.ensure_future(admission.background(work))
    await until(work.running)
    async with admission.urgent():
        review.cancel()
        await turns()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(review, DEADLINE_S)
    assert work.runs == ["taken back"]


async def test_a_review_cancelled_while_it_waits_ends() -> None:
    admission, work = Admission(), Work()
    async with admission.urgent():
        review = asyncio.ensure_future(admission.background(work))
        await turns()
        review.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(review, DEADLINE_S)
    assert work.runs == []


async def test_work_that_is_done_in_the_moment_of_an_urgent_request_is_not_lost() -> None:
    admission, work = Admission(quiet_ms=0), Work()
    review = asyncio.ensure_future(admission.background(work))
    await until(work.running)
    work.go.set()
    await holds(lambda: work.runs == ["done"])
    async with admission.urgent():
        assert await asyncio.wait_for(review, DEADLINE_S) == "result 1"
    assert work.runs == ["done"]


async def test_work_that_cancels_itself_is_cancelled() -> None:
    async def work(begun: Begun) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(Admission().background(work), DEADLINE_S)


async def test_failures_pass_through_and_leave_nothing_behind() -> None:
    admission = Admission(quiet_ms=0)

    async def fails(begun: Begun) -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await admission.background(fails)
    with pytest.raises(LookupError, match="gone"):
        async with admission.urgent():
            await fails(lambda: None)
    work = Work()
    work.go.set()
    assert await asyncio.wait_for(admission.background(work), DEADLINE_S) == "result 1"


async def test_a_cancelled_urgent_request_lets_background_work_on() -> None:
    admission, work = Admission(quiet_ms=0), Work()
    work.go.set()
    entered = asyncio.Event()

    async def completion() -> None:
        async with admission.urgent():
            entered.set()
            await asyncio.Event().wait()

    typing = asyncio.ensure_future(completion())
    await until(entered)
    review = asyncio.ensure_future(admission.background(work))
    await turns()
    typing.cancel()
    assert await asyncio.wait_for(review, DEADLINE_S) == "result 1"
