"""The JSON-RPC side of the server, hardened: every request gets exactly one answer, whatever a client sends.

pygls answers a request only if its parameters have the right types; here a malformed one is answered too. pygls also
keeps a text of each document of its own, split at characters that are no line ends in LSP; ours is in session.py, and
the work is not done twice.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams, JsonRpcMethodNotFound
from pygls.io_ import StdoutWriter
from pygls.lsp.server import LanguageServer
from pygls.protocol import (
    JsonRPCNotification,
    JsonRPCRequestMessage,
    LanguageServerProtocol,
    default_converter,
    lsp_method,
)

from codeassist.server.transport import private_stdout, serve, stdin_reader

logger = logging.getLogger(__name__)

_PARSE_ERROR = -32700
_INVALID_REQUEST = -32600
_INVALID_PARAMS = -32602
_NOT_INITIALIZED = -32002


@dataclass(frozen=True, slots=True)
class Malformed:
    """A message that is JSON but not the LSP message that it should be. `request` tells whether it wants an answer;
    `id` is None if it has none that can be repeated. `uri` is the document that it speaks of, if it says so."""

    request: bool
    id: str | int | None
    method: str | None
    uri: str | None = None


class Protocol(LanguageServerProtocol):
    """pygls' protocol, with answers for what it would leave unanswered and without its document store.

    `lost_track` is told the URI of a document whose change could not be understood: its text is unknown from then on.
    """

    _initialized = False
    _stopping = False
    lost_track: Callable[[str], None] | None = None

    def receive(self, body: bytes) -> None:
        """Handle the body of one message. Never raises for its content."""
        try:
            data = json.loads(body)
        except (ValueError, RecursionError):
            logger.warning("received something that is not JSON")
            self._refuse(None, _PARSE_ERROR, "not JSON")
            return
        self.handle_message(self.structure_message(data))

    def structure_message(self, data: Any) -> Any:
        """JSON to a message object, or Malformed."""
        if not isinstance(data, dict) or data.get("jsonrpc") != "2.0":
            return _malformed(data)
        method, message_id = data.get("method"), data.get("id")
        if "id" in data and not _is_id(message_id):
            return _malformed(data)
        if "method" not in data and "error" not in data and "result" not in data:
            if message_id not in self._request_futures:
                return _malformed(data)
            data["result"] = None  # Some clients leave out what is null.
        try:
            known = isinstance(method, str) and self.get_message_type(method) is not None
            if known and message_id is not None and self.get_result_type(method) is None:
                return Malformed(request=True, id=message_id, method=None)  # A notification that wants an answer.
            if isinstance(method, str) and not known:
                # Our own methods: their parameters stay plain JSON.
                if message_id is not None:
                    return JsonRPCRequestMessage(message_id, method, "2.0", data.get("params"))
                return JsonRPCNotification(method, "2.0", data.get("params"))
            return super().structure_message(data)
        except Exception:  # noqa: BLE001, RUF100  Whatever a converter raises, the message is malformed.
            return _malformed(data)

    def handle_message(self, message: Any) -> None:
        if isinstance(message, Malformed):
            self._handle_malformed(message)
            return
        method, message_id = getattr(message, "method", None), getattr(message, "id", None)
        if method is not None and message_id is not None:
            refusal = self._why_not_now(method)
            if refusal is not None:
                self._refuse(message_id, *refusal)
                return
        elif method not in (None, types.EXIT) and (self._stopping or not self._initialized):
            return  # The specification: notifications before initialize and after shutdown are dropped.
        self._initialized = self._initialized or method == types.INITIALIZE
        self._stopping = self._stopping or method == types.SHUTDOWN
        if method == types.EXIT:
            self._shutdown = self._stopping  # Whether it was asked for decides the exit status, not whether it is done.
        super().handle_message(message)

    def _why_not_now(self, method: str) -> tuple[int, str] | None:
        if self._stopping:
            return _INVALID_REQUEST, "the server is shutting down"
        if not self._initialized and method != types.INITIALIZE:
            return _NOT_INITIALIZED, "the first request must be initialize"
        if self._initialized and method == types.INITIALIZE:
            return _INVALID_REQUEST, "the server is initialized already"
        return None

    def _handle_malformed(self, message: Malformed) -> None:
        logger.warning("malformed message")
        if message.request:
            self._refuse(message.id, *self._why_malformed(message))
        elif message.method == types.TEXT_DOCUMENT_DID_CHANGE and message.uri is not None and self._initialized:
            logger.warning("a change was not understood; the document is silent until it is opened anew")
            if self.lost_track is not None:
                self.lost_track(message.uri)

    def _why_malformed(self, message: Malformed) -> tuple[int, str]:
        if message.method is None or message.id is None:
            return _INVALID_REQUEST, "not a JSON-RPC 2.0 request with an id that is a string or an integer"
        return self._why_not_now(message.method) or (
            _INVALID_PARAMS,
            f"the parameters of {message.method} are malformed",
        )

    def _refuse(self, message_id: str | int | None, code: int, message: str) -> None:
        """Answer with an error; JSON-RPC wants a null id where the request's is unknown."""
        self._send_data({"jsonrpc": "2.0", "id": message_id, "error": {"code": code, "message": message}})

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(  # type: ignore[override]  # pygls takes any kind of handler here.
        self, params: types.ExecuteCommandParams
    ) -> Any:
        """A coroutine, which pygls' own is not: so cancelling the request cancels the command. Arguments may be left
        out as far as the command has defaults, which clients make use of that always send a list."""
        handler = self.fm.commands.get(params.command)
        arguments = params.arguments or []
        if handler is None:
            raise JsonRpcInvalidParams("there is no such command")
        try:
            inspect.signature(handler).bind(*arguments)
        except TypeError as error:
            raise JsonRpcInvalidParams(f"{params.command}: wrong number of arguments") from error
        if not all(isinstance(argument, str) for argument in arguments):
            raise JsonRpcInvalidParams(f"{params.command}: the arguments must be strings")
        result = handler(*arguments)
        return await result if inspect.isawaitable(result) else result

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> Any:
        return self._only_ours(types.TEXT_DOCUMENT_DID_OPEN, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> Any:
        return self._only_ours(types.TEXT_DOCUMENT_DID_CHANGE, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> Any:
        return self._only_ours(types.TEXT_DOCUMENT_DID_CLOSE, params)

    def _only_ours(self, method: str, params: object) -> Any:
        handler = self.fm.features.get(method)
        return None if handler is None else handler(params)


class Server(LanguageServer):
    """pygls' server with our protocol and our transport; errors go to the log, not into message boxes."""

    protocol: Protocol

    def __init__(self, name: str, version: str) -> None:
        super().__init__(
            name,
            version,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            protocol_cls=Protocol,
            converter_factory=default_converter,
        )

    def start_io(self, stdin: BinaryIO | None = None, stdout: BinaryIO | None = None) -> None:
        """Serve over stdio until the client says exit or goes away. Raises SystemExit at exit: 1 without shutdown."""
        descriptor = (stdin or sys.stdin).fileno()
        self.protocol.set_writer(StdoutWriter(stdout or private_stdout()))

        async def run() -> None:
            asyncio.get_running_loop().set_exception_handler(_log_lost)
            await serve(stdin_reader(descriptor), self._receive)

        asyncio.run(run())

    def start_tcp(self, host: str, port: int) -> None:
        """Serve one client over TCP, as `start_io` does. Raises OSError if the address cannot be listened on."""

        async def run() -> None:
            asyncio.get_running_loop().set_exception_handler(_log_lost)
            gone = asyncio.Event()
            clients = 0

            async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                nonlocal clients
                clients += 1
                if clients > 1:
                    writer.close()
                    return
                self.protocol.set_writer(writer)
                try:
                    await serve(lambda: reader.read(1 << 18), self._receive)
                except ConnectionError:
                    logger.info("the client broke the connection")
                finally:
                    writer.close()
                    gone.set()

            async with await asyncio.start_server(connected, host, port) as listening:
                address = listening.sockets[0].getsockname()
                logger.info("listening on %s:%d", address[0], address[1])
                await gone.wait()

        asyncio.run(run())

    def _receive(self, body: bytes) -> None:
        try:
            self.protocol.receive(body)
        except BrokenPipeError:
            raise SystemExit(1) from None  # Nobody listens any more.
        except Exception as error:  # noqa: BLE001, RUF100  One message that we stumble over must not end the others.
            self.report_server_error(error, JsonRpcException)

    def report_server_error(self, error: Exception, source: type[JsonRpcException] | Any) -> None:
        """Log an error. Never messages the client: after `exit` that would recurse, and a user can do nothing about
        it; what a user can mend is said by status.py."""
        if isinstance(error, JsonRpcMethodNotFound | JsonRpcInvalidParams):
            logger.warning("refused a request: %s", type(error).__name__)
        else:
            log_error(sys.exc_info()[1] or error, getattr(source, "__name__", ""))


def log_error(error: BaseException, where: str) -> None:
    """Log where an error came from. Its message stays out: it may quote the document."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s: %s\n%s", where, type(error).__name__, frames)


def _log_lost(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """In place of asyncio's own report of errors that nobody waited for, which prints their messages."""
    error = context.get("exception")
    if isinstance(error, BaseException):
        log_error(error, "in the background")
    else:
        logger.error("asyncio: %s", context.get("message"))


def _malformed(data: Any) -> Malformed:
    if not isinstance(data, dict):
        return Malformed(request=True, id=None, method=None)
    message_id, params = data.get("id"), data.get("params")
    method = data.get("method") if data.get("jsonrpc") == "2.0" else None
    document = params.get("textDocument") if isinstance(params, dict) else None
    uri = document.get("uri") if isinstance(document, dict) else None
    return Malformed(
        request="id" in data and ("method" in data or not {"result", "error"} & set(data)),
        id=message_id if _is_id(message_id) else None,
        method=method if isinstance(method, str) else None,
        uri=uri if isinstance(uri, str) else None,
    )


def _is_id(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)
