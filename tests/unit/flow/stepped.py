"""An engine whose clock is its own steps: it moves when a test says so, so that nothing depends on real time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from codeassist.model.api import Alternative, ChatRequest, Chunk, CompletionRequest, Request, ServedModel, Token, Usage

CHUNK_CHARACTERS = 400
"""What a step reads of a prompt."""
TURNS = 30
"""Turns of the event loop that everybody has between two steps to do what there is to do."""


@dataclass(eq=False)
class Running:
    """A request in the engine. `written`: pieces of its answer so far; `begun`, `ended`: the numbers of the steps."""

    request: Request
    asked: int
    unread: int
    answer: list[str]
    out: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    begun: int | None = None
    is_gone: bool = False


class SteppedEngine:
    """Speaks `Model`. `seats` requests run at once, each step reads a chunk of the prompt or writes a piece of each of
    them; others wait, those of the smaller priority first if `by_priority`. Who leaves is gone with the next step."""

    def __init__(self, answer: Callable[[Request], list[str]], *, seats: int = 1, by_priority: bool = False) -> None:
        self.step_count = 0
        self.all: list[Running] = []
        self._answer = answer
        self._seats = seats
        self._by_priority = by_priority
        self._waiting: list[Running] = []
        self._running: list[Running] = []

    async def step(self) -> None:
        """One step of the engine: what was asked or left before it counts, what comes meanwhile waits for the next."""
        for _ in range(TURNS):
            await asyncio.sleep(0)
        self.step_count += 1
        self._running = [each for each in self._running if not each.is_gone]
        self._waiting = [each for each in self._waiting if not each.is_gone]
        if self._by_priority:
            self._waiting.sort(key=lambda each: each.request.priority)
        while self._waiting and len(self._running) < self._seats:
            self._running.append(self._waiting.pop(0))
        for each in list(self._running):
            if each.unread > 0:
                each.unread -= CHUNK_CHARACTERS
                continue
            if each.begun is None:
                each.begun = self.step_count
            piece = each.answer.pop(0) if each.answer else None
            each.out.put_nowait(piece)
            if piece is None:
                self._running.remove(each)
        for _ in range(TURNS):
            await asyncio.sleep(0)

    def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        return self._stream(request, len(request.prompt))

    def chat(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        return self._stream(request, sum(len(message.content) for message in request.messages))

    def _stream(self, request: Request, size: int) -> AsyncGenerator[Chunk, None]:
        made = Running(request, self.step_count, size, self._answer(request))
        self.all.append(made)
        self._waiting.append(made)
        return self._read(made)

    async def _read(self, made: Running) -> AsyncGenerator[Chunk, None]:
        try:
            count = 0
            while (piece := await made.out.get()) is not None:
                count += 1
                token = Token(piece, -0.01, (Alternative(piece, -0.01),))
                yield Chunk(piece, (token,) if made.request.logprobs is not None else ())
            yield Chunk(finish="stop", usage=Usage(1, count))
        finally:
            made.is_gone = True

    async def served(self) -> tuple[ServedModel, ...]:
        return (ServedModel("stepped"),)

    async def count_tokens(self, text: str) -> int | None:
        return None

    async def aclose(self) -> None:
        """Nothing to close."""
