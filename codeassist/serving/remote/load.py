"""How busy a server is, by what it publishes itself: vLLM's and llama.cpp's metrics, llama.cpp's slots."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from codeassist.model.abilities import Engine

Document = Callable[[str], Awaitable[bytes | None]]
"""Asks a server for the document at a path; None if there is none."""


@dataclass(frozen=True, slots=True)
class Load:
    """Requests that are computed, those that wait for a seat, and how many lost their client since the start.

    `generated`: tokens written since the start; None where that is not told.
    """

    running: int = 0
    waiting: int = 0
    aborted: int = 0
    generated: int | None = None

    @property
    def idle(self) -> bool:
        return self.running == 0 and self.waiting == 0


async def load_of(document: Document, engine: Engine) -> Load | None:
    """What the server says of its load now; None if it does not say. Raises what `document` raises."""
    if engine == "llama.cpp" and (slots := await document("/slots")) is not None:
        found = _of_slots(slots)
        if found is not None:
            return found
    metrics = await document("/metrics")
    return None if metrics is None else _of_metrics(metrics.decode("utf-8", "replace"))


def _of_slots(data: bytes) -> Load | None:
    try:
        slots = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(slots, list) or not all(isinstance(slot, dict) for slot in slots):
        return None
    return Load(running=sum(slot.get("is_processing") is True for slot in slots))


def _of_metrics(text: str) -> Load | None:
    """From the Prometheus text format; the engines behind one server add up."""
    sums: dict[str, float] = {}
    for line in text.splitlines():
        name, _, rest = line.partition("{") if "{" in line else line.partition(" ")
        if name in _NAMES:
            labels, _, value = rest.rpartition("}") if "{" in line else ("", "", rest)
            if name != _ENDED or 'finished_reason="abort"' in labels:
                sums[name] = sums.get(name, 0.0) + _number(value)
    for running, waiting in _PAIRS:
        if running in sums:
            generated = next((int(sums[name]) for name in _GENERATED if name in sums), None)
            return Load(int(sums[running]), int(sums.get(waiting, 0)), int(sums.get(_ENDED, 0)), generated)
    return None


_PAIRS = (
    ("vllm:num_requests_running", "vllm:num_requests_waiting"),
    ("llamacpp:requests_processing", "llamacpp:requests_deferred"),
)
_ENDED = "vllm:request_success_total"
_GENERATED = ("vllm:generation_tokens_total", "llamacpp:tokens_predicted_total")
_NAMES = {_ENDED, *_GENERATED, *(name for pair in _PAIRS for name in pair)}


def _number(text: str) -> float:
    try:
        value = float(text.split(maxsplit=1)[0])
    except (ValueError, IndexError):
        return 0.0
    return value if math.isfinite(value) else 0.0
