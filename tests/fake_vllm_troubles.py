"""What goes wrong with the answers of the fake vLLM."""

from __future__ import annotations

import asyncio
from typing import Literal

from tests.fake_vllm_wire import Connection

Trouble = Literal[
    "",
    "hang-before-answer",
    "close-before-answer",
    "not-http",
    "html",
    "redirect",
    "json-error-200",
    "endless-error",
    "drip-head",
    "drip-error",
    "hang",
    "hold",
    "truncate",
    "cut-body",
    "error-event",
    "not-json",
    "wrong-types",
    "endless-line",
    "pings",
    "empty-events",
    "drip",
    "no-done",
    "hold-after-done",
]
"""What goes wrong with the next answers. Those from "hang" on happen after `trouble_after` tokens; what is on
"hold" goes on after `release()`. What drips or pings does so until the client leaves."""

DRIP_S = 0.01


async def in_place_of_answer(connection: Connection, trouble: Trouble) -> bool | None:
    """Whether the connection stays open after trouble in place of an answer; None if there was none."""
    if trouble == "close-before-answer":
        return False
    if trouble == "not-http":
        connection.writer.write(b"220 mail.example ESMTP\r\n\r\n")
        return False
    if trouble == "html":
        await connection.send_raw(b"<html>Welcome</html>", 200, "text/html; charset=utf-8")
        return True
    if trouble == "redirect":
        await connection.send_raw(b"", 307, "text/plain", {"location": "http://127.0.0.1:9/v1/completions"})
        return True
    if trouble == "json-error-200":
        await connection.send_json({"error": {"message": "no worker is free", "code": 500}}, 200)
        return True
    if trouble == "endless-error":
        await connection.start_stream(500)
        while True:
            await connection.send(b"x" * 65536)
    if trouble == "drip-head":
        connection.writer.write(b"HTTP/1.1 200 OK\r\nx-patience: ")
        while True:
            connection.writer.write(b"x")
            await connection.writer.drain()
            await asyncio.sleep(DRIP_S)
    if trouble == "drip-error":
        await connection.start_stream(500)
        await _drip(connection, b" ")
    return None


async def within_answer(connection: Connection, trouble: Trouble) -> bool:
    """True if the connection ends with it."""
    if trouble == "truncate":
        await connection.end_stream()
        return True
    if trouble == "cut-body":
        connection.writer.close()
        return True
    if trouble == "error-event":
        error = {"message": "EngineCore encountered an issue", "type": "InternalServerError", "code": 500}
        await connection.send_event({"error": error}, 0)
        await connection.send(b"data: [DONE]\n\n")
        await connection.end_stream()
        return True
    if trouble == "not-json":
        await connection.send(b"data: {oops\n\n")
    if trouble == "wrong-types":
        await connection.send_event({"choices": [{"index": 0, "text": 7}]}, 0)
    if trouble == "pings":
        await _drip(connection, b": ping\n\n")
    if trouble == "empty-events":
        await _drip(connection, b'data: {"choices": []}\n\n')
    if trouble == "drip":
        await connection.send(b"data: ")
        await _drip(connection, b" ")
    if trouble == "endless-line":
        await connection.send(b"data: ")
        while True:
            await connection.send(b"x" * 65536)
    return False


async def _drip(connection: Connection, piece: bytes) -> None:
    """Send it again and again until the client leaves."""
    while True:
        await connection.send(piece)
        await asyncio.sleep(DRIP_S)
