"""What kind of server the fake is: vLLM as it was started, llama.cpp, or a strict server of another make."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass
class Nature:
    """What the server can do; the default is a vLLM with all that is good for us switched on.

    `refuses`: fields of a request, dotted for a field of a field, that get a 400 in the words of `refusal`.
    `seats`: how many answers are computed at once, 0 for any number; `by_priority`: the queue for them is ordered.
    `cancels`: a request whose client hangs up stops. `buffers`: answers are held back until they are whole, as by a
    proxy. `watched`: it says how busy it is (/metrics, /slots).
    """

    engine: Literal["vllm", "llama.cpp", "other"] = "vllm"
    version: str = "0.33.0"
    refuses: frozenset[str] = frozenset()
    refusal: Literal["openai", "pydantic", "unnamed"] = "openai"
    schema: bool = True
    tokenizer: bool = True
    cached_tokens: bool = True
    seats: int = 0
    by_priority: bool = True
    cancels: bool = True
    buffers: bool = False
    watched: bool = True
    chat_template: bool = True
    docs: bool = False

    @property
    def owner(self) -> str:
        return {"vllm": "vllm", "llama.cpp": "llamacpp", "other": "openai"}[self.engine]

    def refused(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """The error document for a body with fields that it does not know, None if there is none."""
        found = sorted(name for name in self.refuses if _has(body, name))
        if not found:
            return None
        if self.refusal == "pydantic":
            kind = {"type": "extra_forbidden", "msg": "Extra inputs are not permitted"}
            return {"detail": [{**kind, "loc": ["body", *name.split(".")], "input": 1} for name in found]}
        words = "Bad request" if self.refusal == "unnamed" else f"Unrecognized request argument supplied: {found[0]}"
        return {"error": {"message": words, "type": "invalid_request_error", "param": None, "code": None}}


def _has(body: dict[str, Any], name: str) -> bool:
    outer, _, inner = name.partition(".")
    return outer in body and (not inner or inner in (body[outer] or {}))


STRICT = frozenset(
    {
        *("priority", "cache_salt", "repetition_penalty", "stop_token_ids", "chat_template_kwargs"),
        *("stream_options.continuous_usage_stats", "continue_final_message", "add_generation_prompt"),
        *("ignore_eos", "id_slot", "cache_prompt", "return_progress", "timings_per_token", "repeat_penalty"),
    }
)
"""What a server refuses that knows OpenAI's own fields and no other."""


@dataclass
class Seats:
    """Seats for answers that are computed, and the queue before them. `limit` 0: there is always one."""

    limit: int
    by_priority: bool
    taken: int = 0
    _queue: list[tuple[int, int, asyncio.Future[None]]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def waiting(self) -> int:
        return sum(not future.done() for _, _, future in self._queue)

    async def take(self, priority: int) -> None:
        """Returns when there is a seat, of which `give` must be told when it is free."""
        if not self.limit or self.taken < self.limit:
            self.taken += 1
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (priority if self.by_priority else 0, next(self._numbers), future))
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.give()
            raise

    def give(self) -> None:
        while self._queue:
            *_, future = heapq.heappop(self._queue)
            if not future.done():
                future.set_result(None)
                return
        self.taken -= 1
