"""Who may use the engine now: completions at once, reviews when nobody is waiting for a completion.

A server's own priorities order its waiting queue only, and a small engine has none. So background work is
held back here, and taken back if a completion arrives while it runs: it is cut into requests of about a second,
and one that was taken back is simply asked again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")


class Admission:
    """One per process and engine. All methods are for one event loop.

    `quiet_ms`: how long after the last completion background work stays held back; people type in bursts.
    """

    def __init__(self, quiet_ms: float = 400.0) -> None:
        self._quiet_s = quiet_ms / 1000
        self._urgent = 0
        self._last_urgent_end: float | None = None
        self._background: set[asyncio.Task[object]] = set()
        self._taken_back: set[asyncio.Task[object]] = set()
        self._calm = asyncio.Event()
        self._calm.set()

    @asynccontextmanager
    async def urgent(self) -> AsyncIterator[None]:
        """Run a completion: background work in flight is taken back first."""
        self._urgent += 1
        self._calm.clear()
        for task in self._background:
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

    async def background(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run `work()` while no completion runs; if one arrives, cancel it and call `work` again later."""
        while True:
            await self._quiet()
            task: asyncio.Task[T] = asyncio.ensure_future(_run(work))
            self._background.add(task)
            try:
                # Not `await task`: its cancellation and our own would look the same, and ours could get lost.
                await _ended(task)
                if not (task.cancelled() and task in self._taken_back):
                    return task.result()
            finally:
                self._background.discard(task)
                self._taken_back.discard(task)

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


async def _run(work: Callable[[], Awaitable[T]]) -> T:
    return await work()
