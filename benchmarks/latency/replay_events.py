"""What happened while a block was typed, as a list of events.

One event is a JSON object on a line of its own. `at`: seconds since the document was opened. `event`, with its fields:

    opened    column, text: who is measured, and what is to be typed; right, path, debounce_ms (null: unknown)
    key       text: one key was pressed, and inserted this
    deleted   count: one key was pressed, and took so many characters away before the cursor
    ask       ask: a number for the request for a suggestion; would: what the engine would say here, "right" or "wrong"
    shown     ask, text, how: its answer is on the screen; "new", or "rest" where that stood there already
    hidden    what was on the screen is gone, unless it was accepted
    accepted  text: the suggestion was inserted
    begun     request, prompt, cached: the engine has a request of so many tokens; place: how many characters of `text`
              stand before it; limit: the most tokens that it may write
    ended     request, generated: so many tokens, with the one that was being made when the client left; tokens:
              [at, text] of those that were sent; how: "finished" or "left"; after: of an engine that goes on when its
              client has hung up, so many tokens later than that, beyond the step in flight
    trace     requests, prompt, cached, generated, reused: what a server says of one of its answers itself, for engines
              that cannot be watched
    closed    the end

Events of one block stand together, in the order of `at`; the next one begins with `opened`. Other fields are ignored.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

Event: TypeAlias = dict[str, Any]
Block: TypeAlias = list[Event]

_FIELDS: dict[str, dict[str, type]] = {
    "opened": {"column": str, "text": str},
    "key": {"text": str},
    "deleted": {"count": int},
    "ask": {"ask": int},
    "shown": {"ask": int, "text": str, "how": str},
    "hidden": {},
    "accepted": {"text": str},
    "begun": {"request": int, "prompt": int, "cached": int},
    "ended": {"request": int, "generated": int},
    "trace": {"requests": int, "prompt": int, "cached": int, "generated": int, "reused": bool},
    "closed": {},
}


class BrokenEvents(Exception):
    """A recorded file that is not of the form above."""


class Recorder:
    """Notes events with the time since it was made."""

    def __init__(self) -> None:
        self._begun = time.perf_counter()
        self._events: Block = []

    def now(self) -> float:
        return round(time.perf_counter() - self._begun, 6)

    def note(self, event: str, **fields: Any) -> None:
        self._events.append({"at": self.now(), "event": event, **fields})

    def block(self) -> Block:
        """All that was noted, in order."""
        return sorted(self._events, key=lambda event: float(event["at"]))


def written(blocks: Iterable[Block]) -> str:
    """The lines of a file."""
    return "".join(json.dumps(event) + "\n" for block in blocks for event in block)


def read_blocks(path: Path) -> list[Block]:
    """The blocks of a recorded file. Raises BrokenEvents with the place of what is wrong."""
    blocks: list[Block] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            event = _checked(json.loads(line))
            if event["event"] == "opened":
                blocks.append([])
            elif not blocks:
                raise ValueError("the first event of a file is `opened`")
            elif event["at"] < blocks[-1][-1]["at"]:
                raise ValueError("earlier than the event before")
        except ValueError as error:
            raise BrokenEvents(f"{path}:{number}: {error}") from None
        blocks[-1].append(event)
    if not blocks:
        raise BrokenEvents(f"{path}: no events")
    return blocks


def _checked(event: object) -> Event:
    if not isinstance(event, dict):
        raise ValueError("not an object")
    wanted = _FIELDS.get(str(event.get("event")))
    if wanted is None:
        raise ValueError(f"no such event: {event.get('event')}")
    if isinstance(event.get("at"), bool) or not isinstance(event.get("at"), int | float):
        raise ValueError("`at` is no number")
    for name, kind in wanted.items():
        if not isinstance(event.get(name), kind):
            raise ValueError(f"`{name}` of `{event['event']}` is no {kind.__name__}")
    if not all(isinstance(token, list) and len(token) == 2 for token in event.get("tokens", ())):
        raise ValueError("`tokens` is no list of pairs")
    return event
