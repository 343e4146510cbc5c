"""The engine asked for one place of an open document: snapshot -> flow -> what is learned from it for the session."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from codeassist.flow.admission import Admission
from codeassist.flow.complete import Completion, Warm, complete, warm
from codeassist.flow.prepare import Prepared, Snapshot
from codeassist.flow.trace import Trace
from codeassist.model.api import Priority
from codeassist.model.errors import ModelError
from codeassist.post.skip import Skip
from codeassist.server.binding import Models
from codeassist.server.learning import Learning
from codeassist.server.opened import OpenDocument
from codeassist.server.repositories import Repositories
from codeassist.server.running import Running
from codeassist.server.session import Session
from codeassist.server.status import Status
from codeassist.syntax.tree import Syntax, reparse
from codeassist.text.document import Document, Offset
from codeassist.text.edits import Edit

_SENT_S = 0.004
"""A request that was prepared is written to the engine's socket by then, and no engine has answered yet."""


@dataclass(frozen=True, slots=True)
class Asker:
    """All that asks the engine to complete goes through here. `quiet`: what nobody asked for by hand keeps away
    where it would disturb."""

    session: Session
    models: Models
    admission: Admission
    status: Status
    repositories: Repositories
    learning: Learning
    quiet: bool = True

    async def completion(self, entry: OpenDocument, running: Running, not_before_s: float = 0.0) -> Completion:
        """A completion that somebody waits for: ahead of everything else, and the user is told if it fails.

        `not_before_s`: the engine is asked at this time of the event loop's clock, or when the prompt is made if that
        is later.
        """
        loop = asyncio.get_running_loop()
        document, trace = running.document, running.trace
        asked = asyncio.Event()
        parsed: asyncio.Task[Syntax | None] | None = None

        async def go_ahead() -> None:
            wait_s = not_before_s - loop.time()
            if wait_s > 0:
                with trace.stage("debounce"):
                    await asyncio.sleep(wait_s)

        try:
            async with self.admission.urgent():
                with trace.stage("connect"):
                    bound = await self.models.bound(self.session.settings, "completion")
                self.status.model(bound.name, bound.abilities)
                carried = None
                if not running.by_hand:  # Who asks by hand wants the best there is.
                    carried = entry.carried(document, running.offset, running.about, bound.family)
                syntax = None
                if carried is None:
                    with trace.stage("parse"):
                        syntax = await self.session.syntax_for_prompt(entry, document)
                        await self.repositories.catch_up(document.uri)
                if carried is not None or (syntax is not None and syntax.is_moved):
                    parsed = self.session.spawn(self._parse_late(entry, document, asked))
                snapshot = self._snapshot(
                    entry,
                    document,
                    running.offset,
                    syntax,
                    Priority.COMPLETION,
                    by_hand=running.by_hand,
                    carried=carried,
                )
                least = await self.learning.least(bound.name)
                snapshot = replace(snapshot, parsed=parsed, least_probability=least)

                def prepared(prompt: Prepared) -> None:
                    # Now, not with the answer: the engine's cache has it even if nobody waits for the answer.
                    _keep(entry, snapshot, prompt)
                    if carried is None and not running.by_hand:
                        entry.has_made(prompt, running.about)
                    running.asked = True
                    asked.set()

                settings = self.session.settings.completion
                answer = await complete(snapshot, bound, settings, trace, prepared, running.heard, go_ahead)
        except ModelError as error:
            answer = Completion(None, Skip(error.reason, str(error)))
        except asyncio.CancelledError:
            if parsed is not None:
                parsed.cancel()  # The next key comes, and would have to wait for it.
            raise
        finally:
            asked.set()  # Whatever happened: the parse waits for it.
        if answer.skip is not None and answer.skip.is_failure:
            self.status.failed(answer.skip)
        elif answer.prepared is not None:
            self.status.answered()
        return answer

    async def ahead(
        self, entry: OpenDocument, running: Running, document: Document, offset: Offset, edits: Sequence[Edit]
    ) -> Completion:
        """The completion at `offset` of `document`, a text that the user has not come to: `edits` lead to it from the
        document as it is. Gives way to everything else; nobody is told if it fails."""
        before = entry.document
        syntax = await self.session.syntax_at(entry, before)
        if syntax is not None and document is not before:
            known = syntax
            syntax = await self.session.off_loop(lambda: reparse(known, edits, document))
        snapshot = self._snapshot(entry, document, offset, syntax, Priority.WARM_UP)

        def prepared(_prompt: Prepared) -> None:
            running.asked = True

        async def work() -> Completion:
            bound = await self.models.bound(self.session.settings, "completion")
            if bound.abilities.cancel == "no":
                return Completion(None, Skip("not-stoppable"))
            least = await self.learning.least(bound.name)
            settings = self.session.settings.completion
            return await complete(
                replace(snapshot, least_probability=least), bound, settings, running.trace, prepared, running.heard
            )

        try:
            answer = await self.admission.leisure(work, lambda: running.is_waited_for)
        except ModelError as error:
            return Completion(None, Skip(error.reason, str(error)))
        return answer or Completion(None, Skip("gave-way"))

    async def warm_up(self, entry: OpenDocument, offset: Offset, trace: Trace, what: Warm = "engine") -> Skip | None:
        """Have ready what a completion at `offset` would need, as in `warm`. Gives way to everything else."""
        document = entry.document
        syntax = await self.session.syntax_at(entry, document)
        about = self.session.surroundings(document.uri)
        snapshot = self._snapshot(entry, document, offset, syntax, Priority.WARM_UP)

        async def work() -> Skip | tuple[()]:
            bound = await self.models.bound(self.session.settings, "completion")
            if bound.abilities.cancel == "no" and what != "prompt":
                return Skip("not-stoppable")

            def prepared(prompt: Prepared) -> None:
                _keep(entry, snapshot, prompt, read=what != "prompt")
                entry.has_made(prompt, about)

            settings = self.session.settings.completion
            return await warm(snapshot, bound, settings, trace, prepared, what) or ()

        try:
            answer = await self.admission.leisure(work)
        except ModelError as error:
            return Skip(error.reason, str(error))
        return Skip("gave-way") if answer is None else answer or None

    async def _parse_late(self, entry: OpenDocument, document: Document, asked: asyncio.Event) -> Syntax | None:
        """Parse while the engine works: a parser lets nothing else run, so its request has to be on the way first."""
        await asked.wait()
        await asyncio.sleep(_SENT_S)
        known = await self.session.syntax_for_prompt(entry, document)
        return known if known is None else await self.session.settle(entry, known)

    def _snapshot(
        self,
        entry: OpenDocument,
        document: Document,
        offset: Offset,
        syntax: Syntax | None,
        priority: Priority,
        *,
        by_hand: bool = False,
        carried: Prepared | None = None,
    ) -> Snapshot:
        uri = document.uri
        return Snapshot(
            document=document,
            syntax=syntax,
            offset=offset,
            path=entry.path,
            repository=self.session.repository_of(uri),
            others=() if carried else self.session.others(uri),
            ask=None if carried else self.repositories.ask(uri),
            held=entry.held,
            carried=carried,
            priority=priority,
            unasked=self.quiet and not by_hand,
        )


def _keep(entry: OpenDocument, snapshot: Snapshot, prompt: Prepared, *, read: bool = True) -> None:
    """What the engine has read (or will have, if not `read`) is what the next prompt should begin with."""
    # What came to be known while the prompt was made has its say in the next one.
    entry.held = prompt.held if entry.held is snapshot.held else replace(prompt.held, line=-1)
    if read:
        entry.asked_line = snapshot.document.position_at(snapshot.offset).line
