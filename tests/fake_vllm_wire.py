"""One connection of the fake server: HTTP/1.1 in, HTTP/1.1 out."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request as it came in. `body` is the parsed JSON document, {} for none."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    connection: int


class Connection:
    """`deaf`: nobody reads any more, and what is sent is dropped. `held`: what is sent is kept until the end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.writer = writer
        self._reader = reader
        self._number = number
        self.deaf = False
        self.held: bytearray | None = None
        self._ahead = b""  # The byte that told us that the client is still there.

    @property
    def gone(self) -> bool:
        """Whether the client has hung up."""
        return self._reader.at_eof()

    async def read_request(self) -> Received | None:
        head, self._ahead = self._ahead, b""
        try:
            head += await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        raw = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return Received(method, target, headers, json.loads(raw) if raw else {}, self._number)

    async def wait_for_byte_or_end(self) -> None:
        """Returns when the client hangs up; a byte of its next request is kept for later."""
        self._ahead = await self._reader.read(1)
        if self._ahead:
            await asyncio.Event().wait()

    async def send_json(self, document: Any, status: int, headers: dict[str, str] | None = None) -> None:
        if isinstance(document, str):
            await self.send_raw(document.encode(), status, "text/plain", headers)
        else:
            await self.send_raw(to_json(document), status, "application/json", headers)

    async def send_raw(self, body: bytes, status: int, kind: str, headers: dict[str, str] | None = None) -> None:
        lines = {"content-type": kind, "content-length": str(len(body)), **(headers or {})}
        self.writer.write(_head(status, lines) + body)
        await self.writer.drain()

    async def start_stream(self, status: int = 200) -> None:
        lines = {"content-type": "text/event-stream; charset=utf-8", "transfer-encoding": "chunked"}
        self.writer.write(_head(status, lines))
        await self.writer.drain()

    async def send_event(self, document: dict[str, Any], slice_bytes: int) -> None:
        data = b"data: " + to_json(document) + b"\n\n"
        step = slice_bytes or len(data)
        for at in range(0, len(data), step):
            await self.send(data[at : at + step])

    async def send(self, data: bytes) -> None:
        if self.deaf:
            return
        piece = f"{len(data):x}\r\n".encode() + data + b"\r\n"
        if self.held is not None:
            self.held += piece
            return
        self.writer.write(piece)
        await self.writer.drain()

    async def end_stream(self) -> None:
        if self.deaf:
            return
        self.writer.write(bytes(self.held or b"") + b"0\r\n\r\n")
        self.held = None
        await self.writer.drain()


def to_json(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{lines}\r\n".encode()
