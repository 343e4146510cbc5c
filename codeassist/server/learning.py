"""What users do with suggestions: found out, kept on this machine, and used to decide what is shown."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections import deque
from dataclasses import dataclass, field, replace

from codeassist.post.inline import Inline
from codeassist.post.learned import least_probability
from codeassist.post.outcome import USEFUL, Outcome, Verdict, Watched
from codeassist.server.lane import Lane
from codeassist.server.opened import OpenDocument, Shown
from codeassist.server.session import Session
from codeassist.workspace.outcomes import Event, OutcomeStore

logger = logging.getLogger(__name__)

_NOTICED_S = 0.3
"""A suggestion that was there for less time and was typed over says nothing: nobody has read it."""
_MOST_KNOWN = 500
_GATHER_S, _WRITING_S = 0.5, 2.0


@dataclass(slots=True)
class Learning:
    """The last suggestion of each document of the session is watched. `store`: where outcomes are kept."""

    session: Session
    store: OutcomeStore = field(default_factory=OutcomeStore)
    _unwritten: list[Event] = field(default_factory=list)
    _known: dict[str, deque[tuple[float, bool]]] = field(default_factory=dict)
    _least: dict[tuple[str, float], float] = field(default_factory=dict)
    _loading: dict[str, asyncio.Future[None]] = field(default_factory=dict)
    _lane: Lane | None = None
    _closed: bool = False

    def shown(self, uri: str, item_id: str, shown: Inline, model: str, language: str, *, in_menu: bool = False) -> None:
        """A suggestion goes to the editor; `in_menu`: as one item among others, so that typing on says nothing."""
        entry = self.session.documents.get(uri)
        if entry is None:
            return
        before, watched = entry.shown, Watched.of(shown)
        if before is not None and not before.lost and before.watched.goes_on_as(shown):
            before.item_id, before.watched = item_id, replace(before.watched, end=watched.end)
            entry.shows(before)
            return
        entry.shows(Shown(item_id, watched, shown.probability, model, language, time.monotonic(), in_menu))
        self._keep(Event(model, language, "shown", shown.probability))

    def changed(self, entry: OpenDocument) -> None:
        """A document has changed: take note of what came of its suggestions."""
        for shown, outcome in entry.outcomes:
            if self._was_seen(shown, outcome):
                self._came_to(entry.document.uri, shown, outcome)
        entry.outcomes.clear()

    def told(self, item_id: str, verdict: Verdict) -> None:
        """The editor says what became of an item; what is known of it already is left as it is."""
        for uri, entry in self.session.documents.items():
            shown = entry.shown
            if shown is not None and shown.item_id == item_id:
                entry.shown = None
                entry.shows_nothing()
                length = len(shown.watched.rest) + shown.watched.taken + shown.watched.typed
                self._came_to(uri, shown, Outcome(verdict, length if verdict in USEFUL else 0))

    async def least(self, model: str) -> float:
        """How probable a first line of `model` must be to be shown."""
        settings = self.session.settings.completion
        if not settings.learn or settings.least_probability <= 0:
            return settings.least_probability
        if model not in self._known:
            if model not in self._loading:
                self._loading[model] = asyncio.ensure_future(self._load(model))
            await asyncio.shield(self._loading[model])
        key = (model, settings.least_probability)
        if key not in self._least:
            self._least[key] = least_probability(settings.least_probability, self._known[model])
        return self._least[key]

    async def aclose(self) -> None:
        """Take no more, and wait a moment until what is known is written."""
        for loading in self._loading.values():
            loading.cancel()
        self._write()
        lane, self._lane, self._closed = self._lane, None, True
        if lane is not None:
            await asyncio.wait({lane.run(lambda: None)}, timeout=_WRITING_S)
            lane.close()

    async def _load(self, model: str) -> None:
        """What is known of a model from earlier."""
        found: list[tuple[str, float]] = []
        if not self._closed:
            try:
                found = await self._lane_now().run(lambda: self.store.of_model(model))
            except (sqlite3.Error, OSError) as error:
                logger.warning("what was learned of suggestions cannot be read: %s", type(error).__name__)
        useful = ((probability, verdict in USEFUL) for verdict, probability in found)
        self._known[model] = deque(useful, maxlen=_MOST_KNOWN)

    def _was_seen(self, shown: Shown, outcome: Outcome) -> bool:
        if outcome.verdict != "typed-over":
            return True
        return not shown.in_menu and time.monotonic() - shown.since >= _NOTICED_S

    def _came_to(self, uri: str, shown: Shown, outcome: Outcome) -> None:
        if not self.session.settings.completion.learn:
            return
        event = Event(shown.model, shown.language, outcome.verdict, shown.probability, outcome.characters)
        self._keep(event)
        self.session.traces.append(
            {
                "kind": "outcome",
                "uri": uri,
                "item": shown.item_id,
                "outcome": outcome.verdict,
                "characters": outcome.characters,
                "confidence": None if shown.probability is None else round(shown.probability, 3),
            }
        )
        if shown.probability is not None and shown.model in self._known:
            self._known[shown.model].append((shown.probability, outcome.verdict in USEFUL))
            self._least.clear()

    def _keep(self, event: Event) -> None:
        """Write it down, together with what comes soon after: not while the answer goes out."""
        if self.session.settings.completion.learn and not self._closed:
            self._unwritten.append(event)
            if len(self._unwritten) == 1:
                asyncio.get_running_loop().call_later(_GATHER_S, self._write)

    def _write(self) -> None:
        events, self._unwritten = self._unwritten, []

        def write() -> None:
            try:
                self.store.add(events)
            except (sqlite3.Error, OSError) as error:
                logger.warning("what became of suggestions cannot be kept: %s", type(error).__name__)

        if events and not self._closed:
            self._lane_now().run(write)

    def _lane_now(self) -> Lane:
        if self._lane is None:
            self._lane = Lane("outcomes")
        return self._lane
