"""The file of outcomes beside the event loop: read once and ahead, written a moment later. Nobody waits for it."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from codeassist.server.lane import Lane
from codeassist.workspace.outcomes import Event, OutcomeStore

logger = logging.getLogger(__name__)

Found = Mapping[str, Sequence[tuple[str, float]]]
"""Verdict and probability of earlier suggestions by model, oldest first."""
_GATHER_S = 0.5
_LEAVING_S = 0.1
_MOST_UNWRITTEN = 2_000


@dataclass(slots=True)
class Keeping:
    """`found` is called once, on the event loop, with what the file says. What cannot be written is kept for the next
    time. Neither raises: a file that cannot be used is told of in the log, once."""

    store: OutcomeStore
    found: Callable[[Found], None]
    unwritten: list[Event] = field(default_factory=list)
    is_read: bool = False
    _lane: Lane | None = None
    _gathering: asyncio.TimerHandle | None = None
    _working: asyncio.Task[None] | None = None
    _closed: bool = False
    _warned: bool = False

    def read_ahead(self) -> None:
        """Begin to read what was not read yet. What could not be is tried again with the next event."""
        if self._working is None:
            self._begin()

    def add(self, event: Event) -> None:
        """Write an event, together with what comes soon after: not while the answer goes out."""
        if self._closed or len(self.unwritten) >= _MOST_UNWRITTEN:
            return
        self.unwritten.append(event)
        if self._gathering is None:
            self._gathering = asyncio.get_running_loop().call_later(_GATHER_S, self._begin)

    async def aclose(self) -> None:
        """Take no more, and wait a moment until what is known is written."""
        if self.unwritten:
            self._begin()
        self._closed = True
        if self._gathering is not None:
            self._gathering.cancel()
        if self._working is not None:
            await asyncio.wait({self._working}, timeout=_LEAVING_S)
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)
        if self._lane is not None:
            self._lane.close()

    def _begin(self) -> None:
        self._gathering = None
        if not self._closed and (self._working is None or self._working.done()):
            self._working = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        self._lane = lane = self._lane or Lane("outcomes")
        try:
            if not self.is_read:  # Before anything is written, so that nothing of this session is in it.
                found = await lane.run(self.store.latest)
                self.is_read = True
                self.found(found)
            while events := tuple(self.unwritten):
                await lane.run(lambda events=events: self.store.add(events))  # type: ignore[misc]  # Bound now.
                del self.unwritten[: len(events)]
        except (sqlite3.Error, OSError) as error:
            if not self._warned:
                self._warned = True
                logger.warning("what became of suggestions cannot be read or kept: %s", error)
