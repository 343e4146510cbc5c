"""What an ability of a server is good for, in words: what its lack means, and what mends it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codeassist.model.abilities import Abilities, Engine, Known
from codeassist.model.errors import (
    BadRequest,
    MalformedEvent,
    ModelError,
    ModelNotFound,
    Overloaded,
    ServerFailed,
    TruncatedStream,
    Unauthorised,
    Unreachable,
)


@dataclass(frozen=True, slots=True)
class Advice:
    """One ability. `lacks` completes "the server lacks ..."; `means` says what that leads to, `mend` what to do about
    it, by engine, "unknown" for all that have no word of their own; `unseen` why there may be no telling."""

    ability: str
    lacks: str
    has: str
    means: str
    mend: Mapping[Engine, str]
    unseen: str = "it could not be seen"

    def known(self, abilities: Abilities) -> Known:
        found: Known = getattr(abilities, self.ability)
        return found

    def mend_for(self, engine: Engine) -> str:
        return self.mend.get(engine) or self.mend["unknown"]

    def matters(self, engine: Engine) -> bool:
        """llama.cpp has seats and no queue that could be ordered: there we order the requests ourselves."""
        return not (engine == "llama.cpp" and self.ability == "priority")


ADVICE = (
    Advice(
        "logprobs",
        "log-probabilities",
        "log-probabilities are reported",
        "the infill check of reviews cannot run",
        {
            "vllm": "start vLLM with --max-logprobs 20",
            "unknown": "choose a server that reports log-probabilities with alternatives for review.server",
        },
    ),
    Advice(
        "schema",
        "enforced JSON schemas",
        "a JSON schema binds the answer",
        "a review in words takes what it can read of the answer",
        {
            "vllm": 'start vLLM with --structured-outputs-config \'{"backend": "auto"}\'',
            "unknown": "choose a server that enforces response_format json_schema for review.server",
        },
        "the model gave no answer in a chat, or only thoughts",
    ),
    Advice(
        "priority",
        "an order of its queue by priority",
        "completions overtake reviews in its queue",
        "reviews are taken back whenever you type, and asked anew",
        {
            "vllm": "start vLLM with --scheduling-policy priority",
            "unknown": "nothing to do: codeassist orders its own requests; others' requests may go first",
        },
        "no queue could be watched: it has other work, very many seats, or shows no /metrics",
    ),
    Advice(
        "cancel",
        "stopping what nobody waits for any more",
        "a dropped request stops",
        "each completion is kept short, for the server writes it to its end although you typed on",
        {"unknown": "let the proxy in between pass on closed connections, or set server.url to the engine itself"},
        "it has other work, holds answers back, or shows neither /metrics nor /slots",
    ),
    Advice(
        "streams",
        "tokens that arrive as they are written",
        "tokens arrive as they are written",
        "something in between, a proxy as it seems, buffers its answers until they are whole",
        {"unknown": "switch that proxy's buffering off (nginx: proxy_buffering off), or set server.url to the engine"},
        "it has other work, shows neither /metrics nor /slots, or writes too quickly to tell",
    ),
    Advice(
        "cached_tokens",
        "counts of cached tokens",
        "cached tokens are counted",
        "nobody can say how much of a prompt was read anew",
        {
            "vllm": "start vLLM with --enable-prompt-tokens-details",
            "unknown": "nothing to do: it changes no answer",
        },
    ),
    Advice(
        "tokenizer",
        "a tokenizer that can be asked",
        "its tokenizer can be asked",
        "the prompt family is told by the model's name alone",
        {"unknown": "set server.family if completions look wrong"},
    ),
)


def missing(abilities: Abilities) -> tuple[Advice, ...]:
    """What the server was seen to lack."""
    return tuple(advice for advice in ADVICE if advice.known(abilities) == "no" and advice.matters(abilities.engine))


def missing_sentence(abilities: Abilities) -> str:
    """One sentence that names what the server lacks; "" for nothing."""
    lacks = [advice.lacks for advice in missing(abilities)]
    if not lacks:
        return ""
    listed = " and ".join([", ".join(lacks[:-1]), lacks[-1]] if len(lacks) > 1 else lacks)
    return f"The server ({named(abilities)}) lacks {listed}; `codeassist doctor` says what mends it."


def mend_for_failure(error: ModelError, setting: str, key_variable: str) -> str:
    """The next step for a server that could not be asked. `setting`: the one that holds its address; `key_variable`:
    the environment variable that holds its key."""
    if isinstance(error, Unreachable) and error.silent:
        return "see in its log what it is busy with, and start it anew if it is stuck"
    steps: tuple[tuple[type[ModelError], str], ...] = (
        (Unreachable, f"start it, or correct {setting}"),
        (Unauthorised, f"put its key into the environment variable {key_variable}"),
        (ModelNotFound, f"set server.model to a name that it lists, or correct {setting}"),
        (Overloaded, "wait until it has loaded its model and has fewer requests: its log says which it is"),
        (BadRequest, "read in its log why it refuses; a shorter prompt_tokens or the right server.model may be all"),
        (ServerFailed, "read its log, and start it anew"),
        (TruncatedStream, "see whether it still runs: its log, or that of the proxy before it, says why it broke off"),
        (MalformedEvent, f"correct {setting}: what answers there is no OpenAI-compatible server"),
    )
    return next((step for kind, step in steps if isinstance(error, kind)), "read its log")


def named(abilities: Abilities) -> str:
    """The engine and its version, for a sentence."""
    names: dict[Engine, str] = {"vllm": "vLLM", "llama.cpp": "llama.cpp", "unknown": "an engine that says not which"}
    return f"{names[abilities.engine]} {abilities.version}".strip()


def as_document(abilities: Abilities) -> dict[str, Any]:
    """The abilities as plain data for JSON: "yes", "no" or "unknown" each."""
    return {
        "engine": abilities.engine,
        "version": abilities.version,
        "maxModelTokens": abilities.max_model_tokens,
        "fillInMiddle": abilities.fill_in_middle,
        "priority": abilities.priority,
        "schema": abilities.schema,
        "logprobs": abilities.logprobs,
        "cachedTokens": abilities.cached_tokens,
        "tokenizer": abilities.tokenizer,
        "cancel": abilities.cancel,
        "streams": abilities.streams,
        "refusedFields": sorted(abilities.refused_fields),
    }
