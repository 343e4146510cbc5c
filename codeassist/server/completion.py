"""textDocument/inlineCompletion, and textDocument/completion for clients that do not have it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from lsprotocol import types

from codeassist.flow.admission import Admission
from codeassist.flow.complete import Completion, Prepared, Snapshot, complete
from codeassist.flow.trace import Trace
from codeassist.model.errors import ModelError
from codeassist.post.inline import Inline
from codeassist.post.reuse import Suggested, kept, still_fits
from codeassist.post.skip import Skip
from codeassist.server.binding import Models
from codeassist.server.convert import inline_item, offset_of, range_of
from codeassist.server.opened import OpenDocument
from codeassist.server.repositories import Repositories
from codeassist.server.running import Running
from codeassist.server.session import Session
from codeassist.server.status import Status
from codeassist.settings import Settings
from codeassist.text.document import Document, Offset

_LABEL_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Completer:
    """The feature's handlers, over the session that they share with the others."""

    session: Session
    models: Models
    admission: Admission
    status: Status
    repositories: Repositories

    async def inline(self, params: types.InlineCompletionParams) -> types.InlineCompletionList:
        automatic = params.context.trigger_kind == types.InlineCompletionTriggerKind.Automatic
        uri = params.text_document.uri
        document, shown = await self._answer(uri, params.position, automatic)
        if document is None or shown is None:
            return types.InlineCompletionList(items=[])
        item = inline_item(document, shown, self.session.new_item(uri), self.session.encoding)
        return types.InlineCompletionList(items=[item])

    async def popup(self, params: types.CompletionParams) -> types.CompletionList:
        """One item that inserts the whole completion; incomplete, so that clients ask again as the user types."""
        uri = params.text_document.uri
        context = params.context
        automatic = context is None or context.trigger_kind != types.CompletionTriggerKind.Invoked
        document, shown = await self._answer(uri, params.position, automatic)
        if document is None or shown is None:
            return types.CompletionList(is_incomplete=True, items=[])
        span = range_of(document, shown.span, self.session.encoding)
        typed = document.text[document.line_start(params.position.line) : shown.span.start].lstrip()
        first = shown.text.split("\n", 1)[0].strip() or shown.text.strip().split("\n", 1)[0]
        label = first if len(first) <= _LABEL_CHARACTERS else first[: _LABEL_CHARACTERS - 1] + "…"
        item = types.CompletionItem(
            label=label,
            kind=types.CompletionItemKind.Snippet,
            detail="codeassist",
            documentation=types.MarkupContent(kind=types.MarkupKind.PlainText, value=typed + shown.text),
            insert_text_format=types.InsertTextFormat.PlainText,
            text_edit=types.TextEdit(range=span, new_text=shown.text),
            filter_text=_typed_word(typed) + first,
            sort_text="\uffff",
            preselect=False,
            command=types.Command(
                title="Accepted", command="codeassist.didAccept", arguments=[self.session.new_item(uri)]
            ),
        )
        return types.CompletionList(is_incomplete=True, items=[item])

    async def _answer(
        self, uri: str, position: types.Position, automatic: bool
    ) -> tuple[Document | None, Inline | None]:
        entry = self.session.documents.get(uri)
        trace = Trace("completion")
        if entry is None:
            self.session.remember(trace, uri, Skip("unknown-document"))
            return None, None
        document, settings = entry.document, self.session.settings
        offset = offset_of(document, position, self.session.encoding)
        refusal = _why_not(entry, settings)
        if refusal is not None:
            self.session.remember(trace, uri, refusal)
            return None, None
        about = self.session.surroundings(uri)
        if automatic:
            found = await self._from_earlier(entry, document, offset, about, trace)
            if isinstance(found, Skip):
                self.session.remember(trace, uri, found)
                return None, None
            if found is not None:
                self.session.remember(trace, uri, None)
                return document, found
        try:
            answer = await self._anew(entry, document, offset, about, trace, automatic)
        except asyncio.CancelledError:
            self.session.remember(Trace("completion"), uri, Skip("cancelled"))
            raise
        skip = answer if isinstance(answer, Skip) else answer.skip
        if skip is not None and skip.reason == "superseded":
            trace = Trace("completion")  # What it cost belongs to the one that goes on with it.
        if skip is None and not self.session.is_current(entry, document):
            skip = Skip("stale")
        self.session.remember(trace, uri, skip)
        if skip is not None or isinstance(answer, Skip):
            return None, None
        self.status.completed(trace)
        return document, answer.item

    async def _from_earlier(
        self, entry: OpenDocument, document: Document, offset: Offset, about: object, trace: Trace
    ) -> Inline | Skip | None:
        """What an earlier completion says, one that is on its way included; None if the engine has to be asked."""
        running = entry.running
        if running is not None and not running.may_answer(document, offset, about):
            running = None
        by_hand = running is not None and running.by_hand
        left = None if by_hand else still_fits(entry.suggested, document, offset, about)
        if left is not None:
            self.session.drop_task(document.uri, "completion")
        elif running is not None:
            with trace.stage("join"):
                try:
                    answer = await running.answer(document, offset)
                except asyncio.CancelledError:
                    self.session.remember(trace, document.uri, Skip("cancelled"))
                    raise
            if isinstance(answer, Skip):
                return answer
            if answer is not None and answer.skip is not None and answer.skip.is_failure:
                return answer.skip
            if not self.session.is_current(entry, document):
                return Skip("stale")
            left = still_fits(entry.suggested, document, offset, about) if answer is not None else None
            if left is not None:
                trace.take_over(running.trace)
        if left is not None:
            trace.reused = True
            self.repositories.look_around(document.uri)
        return left

    async def _anew(
        self, entry: OpenDocument, document: Document, offset: Offset, about: object, trace: Trace, automatic: bool
    ) -> Completion | Skip:
        """Ask the engine, in place of whatever else it is asked about this document."""
        pause_s = self.session.settings.completion.debounce_ms / 1000 if automatic else 0.0
        running = Running(document, offset, about, trace, lambda: entry.document, by_hand=not automatic)

        async def work() -> Completion:
            if pause_s:
                with trace.stage("debounce"):
                    await asyncio.sleep(pause_s)
            answer = await self._complete(entry, running)
            if answer.item is not None:  # Even if it comes too late for whoever asked.
                entry.suggested = kept(entry.suggested, Suggested(document, answer.item, about))
            return answer

        running.start(self.session.start(document.uri, "completion", work()))
        entry.running = running
        answer = await running.answer(document, offset)
        return Skip("superseded") if answer is None else answer

    async def _complete(self, entry: OpenDocument, running: Running) -> Completion:
        document, offset, trace = running.document, running.offset, running.trace
        settings = self.session.settings
        with trace.stage("parse"):
            syntax = await self.session.syntax_at(entry, document)
            await self.repositories.catch_up(document.uri)
        snapshot = Snapshot(
            document=document,
            syntax=syntax,
            offset=offset,
            path=entry.path,
            repository=self.session.repository_of(document.uri),
            others=self.session.others(document.uri),
            ask=self.repositories.ask(document.uri),
            held=entry.held,
        )

        def prepared(prompt: Prepared) -> None:
            # Now, not with the answer: the engine's cache has it even if nobody waits for the answer.
            entry.held = prompt.held
            running.asked = True

        try:
            async with self.admission.urgent():
                with trace.stage("connect"):
                    bound = await self.models.bound(settings, "completion")
                self.status.model(bound.name, bound.abilities)
                answer = await complete(snapshot, bound, settings.completion, trace, prepared, running.heard)
        except ModelError as error:
            answer = Completion(None, Skip(error.reason, str(error)))
        if answer.skip is not None and answer.skip.is_failure:
            self.status.failed(answer.skip)
        elif answer.prepared is not None:
            self.status.answered()
        return answer


def _typed_word(line_prefix: str) -> str:
    """The word just before the cursor. Some clients match an item against it, others against nothing: a filter text
    that begins with it suits both."""
    match = re.search(r"\w*$", line_prefix)
    return match.group(0) if match else ""


def _why_not(entry: OpenDocument, settings: Settings) -> Skip | None:
    if not settings.completion.enabled:
        return Skip("disabled")
    if entry.unreadable is not None:
        return Skip(entry.unreadable)
    return None
