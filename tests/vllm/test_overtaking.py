"""A completion and a queue of reviews: vLLM orders its waiting requests by the priority that we give them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.e2e.editor import Editor, start
from tests.e2e.places import CURSOR, cut
from tests.vllm.conftest import SEATS, variables
from tests.vllm.servers import Server, events

pytestmark = pytest.mark.asyncio(loop_scope="session")

REVIEWS = 12
TEXT, AT = cut(f"def total(prices):\n    return {CURSOR}\n")


LONG_FUNCTION = "def describe(order):\n    lines = []\n" + "".join(
    f"    if order.{name}:\n        lines.append('{name}: ' + str(order.{name}))\n"
    for name in ("number", "customer", "address", "weight", "price", "discount")
)


class Queue:
    """Requests of other editors, all of one length. `begun` counts those that have their first token."""

    def __init__(self, server: Server, priority: int) -> None:
        self.server = server
        self.priority = priority
        self.begun = 0

    async def one(self, number: int) -> None:
        body = {
            "model": self.server.name,
            "prompt": f"# Review {number}\n",
            "max_tokens": 24,
            "ignore_eos": True,
            "temperature": 0,
            "priority": self.priority,
        }
        async with self.server.client() as client:
            await self._read(client, body)

    async def _read(self, client: httpx.AsyncClient, body: dict[str, object]) -> None:
        first = True
        async for _ in events(client, "/v1/completions", body):
            self.begun += first
            first = False

    @contextmanager
    def filled(self) -> Iterator[asyncio.Future[list[None]]]:
        tasks = asyncio.gather(*(self.one(number) for number in range(REVIEWS)))
        try:
            yield tasks
        finally:
            tasks.cancel()


async def test_a_completion_overtakes_a_queue_of_reviews(editor: Editor, uri: str, sliced: Server) -> None:
    """It cannot have a taken seat, but it gets the first that is free; most of the queue is still waiting then."""
    editor.open(uri, TEXT)
    assert await editor.complete(uri, AT) is not None  # The language server knows the model from here on.
    await sliced.until(lambda now: now.running == 0, "an idle server")
    queue = Queue(sliced, priority=10)
    with queue.filled() as reviews:
        await sliced.until(lambda now: (now.running, now.waiting) == (SEATS, REVIEWS - SEATS), "a queue")
        shown = await editor.complete(uri, AT)
        begun = queue.begun
        waiting = (await sliced.metrics()).waiting
        assert shown is not None
        assert shown.text == "sum(prices)"
        assert begun < 2 * SEATS, "a second round of reviews began, without a seat for the completion"
        assert waiting > 0
        await reviews
    assert queue.begun == REVIEWS


async def test_reviews_of_an_editor_leave_a_seat_for_its_completions(sliced: Server, home: Path, uri: str) -> None:
    """Line by line more is asked than there are seats; the completion waits for none of it."""
    async with start("vscode", variables(sliced, home, REVIEW__ANALYZERS='["infill"]')) as editor:
        editor.open(uri, LONG_FUNCTION)
        editor.open(f"{uri}/other.py", TEXT)
        assert await editor.complete(f"{uri}/other.py", AT) is not None
        await sliced.until(lambda now: now.running == 0, "an idle server")
        review = asyncio.ensure_future(editor.run("codeassist.review", uri))
        await sliced.until(lambda now: now.running == SEATS - 1, "as many reviewed lines as an editor may ask for")
        asked = asyncio.ensure_future(editor.complete(f"{uri}/other.py", AT))
        while not asked.done():
            now = await sliced.metrics()
            assert now.waiting == 0
            assert now.running <= SEATS
            await asyncio.sleep(0)
        assert await asked is not None
        assert not review.done()
        await review
        (entry,) = [each for each in await editor.trace() if each["kind"] == "review"]
        assert entry["skip"] is None
        assert entry["requests"] > SEATS


async def test_without_priority_the_queue_comes_first(sliced: Server) -> None:
    """The same, had nobody said what is urgent: the completion is the last of all."""
    queue = Queue(sliced, priority=0)
    with queue.filled() as reviews:
        await sliced.until(lambda now: (now.running, now.waiting) == (SEATS, REVIEWS - SEATS), "a queue")
        body = {"model": sliced.name, "prompt": f"<|fim_prefix|>{TEXT}", "max_tokens": 2, "priority": 0}
        async with sliced.client() as client:
            async for _ in events(client, "/v1/completions", body):
                break
        assert queue.begun > REVIEWS - SEATS
        await reviews
