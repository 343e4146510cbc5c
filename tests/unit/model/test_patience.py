"""What is waited for counts, and nothing else. The clock is a number."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import anyio
import pytest

from codeassist.model.errors import Unreachable
from codeassist.model.patience import Patience


def late(waited_s: float) -> Unreachable:
    return Unreachable(f"waited {waited_s:g} s")


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(anyio, "current_time", lambda: self.now)

    async def stream(self, *waits: float) -> AsyncGenerator[int, None]:
        for number, wait_s in enumerate(waits):
            self.now += wait_s
            yield number
        await asyncio.Event().wait()


async def test_the_reader_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    seen = []
    async with aclosing(Patience(10.0, 5.0, late).pieces(clock.stream(1.0, 1.0, 1.0))) as pieces:
        async for piece in pieces:
            seen.append(piece)
            clock.now += 1_000.0
            if piece == 2:
                break
    assert seen == [0, 1, 2]


async def test_pieces_that_are_no_token_use_the_time_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    pieces = Patience(10.0, 5.0, late).pieces(clock.stream(*[4.0] * 9))
    assert [await anext(pieces) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(Unreachable, match="waited 10 s"):
        await anext(pieces)  # Nothing is left after twelve seconds.


async def test_a_token_starts_the_time_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    patience = Patience(10.0, 5.0, late)
    pieces = patience.pieces(clock.stream(*[4.0] * 9))
    for _ in range(8):
        await anext(pieces)
        patience.progress()
    patience.progress(2.0)
    assert await anext(pieces) == 8
    with pytest.raises(Unreachable, match="waited 2 s"):
        await anext(pieces)
