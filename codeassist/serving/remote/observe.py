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
from codeassist.serving.remote.pace import LEAST_CHUNKS, in_one_piece

SLOW_LIMIT_S = 30.0
"""For each question; two processor cores need most of it."""
LONG_TOKENS = 512
"""Of the answer that is dropped. If it goes on, it ends by itself after that."""
FIRST_BULK, MOST_BULK = 16, 320
"""Answers in one request that fill all seats and the queue before them: four times the seats are needed, and more may
be refused. Most of them never start: the request is left as soon as the order is clear."""
LOOK_EVERY_S = 0.03
_LEAST_PIECES, _STRETCH_S = 4, 0.25
"""Of an answer, before its pace is known."""
_PROOF_SHARE = 8
"""A dropped request that goes on writes this part of its tokens and more; one that stops, a step's."""
_ROUND_S = 0.1
"""So long must one round of the seats last at least, or what we see of it comes too late to say who was first."""
_IDLE_LEAST_S, _IDLE_STEPS = 1.0, 20
"""How long a server may take to end what we dropped: seconds, or steps of a token if that is longer. A step that reads
prompts takes several times as long as one of tokens."""
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
    because the server had other work. `streams`: its tokens arrived as they were written."""

    known: Known = "unknown"
    token_s: float = 0.0
    busy: bool = False
    streams: Known = "unknown"


async def cancels(server: Watched) -> Dropped:
    """Whether a request whose connection we close stops: seen in the server's own count of running requests."""
    return await _or_none(_cancels(server)) or Dropped()


async def _cancels(server: Watched) -> Dropped:
    before = await load_of(server.document, server.abilities.engine)
    if before is None or not before.idle:
        return Dropped(busy=before is not None)
    loop = asyncio.get_running_loop()
    tokens = min(LONG_TOKENS, (server.abilities.max_model_tokens or 2 * LONG_TOKENS) // 2)
    body = await _long_body(server, max_tokens=tokens)
    pace = _Pace(asked=loop.time())
    async with aclosing(server.events("/completions", body)) as events:
        async for data in events:
            pace.take(data, loop.time())
            if pace.known:
                break
        during = await load_of(server.document, server.abilities.engine)
    dropped = loop.time()
    if not pace.known or during is None:
        # All of it was there at once: so quick an engine, or a proxy that holds answers back until they end.
        return Dropped(streams="no" if pace.at_once else "unknown")
    if during.running != 1:
        return Dropped(token_s=pace.token_s, streams="yes")  # Somebody came in between, or it has ended by itself.
    left_s = pace.began + tokens * pace.token_s - dropped
    limit_s = SLOW_LIMIT_S / 3 if during.generated is not None else min(left_s / 2, SLOW_LIMIT_S / 3)
    while loop.time() < dropped + limit_s:
        after = await load_of(server.document, server.abilities.engine)
        found: Known = "unknown" if after is None else _ended_early(before, during, after, tokens)
        if found != "unknown":
            return Dropped(found, pace.token_s, streams="yes")
        await asyncio.sleep(LOOK_EVERY_S)
    # Without a count of tokens, half of its time is all there is to go by.
    found = "no" if during.generated is None and left_s > 2 * LOOK_EVERY_S else "unknown"
    return Dropped(found, pace.token_s, streams="yes")


def _ended_early(before: Load, during: Load, after: Load, tokens: int) -> Known:
    """Whether a request for `tokens` tokens that was dropped after `during` has stopped, or is seen to go on."""
    if after.aborted > before.aborted:
        return "yes"
    if before.generated is None or during.generated is None or after.generated is None:
        return "yes" if after.running == 0 else "unknown"
    if after.running == 0:  # An end of its own looks the same, but for the tokens.
        return "yes" if after.generated - before.generated < tokens else "unknown"
    return "no" if after.generated - during.generated > tokens // _PROOF_SHARE else "unknown"


@dataclass(slots=True)
class _Pace:
    """How quickly an answer is written. Tokens come in heaps where somebody is busy, hence a stretch of time."""

    asked: float
    began: float = 0.0
    last: float = 0.0
    token_s: float = 0.0
    known: bool = False
    pieces: int = 0
    first: int = 0
    written: int = 0

    def take(self, data: str, now: float) -> None:
        chunk = parse_chunk(data)
        if not chunk.text:
            return
        self.pieces += 1
        self.last = now
        self.written = chunk.usage.generated if chunk.usage is not None else self.written + 1
        if self.pieces == 1:
            self.began, self.first = now, self.written
        self.token_s = (now - self.began) / max(1, self.written - self.first)
        self.known = self.pieces >= _LEAST_PIECES and now - self.began >= _STRETCH_S

    @property
    def at_once(self) -> bool:
        """Whether it came in one piece although writing it took long."""
        return self.pieces >= LEAST_CHUNKS and in_one_piece(self.began - self.asked, self.last - self.asked)


async def orders_by_priority(server: Watched, token_s: float) -> Known | None:
    """Whether a request of priority 0 overtakes those of lower priority that wait for a seat; None if it could not be
    seen this time, because the server or this machine was too busy.

    One request for many answers fills the seats and the queue. Where no queue forms there is nothing to see.
    `token_s`: how long the server takes for one token, as `cancels` measured it.
    """
    if server.abilities.engine != "vllm" or token_s <= 0:
        return "unknown"  # Nobody else publishes its queue in a form that we know.
    return await _or_none(_orders(server, token_s))


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


async def _orders(server: Watched, token_s: float) -> Known | None:
    tokens = min(max(math.ceil(_ROUND_S / token_s), 8), 64)
    size = FIRST_BULK
    while size <= MOST_BULK and tokens <= LONG_TOKENS:
        if not await _falls_idle(server, token_s):
            return None
        # Greedy answers would all be the same, and vLLM refuses to give more than one.
        body = {**await _long_body(server, max_tokens=tokens), "temperature": 1.0, "n": size}
        bulk = _Bulk(size)
        reading = asyncio.ensure_future(_take_all(server, body, bulk))
        try:
            queue = await _queue(server, bulk, reading)
            if bulk.ended and (queue is None or not queue.waiting):
                tokens *= 2  # They came and went before there was anything to be seen.
                continue
            if queue is None:
                return None
            if queue.waiting and bulk.unstarted >= 3 * queue.running:
                found = await _who_is_first(server, bulk, queue.running)
                if found != "unknown":
                    return found
                tokens *= 2  # It went by too quickly to be seen.
            else:
                # With few in the queue, the first and the last of it start together.
                size = max(4 * queue.running + 4, size + 1) if queue.waiting else 4 * size
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
    return "unknown" if size > MOST_BULK else None


async def _falls_idle(server: Watched, token_s: float) -> bool:
    """Whether nothing runs on the server, now or as soon as it has noticed that we left.

    Its counts are those of its last step, so that what we dropped is seen there for a while, as running or waiting.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + max(_IDLE_LEAST_S, _IDLE_STEPS * token_s)
    while True:
        load = await load_of(server.document, server.abilities.engine)
        if load is None or load.idle:
            return load is not None
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(LOOK_EVERY_S)


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
    looks = 0
    queued_at: int | None = None
    try:
        while not asking.done() and bulk.unstarted:
            ended = len(bulk.ended)
            load = await load_of(server.document, server.abilities.engine)
            # On a busy machine it takes a while to get into the queue; what starts until then proves nothing.
            looks = looks + 1 if load is not None and load.running + load.waiting > bulk.size - ended else 0
            if queued_at is None and looks >= 2:
                queued_at = len(bulk.started)
            if queued_at is not None and len(bulk.started) - queued_at > 2 * seats + 1 and not asking.done():
                return "no"  # Two rounds went by, and every seat was taken by one that mattered less.
            await asyncio.wait({asking}, timeout=LOOK_EVERY_S)
        last = bulk.unstarted
        await asking
        if last > seats:
            return "yes"
        return "no" if queued_at is not None and len(bulk.started) - queued_at > seats else "unknown"
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
