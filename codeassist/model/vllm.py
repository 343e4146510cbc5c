"""The streaming client for OpenAI-compatible servers on the user's own hardware: vLLM first, llama.cpp too.

Only `serving.connect` imports this module. Code goes to the configured server and nowhere else: no proxy from
the environment, no redirect. Closing a stream closes its connection, which is what stops the engine.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from codeassist.model import wire
from codeassist.model.api import ChatRequest, Chunk, CompletionRequest, Request, ServedModel
from codeassist.model.endpoint import Endpoint
from codeassist.model.errors import (
    BadRequest,
    MalformedEvent,
    ModelError,
    ModelNotFound,
    ServerFailed,
    TruncatedStream,
    Unreachable,
)
from codeassist.model.failures import complaint, error_for_status, explain
from codeassist.model.patience import Patience
from codeassist.model.sse import DONE, SseParser

if TYPE_CHECKING:
    import httpx

DOCUMENT_TIMEOUT_S = 10.0
MAX_DOCUMENT_BYTES = 4 << 20
MAX_ERROR_BYTES = 64 << 10
KEEP_ALIVE_S = 4.0
"""Both engines close a connection after 5 idle seconds; we must not write into one that is being closed."""
ERROR_BODY_S = 5.0
"""How long we wait for the words of a refusal, whose status is known already."""
AFTER_FINISH_S = 10.0
"""How long we wait for the token counts after the last token."""
SLACK_TOKENS = 16
DRAIN_S = 0.25
"""How long we wait for the end of the body after [DONE]; a connection that ends in time is used again."""


_NOTHING = Chunk()
"""Progress of the prefill, the role of a chat, reasoning: events that are no part of the answer."""


class VllmModel:
    """`Model` over HTTP. Constructing it imports httpx (0.1 s and more): do that off the event loop.

    Use one instance from one event loop; it keeps its connections open between requests. `abilities` shape its
    requests; it learns from a refusal which fields to leave out, and whoever knows more may set them at any time.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.abilities = endpoint.abilities
        self._api_url, socket_path = endpoint.address()
        self._root_url = self._api_url.removesuffix("/v1")
        self._client = _client(endpoint, self._api_url, socket_path)
        self._first_served: str | None = None
        self._closed = False

    def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        return self._ask("/completions", request)

    def chat(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        return self._ask("/chat/completions", request)

    async def served(self) -> tuple[ServedModel, ...]:
        served = wire.parse_models(
            await self._document("GET", f"{self._api_url}/models"), server=self.endpoint.base_url
        )
        self._first_served = served[0].name if served else None
        return served

    async def count_tokens(self, text: str) -> int | None:
        body = wire.tokenize_body(text, self.abilities)
        try:
            answer = await self._document("POST", f"{self._root_url}/tokenize", body, private=(text,))
        except (ModelNotFound, BadRequest):
            return None
        return wire.parse_token_count(answer)

    async def name(self) -> str:
        """The served name that requests ask for: the endpoint's, or the first that the server lists."""
        return self.endpoint.model or self._first_served or await self._resolve()

    async def document(self, path: str) -> bytes | None:
        """What the server has at `path` beside its API ("/version", "/metrics"); None if it gives nothing there.

        Raises Unreachable only.
        """
        try:
            return await self._document("GET", self._root_url + path)
        except Unreachable:
            raise
        except ModelError:
            return None

    async def events(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[str, None]:
        """The events of a streamed answer as the server sends them, to a `body` that is sent as it is.

        `path` is below the API ("/completions"). Raises as `complete` does; any event counts as a token here.
        """
        patience = self._patience()
        async with aclosing(self._events(path, dict(body), (), patience)) as events:
            async for data in events:
                patience.progress()
                yield data

    async def aclose(self) -> None:
        self._closed = True
        await self._client.aclose()

    async def _ask(self, path: str, request: Request) -> AsyncGenerator[Chunk, None]:
        for last_try in (False, True):
            remembered = self._first_served is not None
            model = await self.name()
            try:
                async with aclosing(self._fitting_answer(path, request, model)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            except ModelNotFound:
                self._first_served = None
                # The server may have been restarted with another model since we asked for its list.
                if last_try or not remembered or self.endpoint.model:
                    raise

    async def _resolve(self) -> str:
        served = await self.served()
        if not served:
            raise ModelNotFound(f"{self._server()} lists no model; start it with one.")
        return served[0].name

    async def _fitting_answer(self, path: str, request: Request, model: str) -> AsyncGenerator[Chunk, None]:
        """As `_answer`, asked again without the optional fields that the server says it does not know."""
        while True:
            abilities = self.abilities
            try:
                async with aclosing(self._answer(path, request, model)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            except BadRequest as error:  # Comes before any chunk.
                if error.fields <= abilities.refused_fields:
                    raise
                self.abilities = self.abilities.without(error.fields)

    async def _answer(self, path: str, request: Request, model: str) -> AsyncGenerator[Chunk, None]:
        if isinstance(request, CompletionRequest):
            body = wire.completion_body(request, model, self.abilities)
        else:
            body = wire.chat_body(request, model, self.abilities)
        private = wire.private_texts(request)
        finished = False
        patience, work, characters = self._patience(), wire.Work(), wire.Characters()
        try:
            async with aclosing(self._events(path, body, private, patience)) as events:
                async for data in events:
                    chunk = wire.parse_chunk(data, private, server=self.endpoint.base_url, whole=characters.whole)
                    if chunk.finish is not None and not finished:
                        finished = True
                        patience.progress(AFTER_FINISH_S)
                    elif not finished and work.goes_on(data, chunk):
                        patience.progress()
                    if chunk != _NOTHING:
                        yield chunk
                    if work.reasoned > request.max_tokens + SLACK_TOKENS:
                        return  # It does not keep to the limit, which counts reasoning, too.
        except (TruncatedStream, Unreachable):
            if not finished:
                raise
            # Only the token counts are missing; the answer itself is whole.

    async def _events(
        self, path: str, body: dict[str, Any], private: Sequence[str], patience: Patience
    ) -> AsyncGenerator[str, None]:
        """The data of each event up to [DONE]; raises TruncatedStream if the body ends without it.

        `patience` is told by the caller what is a token; it ends the stream where none comes.
        """
        parser = SseParser(server=self.endpoint.base_url)
        url = self._api_url + path
        async with (
            aclosing(self._body("POST", url, body, private, stream=True)) as pieces,
            aclosing(patience.pieces(pieces)) as timed,
        ):
            async for piece in timed:
                for event in parser.feed(piece):
                    if event.data == DONE:
                        await _drain(pieces)
                        return
                    yield event.data
        raise self._broken_off()

    def _patience(self) -> Patience:
        return Patience(self.endpoint.first_token_timeout_s, self.endpoint.token_timeout_s, self._late)

    def _late(self, waited_s: float) -> ModelError:
        return Unreachable(
            f"{self._server()} wrote no token for {waited_s:g} s although it kept the connection open; see in its log "
            "what holds it up, or start it anew.",
            silent=True,
        )

    async def _document(
        self, method: str, url: str, body: dict[str, Any] | None = None, private: Sequence[str] = ()
    ) -> bytes:
        """A short document, which costs a server no thought: one that is silent for long is stuck."""
        import anyio

        limit_s = min(DOCUMENT_TIMEOUT_S, self.endpoint.read_timeout_s)
        try:
            with anyio.fail_after(limit_s):
                return await self._whole(method, url, body, private)
        except TimeoutError as error:
            raise Unreachable(
                f"{self._server()} was silent for {limit_s:g} s; see whether it is busy or stuck.", silent=True
            ) from error

    async def _whole(self, method: str, url: str, body: dict[str, Any] | None, private: Sequence[str]) -> bytes:
        document = bytearray()
        async with aclosing(self._body(method, url, body, private)) as pieces:
            async for piece in pieces:
                document += piece
                if len(document) > MAX_DOCUMENT_BYTES:
                    raise MalformedEvent(
                        f"{self._server()} sent more than {MAX_DOCUMENT_BYTES} bytes; check server.url."
                    )
        return bytes(document)

    async def _body(
        self,
        method: str,
        url: str,
        body: dict[str, Any] | None,
        private: Sequence[str],
        stream: bool = False,
    ) -> AsyncGenerator[bytes, None]:
        """The body of a 200 answer, piece by piece. Leaving it early closes the connection."""
        if self._closed:
            raise self._broken_off()
        content = None if body is None else wire.encode(body)
        with self._typed_failures():
            async with self._client.stream(method, url, content=content) as response:
                pieces = response.aiter_bytes()
                async with aclosing(pieces):  # type: ignore[type-var]  # httpx says iterator; it is a generator.
                    kind = response.headers.get("content-type", "")
                    if response.status_code != 200:
                        raise self._refusal(response, await _head_of(pieces), url, body, private)
                    if stream and kind and not kind.startswith("text/event-stream"):
                        raise self._no_stream(kind, await _head_of(pieces), private)
                    async for piece in pieces:
                        yield piece

    def _refusal(
        self,
        response: httpx.Response,
        head: bytes,
        url: str,
        body: dict[str, Any] | None,
        private: Sequence[str],
    ) -> ModelError:
        key = self.endpoint.api_key
        retry_after = response.headers.get("retry-after", "")
        return error_for_status(
            response.status_code,
            server=self.endpoint.base_url,
            path=urlsplit(url).path,
            model=body.get("model") if body else None,
            keyed=key is not None,
            explanation=explain(head, (*private, key) if key else private),
            retry_after_s=float(retry_after) if retry_after.isdecimal() else None,
            refused=wire.refused_in(complaint(head), body or {}),
        )

    def _no_stream(self, kind: str, head: bytes, private: Sequence[str]) -> ModelError:
        if said := explain(head, private):
            return ServerFailed(f"{self._server()} failed ({said}); its log says why.")
        sent = kind.partition(";")[0]
        return MalformedEvent(f"{self._server()} sent {sent!a} instead of an event stream; check server.url.")

    def _broken_off(self) -> ModelError:
        if self._closed:
            return Unreachable(f"The connection to {self.endpoint.base_url} was closed by us; connect anew.")
        return TruncatedStream(
            f"{self._server()} closed the connection in the middle of its answer; see whether it still runs."
        )

    def _server(self) -> str:
        return f"The model server at {self.endpoint.base_url}"

    @contextmanager
    def _typed_failures(self) -> Iterator[None]:
        import httpx

        server = self._server()
        try:
            yield
        except (httpx.ConnectTimeout, httpx.ConnectError) as error:
            slow = isinstance(error, httpx.ConnectTimeout)
            limit = f"no answer within {self.endpoint.connect_timeout_s:g} s"
            why = f" ({limit})" if slow else _cause(error)
            raise Unreachable(f"{server} is not there{why}; start it or correct server.url.") from error
        except httpx.TimeoutException as error:
            limit = f"{self.endpoint.read_timeout_s:g} s"
            raise Unreachable(
                f"{server} was silent for {limit}; see whether it is busy or stuck, or a proxy buffers its answers.",
                silent=True,
            ) from error
        except httpx.NetworkError as error:
            raise self._broken_off() from error
        except httpx.RemoteProtocolError as error:
            # httpx has one class for a connection that ends early and for bytes that are not HTTP.
            if "closed connection" in str(error) or "disconnected" in str(error):
                raise self._broken_off() from error
            raise MalformedEvent(f"{server} does not speak HTTP/1.1; check server.url.") from error
        except httpx.HTTPError as error:
            raise MalformedEvent(f"{server} sent what HTTP does not allow; check server.url.") from error


def _client(endpoint: Endpoint, api_url: str, socket_path: str | None) -> httpx.AsyncClient:
    import httpx

    try:
        httpx.URL(api_url)
    except httpx.InvalidURL as error:
        raise ValueError("the address of the model server is no URL") from error
    if socket_path is not None and os.name == "nt":
        raise ValueError("Windows has no UNIX sockets for Python; give the model server a port on 127.0.0.1")
    # Plain HTTP and sockets have no TLS: False spares them the loading of certificates.
    context: ssl.SSLContext | bool = False
    if api_url.startswith("https:"):
        context = httpx.create_ssl_context(trust_env=False)
        context.load_default_certs()  # A company's own authority is in the system's store.
    headers = {
        "User-Agent": "codeassist",
        "Accept-Encoding": "identity",  # A compressing proxy would hold tokens back.
        "Content-Type": "application/json",
        **endpoint.headers,
    }
    if endpoint.api_key is not None:
        headers["Authorization"] = f"Bearer {endpoint.api_key}"
    return httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(
            verify=context,
            trust_env=False,
            uds=socket_path,
            limits=httpx.Limits(max_keepalive_connections=4, keepalive_expiry=KEEP_ALIVE_S),
        ),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(endpoint.read_timeout_s, connect=endpoint.connect_timeout_s),
        headers=headers,
    )


def _cause(error: BaseException) -> str:
    """The operating system's word for it, " (Connection refused)", from the chain of causes."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno is not None:
            # The errors of TLS and of name look-ups have their own numbers.
            if isinstance(cause, ssl.SSLError | socket.gaierror):
                return f" ({cause.strerror})"
            return f" ({os.strerror(cause.errno)})"  # asyncio's `strerror` is longer than that.
        several = getattr(cause, "exceptions", None)  # A name with several addresses: one failure for each.
        cause = several[0] if several else cause.__cause__ or cause.__context__
    return ""


async def _head_of(pieces: AsyncIterator[bytes]) -> bytes:
    """The beginning of a body, as much as comes in a short while."""
    import anyio

    head = bytearray()
    with anyio.move_on_after(ERROR_BODY_S):
        async for piece in pieces:
            head += piece
            if len(head) >= MAX_ERROR_BYTES:
                break
    return bytes(head[:MAX_ERROR_BYTES])


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    """Read to the end of the body if it comes at once, so that the connection is used again."""
    import anyio

    # Not asyncio.wait_for: before Python 3.12 it swallows a cancellation that comes together with the end.
    with suppress(ModelError), anyio.move_on_after(DRAIN_S):  # The answer is whole; only the connection is lost.
        async for _ in pieces:
            pass
