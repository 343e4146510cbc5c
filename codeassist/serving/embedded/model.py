"""`Model` on the embedded engine: started at first use, shared by all roles, started again after a crash."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from codeassist.model.abilities import Abilities
from codeassist.model.api import ChatRequest, Chunk, CompletionRequest, Model, ServedModel
from codeassist.model.endpoint import Endpoint
from codeassist.model.errors import TruncatedStream, Unreachable
from codeassist.serving.embedded.engine import ORPHAN_S
from codeassist.serving.embedded.enginelog import log_path
from codeassist.serving.embedded.leases import Lease, take_lease
from codeassist.serving.embedded.record import EngineRecord, read_record
from codeassist.serving.embedded.supervise import EMBEDDED, answering, endpoint_of, find_or_start, located
from codeassist.serving.errors import EngineError, EngineModelMissing, EngineNotInstalled, ServingError
from codeassist.serving.folders import Folders, folders
from codeassist.settings import Settings

MAX_RESTARTS = 3
RESTART_WINDOW_S = 120.0

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class EngineState:
    """What to tell the user about the embedded engine. `message` is one sentence; `reason`: of a failure, the one that
    the request which meets it is told."""

    kind: Literal["starting", "ready", "lost", "failed"]
    message: str
    model: str = ""
    reason: str | None = None

    @property
    def busy(self) -> bool:
        """Whether somebody waits for it now."""
        return self.kind == "starting"


Transport = Callable[[Endpoint], Model]
"""Makes the model behind an endpoint; called off the event loop."""

OnState = Callable[[EngineState], None]


class RestartBudget:
    """How often a crashing engine is started again: at most `limit` times in `window_s` seconds."""

    def __init__(self, limit: int = MAX_RESTARTS, window_s: float = RESTART_WINDOW_S) -> None:
        self._limit = limit
        self._window_s = window_s
        self._crashes: deque[float] = deque(maxlen=limit + 1)

    def crashed(self, now: float) -> None:
        """The engine ended without being told to, at `now` (seconds of a monotonic clock)."""
        self._crashes.append(now)

    def wait_s(self, now: float) -> float:
        """Seconds until it may be started again; 0 for at once."""
        recent = [moment for moment in self._crashes if now - moment < self._window_s]
        return recent[0] + self._window_s - now if len(recent) > self._limit else 0.0


@dataclass(frozen=True, slots=True)
class _Connection:
    record: EngineRecord
    model: Model


class Engines:
    """This process's hold on the embedded engine: one lease, one connection, shared by all roles.

    Use it from one event loop. The engine starts with the first request and again after it crashed.
    """

    def __init__(
        self,
        settings: Settings,
        on_state: OnState | None = None,
        *,
        transport: Transport,
        where: Folders | None = None,
        orphan_s: float = ORPHAN_S,
    ) -> None:
        self._settings = settings
        self._on_state = on_state
        self._transport = transport
        self._where = where or folders(settings)
        self._orphan_s = orphan_s
        self._budget = RestartBudget()
        self._lease: Lease | None = None
        self._connection: _Connection | None = None
        self._starting: asyncio.Task[_Connection] | None = None
        self._closed = False

    @property
    def context_tokens(self) -> int:
        """Room for a prompt and its answer, in tokens."""
        return self._settings.engine.context_tokens

    async def connection(self) -> _Connection:
        """The running engine. Raises EngineError and its kinds.

        A caller that is cancelled leaves the start going: the next keystroke wants the same engine.
        """
        if self._closed:
            raise Unreachable("The connection to the embedded engine was closed; connect anew.")
        if self._connection is not None:
            return self._connection
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start())
            self._starting.add_done_callback(_retrieve)
        return await asyncio.shield(self._starting)

    async def forget(self, connection: _Connection) -> bool:
        """Give up a connection that broke, if its engine is gone. True if so; then a new start is worth it."""
        if self._connection is not connection:
            return True
        record = connection.record
        alive = await asyncio.to_thread(answering, self._where.runtime, record.key)
        if self._connection is not connection:
            return True
        if alive is not None and alive.token == record.token:
            return False
        self._connection = None
        # An engine that ends by itself takes its record with it: idleness is no crash.
        left = await asyncio.to_thread(read_record, self._where.runtime, record.key)
        if left is not None and left.token == record.token:
            self._budget.crashed(time.monotonic())
            self._tell("lost", f"The engine for {record.model} ended unexpectedly.", record.model)
        await connection.model.aclose()
        return True

    async def aclose(self) -> None:
        """Give the lease back; the engine stops some time after the last one."""
        self._closed = True
        if self._starting is not None:
            self._starting.cancel()
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.model.aclose()
        lease, self._lease = self._lease, None
        if lease is not None:
            await asyncio.to_thread(lease.release)

    async def _start(self) -> _Connection:
        try:
            record = await self._find_or_start()
        except EngineError as error:
            self._tell("failed", str(error), reason=error.reason)
            raise
        model = await asyncio.to_thread(self._transport, endpoint_of(record))
        self._connection = _Connection(record, model)
        self._tell("ready", f"{record.model} is ready.", record.model)
        return self._connection

    async def _find_or_start(self) -> EngineRecord:
        wanted = await asyncio.to_thread(located, self._settings, self._where)
        wait_s = self._budget.wait_s(time.monotonic())
        if wait_s > 0:
            raise EngineError(
                f"The engine for {wanted.name} ended {MAX_RESTARTS + 1} times in {RESTART_WINDOW_S / 60:.0f} "
                f"minutes; it is tried again in {wait_s:.0f} s; its log is {log_path(self._where, wanted.key)}"
            )
        if self._lease is None:
            try:
                self._lease = await asyncio.to_thread(take_lease, self._where.runtime, wanted.key)
            except (ServingError, OSError) as error:
                raise EngineError(f"The engine cannot be used: {error}") from error
        try:
            return await find_or_start(
                self._settings,
                lambda message: self._tell("starting", message, wanted.name),
                where=self._where,
                orphan_s=self._orphan_s,
            )
        except (EngineModelMissing, EngineNotInstalled):
            raise  # Cheap to find out and mended by the user: no reason to wait.
        except EngineError:
            self._budget.crashed(time.monotonic())
            raise

    def _tell(
        self,
        kind: Literal["starting", "ready", "lost", "failed"],
        message: str,
        model: str = "",
        reason: str | None = None,
    ) -> None:
        if self._on_state is not None:
            self._on_state(EngineState(kind, message, model, reason))


class EmbeddedModel:
    """`Model` on the embedded engine, which starts with the first request and again after a crash.

    `owns_engines`: closing it closes `engines` too; otherwise whoever shares them does that.
    """

    def __init__(self, engines: Engines, *, owns_engines: bool = False) -> None:
        self.engines = engines
        self._owns_engines = owns_engines
        self._closed = False

    @property
    def abilities(self) -> Abilities:
        return replace(EMBEDDED, max_model_tokens=self.engines.context_tokens)

    def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        return self._ask(lambda model: model.complete(request))

    def chat(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        return self._ask(lambda model: model.chat(request))

    async def served(self) -> tuple[ServedModel, ...]:
        return await self._call(lambda model: model.served())

    async def count_tokens(self, text: str) -> int | None:
        return await self._call(lambda model: model.count_tokens(text))

    async def aclose(self) -> None:
        self._closed = True
        if self._owns_engines:
            await self.engines.aclose()

    async def _connection(self) -> _Connection:
        if self._closed:
            raise Unreachable("The connection to the embedded engine was closed; connect anew.")
        return await self.engines.connection()

    async def _call(self, call: Callable[[Model], Awaitable[Answer]]) -> Answer:
        connection = await self._connection()
        try:
            return await call(connection.model)
        except Unreachable:
            if not await self.engines.forget(connection):
                raise
        return await call((await self._connection()).model)

    async def _ask(self, ask: Callable[[Model], AsyncGenerator[Chunk, None]]) -> AsyncGenerator[Chunk, None]:
        """Stream an answer. An engine that had stopped is started and asked once more, while nothing has come."""
        for second_time in (False, True):
            connection = await self._connection()
            begun = False
            try:
                async with aclosing(ask(connection.model)) as chunks:
                    async for chunk in chunks:
                        begun = True
                        yield chunk
                return
            except (Unreachable, TruncatedStream) as error:
                gone = await self.engines.forget(connection)
                if begun or second_time or not gone or isinstance(error, TruncatedStream):
                    raise


def _retrieve(task: asyncio.Task[_Connection]) -> None:
    """Whoever waited has the error; if nobody waits any more, it must not be reported as lost."""
    if not task.cancelled():
        task.exception()
