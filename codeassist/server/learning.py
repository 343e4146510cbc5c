"""What users do with suggestions: found out, kept on this machine, and used to decide what is shown."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import get_args

from codeassist.post.inline import Inline
from codeassist.post.learned import least_probability
from codeassist.post.outcome import USEFUL, Outcome, Verdict, Watched
from codeassist.server.keeping import Found, Keeping
from codeassist.server.opened import OpenDocument, Shown
from codeassist.server.session import Session
from codeassist.workspace.outcomes import Event, OutcomeStore

_NOTICED_S = 0.3
"""A suggestion that was there for less time and was typed over says nothing: nobody has read it."""
_MOST_KNOWN = 500
_VERDICTS = frozenset(get_args(Verdict))


@dataclass(slots=True)
class Learning:
    """The last suggestion of each document of the session is watched. `store`: where outcomes are kept."""

    session: Session
    store: OutcomeStore = field(default_factory=OutcomeStore)
    _known: dict[str, deque[tuple[float, bool]]] = field(default_factory=dict)
    _least: dict[tuple[str, float], float] = field(default_factory=dict)
    _keeping: Keeping = field(init=False)

    def __post_init__(self) -> None:
        self._keeping = Keeping(self.store, self._found)

    def shown(self, uri: str, item_id: str, shown: Inline, model: str, language: str, *, in_menu: bool = False) -> None:
        """A suggestion goes to the editor; `in_menu`: as one item among others."""
        entry = self.session.documents.get(uri)
        if entry is None:
            return
        before, watched = entry.shown, Watched.of(shown)
        if before is not None and not before.lost and before.watched.goes_on_as(shown):
            before.item_id, before.watched = item_id, replace(before.watched, end=watched.end, rest=watched.rest)
            entry.shows(before)
            return
        entry.shows(Shown(item_id, watched, shown.probability, model, language, time.monotonic(), in_menu))
        self._keep(Event(model, language, "shown", shown.probability))

    def changed(self, entry: OpenDocument) -> None:
        """A document has changed: take note of what came of its suggestions."""
        for shown, outcome in entry.outcomes:
            if _says_something(shown, outcome):
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

    def read_ahead(self) -> None:
        """Have at hand what is known from earlier, if it will be wanted."""
        settings = self.session.settings.completion
        if settings.learn and settings.least_probability > 0:
            self._keeping.read_ahead()

    async def least(self, model: str) -> float:
        """How probable a first line of `model` must be to be shown; what the settings say until more is known."""
        settings = self.session.settings.completion
        wanted = settings.least_probability
        if not settings.learn or wanted <= 0:
            return wanted
        self.read_ahead()
        if not self._keeping.is_read:
            return wanted
        key = (model, wanted)
        if key not in self._least:
            self._least[key] = least_probability(wanted, self._known.get(model, ()))
        return self._least[key]

    async def aclose(self) -> None:
        """Take no more, and wait a moment until what is known is written."""
        await self._keeping.aclose()

    def _found(self, found: Found) -> None:
        """What is known from earlier, and what came of suggestions before that was read."""
        for model, outcomes in found.items():
            for verdict, probability in outcomes:
                self._learn(model, verdict, probability)
        for event in self._keeping.unwritten:
            self._learn(event.model, event.verdict, event.probability)

    def _learn(self, model: str, verdict: str, probability: float | None) -> None:
        if probability is not None and verdict in _VERDICTS:
            self._known.setdefault(model, deque(maxlen=_MOST_KNOWN)).append((probability, verdict in USEFUL))
            self._least.clear()

    def _came_to(self, uri: str, shown: Shown, outcome: Outcome) -> None:
        if not self.session.settings.completion.learn:
            return
        # In a menu nothing can be heard but that it was taken, and one ear makes no judge.
        probability = None if shown.in_menu else shown.probability
        event = Event(shown.model, shown.language, outcome.verdict, probability, outcome.characters)
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
        if self._keeping.is_read:
            self._learn(event.model, event.verdict, event.probability)

    def _keep(self, event: Event) -> None:
        if self.session.settings.completion.learn:
            self._keeping.add(event)


def _says_something(shown: Shown, outcome: Outcome) -> bool:
    """Whether an outcome, as the edits tell it, says what the user thinks of the suggestion.

    In a menu only choosing it does: who types on, or takes another item that begins alike, has not looked at it.
    """
    if shown.in_menu:
        return outcome.verdict == "accepted"
    return outcome.verdict != "typed-over" or time.monotonic() - shown.since >= _NOTICED_S
