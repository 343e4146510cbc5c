"""A thread for work that must neither hold up the event loop nor run twice at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class Lane:
    """Does one thing after the other. A daemon: an executor's thread would keep the process from ending."""

    def __init__(self, name: str) -> None:
        self._waiting: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._closed = False
        threading.Thread(target=self._work, name=f"codeassist-{name}", daemon=True).start()

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """The result of `work`, when its turn has come. Cancelled before that, it is left out; after `close` too."""
        wanted: Future[T] = Future()

        def step() -> None:
            if not wanted.set_running_or_notify_cancel():
                return
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001, RUF100  It is raised where the result is waited for.
                wanted.set_exception(error)
            else:
                wanted.set_result(result)

        if self._closed:
            wanted.cancel()
        else:
            self._waiting.put(step)
        return asyncio.wrap_future(wanted)

    def close(self) -> None:
        """Take nothing more; the thread ends after what waits already."""
        self._closed = True
        self._waiting.put(None)

    def _work(self) -> None:
        while (step := self._waiting.get()) is not None:
            step()
