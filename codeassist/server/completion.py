"""textDocument/inlineCompletion, and textDocument/completion for clients that do not have it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from lsprotocol import types

from codeassist.flow.complete import Completion
from codeassist.flow.trace import Trace
from codeassist.post.fitting import first_line, inserted
from codeassist.post.inline import Inline
from codeassist.post.reuse import Suggested, kept, still_fits
from codeassist.post.skip import Skip
from codeassist.server.ahead import Ahead
from codeassist.server.asking import Asker
from codeassist.server.convert import inline_item, offset_of, position_of
from codeassist.server.menu import menu_item, word_added
from codeassist.server.opened import Asked, OpenDocument, why_not
from codeassist.server.running import Running
from codeassist.server.session import Session
from codeassist.text.document import Document, Offset
from codeassist.text.lines import plain_ends

_NOTICED_S = 0.1
"""Text that is wrong for longer than that is noticed."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The item that is chosen in the editor's own menu: `text` would stand from `start` on. Editors show a suggestion
    beside it only if it goes on from there."""

    start: Offset
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be shown, and the document as it was when it fitted."""

    document: Document
    shown: Inline


@dataclass(frozen=True, slots=True)
class Completer:
    """The feature's handlers, over the session that they share with the others. `without`: parts that are left out,
    for measurements: "reuse", "join"."""

    session: Session
    asker: Asker
    next: Ahead
    without: frozenset[str] = frozenset()

    async def inline(self, params: types.InlineCompletionParams) -> types.InlineCompletionList:
        automatic = params.context.trigger_kind == types.InlineCompletionTriggerKind.Automatic
        selected = params.context.selected_completion_info
        found = await self._answer(params.text_document.uri, params.position, automatic, selected)
        if isinstance(found, Skip):
            return types.InlineCompletionList(items=[])
        item = inline_item(found.document, found.shown, self._item(found), self.session.encoding)
        return types.InlineCompletionList(items=[item])

    async def popup(self, params: types.CompletionParams) -> types.CompletionList:
        """One item that inserts the whole completion; incomplete, so that clients ask again as the user types."""
        uri = params.text_document.uri
        automatic = params.context is None or params.context.trigger_kind != types.CompletionTriggerKind.Invoked
        entry = self.session.documents.get(uri)
        asked = None if entry is None else entry.asks_for_menu()
        found = await self._answer(uri, params.position, automatic)
        if isinstance(found, Skip) and entry is not None and asked is not None:
            found = await self._about_begun_word(entry, asked, params.position, found)
        if isinstance(found, Skip) or asked is None:
            return types.CompletionList(is_incomplete=True, items=[])
        item = menu_item(found.document, found.shown, asked.document, self.session.encoding)
        item_id = self._item(found, in_menu=True)
        item.command = types.Command(title="Accepted", command="codeassist.didAccept", arguments=[item_id])
        return types.CompletionList(is_incomplete=True, items=[item])

    async def _about_begun_word(
        self, entry: OpenDocument, asked: Asked, position: types.Position, skip: Skip
    ) -> Found | Skip:
        """What there is for the text as it is now, if no more than a word was typed since `asked`, and the editor has
        not asked again: nvim-cmp does not while it waits, and would show nothing before the key after that.

        The engine is asked anew only where the user rests; not all editors say that they wait no more.
        """
        uri, encoding, seen = asked.document.uri, self.session.encoding, asked.document
        at = offset_of(seen, position, encoding)
        while not skip.is_failure and self._waits_for_menu(entry, asked):
            latest = entry.document
            added = word_added(asked.document, at, latest) if latest is not seen else ""
            if not added:
                break
            offset = Offset(at + len(added))
            if self._left(entry, latest, offset, self.session.surroundings(uri)) is None:
                await asyncio.sleep(self.session.rhythm.rest_s)
                if entry.document is not latest or not self._waits_for_menu(entry, asked):
                    continue
            seen = latest
            found = await self._answer(uri, position_of(latest, offset, encoding), automatic=True)
            if isinstance(found, Found):
                return found
            skip = found
        return skip

    def _waits_for_menu(self, entry: OpenDocument, asked: Asked) -> bool:
        """Whether the document is still open, and nothing was asked for the menu since."""
        return entry.menu is asked and self.session.documents.get(asked.document.uri) is entry

    def _item(self, found: Found, *, in_menu: bool = False) -> str:
        """The id of an item that goes to the editor."""
        document, asker = found.document, self.asker
        item_id = self.session.new_item(document.uri)
        model, language = asker.status.model_name, document.language
        asker.learning.shown(document.uri, item_id, found.shown, model, language, in_menu=in_menu)
        return item_id

    async def _answer(
        self,
        uri: str,
        position: types.Position,
        automatic: bool,
        selected: types.SelectedCompletionInfo | None = None,
    ) -> Found | Skip:
        entry = self.session.documents.get(uri)
        asked = entry.document if entry is not None else None
        found = await self._decide(uri, position, automatic, selected)
        if isinstance(found, Skip) and entry is not None and entry.document is asked:
            entry.shows_nothing()  # Editors ignore answers about older texts.
        return found

    async def _decide(
        self, uri: str, position: types.Position, automatic: bool, selected: types.SelectedCompletionInfo | None
    ) -> Found | Skip:
        entry = self.session.documents.get(uri)
        trace = Trace("completion")
        if entry is None:
            return self._silent(trace, uri, Skip("unknown-document"))
        document, settings = entry.document, self.session.settings
        offset = offset_of(document, position, self.session.encoding)
        chosen = self._chosen(document, selected) if automatic else None
        refusal = why_not(entry, settings, unasked=automatic)
        if refusal is not None:
            self.session.drop_task(uri, "completion")
            self.session.drop_task(uri, "ahead")
            return self._silent(trace, uri, refusal)
        about = self.session.surroundings(uri)
        if automatic:
            left = await self._from_earlier(entry, document, offset, about, trace)
            shown = self._as_editor_can(chosen, document, left) if isinstance(left, Inline) else left
            if isinstance(shown, Skip):
                trace.reused = False
                return self._silent(trace, uri, shown)
            if shown is not None:
                self.session.remember(trace, uri, None)
                self.next.shown(entry, document, shown, about)
                return Found(document, shown)
            disturbs = None if "silence" in self.without else _why_quiet(entry, document, offset, chosen is not None)
            if disturbs is not None:
                self.session.drop_task(uri, "completion")  # What runs is of another text.
                return self._silent(trace, uri, disturbs)
        try:
            answer = await self._anew(entry, document, offset, about, trace, automatic)
        except asyncio.CancelledError:
            self.session.remember(Trace("completion"), uri, Skip("cancelled"))
            raise
        shown = answer if isinstance(answer, Skip) else answer.skip or answer.item or Skip("empty")
        if isinstance(shown, Inline):
            shown = self._as_editor_can(chosen, document, shown)
        if isinstance(shown, Skip) and shown.reason == "superseded":
            trace = Trace("completion")  # What it cost belongs to the one that goes on with it.
        if isinstance(shown, Inline) and not self.session.is_current(entry, document):
            shown = Skip("stale")
        if isinstance(shown, Skip):
            return self._silent(trace, uri, shown)
        self.session.remember(trace, uri, None)
        self.asker.status.completed(trace)
        self.next.shown(entry, document, shown, about)
        return Found(document, shown)

    def _silent(self, trace: Trace, uri: str, skip: Skip) -> Skip:
        self.session.remember(trace, uri, skip)
        return skip

    def _as_editor_can(self, chosen: Chosen | None, document: Document, shown: Inline) -> Inline | Skip:
        """What the editor can show of it, beside what is chosen in a menu of its own."""
        client = self.session.client
        beside = _beside(chosen, document, shown)
        if beside is not None:
            return beside
        if client.inserts_only:
            return inserted(shown, document)
        return first_line(shown, document) if client.one_line_items else shown

    def _chosen(self, document: Document, selected: types.SelectedCompletionInfo | None) -> Chosen | None:
        if selected is None or "silence" in self.without:
            return None
        start = offset_of(document, selected.range.start, self.session.encoding)
        return Chosen(start, plain_ends(selected.text))

    async def _from_earlier(
        self, entry: OpenDocument, document: Document, offset: Offset, about: object, trace: Trace
    ) -> Inline | Skip | None:
        """What an earlier completion says, one that is on its way included; None if the engine has to be asked."""
        running = entry.running
        if running is not None and not running.may_answer(document, offset, about):
            running = None
        by_hand = running is not None and running.by_hand
        left = None if by_hand else self._left(entry, document, offset, about)
        if left is None and running is None and self._is_near(entry.ahead, document, offset, about):
            running = self.session.come_to(entry)
        if "join" in self.without:
            running = None
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
            left = self._left(entry, document, offset, about) if answer is not None else None
            if left is not None:
                trace.take_over(running.trace)
        if left is not None:
            trace.reused = True
            self.asker.repositories.look_around(document.uri)
        return left

    def _is_near(self, ahead: Running | None, document: Document, offset: Offset, about: object) -> bool:
        """Whether what was asked ahead of the user is worth waiting for. At a busy server that has not begun with it,
        it stands behind what everybody else waits for; asked anew it does not."""
        if ahead is None or not ahead.may_answer(document, offset, about):
            return False
        return ahead.has_begun or not self.asker.models.orders_queue("completion")

    def _left(self, entry: OpenDocument, document: Document, offset: Offset, about: object) -> Inline | None:
        """What is left of an earlier suggestion."""
        return None if "reuse" in self.without else still_fits(entry.suggested, document, offset, about)

    async def _anew(
        self, entry: OpenDocument, document: Document, offset: Offset, about: object, trace: Trace, automatic: bool
    ) -> Completion | Skip:
        """Ask the engine, in place of whatever else it is asked about this document."""
        not_before_s = 0.0
        if automatic:
            start = document.line_start(document.position_at(offset).line)
            line_start = not document.text[start:offset].strip()
            most_s = self.session.settings.completion.debounce_ms / 1000
            wait_s = self.session.rhythm.wait_s(most_s, line_start=line_start)
            not_before_s = asyncio.get_running_loop().time() + wait_s
        running = Running(document, offset, about, trace, lambda: entry.document, by_hand=not automatic)

        async def work() -> Completion:
            answer = await self.asker.completion(entry, running, not_before_s)
            if answer.item is not None and "model" in trace.stages:  # Without connecting and what failed.
                self.session.rhythm.answered(trace.stages["model"] / 1000)
            if answer.item is not None:  # Even if it comes too late for whoever asked.
                entry.suggested = kept(entry.suggested, Suggested(document, answer.item, about))
            return answer

        self.session.drop_task(document.uri, "ahead")  # It is of another text.
        running.start(self.session.start(document.uri, "completion", work()))
        entry.running = running
        slow = (self.session.rhythm.answer_s or 0.0) > _NOTICED_S
        if automatic and slow and entry.expired and self.session.client.keeps_expired:
            return Skip("expired")  # The next request finds what is asked now.
        answer = await running.answer(document, offset)
        return Skip("superseded") if answer is None else answer


def _beside(chosen: Chosen | None, document: Document, shown: Inline) -> Skip | None:
    """Why a suggestion would disturb beside the editor's own menu."""
    if chosen is None:
        return None
    whole = document.text[chosen.start : shown.span.start] + shown.text
    return None if plain_ends(whole).startswith(chosen.text) else Skip("menu-open")


def _why_quiet(entry: OpenDocument, document: Document, offset: Offset, menu: bool) -> Skip | None:
    """Why a completion that nobody asked for would disturb here. `menu`: the editor shows one of its own."""
    before = document.text[offset - 1 : offset] if offset else ""
    if menu and (before.isalnum() or before == "_"):
        return Skip("menu-open")
    line = document.position_at(offset).line
    # Taking indentation away is the way out of a block, and no second thought.
    if entry.deleted_line == line and document.text[document.line_start(line) : offset].strip():
        return Skip("after-deletion")
    return None
