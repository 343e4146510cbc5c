"""What users do with suggestions: found out, kept on this machine, and used to decide what is shown."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from codeassist.post.inline import Inline
from codeassist.post.learned import least_probability
from codeassist.post.outcome import USEFUL, Outcome, Verdict, Watched, follow
from codeassist.server.lane import Lane
from codeassist.server.session import Session
from codeassist.text.edits import Edit
from codeassist.workspace.outcomes import Event, OutcomeStore

logger = logging.getLogger(__name__)

_NOTICED_S = 0.3
"""A suggestion that was there for less time and was typed over says nothing: nobody has read it."""
_MOST_KNOWN = 500
_GATHER_S, _WRITING_S = 0.5, 2.0


@dataclass(slots=True)
class _Open:
    """A suggestion whose outcome is not known yet."""

    item_id: str
    watched: Watched
    probability: float | None
    model: str
    language: str
    since: float
    in_menu: bool
    lost: bool = False
    """Nobody can say from the edits what became of it; the editor may still tell."""


@dataclass(slots=True)
class Learning:
    """One suggestion is watched for each document. `store`: where outcomes are kept."""

    session: Session
    store: OutcomeStore = field(default_factory=OutcomeStore)
    _open: dict[str, _Open] = field(default_factory=dict)
    _unwritten: list[Event] = field(default_factory=list)
    _known: dict[str, deque[tuple[float, bool]]] = field(default_factory=dict)
    _least: dict[tuple[str, float], float] = field(default_factory=dict)
    _loading: dict[str, asyncio.Future[None]] = field(default_factory=dict)
    _lane: Lane | None = None
    _closed: bool = False

    def shown(self, uri: str, item_id: str, shown: Inline, model: str, language: str, *, in_menu: bool = False) -> None:
        """A suggestion goes to the editor; `in_menu`: as one item among others, so that typing on says nothing."""
        if not self.session.settings.completion.learn:
            self._open.pop(uri, None)
            return
        before = self._open.get(uri)
        if before is not None and not before.lost and before.watched.goes_on_as(shown):
            before.item_id = item_id
            return
        self._open[uri] = _Open(
            item_id, Watched.of(shown), shown.probability, model, language, time.monotonic(), in_menu
        )
        self._keep(Event(model, language, "shown", shown.probability))

    def changed(self, uri: str, steps: Sequence[Sequence[Edit]]) -> None:
        """A document has changed, step by step."""
        for edits in steps:
            open_ = self._open.get(uri)
            if open_ is None or open_.lost:
                return
            after = follow(open_.watched, edits)
            if isinstance(after, Watched):
                open_.watched = after
                continue
            if after is None:
                open_.lost = True
                continue
            del self._open[uri]
            if self._was_seen(open_, after):
                self._came_to(uri, open_, after)

    def told(self, item_id: str, verdict: Verdict) -> None:
        """The editor says what became of an item; what is known of it already is left as it is."""
        for uri, open_ in list(self._open.items()):
            if open_.item_id == item_id:
                del self._open[uri]
                length = len(open_.watched.rest) + open_.watched.taken + open_.watched.typed
                self._came_to(uri, open_, Outcome(verdict, length if verdict in USEFUL else 0))

    def closed(self, uri: str) -> None:
        """The document was closed, or opened anew."""
        self._open.pop(uri, None)

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

    def _was_seen(self, open_: _Open, outcome: Outcome) -> bool:
        if outcome.verdict != "typed-over":
            return True
        return not open_.in_menu and time.monotonic() - open_.since >= _NOTICED_S

    def _came_to(self, uri: str, open_: _Open, outcome: Outcome) -> None:
        event = Event(open_.model, open_.language, outcome.verdict, open_.probability, outcome.characters)
        self._keep(event)
        self.session.traces.append(
            {
                "kind": "outcome",
                "uri": uri,
                "item": open_.item_id,
                "outcome": outcome.verdict,
                "characters": outcome.characters,
                "confidence": None if open_.probability is None else round(open_.probability, 3),
            }
        )
        if open_.probability is not None and open_.model in self._known:
            self._known[open_.model].append((open_.probability, outcome.verdict in USEFUL))
            self._least.clear()

    def _keep(self, event: Event) -> None:
        """Write it down, together with what comes soon after: not while the answer goes out."""
        if not self._closed:
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
