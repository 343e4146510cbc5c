"""The one seam between codeassist and a model: plain requests in, a stream of plain chunks out.

Flows know this protocol only. `vllm.py` speaks it over HTTP, `scripted.py` from a test case.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal, Protocol, TypeAlias

MAX_STOP_STRINGS = 4
"""vLLM answers 400 to a fifth stop string (VLLM_MAX_STOP_STRINGS)."""

MAX_LOGPROBS = 20
"""vLLM's own limit of alternatives per token (--max-logprobs)."""

MAX_CACHE_SALT_CHARACTERS = 128

Finish = Literal["stop", "length", "other"]
Lane = Literal["completion", "review"]
"""Which cache seat of a small engine serves the request, so that one kind does not evict the other's."""


class Priority(IntEnum):
    """vLLM request priority; lower runs first."""

    COMPLETION = 0
    WARM_UP = 5
    REWRITE = 5  # An alias of WARM_UP on purpose: both wait behind completions, ahead of reviews.
    REVIEW = 10


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn. The default is greedy, with the model's own repetition penalty switched off:
    servers otherwise take it from generation_config.json, and a penalty makes code avoid its own names."""

    temperature: float = 0.0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Alternative:
    """One token the model considered, with its natural-log probability.

    `text` may be empty for a control token.
    """

    text: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token. `top` holds the most likely alternatives, best first, itself included if ranked.

    llama.cpp gives a token that belongs to a stop string an empty `text`; `top` names it nevertheless.
    """

    text: str
    logprob: float
    top: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one request. `cached` is None where the server does not report it."""

    prompt: int
    generated: int
    cached: int | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of an answer. `tokens` is filled if log-probabilities were asked for.

    The last chunk of a finished answer carries `finish`; `usage` comes with it or in a chunk after it.
    """

    text: str = ""
    tokens: tuple[Token, ...] = ()
    finish: Finish | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """Raw text continuation (`/v1/completions`). A value that every server would refuse is a ValueError here.

    `stop`: at most MAX_STOP_STRINGS strings; the answer ends before the first of them.
    `stop_token_ids`: token ids that end the answer. `logprobs`: how many alternatives per token, or None.
    `cache_salt` keeps prompt caches of different users apart; it stays constant per user or reuse is lost.
    """

    prompt: str
    max_tokens: int
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    logprobs: int | None = None
    sampling: Sampling = field(default_factory=Sampling)
    priority: Priority = Priority.COMPLETION
    lane: Lane = "completion"
    cache_salt: str | None = None

    def __post_init__(self) -> None:
        _check_limits(self)


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """Chat (`/v1/chat/completions`). A last message of role "assistant" is continued, not answered.

    `schema`: a JSON schema that the server must enforce on the answer. `template_options` go to the model's
    chat template as they are (`{"enable_thinking": False}`). `reasoning_effort` for models that take one.
    """

    messages: tuple[Message, ...]
    max_tokens: int
    stop: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    logprobs: int | None = None
    sampling: Sampling = field(default_factory=Sampling)
    priority: Priority = Priority.REVIEW
    lane: Lane = "review"
    cache_salt: str | None = None
    template_options: Mapping[str, Any] = field(default_factory=dict)
    reasoning_effort: str | None = None

    def __post_init__(self) -> None:
        _check_limits(self)
        if not self.messages:
            raise ValueError("a chat request needs at least one message")


Request: TypeAlias = CompletionRequest | ChatRequest


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One entry of the server's model list. `max_tokens` is the context length, if the server says it; `owner` is
    what it calls the model's owner, by which engines can be told apart."""

    name: str
    max_tokens: int | None = None
    owner: str = field(default="", compare=False)


class Model(Protocol):
    """A model behind a server. Close every stream that you do not read to its end
    (`contextlib.aclosing`): that is what stops the engine.

    All methods raise `ModelError` and nothing else on failure; cancellation passes through.
    """

    def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        """Stream the continuation of `request.prompt`."""
        ...

    def chat(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """Stream the assistant's answer. Reasoning text is not part of it."""
        ...

    async def served(self) -> tuple[ServedModel, ...]:
        """The models that the server lists."""
        ...

    async def count_tokens(self, text: str) -> int | None:
        """How many tokens the server's tokenizer makes of `text`, control tokens recognised.

        None if the server cannot say.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections. Further calls raise `Unreachable`."""
        ...


def _check_limits(request: Request) -> None:
    if request.max_tokens < 1:
        raise ValueError(f"max_tokens is {request.max_tokens}; at least 1 is needed, also to warm a cache")
    if len(request.stop) > MAX_STOP_STRINGS:
        raise ValueError(f"{len(request.stop)} stop strings; at most {MAX_STOP_STRINGS} are allowed")
    if "" in request.stop:
        raise ValueError("an empty stop string would end every answer at once")
    if request.logprobs is not None and not 0 <= request.logprobs <= MAX_LOGPROBS:
        raise ValueError(f"logprobs is {request.logprobs}; 0 to {MAX_LOGPROBS} is allowed")
    salt = request.cache_salt
    if salt is not None and (not 0 < len(salt) <= MAX_CACHE_SALT_CHARACTERS or set(salt) & set("@/\\\0")):
        raise ValueError(f"cache_salt has 1 to {MAX_CACHE_SALT_CHARACTERS} characters, without @ / \\ and NUL")
