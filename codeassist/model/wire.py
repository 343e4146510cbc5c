"""The OpenAI-compatible wire format as vLLM and llama.cpp speak it: requests to JSON, events to chunks. Pure.

The two engines differ in names (`repetition_penalty` and `repeat_penalty`), in what they offer (priority and
stop token ids; pinned slots) and in how log-probabilities look. An engine of which nothing is known is spoken to as
vLLM, less the fields that it refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeGuard

from codeassist.model.abilities import Abilities
from codeassist.model.api import (
    Alternative,
    ChatRequest,
    Chunk,
    CompletionRequest,
    Finish,
    Request,
    ServedModel,
    Token,
    Usage,
)
from codeassist.model.errors import MalformedEvent, ServerFailed
from codeassist.model.failures import clean, message_in
from codeassist.text.hygiene import printable

LOGPROB_FLOOR = -9999.0
"""What vLLM reports for a probability of zero; ours too for a token whose probability a server leaves out."""

_SLOTS = {"completion": 0, "review": 1}
"""llama.cpp: the slot, and so the prompt cache, of each lane. An engine without that slot takes another."""


OPTIONAL_FIELDS = frozenset(
    {
        *("priority", "cache_salt", "repetition_penalty", "stop_token_ids", "seed"),
        *("repeat_penalty", "cache_prompt", "return_progress", "timings_per_token", "id_slot"),
        *("stream_options", "stream_options.continuous_usage_stats", "logprobs", "top_logprobs"),
        *("response_format", "chat_template_kwargs", "reasoning_effort"),
        *("add_generation_prompt", "continue_final_message"),
    }
)
"""What a request can do without, if the server knows no such field. A dotted name is a field of a field."""


def completion_body(request: CompletionRequest, model: str, abilities: Abilities) -> dict[str, Any]:
    """The JSON document for `/v1/completions`, without what the server is known to refuse."""
    body: dict[str, Any] = {"model": model, "prompt": request.prompt, **_common(request, abilities)}
    if request.logprobs is not None:
        body["logprobs"] = request.logprobs
    if abilities.engine != "llama.cpp" and request.stop_token_ids:
        body["stop_token_ids"] = list(request.stop_token_ids)
    return _without(body, abilities.refused_fields)


def chat_body(request: ChatRequest, model: str, abilities: Abilities) -> dict[str, Any]:
    """The JSON document for `/v1/chat/completions`, without what the server is known to refuse.

    The last message, if it is the assistant's, goes with the field that asks for it to be continued: a server
    without that would answer to its own beginning.
    """
    refused = abilities.refused_fields
    continued = request.messages[-1].role == "assistant"
    told = request.messages
    if continued and refused & _CONTINUING:
        told, continued = told[:-1], False
    messages = [{"role": message.role, "content": message.content} for message in told]
    body: dict[str, Any] = {"model": model, "messages": messages, **_common(request, abilities)}
    if request.logprobs is not None:
        body["logprobs"] = True
        body["top_logprobs"] = request.logprobs
    if request.schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": dict(request.schema), "strict": True},
        }
    if request.template_options:
        body["chat_template_kwargs"] = dict(request.template_options)
    if request.reasoning_effort is not None:
        body["reasoning_effort"] = request.reasoning_effort
    if continued:
        body["add_generation_prompt"] = False
        body["continue_final_message"] = True
    return _without(body, refused)


_CONTINUING = frozenset({"add_generation_prompt", "continue_final_message"})


def _without(body: dict[str, Any], refused: frozenset[str]) -> dict[str, Any]:
    for name in refused:
        outer, _, inner = name.partition(".")
        if not inner:
            body.pop(outer, None)
        elif isinstance(body.get(outer), dict):
            body[outer].pop(inner, None)
    if "logprobs" in refused:
        body.pop("top_logprobs", None)  # Refused without the field that it belongs to.
    return body


_REFUSAL = re.compile(
    r"extra_forbidden|extra (?:inputs|fields)|unrecogni[sz]ed|unknown|unexpected|unsupported|additional propert"
    r"|not (?:currently )?(?:supported|permitted|allowed|enabled|implemented)|(?:does not|doesn't|do not) support"
    r"|invalid (?:field|argument|parameter|property)",
    re.IGNORECASE,
)


def refused_in(complaint: str, body: Mapping[str, Any]) -> frozenset[str]:
    """The optional fields of `body` that a server's words (`failures.complaint`) say it does not know."""
    if not _REFUSAL.search(complaint):
        return frozenset()
    named = set()
    for name in OPTIONAL_FIELDS:
        outer, _, inner = name.partition(".")
        sent = inner in (body.get(outer) or {}) if inner else outer in body
        if sent and re.search(rf"\b{inner or outer}\b", complaint):
            named.add(name)
    # "stream_options.continuous_usage_stats" names both; the inner one is what is meant.
    return frozenset(named - {name.partition(".")[0] for name in named if "." in name})


def _common(request: Request, abilities: Abilities) -> dict[str, Any]:
    sampling = request.sampling
    body: dict[str, Any] = {
        "max_tokens": request.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.stop:
        body["stop"] = list(request.stop)
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    if abilities.engine != "llama.cpp":
        # Most answers are broken off by us, before the usage that comes last.
        body["stream_options"] = {"include_usage": True, "continuous_usage_stats": True}
        body["repetition_penalty"] = sampling.repetition_penalty
        body["priority"] = int(request.priority)
        if request.cache_salt is not None:
            body["cache_salt"] = request.cache_salt
    else:
        body["repeat_penalty"] = sampling.repetition_penalty
        body["cache_prompt"] = True
        # Without news of the prefill, llama.cpp writes nothing until the first token, and on a UNIX socket it
        # notices only by writing that we have left: a cancelled request would be prefilled to its end.
        body["return_progress"] = True
        body["timings_per_token"] = True  # Counts for answers that we break off; it has no other running usage.
        body["id_slot"] = _SLOTS[request.lane]
    return body


def tokenize_body(text: str, abilities: Abilities) -> dict[str, Any]:
    """The JSON document for `/tokenize`: control tokens recognised, none added.

    Both engines ignore fields that they do not know, so an unknown one is asked in both dialects at once.
    """
    body: dict[str, Any] = {}
    if abilities.engine != "llama.cpp":
        body |= {"prompt": text, "add_special_tokens": False}
    if abilities.engine != "vllm":
        body |= {"content": text, "add_special": False, "parse_special": True}
    return body


def encode(body: dict[str, Any]) -> bytes:
    """JSON in UTF-8. Lone surrogates, which UTF-8 cannot hold and servers refuse, become U+FFFD."""
    return printable(json.dumps(body, ensure_ascii=False, allow_nan=False)).encode()


def private_texts(request: Request) -> tuple[str, ...]:
    """The texts of a request that no error message may repeat."""
    if isinstance(request, CompletionRequest):
        return (request.prompt,)
    return tuple(message.content for message in request.messages)


class Characters:
    """Joins the halves of characters (surrogates) that a server sends in two events; other lone ones become U+FFFD."""

    def __init__(self) -> None:
        self._half = ""

    def whole(self, text: str) -> str:
        """The text so far, as the next part of an answer; a half at its end waits for the other one."""
        if not text or (text.isascii() and not self._half):
            return text
        text = (self._half + text).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        self._half = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
        return printable(text.removesuffix(self._half))


def parse_chunk(
    data: str, private: Sequence[str] = (), *, server: str = "", whole: Callable[[str], str] = printable
) -> Chunk:
    """One event of a completion or chat stream. `server`: its address, for the sentence of an error. `whole`: makes its
    text one that can be printed.

    Raises ServerFailed for an error that the server reports in the stream (its words without what quotes a
    `private` text) and MalformedEvent for everything that is not the protocol.
    """
    with _spoken_by(server):
        document = _json_object(data)
        if document.get("error") or document.get("object") == "error":
            said = clean(message_in(document), private)
            raise _GaveUp(f"failed while it was answering{': ' + said if said else ''}")
        usage = _usage(document.get("usage")) or _usage_of_timings(document.get("timings"))
        choices = document.get("choices")
        if not isinstance(choices, list):
            raise _NotTheProtocol("an event has no list of choices")
        if not choices:
            return Chunk(usage=usage)
        choice = _ours(choices)
        if choice is None:
            return Chunk(usage=usage)
        return Chunk(
            text=_text(choice, whole),
            tokens=_tokens(choice.get("logprobs")),
            finish=_finish(choice.get("finish_reason")),
            usage=usage,
        )


class Work:
    """Sees in the events of one answer whether the server gets on with it. `reasoned`: pieces of reasoning so far."""

    def __init__(self) -> None:
        self.reasoned = 0
        self._generated = 0
        self._read = 0

    def goes_on(self, data: str, chunk: Chunk) -> bool:
        """Whether the next event, `data`, which `parse_chunk` took for `chunk`, holds or counts a new token, a piece of
        reasoning, or more of the prompt read (llama.cpp)."""
        generated = chunk.usage.generated if chunk.usage is not None else 0
        counted, self._generated = generated > self._generated, max(generated, self._generated)
        return bool(chunk.text or chunk.tokens) or counted or self._goes_on_unseen(json.loads(data))

    def _goes_on_unseen(self, document: dict[str, Any]) -> bool:
        progress = document.get("prompt_progress")
        read = progress.get("processed") if isinstance(progress, dict) else None
        if _is_integer(read) and read > self._read:
            self._read = read
            return True
        choices = document.get("choices")
        delta = choices[0].get("delta") if choices else None
        reasons = isinstance(delta, dict) and bool(delta.get("reasoning") or delta.get("reasoning_content"))
        self.reasoned += reasons
        return reasons


def parse_models(data: bytes, *, server: str = "") -> tuple[ServedModel, ...]:
    """The answer of `/v1/models`. `server`: its address, for the sentence of an error. Raises MalformedEvent."""
    with _spoken_by(server):
        entries = _json_object(data).get("data")
        if not isinstance(entries, list):
            raise _NotTheProtocol("the list of models has no data")
        return tuple(_served(entry) for entry in entries)


def parse_token_count(data: bytes) -> int | None:
    """The answer of `/tokenize`, in either dialect; None if it is neither."""
    try:
        document = _json_object(data)
    except _NotTheProtocol:
        return None
    count, tokens = document.get("count"), document.get("tokens")
    if _is_integer(count):
        return count
    return len(tokens) if isinstance(tokens, list) else None


class _NotTheProtocol(Exception):
    """The server sent something else; the message says what."""


class _GaveUp(Exception):
    """The server says in the stream that it cannot go on; the message completes "The model server ..."."""


@contextmanager
def _spoken_by(server: str) -> Iterator[None]:
    """The typed errors of what the server at that address sent."""
    name = f"The model server at {server}" if server else "The model server"
    try:
        yield
    except _NotTheProtocol as error:
        raise MalformedEvent(f"{name} does not speak the OpenAI protocol ({error}); check server.url.") from None
    except _GaveUp as error:
        raise ServerFailed(f"{name} {error}; its log says why.") from None


def _served(entry: Any) -> ServedModel:
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        raise _NotTheProtocol("an entry of the list of models has no id")
    meta = entry.get("meta")
    owner = entry.get("owned_by")
    owner = owner if isinstance(owner, str) else ""
    # vLLM says max_model_len; llama.cpp says meta.n_ctx, which is already the share of one slot.
    for length in (entry.get("max_model_len"), meta.get("n_ctx") if isinstance(meta, dict) else None):
        if _is_integer(length):
            return ServedModel(entry["id"], length, owner)
    return ServedModel(entry["id"], owner=owner)


def _ours(choices: list[Any]) -> dict[str, Any] | None:
    """The answer that was asked for, of several that a server may write at once."""
    if not all(isinstance(choice, dict) for choice in choices):
        raise _NotTheProtocol("a choice is not an object")
    return next((choice for choice in choices if not choice.get("index")), None)


def _text(choice: dict[str, Any], whole: Callable[[str], str]) -> str:
    delta = choice.get("delta", choice)
    if not isinstance(delta, dict):
        raise _NotTheProtocol("a delta is not an object")
    # Reasoning arrives beside the content (`reasoning`, `reasoning_content`) and is no part of the answer.
    text = delta.get("text") if delta is choice else delta.get("content")
    if text is None:
        return ""
    if not isinstance(text, str):
        raise _NotTheProtocol("the text of a choice is not a string")
    return whole(text)


def _finish(reason: Any) -> Finish | None:
    if reason is None:
        return None
    if not isinstance(reason, str):
        raise _NotTheProtocol("a finish reason is not a string")
    if reason == "error":
        raise _GaveUp("gave up in the middle of its answer")
    return "stop" if reason == "stop" else "length" if reason == "length" else "other"


def _usage(usage: Any) -> Usage | None:
    if usage is None:
        return None
    if not isinstance(usage, dict):
        raise _NotTheProtocol("the usage is not an object")
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    return Usage(
        prompt=_count(usage.get("prompt_tokens", 0)),
        generated=_count(usage.get("completion_tokens", 0)),
        cached=None if cached is None else _count(cached),
    )


def _usage_of_timings(timings: Any) -> Usage | None:
    """llama.cpp's running figures; its `prompt_n` leaves out what came from the cache."""
    if not isinstance(timings, dict):
        return None
    new, cached, generated = (timings.get(name) for name in ("prompt_n", "cache_n", "predicted_n"))
    if not (_is_integer(new) and _is_integer(cached) and _is_integer(generated)):
        return None
    return Usage(prompt=new + cached, generated=generated, cached=cached)


def _count(value: Any) -> int:
    if not _is_integer(value):
        raise _NotTheProtocol("a token count of the usage is not an integer")
    return value


def _tokens(logprobs: Any) -> tuple[Token, ...]:
    if logprobs is None:
        return ()
    if not isinstance(logprobs, dict):
        raise _NotTheProtocol("the logprobs are not an object")
    if "content" in logprobs:
        return tuple(_chat_token(entry) for entry in _list(logprobs["content"]))
    return _legacy_tokens(logprobs)


def _chat_token(entry: Any) -> Token:
    chosen = _chat_alternative(entry)
    top = [_chat_alternative(other) for other in _list(entry.get("top_logprobs"))]
    return Token(chosen.text, chosen.logprob, _best_first(top))


def _chat_alternative(entry: Any) -> Alternative:
    if not isinstance(entry, dict):
        raise _NotTheProtocol("a token of the logprobs is not an object")
    return _alternative(entry.get("token"), entry.get("logprob"))


def _legacy_tokens(logprobs: dict[str, Any]) -> tuple[Token, ...]:
    texts, values = _list(logprobs.get("tokens")), _list(logprobs.get("token_logprobs"))
    tops = _list(logprobs.get("top_logprobs")) or [None] * len(texts)
    if not len(texts) == len(values) == len(tops):
        raise _NotTheProtocol("the lists of the logprobs differ in length")
    tokens = []
    for text, value, top in zip(texts, values, tops, strict=True):
        if not isinstance(top, dict | None):
            raise _NotTheProtocol("the alternatives of a token are not an object")
        chosen = _alternative(text, value)
        others = [_alternative(*item) for item in (top or {}).items()]
        tokens.append(Token(chosen.text, chosen.logprob, _best_first(others)))
    return tuple(tokens)


def _alternative(text: Any, logprob: Any) -> Alternative:
    if not isinstance(text, str) or isinstance(logprob, bool) or not isinstance(logprob, int | float | None):
        raise _NotTheProtocol("a token of the logprobs has no text or no number")
    try:
        value = LOGPROB_FLOOR if logprob is None else float(logprob)
    except OverflowError:
        raise _NotTheProtocol("a log-probability is no number that there is") from None
    # `max` keeps its first argument where the second is not a number.
    return Alternative(printable(text), max(LOGPROB_FLOOR, value))


def _best_first(alternatives: list[Alternative]) -> tuple[Alternative, ...]:
    return tuple(sorted(alternatives, key=lambda alternative: -alternative.logprob))


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _NotTheProtocol("a list of the logprobs is not a list")
    return value


def _json_object(data: str | bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise _NotTheProtocol("an event is not JSON") from None
    if not isinstance(document, dict):
        raise _NotTheProtocol("an event is not a JSON object")
    return document


def _is_integer(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
