"""The JSON-RPC side of the server, hardened: every request gets exactly one answer, whatever a client sends.

pygls answers a request only if its parameters have the right types; here a malformed one is answered too. pygls also
keeps a text of each document of its own, split at characters that are no line ends in LSP; ours is in session.py, and
the work is not done twice.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, default_converter, lsp_method

logger = logging.getLogger(__name__)

_PARSE_ERROR = -32700
_INVALID_REQUEST = -32600
_INVALID_PARAMS = -32602
_NOT_INITIALIZED = -32002


@dataclass(frozen=True, slots=True)
class Malformed:
    """A message that is JSON but not the LSP message that its method promises."""

    jsonrpc: str
    id: str | int | None
    method: str | None


class Protocol(LanguageServerProtocol):
    """pygls' protocol, with answers for what it would leave unanswered and without its document store."""

    _initialized = False

    def structure_message(self, data: dict[str, Any]) -> Any:
        try:
            return super().structure_message(data)
        except Exception:  # noqa: BLE001, RUF100  Whatever a converter raises, the message is malformed.
            message_id = data.get("id")
            if isinstance(message_id, bool) or not isinstance(message_id, (str, int)):
                message_id = None
            method = data.get("method")
            return Malformed("2.0", message_id, method if isinstance(method, str) else None)

    def handle_message(self, message: Any) -> None:
        if isinstance(message, Malformed):
            logger.warning("malformed message of method %s", message.method)
            if message.id is not None and message.method is not None:
                self._refuse(message.id, _INVALID_PARAMS, f"the parameters of {message.method} are malformed")
            return
        if getattr(message, "jsonrpc", None) != "2.0":
            logger.warning("ignored a message that is not JSON-RPC 2.0")
            message_id = message.get("id") if isinstance(message, dict) else None
            if isinstance(message_id, (str, int)):
                self._refuse(message_id, _INVALID_REQUEST, "not a JSON-RPC 2.0 message")
            return
        method, message_id = getattr(message, "method", None), getattr(message, "id", None)
        if method is not None and message_id is not None:
            if self._shutdown:
                self._refuse(message_id, _INVALID_REQUEST, "the server is shutting down")
                return
            if not self._initialized and method != types.INITIALIZE:
                self._refuse(message_id, _NOT_INITIALIZED, "the first request must be initialize")
                return
            if self._initialized and method == types.INITIALIZE:
                self._refuse(message_id, _INVALID_REQUEST, "the server is initialized already")
                return
        elif method is not None and not self._initialized and method != types.EXIT:
            return  # The specification: notifications before initialize are dropped.
        if method == types.INITIALIZE:
            self._initialized = True
        super().handle_message(message)

    def refuse_unparsable(self) -> None:
        """Answer what was no JSON at all; JSON-RPC wants a null id then."""
        self._send_data({"jsonrpc": "2.0", "id": None, "error": {"code": _PARSE_ERROR, "message": "not JSON"}})

    def _refuse(self, message_id: str | int, code: int, message: str) -> None:
        error = types.ResponseError(code=code, message=message)
        self._send_response(message_id, error=error)

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> Any:
        yield from self._only_ours(types.TEXT_DOCUMENT_DID_OPEN, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> Any:
        yield from self._only_ours(types.TEXT_DOCUMENT_DID_CHANGE, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> Any:
        yield from self._only_ours(types.TEXT_DOCUMENT_DID_CLOSE, params)

    def _only_ours(self, method: str, params: object) -> Any:
        handler = self.fm.features.get(method)
        if handler is not None:
            yield handler, (params,), None


class Server(LanguageServer):
    """pygls' server with our protocol; errors go to the log, not into message boxes."""

    protocol: Protocol

    def __init__(self, name: str, version: str) -> None:
        super().__init__(
            name,
            version,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            protocol_cls=Protocol,
            converter_factory=default_converter,
            max_workers=2,
        )

    def report_server_error(self, error: Exception, source: type[JsonRpcException] | Any) -> None:
        """Log an error outside any request. Never messages the client: after `exit` that would recurse, and a user
        can do nothing about it; what a user can mend is said by status.py."""
        if isinstance(error, json.JSONDecodeError):
            logger.warning("received something that is not JSON")
            self.protocol.refuse_unparsable()
            return
        logger.error("%s: %s", getattr(source, "__name__", source), type(error).__name__, exc_info=error)
