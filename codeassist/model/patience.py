"""How long a stream may go without a token, whatever else arrives meanwhile.

A read timeout bounds silence only: comments, pings and single bytes of an event that never ends reset it. This does
not count the time that whoever reads the stream takes between two pieces.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import TypeVar

from codeassist.model.errors import ModelError

Piece = TypeVar("Piece")


class Patience:
    """`first_s`: seconds that may be waited for the first token; `next_s`: for each one after it.

    `late` makes the error from the seconds that were waited in vain.
    """

    def __init__(self, first_s: float, next_s: float, late: Callable[[float], ModelError]) -> None:
        self._next_s = next_s
        self._late = late
        self._limit_s = self._left_s = first_s

    def progress(self, at_most_s: float | None = None) -> None:
        """There was a token: the time starts anew. `at_most_s`: what comes now comes at once, or not at all."""
        self._limit_s = self._left_s = self._next_s if at_most_s is None else min(self._next_s, at_most_s)

    async def pieces(self, stream: AsyncGenerator[Piece, None]) -> AsyncGenerator[Piece, None]:
        """Pass `stream` on. Raises what `late` makes when the time is up."""
        import anyio

        while True:
            if (
                self._left_s <= 0
            ):  # A server that sends without a pause never makes us wait, so `fail_after` never sees it.
                raise self._late(self._limit_s)
            began = anyio.current_time()
            try:
                with anyio.fail_after(self._left_s):
                    piece = await anext(stream)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise self._late(self._limit_s) from error
            self._left_s = max(0.0, self._left_s - (anyio.current_time() - began))
            yield piece
