"""A loopback server that behaves as vLLM does towards its clients, misbehaviour included.

    async with FakeVllm(answer="return 1") as server:
        model = VllmModel(Endpoint(server.base_url, abilities=Abilities(engine="vllm")))

As vLLM's source says: more than four stop strings are a 400, `suffix` is a 400, an unknown model is a 404,
a wrong key is a 401 under /v1 only, `guided_*` fields are ignored, the last chunk of a stream holds the usage
and no choice, prompts share a prefix cache of whole blocks, and a client that hangs up aborts its request.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.fake_vllm_answers import Answer, common_length, conforming, prompt_of, tokens_of
from tests.fake_vllm_natures import Nature, Seats
from tests.fake_vllm_troubles import Trouble, in_place_of_answer, within_answer
from tests.fake_vllm_wire import Connection, Received

__all__ = ["Behaviour", "FakeVllm", "Nature", "Received", "Trouble"]

BLOCK_TOKENS = 16
MAX_STOP_STRINGS = 4


@dataclass
class Behaviour:
    """How the server answers; change it at any time.

    `token_delay_s`: seconds between tokens. `slice_bytes`: how many bytes each piece on the wire has, 0 for
    whole events. `comments`: SSE comments between the events. `status` and `message`: what each request under
    /v1 gets. `logprobs`: whether log-probabilities are sent to those who ask for them.
    `keeps_to_limit`: no more tokens are written than were asked for.
    """

    trouble: Trouble = ""
    trouble_after: int = 1
    status: int = 0
    message: str = "because the test says so"
    retry_after: str = ""
    token_delay_s: float = 0.0
    slice_bytes: int = 0
    comments: bool = False
    reasoning: str = ""
    finish_reason: str = ""
    logprobs: bool = True
    keeps_to_limit: bool = True


@dataclass
class Counts:
    """`running` answers are generated now, `waiting` ones have no seat; `held` ones of them hang or are on hold;
    `aborted` ones lost their client.
    Prefix counts are in tokens."""

    connections: int = 0
    running: int = 0
    waiting: int = 0
    held: int = 0
    finished: int = 0
    aborted: int = 0
    generated_tokens: int = 0
    prefix_queries: int = 0
    prefix_hits: int = 0


class _Refused(Exception):
    def __init__(
        self,
        status: int,
        message: str,
        kind: str = "BadRequestError",
        param: str | None = None,
        document: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.document = document or {"error": {"message": message, "type": kind, "param": param, "code": status}}


@dataclass
class FakeVllm:
    """`answer` is the text of every answer, or a function from the request's body to it.

    `nature`: which kind of server it is. `uds`: the path of a UNIX socket instead of a port. `received` lists every
    request; `counts` adds them up.
    """

    answer: str | Callable[[dict[str, Any]], str] = "return 1"
    models: tuple[str, ...] = ("fake-model",)
    api_key: str | None = None
    uds: str | None = None
    max_model_len: int = 8192
    nature: Nature = field(default_factory=Nature)
    behaviour: Behaviour = field(default_factory=Behaviour)
    received: list[Received] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    base_url: str = ""

    async def __aenter__(self) -> FakeVllm:
        self._waiters: set[asyncio.Future[None]] = set()
        self._released = asyncio.Event()
        self._cached: list[list[str]] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._vocabulary: dict[str, int] = {}
        self._seats = Seats(self.nature.seats, self.nature.by_priority)
        if self.uds is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
            self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        else:
            self._server = await asyncio.start_unix_server(self._accept, self.uds)
            self.base_url = f"unix://{self.uds}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def release(self) -> None:
        """Let the answers that are on hold go on, and those to come."""
        self._released.set()

    def forget(self) -> None:
        """Behave again, hold back what is asked to be held, and know of no request."""
        self.behaviour = Behaviour()
        self.received.clear()
        self.counts = Counts()
        self._released.clear()

    async def until(self, condition: Callable[[Counts], bool], deadline_s: float = 10.0) -> None:
        """Wait until `condition` holds for the counts; TimeoutError at the deadline."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + deadline_s
        while not condition(self.counts):
            changed: asyncio.Future[None] = loop.create_future()
            self._waiters.add(changed)
            try:
                await asyncio.wait_for(changed, deadline - loop.time())
            except asyncio.TimeoutError:
                raise TimeoutError(f"not within {deadline_s} s; the counts are {self.counts}") from None
            finally:
                self._waiters.discard(changed)

    def _count(self, **changes: int) -> None:
        """At once: a count that waited for its turn could be cancelled meanwhile, and its opposite not."""
        for name, change in changes.items():
            setattr(self.counts, name, getattr(self.counts, name) + change)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self._count(connections=1)
        connection = Connection(reader, writer, self.counts.connections)
        try:
            while await self._serve_one(connection):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # The top of the task: nobody is left to tell.
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve_one(self, connection: Connection) -> bool:
        """Answer one request; False when the connection is over."""
        request = await connection.read_request()
        if request is None:
            return False
        self.received.append(request)
        try:
            return await self._route(connection, request)
        except _Refused as refused:
            headers = {"retry-after": self.behaviour.retry_after} if self.behaviour.retry_after else {}
            await connection.send_json(refused.document, refused.status, headers)
            return True

    async def _route(self, connection: Connection, request: Received) -> bool:
        path = request.path
        if path.startswith("/v1/"):
            self._check_key(request)
            if self.behaviour.status:
                raise _Refused(self.behaviour.status, self.behaviour.message, "SetByTheTest")
        if path in ("/v1/completions", "/v1/chat/completions"):
            return await self._generate(connection, request)
        await connection.send_json(*self._plain(request))
        return True

    def _plain(self, request: Received) -> tuple[Any, int]:
        nature = self.nature
        if request.path == "/v1/models":
            length = {"max_model_len": self.max_model_len} if nature.engine == "vllm" else {}
            if nature.engine == "llama.cpp":
                length = {"meta": {"n_ctx": self.max_model_len}}
            entry = {"object": "model", "owned_by": nature.owner, **length}
            return {"object": "list", "data": [{"id": name, **entry} for name in self.models]}, 200
        if request.path == "/tokenize" and nature.tokenizer:
            return self._tokenized(request.body), 200
        if request.path == "/health":
            return "", 200
        if request.path == "/docs" and nature.docs:
            return "<html>", 200
        found: Any = None
        if nature.engine == "vllm":
            found = {"/version": {"version": nature.version}, "/metrics": self._metrics()}.get(request.path)
        elif nature.engine == "llama.cpp":
            slots = [{"id": number, "is_processing": number < self.counts.running} for number in range(2)]
            found = {"/props": {"build_info": nature.version}, "/slots": slots}.get(request.path)
        if found is None or (request.path in ("/metrics", "/slots") and not nature.watched):
            return {"detail": "Not Found"}, 404
        return found, 200

    def _tokenized(self, body: dict[str, Any]) -> dict[str, Any]:
        text = body["content"] if self.nature.engine == "llama.cpp" else body.get("prompt", "")
        ids = [self._vocabulary.setdefault(piece, len(self._vocabulary)) for piece in tokens_of(text)]
        if self.nature.engine == "llama.cpp":
            return {"tokens": ids}
        return {"count": len(ids), "max_model_len": self.max_model_len, "tokens": ids, "token_strs": None}

    def _metrics(self) -> str:
        counts = self.counts
        rows = {
            'vllm:num_requests_running{engine="0"}': counts.running,
            'vllm:num_requests_waiting{engine="0"}': counts.waiting,
            "vllm:generation_tokens_total": counts.generated_tokens,
            "vllm:prefix_cache_queries_total": counts.prefix_queries,
            "vllm:prefix_cache_hits_total": counts.prefix_hits,
            'vllm:request_success_total{finished_reason="abort"}': counts.aborted,
            'vllm:request_success_total{finished_reason="stop"}': counts.finished,
        }
        return "".join(f"{name} {value}\n" for name, value in rows.items())

    def _check_key(self, request: Received) -> None:
        if self.api_key is not None and request.headers.get("authorization") != f"Bearer {self.api_key}":
            raise _Refused(401, "Unauthorized", "AuthenticationError")

    def _check_body(self, body: dict[str, Any], prompt: list[str]) -> None:
        if body.get("model") not in self.models:
            message = f"The model `{body.get('model')}` does not exist."
            raise _Refused(404, message, "NotFoundError", "model")
        if (refusal := self.nature.refused(body)) is not None:
            raise _Refused(422 if "detail" in refusal else 400, "", document=refusal)
        if "messages" in body and not self.nature.chat_template:
            raise _Refused(400, "default chat template is no longer allowed, so you must provide a chat template")
        if body.get("n", 1) > 1 and body.get("temperature") == 0:
            raise _Refused(400, f"n must be 1 when using greedy sampling, got {body['n']}.")
        stop = body.get("stop") or []
        if len([stop] if isinstance(stop, str) else stop) > MAX_STOP_STRINGS:
            raise _Refused(400, f"stop must contain at most {MAX_STOP_STRINGS} strings", param="stop")
        if "suffix" in body:
            raise _Refused(400, "suffix is only supported for models with FIM completion rendering", param="suffix")
        salt = body.get("cache_salt")
        if salt is not None and (len(salt) > 128 or set(salt) & set("@/\\\0")):
            raise _Refused(400, "Parameter 'cache_salt' is not valid", param="cache_salt")
        if len(prompt) + body.get("max_tokens", 16) > self.max_model_len:
            limit = f"This model's maximum context length is {self.max_model_len} tokens."
            raise _Refused(400, f"{limit} However, your request has {len(prompt)} input tokens.")

    async def _generate(self, connection: Connection, request: Received) -> bool:
        if (open_still := await in_place_of_answer(connection, self.behaviour.trouble)) is not None:
            return open_still
        prompt = tokens_of(prompt_of(request.body))
        self._check_body(request.body, prompt)
        if self.nature.buffers:
            connection.held = bytearray()
        # A client that hangs up must be noticed while tokens are made, hence two tasks.
        make = self._stream_many if request.body.get("n", 1) > 1 else self._seated
        making = asyncio.create_task(make(connection, request.body, prompt))
        leaving = asyncio.create_task(connection.wait_for_byte_or_end())
        try:
            await asyncio.wait((making, leaving), return_when=asyncio.FIRST_COMPLETED)
            if making.done() and making.exception() is None:
                return making.result()
            if not self.nature.cancels:
                connection.deaf = True
                await asyncio.wait((making,))
            return False
        finally:
            for task in (making, leaving):
                task.cancel()
            await asyncio.gather(making, leaving, return_exceptions=True)

    async def _seated(self, connection: Connection, body: dict[str, Any], prompt: list[str]) -> bool:
        async with self._seat(body):
            return await self._stream(connection, body, prompt)

    @asynccontextmanager
    async def _seat(self, body: dict[str, Any]) -> AsyncGenerator[None, None]:
        """A seat for one answer, as soon as it is its turn."""
        self._count(waiting=1)
        changes = {"waiting": -1, "aborted": 1}
        try:
            await self._seats.take(body.get("priority", 0))
            changes = {"running": -1, "aborted": 1}
            self._count(waiting=-1, running=1)
            try:
                yield
                changes = {"running": -1, "finished": 1}
            finally:
                self._seats.give()
        finally:
            self._count(**changes)

    async def _stream_many(self, connection: Connection, body: dict[str, Any], prompt: list[str]) -> bool:
        """Several answers to one prompt, each with a seat of its own."""
        await connection.start_stream()

        async def one(number: int) -> None:
            async with self._seat(body):
                for event in Answer(body, self._text_for(body)).events():
                    event["choices"][0]["index"] = number
                    await connection.send_event(event, 0)
                    await asyncio.sleep(self.behaviour.token_delay_s)

        tasks = [asyncio.create_task(one(number)) for number in range(body["n"])]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await connection.send(b"data: [DONE]\n\n")
        await connection.end_stream()
        return True

    async def _stream(self, connection: Connection, body: dict[str, Any], prompt: list[str]) -> bool:
        """Send the answer; False if the connection must close after it."""
        behaviour = self.behaviour
        if behaviour.trouble == "hang-before-answer":
            await asyncio.Event().wait()
        if not behaviour.logprobs:
            body = {key: value for key, value in body.items() if key not in ("logprobs", "top_logprobs")}
        if not behaviour.keeps_to_limit:
            body = {**body, "max_tokens": 1_000_000}
        answer = Answer(body, self._text_for(body), behaviour.reasoning, behaviour.finish_reason)
        cached = await self._look_up(prompt) if self.nature.cached_tokens else None
        if not body.get("stream"):
            await connection.send_json(answer.whole(len(prompt), cached), 200)
            return True
        await connection.start_stream()
        events = [*answer.counted(len(prompt))]
        for number, event in enumerate([*events, None]):
            if number == behaviour.trouble_after and await self._misbehave(connection, behaviour.trouble):
                return False
            if event is None:
                break
            if behaviour.comments:
                await connection.send(b": keep-alive\n\n")
            await connection.send_event(event, behaviour.slice_bytes)
            self._count(generated_tokens=1)
            await asyncio.sleep(behaviour.token_delay_s)
        if (body.get("stream_options") or {}).get("include_usage"):
            await connection.send_event(answer.usage_event(len(prompt), cached), behaviour.slice_bytes)
        if behaviour.trouble != "no-done":
            await connection.send(b"data: [DONE]\n\n")
        if behaviour.trouble == "hold-after-done":
            await asyncio.Event().wait()
        await connection.end_stream()
        return True

    async def _misbehave(self, connection: Connection, trouble: Trouble) -> bool:
        """True if the connection ends with it."""
        if trouble in ("hang", "hold"):
            self._count(held=1)
            try:
                await (self._released if trouble == "hold" else asyncio.Event()).wait()
            finally:
                self._count(held=-1)
        return await within_answer(connection, trouble)

    async def _look_up(self, prompt: list[str]) -> int:
        """How many tokens of the prompt are cached: whole blocks, and never the last token."""
        common = max((common_length(prompt, known) for known in self._cached), default=0)
        cached = min(common, len(prompt) - 1) // BLOCK_TOKENS * BLOCK_TOKENS
        self._cached.append(prompt)
        self._count(prefix_queries=len(prompt), prefix_hits=cached)
        return cached

    def _text_for(self, body: dict[str, Any]) -> str:
        if body.get("ignore_eos"):
            return " on" * (body.get("max_tokens", 16) + 1)
        text = self.answer(body) if callable(self.answer) else self.answer
        return conforming(text, body) if self.nature.schema else text
