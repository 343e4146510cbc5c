"""One request by the clock, and the reviews that run beside it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

from codeassist.model.api import ChatRequest, Chunk, CompletionRequest, Model, Usage
from codeassist.model.errors import ModelError

LineEnd = Literal["newline", "tokens"]
"""What counts as a finished line: the first newline after text, or a fixed number of tokens for a model that writes
no lines (its weights are random)."""

LINE_TOKENS = 16
"""The fixed number."""
MOST_LINE_TOKENS = 64
"""Longest answer where a newline is waited for."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One completion. `first_ms`: until its first token; `line_ms`: until its line was finished. `finished`: whether
    it was, by a newline, by the model's own end (`stopped`), or by the number of tokens; else the answer was cut."""

    first_ms: float
    line_ms: float
    prompt_tokens: int
    cached_tokens: int | None
    generated_tokens: int
    finished: bool
    stopped: bool
    answer: str = field(repr=False)


class ReviewsFailed(Exception):
    """The reviews that should run beside a completion do not; the message is the server's, for the user."""


async def timed(model: Model, request: CompletionRequest | ChatRequest, line_end: LineEnd) -> Sample:
    """Send `request` and read its answer to the end. Raises ModelError.

    An editor's request is closed at the end of the line. Here the rest, some tokens, is read too: the count of cached
    tokens comes last.
    """
    stream = model.chat(request) if isinstance(request, ChatRequest) else model.complete(request)
    text = ""
    pieces = generated = 0
    first_ms = line_ms = last_ms = 0.0
    usage: Usage | None = None
    stopped = False
    begin = time.perf_counter()
    async with aclosing(stream) as chunks:
        async for chunk in chunks:
            now_ms = (time.perf_counter() - begin) * 1000
            pieces += _is_token(chunk)
            usage = chunk.usage or usage
            # Some tokens show no text yet, half a character for instance: only the server can count those.
            generated = max(generated, pieces, usage.generated if usage else 0)
            text += chunk.text
            stopped = stopped or chunk.finish == "stop"
            if chunk.text or chunk.finish:
                last_ms = now_ms
            if not first_ms and (generated or chunk.finish):
                first_ms = now_ms
            if not line_ms and _line_ended(text, generated, line_end):
                line_ms = now_ms
    return Sample(
        first_ms=first_ms or last_ms,
        line_ms=line_ms or last_ms,
        prompt_tokens=usage.prompt if usage else 0,
        cached_tokens=usage.cached if usage else None,
        generated_tokens=generated,
        finished=bool(line_ms) or stopped,
        stopped=stopped,
        answer=text,
    )


def _is_token(chunk: Chunk) -> int:
    return len(chunk.tokens) or int(bool(chunk.text))


def _line_ended(text: str, generated: int, line_end: LineEnd) -> bool:
    return generated >= LINE_TOKENS if line_end == "tokens" else "\n" in text.lstrip()


@dataclass(slots=True)
class Reviews:
    """Reviews of the product's form, as many at once as wanted, each followed by the next one.

    The first of each line gets a shorter answer, of random length: else all would be in the same phase, and no
    completion would meet a review whose prompt is being read, which disturbs it most.

    `begun`, `ended` and `tokens` add up over all that ran; `prompt_tokens` is that of the last one.
    """

    model: Model
    requests: Iterator[ChatRequest]
    begun: int = 0
    ended: int = 0
    tokens: int = 0
    prompt_tokens: int = 0
    in_flight: int = 0
    _failure: ModelError | None = None
    _over: bool = False

    @asynccontextmanager
    async def running(self, count: int) -> AsyncGenerator[None, None]:
        """Keep `count` reviews in flight during the body, which begins when each of them has begun to be answered.

        Raises ReviewsFailed if one is refused before; `check` tells of a later failure.
        """
        self._failure, self._over = None, False
        answering = [asyncio.Event() for _ in range(count)]
        workers = [asyncio.create_task(self._keep_asking(event)) for event in answering]
        try:
            for event in answering:
                await event.wait()
                self.check()
            yield
        finally:
            # Before Python 3.12 `asyncio.wait_for`, which the client uses, can swallow a cancellation.
            self._over = True
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    def record(self) -> dict[str, int]:
        """What the load was in all, as plain data."""
        return {
            "begun": self.begun,
            "ended": self.ended,
            "generated_tokens": self.tokens,
            "prompt_tokens": self.prompt_tokens,
        }

    def check(self) -> None:
        """Raise ReviewsFailed if a review failed: then fewer are running than should."""
        if self._failure is not None:
            raise ReviewsFailed(str(self._failure)) from self._failure

    async def _keep_asking(self, answering: asyncio.Event) -> None:
        try:
            request = next(self.requests)
            request = replace(request, max_tokens=random.randint(request.max_tokens // 10, request.max_tokens))
            while self._failure is None and not self._over:
                await self._one(request, answering)
                request = next(self.requests)
                # An engine that answers at once must not keep us from everything else.
                await asyncio.sleep(0)
        except ModelError as error:
            self._failure = error
        finally:
            answering.set()

    async def _one(self, request: ChatRequest, answering: asyncio.Event) -> None:
        usage: Usage | None = None
        pieces = 0
        self.begun += 1
        self.in_flight += 1
        try:
            async with aclosing(self.model.chat(request)) as chunks:
                async for chunk in chunks:
                    pieces += _is_token(chunk)
                    usage = chunk.usage or usage
                    if chunk.text or chunk.finish:
                        answering.set()
            self.ended += 1
        finally:
            self.in_flight -= 1
            self.tokens += max(pieces, usage.generated if usage else 0)
            self.prompt_tokens = usage.prompt if usage else self.prompt_tokens
