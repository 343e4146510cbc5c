"""`Model` over one server or several that serve the same model: which one is asked, and what happens when it fails.

The first address is preferred, and kept to as long as it is well: its cache holds the prompts. The others are asked,
in their order, while it is not, and it is asked again as soon as it is well. An answer that has begun is never begun
anew elsewhere. Completions never wait for a server that has too much to do; reviews do, for a while.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import aclosing
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from codeassist.model.abilities import Abilities
from codeassist.model.api import ChatRequest, Chunk, CompletionRequest, Model, Request, ServedModel
from codeassist.model.errors import ModelError, ModelNotFound, Overloaded, Unreachable
from codeassist.serving.remote.absent import with_reason
from codeassist.serving.remote.health import WELL, Health, is_about_the_server
from codeassist.serving.remote.pace import Pace
from codeassist.serving.remote.probe import Probed

QUIET_S = 20.0
"""The full look at a server takes some of its seats for a moment: it begins when nothing was asked for so long."""
PATIENCE_S = 60.0
"""How long a review waits for a server that has too much to do."""

Answer = TypeVar("Answer")
OnNote = Callable[[str], None]
"""Gets the standing note about the servers whenever it changes: one sentence, "" when all is as it should be."""


class OneServer(Model, Probed, Protocol):
    """A model behind one address. `abilities` shape its requests; `name` is the served name that it asks for."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How a server is reached and looked at, so that this module knows no transport.

    `open`: from an address and a served name (None: the server's first) to a model; called off the event loop.
    `look`: set the model's `abilities` to what the server can do as far as that is quickly found out. `study`: the
    same in full; it runs in the background. Both are given the address too. `why`: an error with what this machine
    knows of the server at that address; called off the event loop.
    """

    open: Callable[[str, str | None], OneServer]
    look: Callable[[OneServer, str], Awaitable[None]]
    study: Callable[[OneServer, str], Coroutine[Any, Any, None]]
    why: Callable[[ModelError, str], ModelError] = with_reason


@dataclass(slots=True, eq=False)
class _Server:
    url: str
    health: Health = WELL
    pace: Pace = field(default_factory=Pace)
    model: OneServer | None = None
    looked_at: bool = False
    opening: asyncio.Task[OneServer] | None = None
    looking: asyncio.Task[None] | None = None
    studying: asyncio.Task[None] | None = None
    studied: bool = False
    at_work: int = 0
    last_asked: float = 0.0

    @property
    def abilities(self) -> Abilities | None:
        return self.model.abilities if self.model is not None and self.looked_at else None


class RemoteModel:
    """`urls`: the addresses, the preferred one first. `name`: the served name; None for the first that the first
    server that answers lists, which the others must then serve too. `salt` becomes the cache salt of every request.

    Use it from one event loop. `now`, `sleep` and `jitter` (0 to 1) are for tests.
    """

    def __init__(
        self,
        urls: Sequence[str],
        ways: Ways,
        *,
        name: str | None = None,
        salt: str | None = None,
        on_note: OnNote | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._servers = [_Server(url) for url in dict.fromkeys(urls)]
        self._ways = ways
        self._name = name
        self._salt = salt
        self._on_note = on_note
        self._now, self._sleep, self._jitter = now, sleep, jitter
        self._answering = self._servers[0]
        self._note = ""
        self._closed = False

    # What is known ---------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The address that answered last; the preferred one before the first answer."""
        return self._answering.url

    @property
    def abilities(self) -> Abilities:
        """What the server that answered last can do, with a context that all servers have that are known."""
        found = self._answering.abilities or Abilities()
        lengths = [server.abilities.max_model_tokens for server in self._servers if server.abilities is not None]
        return replace(found, max_model_tokens=min((each for each in lengths if each is not None), default=None))

    @property
    def note(self) -> str:
        """What the user should know about the servers although answers come; "" for nothing."""
        return self._note

    def troubles(self) -> dict[str, ModelError]:
        """The addresses that are passed over, each with its reason."""
        return {server.url: server.health.error for server in self._servers if server.health.error is not None}

    async def find_out(self) -> Abilities:
        """What the server that is asked first can do. Raises ModelError if none is to be had."""

        if self._answering.looked_at:
            return self.abilities  # Whoever may wait for a full server finds out while it waits.

        async def itself(model: OneServer) -> OneServer:
            return model

        opened = await self._call(itself)
        self._answering = next(server for server in self._servers if server.model is opened)
        return self.abilities

    async def name(self) -> str:
        """The served name that is asked for. Raises ModelError if no server can say one."""
        if self._name is not None:
            return self._name
        if self._answering.model is not None and self._answering.looked_at:
            return await self._answering.model.name()
        return await self._call(lambda model: model.name())

    # Model -----------------------------------------------------------------------------------------------------------

    def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        salted = replace(request, cache_salt=request.cache_salt or self._salt)
        return self._ask(salted, lambda model: model.complete(salted))

    def chat(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        salted = replace(request, cache_salt=request.cache_salt or self._salt)
        return self._ask(salted, lambda model: model.chat(salted))

    async def served(self) -> tuple[ServedModel, ...]:
        return await self._call(lambda model: model.served())

    async def count_tokens(self, text: str) -> int | None:
        return await self._call(lambda model: model.count_tokens(text))

    async def aclose(self) -> None:
        self._closed = True
        tasks = [
            task
            for server in self._servers
            for task in (server.opening, server.looking, server.studying)
            if task is not None
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for server in self._servers:
            if server.model is not None:
                await server.model.aclose()

    # Asking ----------------------------------------------------------------------------------------------------------

    async def _ask(
        self, request: Request, ask: Callable[[Model], AsyncGenerator[Chunk, None]]
    ) -> AsyncGenerator[Chunk, None]:
        patient_until = self._now() + (PATIENCE_S if request.lane == "review" else 0.0)
        while True:
            errors: dict[str, ModelError] = {}
            while (server := self._next(errors)) is not None:
                begun = False
                try:
                    model = await self._opened(server)
                    async with aclosing(self._watched(server, ask(model))) as chunks:
                        async for chunk in chunks:
                            begun = True
                            yield chunk
                    return
                except ModelError as error:
                    errors[server.url] = await self._failed(server, error)
                    if begun or not is_about_the_server(error):
                        raise
            wait_s = self._wait_s()
            if wait_s is None or self._now() + wait_s > patient_until:
                raise self._failure(errors)
            await self._sleep(wait_s)

    async def _call(self, call: Callable[[OneServer], Awaitable[Answer]]) -> Answer:
        errors: dict[str, ModelError] = {}
        while (server := self._next(errors)) is not None:
            try:
                return await call(await self._opened(server))
            except ModelError as error:  # noqa: PERF203  One round for each server.
                errors[server.url] = await self._failed(server, error)
                if not is_about_the_server(error):
                    raise
        raise self._failure(errors)

    def _next(self, tried: Collection[str]) -> _Server | None:
        """The server to ask now: the first that is well, else the first that may be asked at all."""
        now = self._now()
        states = [(server, server.health.state(now)) for server in self._servers if server.url not in tried]
        for wanted in ("well", "shunned"):
            for server, state in states:
                if state == wanted:
                    self._look_at_those_before(server)
                    return server
        return None

    def _wait_s(self) -> float | None:
        """Seconds until a server that has too much to do may be asked again; None if there is no such server."""
        now = self._now()
        waits = [server.health.wait_s(now) for server in self._servers if isinstance(server.health.error, Overloaded)]
        return min(waits, default=None)

    def _failure(self, errors: Mapping[str, ModelError]) -> ModelError:
        """The preferred server's error, from this request or the one before it, and how many others failed too."""
        found = [errors.get(server.url) or server.health.error for server in self._servers]
        known = [error for error in found if error is not None]
        first, others = known[0], len(known) - 1
        said = str(first)
        if others:
            also = "the server" if others == 1 else f"the {others} servers"
            said = f"{said.rstrip('.')}; {also} of server.fallback_urls failed too."
        error = copy(first)  # With all that the kind carries beside its sentence.
        error.args = (said,)
        error.__cause__ = first
        return error

    # Events ----------------------------------------------------------------------------------------------------------

    async def _watched(self, server: _Server, stream: AsyncGenerator[Chunk, None]) -> AsyncGenerator[Chunk, None]:
        """Pass an answer on, and learn from it how the server is."""
        asked = server.last_asked = self._now()
        server.at_work += 1
        times: list[float] = []
        try:
            async with aclosing(stream):
                async for chunk in stream:
                    if not times:
                        self._well(server)
                    times.append(self._now())
                    yield chunk
            self._well(server)  # Also by an answer without a single piece.
        finally:
            server.at_work -= 1
            server.last_asked = self._now()
            if times:
                server.pace.note(len(times), times[0] - asked, times[-1] - asked)
                self._tell()
                self._study(server)

    def _well(self, server: _Server) -> None:
        server.health = server.health.answered()
        self._answering = server
        self._tell()

    async def _failed(self, server: _Server, error: ModelError) -> ModelError:
        """Remember the failure, which is returned with its reason if there is more to say."""
        if isinstance(error, Unreachable):
            error = await asyncio.to_thread(self._ways.why, error, server.url)
        server.health = server.health.failed(error, self._now(), self._jitter())
        self._tell()
        return error

    def _tell(self) -> None:
        preferred, answering = self._servers[0], self._answering
        note = ""
        if answering is not preferred and preferred.health.error is not None:
            note = f"{str(preferred.health.error).rstrip('.')}; {answering.url} answers instead."
        elif answering.pace.in_one_piece:
            note = f"The answers of {answering.url} arrive in one piece: a proxy seems to buffer them; switch that off."
        if note != self._note:
            self._note = note
            if self._on_note is not None:
                self._on_note(note)

    # Servers ---------------------------------------------------------------------------------------------------------

    async def _opened(self, server: _Server) -> OneServer:
        """The server, with what it can do known. A caller that is cancelled leaves the looking going: the next
        keystroke wants the same answer."""
        if self._closed:
            raise Unreachable(f"The connection to {server.url} was closed; connect anew.")
        if server.model is not None and server.looked_at:
            return server.model
        if server.opening is None or server.opening.done():
            server.opening = _started(self._open(server))
        return await asyncio.shield(server.opening)

    async def _open(self, server: _Server) -> OneServer:
        if server.model is None:
            server.model = await asyncio.to_thread(self._ways.open, server.url, self._name)
        await self._ways.look(server.model, server.url)
        if self._name is None and len(self._servers) > 1:
            self._name = await server.model.name()  # One prompt goes to any of them, so they must serve one model.
        server.looked_at = True
        return server.model

    def _study(self, server: _Server) -> None:
        """Find out in full what the server can do, once, in a quiet moment."""
        if server.studying is None and not server.studied and not self._closed:
            server.studying = _started(self._study_in_quiet(server))

    async def _study_in_quiet(self, server: _Server) -> None:
        while server.at_work or self._now() < server.last_asked + QUIET_S:
            await self._sleep(QUIET_S if server.at_work else server.last_asked + QUIET_S - self._now())
        if server.model is not None:
            await self._ways.study(server.model, server.url)
        server.studied = True

    def _look_at_those_before(self, chosen: _Server) -> None:
        """See whether the servers that come before `chosen` are there again. A request is never the one to find out
        that they are not: waiting for a machine that is switched off takes seconds."""
        now = self._now()
        for server in self._servers[: self._servers.index(chosen)]:
            if server.health.is_due(now) and (server.looking is None or server.looking.done()):
                server.looking = _started(self._look(server))

    async def _look(self, server: _Server) -> None:
        try:
            served = await (await self._opened(server)).served()
        except ModelNotFound:
            served = ()  # It has no list of models; the next request will tell.
        except ModelError as error:
            await self._failed(server, error)
            return
        if served and self._name is not None and self._name not in [each.name for each in served]:
            missing = f"The model server at {server.url} does not serve '{self._name}'; start it with that model."
            await self._failed(server, ModelNotFound(missing))
            return
        server.health = server.health.looked_at()
        self._tell()


def _started(work: Coroutine[Any, Any, Answer]) -> asyncio.Task[Answer]:
    task = asyncio.create_task(work)
    task.add_done_callback(_retrieve)
    return task


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Whoever waited has the error; if nobody waits any more, it must not be reported as lost."""
    if not task.cancelled():
        task.exception()
