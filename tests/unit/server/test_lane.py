"""One thing after the other, off the event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from codeassist.server.lane import Lane


async def test_one_after_the_other_on_one_thread() -> None:
    lane = Lane("test")
    first, second = await asyncio.gather(lane.run(threading.get_ident), lane.run(threading.get_ident))
    assert first == second != threading.get_ident()
    lane.close()


async def test_what_is_raised_is_raised_where_it_is_waited_for_and_ends_nothing() -> None:
    lane = Lane("test")
    with pytest.raises(ZeroDivisionError):
        await lane.run(lambda: 1 // 0)
    assert await lane.run(lambda: 1) == 1
    lane.close()


async def test_what_is_cancelled_before_its_turn_is_left_out() -> None:
    lane = Lane("test")
    turn = threading.Event()
    done: list[int] = []
    first = lane.run(turn.wait)
    second = lane.run(lambda: done.append(2))
    third = lane.run(lambda: done.append(3))
    second.cancel()
    await asyncio.sleep(0)  # The lane hears of it with the next step of the loop.
    turn.set()
    await asyncio.gather(first, third)
    assert done == [3]
    lane.close()


async def test_after_the_end_nothing_is_done() -> None:
    lane = Lane("test")
    last = lane.run(lambda: "last")
    lane.close()
    assert await last == "last"
    with pytest.raises(asyncio.CancelledError):
        await lane.run(lambda: "never")
