"""What a server was found to be able to do. Found out by `serving.remote.probe`, used by whoever asks it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Engine = Literal["vllm", "llama.cpp", "unknown"]
Known = Literal["yes", "no", "unknown"]
Depth = Literal["", "quick", "full"]


@dataclass(frozen=True, slots=True)
class Abilities:
    """`version`: the engine's own word, "" if it has none. `max_model_tokens`: prompt and answer together.

    `refused_fields`: fields of a request that the server answers 400 to; they are left out. A dotted name is a
    field of a field (`stream_options.continuous_usage_stats`).
    `priority`: its waiting queue is ordered by the priority of requests. `schema`: a JSON schema is enforced, seen
    on an answer that the model would not give by itself. `logprobs`: with alternatives. `cached_tokens`: it says how
    much of a prompt it had read before. `tokenizer`: it counts tokens for us. `cancel`: a dropped request stops.
    `streams`: tokens arrive as they are written, and not all at once at the end.
    `fill_in_middle`: the prompt family whose markers are single tokens for its tokenizer, "" for none of those known.
    `asked`: how much of this was asked of the server; "unknown" after "full" means that there was no telling.
    """

    engine: Engine = "unknown"
    version: str = ""
    max_model_tokens: int | None = None
    refused_fields: frozenset[str] = frozenset()
    priority: Known = "unknown"
    schema: Known = "unknown"
    logprobs: Known = "unknown"
    cached_tokens: Known = "unknown"
    tokenizer: Known = "unknown"
    cancel: Known = "unknown"
    streams: Known = "unknown"
    fill_in_middle: str = ""
    asked: Depth = ""

    def without(self, fields: Iterable[str]) -> Abilities:
        """What is known after the server refused `fields`, with all that cannot be had without them."""
        refused = self.refused_fields | frozenset(fields)
        return replace(
            self,
            refused_fields=refused,
            priority="no" if "priority" in refused else self.priority,
            schema="no" if "response_format" in refused else self.schema,
            logprobs="no" if "logprobs" in refused else self.logprobs,
        )
