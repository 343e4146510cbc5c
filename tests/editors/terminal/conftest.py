"""A scripted engine beside editors that are driven from the tests' own thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from tests.e2e.programs import MODEL
from tests.fake_vllm import Behaviour, FakeVllm


@pytest.fixture(scope="session")
def engine() -> Iterator[FakeVllm]:
    """It answers in a thread of its own, and is told what to answer from any."""
    started, ended = threading.Event(), asyncio.Event()
    made = FakeVllm(models=(MODEL,))
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with made:
            started.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), name="engine")
    thread.start()
    assert started.wait(30)
    yield made
    loop.call_soon_threadsafe(ended.set)
    thread.join()
    loop.close()


@pytest.fixture
def fake(engine: FakeVllm) -> FakeVllm:
    """The engine as it is when a test begins."""
    engine.behaviour, engine.answer = Behaviour(), ""
    engine.received.clear()
    return engine
