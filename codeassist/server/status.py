"""What the user is told about the state of things: `codeassist/status`, and `codeassist/trace` for those who look."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Literal

from lsprotocol import types

from codeassist.flow.trace import Trace
from codeassist.model.abilities import Abilities
from codeassist.post.skip import Skip
from codeassist.serving.remote.advice import as_document, missing_sentence

logger = logging.getLogger(__name__)

State = Literal["ready", "busy", "degraded", "off"]
Notify = Callable[[str, dict[str, Any]], None]
ShowMessage = Callable[[types.MessageType, str], None]
_FIGURES = frozenset({"latencyMs", "cachedShare"})
_FIGURES_S = 0.1
"""Figures that change with each key are sent so much later: after the answer that they are of, and once for many."""
_LATENCY_STEP_MS = 10


class Status:
    """Sends a notification when something changed that a user would want to see; repeats are not sent. New figures come
    a little later, everything else at once."""

    def __init__(self, notify: Notify, show: ShowMessage) -> None:
        self._notify = notify
        self._show = show
        self.mended: frozenset[str] = frozenset()
        """Reasons that the editor tells the user of itself, with what mends them."""
        self._last: dict[str, Any] = {}
        self._shown: set[str] = set()
        self._enabled = True
        self._model = ""
        self._abilities = Abilities()
        self._latency_ms: float | None = None
        self._cached_share: float | None = None
        self._standing = ""
        self._repository = ""
        self._pending: dict[str, Any] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def last(self) -> dict[str, Any]:
        """The status as it was sent last; what waits to be sent is sent for it."""
        self.flush()
        return dict(self._last)

    @property
    def model_name(self) -> str:
        """The model that completes; "" before one was asked."""
        return self._model

    def set(self, state: State, message: str = "", reason: str | None = None) -> None:
        """`reason`: of a failure, its key in `post/skip.py`, for editors that offer what mends it."""
        if state == "ready":
            message = message or self._standing or self._repository or missing_sentence(self._abilities)
            if not self._enabled:
                state = "off"
        status = {
            "state": state,
            "message": message,
            "reason": reason,
            "model": self._model,
            "latencyMs": self._latency_ms,
            "cachedShare": self._cached_share,
            "abilities": None if self._abilities == Abilities() else as_document(self._abilities),
        }
        if self._last and not _differ(status, self._last):
            self._pending = status
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(_FIGURES_S, self.flush)
            return
        self._pending = status
        self.flush()

    def flush(self) -> None:
        """Send what waits to be sent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        status, self._pending = self._pending, None
        if status is not None and status != self._last:
            self._last = status
            self._notify("codeassist/status", status)

    def enabled(self, enabled: bool) -> None:
        """Completions were switched on or off."""
        changed, self._enabled = enabled != self._enabled or not self._last, enabled
        if changed:
            self.set("ready")

    def model(self, name: str, abilities: Abilities | None = None) -> None:
        """The model that completes, and what its server can do; told with the next status."""
        self._model = name
        self._abilities = abilities or Abilities()

    def completed(self, trace: Trace) -> None:
        """A completion was shown: the model is well, and this is how fast."""
        self._latency_ms = round(trace.total_ms / _LATENCY_STEP_MS) * _LATENCY_STEP_MS
        if trace.prompt_tokens and trace.cached_tokens is not None:
            self._cached_share = round(trace.cached_tokens / trace.prompt_tokens, 2)
        self.answered()

    def answered(self) -> None:
        """The model gave an answer, with something to show or not: it is well."""
        self._shown.clear()
        self.set("ready")

    def failed(self, skip: Skip) -> None:
        """The model could not answer. The user is told in words once for each cause, until it works again."""
        self.set("degraded", str(skip), skip.reason)
        if skip.reason not in self._shown | self.mended:
            self._shown.add(skip.reason)
            self._show(types.MessageType.Warning, f"codeassist: {skip}")

    def note(self, note: str) -> None:
        """What is to be known of the servers although answers come, such as that another one gives them; "" once it is
        over. Said in words when it begins, and part of the status as long as it holds."""
        if note and not self._standing:
            self._show(types.MessageType.Warning, f"codeassist: {note}")
        self._standing = note

    def repository(self, sentence: str) -> None:
        """Why an index cannot be kept, "" once it can. Completions come all the same: it is said in the status and the
        log, not in a message box."""
        if sentence:
            logger.warning("%s", sentence)
        self._repository = sentence
        if self._last and self._last["state"] in ("ready", "off"):
            self.set("ready")

    def forget(self) -> None:
        """Another server is asked from now on: what was said of the last one is no reason to be silent."""
        self._shown.clear()
        self._standing = ""
        self._abilities = Abilities()

    def engine(self, kind: str, message: str, reason: str | None = None) -> None:
        """The embedded engine is "starting", "ready", or neither: lost or not to be had, for the `reason` of `set`."""
        states: dict[str, State] = {"starting": "busy", "ready": "ready"}
        self.set(states.get(kind, "degraded"), message, reason)


def _differ(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two statuses differ in more than figures."""
    return any(one[name] != other.get(name) for name in one.keys() - _FIGURES)
