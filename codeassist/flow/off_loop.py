"""Where heavy work is done. A flow has no threads of its own: whoever starts it says what keeps the event loop free."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class OffLoop(Protocol):
    """Runs `work` somewhere else and gives its result; the event loop goes on meanwhile."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]:
        """Run it, and wait for it."""


async def at_once(work: Callable[[], T]) -> T:
    """For those whose event loop may wait."""
    return work()
