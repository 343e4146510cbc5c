"""Who may use the engine now: completions at once, reviews when nobody is waiting for a completion.

No review request starts while somebody types, and a few at most run at once. What happens to those that run when a
completion arrives is the engine's `Rule`. vLLM started with priorities puts the completion at the head of its queue,
and `codeassist serve` leaves a seat for it; but a step takes the prompts of running requests before those of new ones,
so a review whose prompt is still being read is taken back, and one that is being answered runs on: it costs a token
a step, and steady typing would starve it. Any other engine would keep the completion waiting, so there all are taken
back. They are requests of about a second, and one that was taken back is asked again; what was read of its prompt is
still in the engine's cache.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

T = TypeVar("T")
Begun: TypeAlias = Callable[[], None]
"""To be called when the engine has read the prompt and answers."""
Work: TypeAlias = Callable[[Begun], Awaitable[T]]


@dataclass(frozen=True, slots=True)
class Rule:
    """How background requests share one engine with completions.

    `seats`: how many of them may run at once. `give_way`: which of those that run are taken back when a completion
    arrives: all of them, or those whose prompt is still being read.
    `most_taken_back`: one that was taken back so often runs to its end the next time, whoever types.
    """

    seats: int = 1
    give_way: Literal["always", "while-read"] = "always"
    most_taken_back: int = 3


class Admission:
    """One per process and engine. All methods are for one event loop.

    `quiet_ms`: how long after the last completion background work stays held back; people type in bursts.
    """

    def __init__(self, quiet_ms: float = 400.0) -> None:
        self._quiet_s = quiet_ms / 1000
        self._urgent = 0
        self._last_urgent_end: float | None = None
        self._yielding: set[asyncio.Task[object]] = set()
        self._leisurely: dict[asyncio.Task[Any], Callable[[], bool]] = {}
        self._taken_back: set[asyncio.Task[object]] = set()
        self._seats: dict[int, asyncio.Semaphore] = {}
        self._calm = asyncio.Event()
        self._calm.set()

    @asynccontextmanager
    async def urgent(self) -> AsyncIterator[None]:
        """Run a completion: background work that gives way is taken back first."""
        self._urgent += 1
        self._calm.clear()
        leisurely = [task for task, is_wanted in self._leisurely.items() if not is_wanted()]
        for task in (*self._yielding, *leisurely):
            if task not in self._taken_back:
                self._taken_back.add(task)
                task.cancel()
        try:
            yield
        finally:
            self._urgent -= 1
            self._last_urgent_end = asyncio.get_running_loop().time()
            if self._urgent == 0:
                self._calm.set()

    async def leisure(
        self, work: Callable[[], Coroutine[Any, Any, T]], is_wanted: Callable[[], bool] = lambda: False
    ) -> T | None:
        """Run `work` if no completion runs, and until one does: then it is ended at once, unless `is_wanted` by then.
        None if it did not come to its end; it is not asked again."""
        if self._urgent:
            return None
        task = asyncio.create_task(work())
        self._leisurely[task] = is_wanted
        try:
            await _ended(task)
            return None if task.cancelled() and task in self._taken_back else task.result()
        finally:
            del self._leisurely[task]
            self._taken_back.discard(task)

    async def background(self, work: Work[T], rule: Rule | None = None) -> T:
        """Run `work` while no completion runs, by the rule of its engine; call it again if it was taken back."""
        rule = rule or Rule()
        taken_back = 0
        async with self._seats.setdefault(rule.seats, asyncio.Semaphore(rule.seats)):
            while True:
                await self._quiet()
                task: asyncio.Task[T] = asyncio.ensure_future(self._run(work, rule))
                if taken_back < rule.most_taken_back:
                    self._yielding.add(task)
                try:
                    # Not `await task`: its cancellation and our own would look the same, and ours could get lost.
                    await _ended(task)
                    if not (task.cancelled() and task in self._taken_back):
                        return task.result()
                    taken_back += 1
                finally:
                    self._yielding.discard(task)
                    self._taken_back.discard(task)

    async def _run(self, work: Work[T], rule: Rule) -> T:
        task = asyncio.current_task()

        def begun() -> None:
            if rule.give_way == "while-read" and task is not None:
                self._yielding.discard(task)

        return await work(begun)

    async def _quiet(self) -> None:
        """Wait until no completion runs and none ran for a little while."""
        loop = asyncio.get_running_loop()
        while True:
            await self._calm.wait()
            if self._last_urgent_end is None:
                return
            remaining = self._last_urgent_end + self._quiet_s - loop.time()
            if remaining <= 0:
                return
            await asyncio.sleep(remaining)


async def _ended(task: asyncio.Task[T]) -> None:
    """Wait until `task` is done; if the waiting is cancelled, end the task first: its stream is closed before we go."""
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task})
        raise
