"""What the engine does while nobody waits for it, so that there is less to wait for afterwards.

While a suggestion is looked at, the one that follows it is asked for; where the cursor rests, the prompt is read. All
of it gives way to whatever somebody waits for, and most of it begins only when no key has come for a moment.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from codeassist.flow.complete import Completion, Warm
from codeassist.flow.trace import Trace
from codeassist.post.inline import Inline
from codeassist.post.onward import Onward, onward
from codeassist.post.reuse import Suggested, kept, still_fits
from codeassist.post.skip import Skip
from codeassist.server.asking import Asker
from codeassist.server.opened import OpenDocument, why_not
from codeassist.server.running import Running
from codeassist.text.document import Document, Offset

_LOOKED_AT_S = 0.15
"""A suggestion that is there so long without a key may be accepted."""
_ANSWERED_S = 0.005
_RESTED_S = 0.3
_NEAR_LINES = 3
"""So far from the place of the last prompt the engine has most of the next one: it is only made."""
_OPENED_S = 0.6
"""Editors open many documents at once, and show one."""
_SCAN_POLL_S, _SCAN_POLLS = 0.25, 240


@dataclass(frozen=True, slots=True)
class Ahead:
    """Decides what is asked ahead of the user. `without`: parts that are left out, for measurements."""

    asker: Asker
    without: frozenset[str] = frozenset()

    def shown(self, entry: OpenDocument, document: Document, item: Inline, about: object) -> None:
        """`item` is shown in `document`: see to it that the next one is there when it is accepted."""
        session = self.asker.session
        if session.settings.completion.speculate and "speculation" not in self.without:
            session.spawn(self._after_answer(entry, document, item, about))

    async def _after_answer(self, entry: OpenDocument, document: Document, item: Inline, about: object) -> None:
        """In a long document the text with the suggestion in it takes a millisecond: the answer goes first."""
        await asyncio.sleep(_ANSWERED_S)
        session, uri = self.asker.session, document.uri
        if not session.is_current(entry, document):
            return
        after = onward(document, item)
        known = entry.ahead
        asked = known is not None and known.asked and not known.given_up
        if known is not None and asked and known.about == about and _leads_to(after, known):
            return  # The user types what was suggested: the next one stays the same.
        session.drop_task(uri, "ahead")
        if after is None or still_fits(entry.suggested, after.accepted, after.at, about) is not None:
            return
        trace = Trace("speculation")
        running = Running(after.accepted, after.at, about, trace, lambda: entry.document, lead=after.lead)
        running.text = after.lead
        running.start(session.start(uri, "ahead", self._speculate(entry, document, after, running)))
        entry.ahead = running

    def opened(self, entry: OpenDocument) -> None:
        """A document was opened. Where the cursor is will be known with the first request; of a document that a prompt
        has room for, all that stands before it is read already then."""
        self._warm(entry, Offset(len(entry.document.text)), _OPENED_S, "whole")

    def rested(self, entry: OpenDocument, offset: Offset) -> None:
        """The cursor is at `offset` now."""
        line = entry.document.position_at(offset).line
        if line != entry.asked_line:
            near = entry.asked_line is not None and abs(line - entry.asked_line) <= _NEAR_LINES
            self._warm(entry, offset, _RESTED_S, "prompt" if near else "engine")

    async def _speculate(self, entry: OpenDocument, document: Document, after: Onward, running: Running) -> Completion:
        await asyncio.sleep(_LOOKED_AT_S)
        session = self.asker.session
        if not session.is_current(entry, document):
            return Completion(None, Skip("stale"))
        answer = await self.asker.ahead(entry, running, after.document, after.offset, after.edits)
        running.given_up = answer.skip is not None and (answer.skip.reason == "gave-way" or answer.skip.is_failure)
        if answer.item is not None:
            shown = after.as_shown(answer.item)
            entry.suggested = kept(entry.suggested, Suggested(after.accepted, shown, running.about))
            answer = Completion(shown, None, answer.prepared)
        session.note(running.trace, document.uri, answer.skip)
        return answer

    def _warm(self, entry: OpenDocument, offset: Offset, wait_s: float, what: Warm) -> None:
        session = self.asker.session
        settings = session.settings.completion
        wanted = settings.warm_up and "warm-up" not in self.without and why_not(entry, session.settings) is None
        if wanted and not _is_asked(entry):
            if session.warming is not None:
                session.warming.cancel()  # One place at a time; a small engine has room for one prompt.
            session.warming = session.spawn(self._warm_up(entry, entry.document, offset, wait_s, what))

    async def _warm_up(
        self, entry: OpenDocument, document: Document, offset: Offset, wait_s: float, what: Warm
    ) -> None:
        session, repositories = self.asker.session, self.asker.repositories
        await asyncio.sleep(wait_s)
        for _ in range(_SCAN_POLLS):
            if not repositories.is_scanning(document.uri):
                break
            await asyncio.sleep(_SCAN_POLL_S)  # What it finds will stand at the beginning of the prompt.
        if not session.is_current(entry, document) or _is_asked(entry) or why_not(entry, session.settings):
            return
        trace = Trace("warm-up")
        skip = await self.asker.warm_up(entry, offset, trace, what)
        session.note(trace, document.uri, skip)


def _is_asked(entry: OpenDocument) -> bool:
    """Whether the engine is asked about the document anyway."""
    return any(each is not None and each.is_on for each in (entry.running, entry.ahead))


def _leads_to(after: Onward | None, known: Running) -> bool:
    """Whether what is asked already is what follows."""
    return after is not None and known.offset == after.at and known.document.text == after.accepted.text
