"""A completion that the engine is writing, and who waits for it.

Most keys typed meanwhile agree with what is being written. To start anew at each of them would throw away what the
engine has read; so a request that continues the text joins what runs, as long as the two agree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from codeassist.flow.complete import Completion
from codeassist.flow.trace import Trace
from codeassist.post.reuse import agree, offsets_behind, typed_since
from codeassist.post.skip import Skip
from codeassist.text.document import Document, Offset

_GRACE_S, _MOST_GRACE_S = 0.05, 0.3
"""How long a completion that nobody waits for goes on: editors cancel the request of the key before, tell of the change
and ask again, in this or another order and with their own delay between. The longer time is for text that was changed
in agreement with it."""


@dataclass(slots=True, eq=False)
class Running:
    """`document` and `offset` are those that the engine was asked about, `about` what else it depends on. `latest`:
    the document as it is now. `by_hand`: the user asked for it. `asked`: the engine has the request; `given_up`: it
    ended before it came to anything, and may be asked again. `text`: what it has written so far; `lead` stands before
    it, what the user types between `offset` and where the engine writes."""

    document: Document
    offset: Offset
    about: object
    trace: Trace
    latest: Callable[[], Document]
    by_hand: bool = False
    lead: str = ""
    asked: bool = False
    given_up: bool = False
    text: str = ""
    _task: asyncio.Task[Completion] = field(init=False)
    _waiter: asyncio.Future[Literal["superseded", "stale", "parted"]] | None = None
    _typed: str | None = None
    _timer: asyncio.TimerHandle | None = None
    _over: bool = False

    @property
    def is_on(self) -> bool:
        """Whether it has not ended yet."""
        return not self._over and not self._task.done()

    @property
    def has_begun(self) -> bool:
        """Whether the engine has written anything."""
        return self.text != self.lead

    @property
    def is_waited_for(self) -> bool:
        """Whether a request waits for it now."""
        return self._waiter is not None and not self._waiter.done()

    def start(self, task: asyncio.Task[Completion]) -> None:
        """What there is to wait for; before anything else."""
        self._task = task

    def supersede(self) -> None:
        """Another one takes its place: whoever waits is told."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result("superseded")

    def heard(self, text: str) -> None:
        """The engine has written `text` so far."""
        text = self.text = self.lead + text
        waiter = self._waiter
        if self._typed is not None and waiter is not None and not waiter.done() and not agree(text, self._typed):
            waiter.set_result("parted")

    def may_answer(self, document: Document, offset: Offset, about: object) -> bool:
        """Whether a request at `offset` of `document` can wait for it: nothing else changed than that more was typed,
        and what was is what the engine writes, as far as it has come."""
        if not self.asked or self._over or self._task.done() or about != self.about:
            return False
        typed = typed_since(self.document, self.offset, document, offset)
        return typed is not None and agree(self.text, typed)

    async def answer(self, document: Document, offset: Offset) -> Completion | Skip | None:
        """Wait for it on behalf of a request; whoever waited before is told that it is superseded. None if what is
        written parts from what was typed; then it has ended."""
        task = self._task
        self.supersede()
        self._forget_timer()
        mine = self._waiter = asyncio.get_running_loop().create_future()
        self._typed = typed_since(self.document, self.offset, document, offset)
        try:
            await asyncio.wait({task, mine}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            if self._waiter is mine:
                self._waiter = None
                self._leave()
            raise
        if mine.done() and mine.result() == "parted":
            self.end()
            return None
        if mine.done():
            return Skip("stale") if mine.result() == "stale" else Skip("superseded")
        return Skip("cancelled") if task.cancelled() else task.result()

    def changed(self) -> None:
        """The document has changed. What parts from the text as it is now is of no use to anybody, whether the editor
        asks again or not."""
        if self.is_on and not (self.asked and self._agrees()):
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result("stale")
            self.end()

    def end(self) -> None:
        """Let the engine stop. From now on nobody can join, even while that takes its time."""
        self._over = True
        self._forget_timer()
        self._task.cancel()

    def _leave(self) -> None:
        """Nobody waits any more."""
        if self.asked:
            self._wait(_GRACE_S, last=False)
        else:
            self.end()

    def _wait(self, seconds: float, last: bool) -> None:
        self._forget_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._end_unless_wanted, last)

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_unless_wanted(self, last: bool) -> None:
        if self._task.done():
            return
        if not last and self.latest() is not self.document and self._agrees():
            self._wait(_MOST_GRACE_S - _GRACE_S, last=True)
        else:
            self.end()

    def _agrees(self) -> bool:
        """Whether the document is what was asked about, or goes on as is written."""
        document = self.latest()
        behind = offsets_behind(self.document, self.offset, document)
        typed = (typed_since(self.document, self.offset, document, offset) for offset in behind)
        return any(text is not None and agree(self.text, text) for text in typed)
