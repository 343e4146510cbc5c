"""What can this server do? A few small requests on connecting; the slow questions later, or when doctor asks.

Nothing is believed that can be seen: servers ignore fields that they do not know, and say so nowhere. A question that
fails leaves its ability "unknown", and whoever uses it then works as if it were missing.

The cost, in requests. Again on a server that is remembered: 2 (list of models, version). Quick: 3 more (llama.cpp: 4),
one of them for one token, and one for each family whose markers are looked for. Full: see `observe`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Literal, Protocol, TypeVar

import anyio

from codeassist.model.abilities import Abilities, Engine, Known
from codeassist.model.api import ChatRequest, Chunk, CompletionRequest, Priority, ServedModel
from codeassist.model.errors import BadRequest, ModelError, Unauthorised, Unreachable
from codeassist.model.wire import OPTIONAL_FIELDS, completion_body
from codeassist.prompt.families import Family
from codeassist.serving.remote.observe import cancels, constrains, orders_by_priority

T = TypeVar("T")

QUICK_LIMIT_S = 5.0
"""For each question of a quick probe; a GPU answers them in milliseconds, two processor cores in a second or two."""
TOKEN_LIMIT_S = 10.0
"""For the one token: the first answer of a server that has just started takes longer than any after it."""
_OWNERS: Mapping[str, Engine] = {"vllm": "vllm", "llamacpp": "llama.cpp"}
_SAMPLE = CompletionRequest(
    prompt="def add(a, b):\n    return",
    max_tokens=1,
    stop=("\n\n",),
    stop_token_ids=(0,),
    logprobs=1,
    # Not that of a completion: servers that refuse priorities refuse those that are not 0.
    priority=Priority.WARM_UP,
    cache_salt="codeassist",
)
"""Has every field that a completion may have, so that a strict server refuses now what it would refuse later."""


class Probed(Protocol):
    """A model whose `abilities` are used for its next request; `model.vllm.VllmModel` is one.

    `name` is the served name that it asks for; `document` what the server has beside its API, None for nothing there;
    `events` are those of a streamed answer as they come, to a body that is sent as it is.
    """

    abilities: Abilities

    def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]: ...
    def chat(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]: ...
    async def served(self) -> tuple[ServedModel, ...]: ...
    async def name(self) -> str: ...
    async def count_tokens(self, text: str) -> int | None: ...
    async def document(self, path: str) -> bytes | None: ...
    def events(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[str, None]: ...


async def probe(
    server: Probed,
    known: Abilities | None = None,
    *,
    depth: Literal["quick", "full"] = "quick",
    families: Sequence[Family] = (),
    chat_family: Family | None = None,
) -> Abilities:
    """Ask `server` what it can do; its `abilities` are set as they are found, and returned.

    `known`: what was remembered of it, taken over where engine and version are still the same and it went as deep.
    `families`: those whose markers are looked for in its vocabulary, best first; `chat_family`: how a chat of ours
    would be asked. Raises Unreachable and Unauthorised, nothing else.
    """
    await _identify(server)
    if known is not None and _same(known, server.abilities):
        refused = server.abilities.refused_fields | known.refused_fields
        server.abilities = replace(known, max_model_tokens=server.abilities.max_model_tokens).without(refused)
        if known.asked == "full" or depth == "quick":
            return server.abilities
    else:
        answered, _ = await asyncio.gather(_ask_for_a_token(server), _ask_the_tokenizer(server, families))
        if not answered:
            return server.abilities  # It may be starting, or going: nothing to be remembered.
        _set(server, asked="quick")
    if depth == "full":
        await _ask_at_length(server, chat_family)
    return server.abilities


async def _identify(server: Probed) -> None:
    """Who is there? The one question whose failure is the caller's."""
    served, version = await asyncio.gather(_served(server), _or_none(server.document("/version")))
    name = await server.name() if served else ""
    mine = next((model for model in served if model.name == name), None)
    engine = _OWNERS.get(mine.owner if mine else "", "unknown")
    said = _field(version, "version")
    if engine != "vllm":
        # A llama.cpp of another make names another owner; its own list of properties gives it away.
        build = _field(await _or_none(server.document("/props")), "build_info")
        engine, said = ("llama.cpp", build) if build else (engine, "")
    _set(server, engine=engine, version=said, max_model_tokens=mine.max_tokens if mine else None)
    if engine == "llama.cpp":
        _set(server, priority="no")  # It has slots, and no order among those that wait for one.


async def _served(server: Probed) -> tuple[ServedModel, ...]:
    try:
        return await server.served()
    except (Unreachable, Unauthorised):
        raise
    except ModelError:
        return ()  # Some servers list nothing, and complete all the same.


def _same(known: Abilities, now: Abilities) -> bool:
    return bool(known.asked) and (known.engine, known.version) == (now.engine, now.version)


async def _ask_for_a_token(server: Probed) -> bool:
    """Which fields are refused, whether log-probabilities and cached tokens are reported: one token tells. False if
    there was none to be had."""
    try:
        chunks = await _sample(server)
    except BadRequest:
        # Some servers say 400 and not why. What goes without all that is optional, goes without.
        before = server.abilities
        sent = completion_body(_SAMPLE, "", before)
        server.abilities = before.without(OPTIONAL_FIELDS & sent.keys())
        try:
            chunks = await _sample(server)
        except Unauthorised:
            raise
        except (ModelError, TimeoutError):
            _set(
                server,
                refused_fields=before.refused_fields,
                priority=before.priority,
                logprobs=before.logprobs,
                schema=before.schema,
            )
            return False
    except Unauthorised:
        raise
    except (ModelError, TimeoutError):
        return False
    if server.abilities.logprobs != "no":
        _set(server, logprobs="yes" if any(token.top for chunk in chunks for token in chunk.tokens) else "no")
    # vLLM reports them also where nothing was cached, if it was told to report them.
    reported = any(chunk.usage is not None and chunk.usage.cached is not None for chunk in chunks)
    _set(server, cached_tokens="yes" if reported else "no")
    return True


async def _sample(server: Probed) -> list[Chunk]:
    async def read() -> list[Chunk]:
        async with aclosing(server.complete(_SAMPLE)) as chunks:
            return [chunk async for chunk in chunks]

    with anyio.fail_after(TOKEN_LIMIT_S):
        return await read()


async def _ask_the_tokenizer(server: Probed, families: Sequence[Family]) -> None:
    """The first family all of whose markers are single tokens: as many tokens as there are markers."""
    able = [family for family in families if family.kind == "fim"]
    if not able:
        return
    markers = [[text for text in (family.prefix, family.suffix, family.middle) if text] for family in able]
    counts = await asyncio.gather(*(_or_none(server.count_tokens("".join(texts))) for texts in markers))
    fitting = (family.name for family, texts, count in zip(able, markers, counts, strict=True) if count == len(texts))
    counted: Known = "no" if None in counts else "yes"
    _set(server, tokenizer=counted, fill_in_middle=next(fitting, ""))


async def _ask_at_length(server: Probed, chat_family: Family | None) -> None:
    """The slow questions, one after the other: two of them watch the load of a server that is otherwise idle."""
    if server.abilities.schema == "unknown":
        _set(server, schema=await constrains(server, chat_family))
    seen = await cancels(server)
    if seen.known != "unknown":
        _set(server, cancel=seen.known)
    if seen.streams != "unknown":
        _set(server, streams=seen.streams)
    order = await orders_by_priority(server, seen.token_s) if server.abilities.priority == "unknown" else "unknown"
    if order is not None and order != "unknown":
        _set(server, priority=order)
    if not seen.busy and order is not None:
        _set(server, asked="full")


async def _or_none(work: Awaitable[T]) -> T | None:
    """The result of a question, None if it fails or takes too long."""
    try:
        with anyio.fail_after(QUICK_LIMIT_S):
            return await work
    except Unauthorised:
        raise
    except (ModelError, TimeoutError):
        return None


def _set(server: Probed, **found: Any) -> None:
    server.abilities = replace(server.abilities, **found)


def _field(document: bytes | None, name: str) -> str:
    """A text of a JSON object, "" if there is none."""
    try:
        value = json.loads(document or b"").get(name)
    except (ValueError, AttributeError, RecursionError):
        return ""
    return value[:80] if isinstance(value, str) and value.isprintable() else ""
