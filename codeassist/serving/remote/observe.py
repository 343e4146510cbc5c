"""Abilities that no server tells of, seen from what it does: that a schema binds, that a dropped request stops, that
priorities order the queue. Each costs seconds at most, and a server with other work is left alone.

vLLM takes a priority and ignores it unless it was started with `--scheduling-policy priority`; servers that do not know
`response_format` answer in prose; a proxy may keep a dropped request alive. None of them says so.

The cost: one chat of at most 64 tokens; a stream of a few tokens and some looks at the metrics; one request for many
short answers that is left as soon as the order is clear, and one of one token.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import anyio

from codeassist.model.abilities import Abilities, Known
from codeassist.model.api import ChatRequest, Chunk, CompletionRequest, Message, Priority, Sampling
from codeassist.model.errors import ModelError
from codeassist.model.wire import completion_body, parse_chunk
from codeassist.prompt.families import Family
from codeassist.serving.remote.load import Load, load_of

SLOW_LIMIT_S = 30.0
"""For each question; two processor cores need most of it."""
LONG_TOKENS = 512
"""Of the answer that is dropped. If it goes on, it ends by itself after that."""
FIRST_BULK, MOST_BULK = 16, 320
"""Answers in one request that fill all seats and the queue before them: four times the seats are needed, and more may
be refused. Most of them never start: the request is left as soon as the order is clear."""
LOOK_EVERY_S = 0.03
_ROUND_S = 0.1
"""So long must one round of the seats last at least, or what we see of it comes too late to say who was first."""
_COUNTING = "one two three four five six seven"
_FORCED = {"verdict": "violet-k7"}
_SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"type": "string", "enum": [_FORCED["verdict"]]}},
    "required": ["verdict"],
    "additionalProperties": False,
}
_COMPACT = json.dumps(_FORCED, separators=(",", ":"))

T = TypeVar("T")


class Watched(Protocol):
    """The part of `probe.Probed` that is needed here."""

    abilities: Abilities

    def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]: ...
    def chat(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]: ...
    async def name(self) -> str: ...
    async def document(self, path: str) -> bytes | None: ...
    def events(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[str, None]: ...


async def constrains(server: Watched, family: Family | None) -> Known:
    """Whether a schema binds the answer: one is asked for that no model gives to a greeting by itself.

    The model's thinking is switched off as `family` says, as it will be in a review.
    """
    request = ChatRequest(
        messages=(Message("user", "Please greet the reader in one friendly sentence."),),
        max_tokens=64,
        schema=_SCHEMA,
        priority=Priority.REVIEW,
        template_options=family.template_options if family else {},
        reasoning_effort=family.reasoning_effort if family else None,
    )

    async def read() -> list[Chunk]:
        async with aclosing(server.chat(request)) as chunks:
            return [chunk async for chunk in chunks]

    chunks = await _or_none(read())
    if chunks is None:
        return "unknown"
    if server.abilities.schema == "no":
        return "no"  # Refused, and asked again without it.
    answer = "".join("".join(chunk.text for chunk in chunks).split())
    if answer == _COMPACT:
        return "yes"
    if any(chunk.finish == "length" for chunk in chunks) and _COMPACT.startswith(answer):
        # A schema allows white space without end, which a weak model may like; or the thinking took all of it.
        return "yes" if answer.startswith('{"verdict"') else "unknown"
    return "no"


@dataclass(frozen=True, slots=True)
class Dropped:
    """What came of dropping a request. `token_s`: seconds for one token, 0 if not measured; `busy`: it was not tried
    because the server had other work."""

    known: Known = "unknown"
    token_s: float = 0.0
    busy: bool = False


async def cancels(server: Watched) -> Dropped:
    """Whether a request whose connection we close stops: seen in the server's own count of running requests."""
    return await _or_none(_cancels(server)) or Dropped()


async def _cancels(server: Watched) -> Dropped:
    before = await load_of(server.document, server.abilities.engine)
    if before is None or not before.idle:
        return Dropped(busy=before is not None)
    loop = asyncio.get_running_loop()
    moments: list[float] = []
    tokens = min(LONG_TOKENS, (server.abilities.max_model_tokens or 2 * LONG_TOKENS) // 2)
    body = await _long_body(server, max_tokens=tokens)
    async with aclosing(server.events("/completions", body)) as events:
        async for data in events:
            if parse_chunk(data).text:
                moments.append(loop.time())
            if len(moments) == 4:
                break
        during = await load_of(server.document, server.abilities.engine)
        seen = loop.time()
    if len(moments) < 4 or during is None:
        return Dropped()
    token_s = (moments[-1] - moments[0]) / 3
    left_s = moments[0] + tokens * token_s - seen
    if during.running != 1 or left_s < 2 * LOOK_EVERY_S:
        # Somebody came in between, or all of it was there at once: a proxy that holds answers back until they end.
        return Dropped(token_s=token_s)
    deadline = loop.time() + min(left_s / 2, SLOW_LIMIT_S / 3)
    while loop.time() < deadline:
        after = await load_of(server.document, server.abilities.engine)
        if after is not None and (after.aborted > before.aborted or after.running == 0):
            return Dropped("yes", token_s)
        await asyncio.sleep(LOOK_EVERY_S)
    return Dropped("no", token_s)


async def orders_by_priority(server: Watched, token_s: float) -> Known:
    """Whether a request of priority 0 overtakes those of lower priority that wait for a seat.

    One request for many answers fills the seats and the queue. Where no queue forms there is nothing to see.
    `token_s`: how long the server takes for one token, as `cancels` measured it.
    """
    if server.abilities.engine != "vllm" or token_s <= 0:
        return "unknown"  # Nobody else publishes its queue in a form that we know.
    return await _or_none(_orders(server, token_s)) or "unknown"


@dataclass(slots=True)
class _Bulk:
    """What has come of the many answers so far, by their numbers."""

    size: int
    started: set[int] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def unstarted(self) -> int:
        return self.size - len(self.started)

    def take(self, data: str) -> None:
        for choice in json.loads(data).get("choices") or ():
            number = choice.get("index", 0)
            self.started.add(number)
            if choice.get("finish_reason"):
                self.ended.add(number)
        self.changed.set()


async def _orders(server: Watched, token_s: float) -> Known:
    tokens = min(max(math.ceil(_ROUND_S / token_s), 8), 64)
    # Greedy answers would all be the same, and vLLM refuses to give more than one.
    body = {**await _long_body(server, max_tokens=tokens), "temperature": 1.0}
    size = FIRST_BULK
    while size <= MOST_BULK:
        if not await _falls_idle(server):
            return "unknown"
        bulk = _Bulk(size)
        reading = asyncio.ensure_future(_take_all(server, {**body, "n": size}, bulk))
        try:
            queue = await _queue(server, bulk, reading)
            if queue is None:
                return "unknown"
            if queue.waiting and bulk.unstarted >= 3 * queue.running:
                return await _who_is_first(server, bulk, queue.running)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        # With few in the queue, the first and the last of it start together.
        size = max(4 * queue.running + 4, size + 1) if queue.waiting else 4 * size
    return "unknown"


async def _falls_idle(server: Watched) -> bool:
    """Whether nothing runs on the server, now or as soon as it has noticed that we left."""
    for _ in range(20):
        load = await load_of(server.document, server.abilities.engine)
        if load is None or load.waiting:
            return False
        if load.idle:
            return True
        await asyncio.sleep(LOOK_EVERY_S)
    return False


async def _take_all(server: Watched, body: Mapping[str, Any], bulk: _Bulk) -> None:
    try:
        async with aclosing(server.events("/completions", body)) as events:
            async for data in events:
                bulk.take(data)
    finally:
        bulk.changed.set()


async def _queue(server: Watched, bulk: _Bulk, reading: asyncio.Future[None]) -> Load | None:
    """The load as soon as all answers have a seat or a place in the queue; None if it cannot be seen."""
    await bulk.changed.wait()
    while not reading.done():
        load = await load_of(server.document, server.abilities.engine)
        if load is None:
            return None
        if load.running + load.waiting + len(bulk.ended) >= bulk.size:
            return load
        await asyncio.sleep(LOOK_EVERY_S)
    return None


async def _who_is_first(server: Watched, bulk: _Bulk, seats: int) -> Known:
    """Send one request of priority 0, and see how much of the queue starts before it."""
    urgent = CompletionRequest(_COUNTING, max_tokens=1, priority=Priority.COMPLETION)

    async def read() -> None:
        async with aclosing(server.complete(urgent)) as chunks:
            async for _ in chunks:
                pass

    asking = asyncio.ensure_future(read())
    started = len(bulk.started)
    try:
        while not asking.done():
            bulk.changed.clear()
            changed = asyncio.ensure_future(bulk.changed.wait())
            await asyncio.wait({asking, changed}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
            overtaken = len(bulk.started) - started
            if not asking.done() and (overtaken > 2 * seats + 1 or bulk.unstarted == 0):
                return "no"  # Two rounds went by, and every seat was taken by one that mattered less.
        await asking
        return "yes" if bulk.unstarted > seats else "unknown"
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


async def _long_body(server: Watched, max_tokens: int) -> dict[str, Any]:
    """A completion of low priority that lasts as long as it may."""
    request = CompletionRequest(_COUNTING, max_tokens, sampling=Sampling(), priority=Priority.REVIEW)
    return {**completion_body(request, await server.name(), server.abilities), "ignore_eos": True}


async def _or_none(work: Coroutine[Any, Any, T]) -> T | None:
    """The result of a question, None if it fails or takes too long."""
    try:
        with anyio.fail_after(SLOW_LIMIT_S):
            return await work
    except (ModelError, TimeoutError, ValueError, AttributeError, TypeError):
        return None  # The last three: events of another shape than OpenAI's.
