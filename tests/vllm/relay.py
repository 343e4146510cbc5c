"""A relay between the language server and vLLM that keeps a copy of the answers. It passes a hang-up on, both ways."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Relay:
    """`answers`: what the server sent, connection by connection."""

    port: int
    url: str = ""
    answers: list[bytearray] = field(default_factory=list)

    def chats(self) -> list[str]:
        """The text of each chat answer, joined."""
        texts: dict[str, str] = {}
        for line in b"\n".join(self.answers).splitlines():
            if line.startswith(b"data: {"):
                event: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
                for choice in event.get("choices", []):
                    if "delta" in choice:
                        texts[event["id"]] = texts.get(event["id"], "") + (choice["delta"].get("content") or "")
        return list(texts.values())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = bytearray()
        self.answers.append(answer)
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self.port)
        ways = [
            asyncio.ensure_future(_pass(reader, upstream_writer, bytearray())),
            asyncio.ensure_future(_pass(upstream_reader, writer, answer)),
        ]
        # A hang-up of one side is one of both: that is how vLLM learns that a request is over.
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for one in (upstream_writer, writer):
            one.close()
            with suppress(OSError):
                await one.wait_closed()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray) -> None:
    with suppress(OSError):
        while piece := await reader.read(65536):
            kept += piece
            writer.write(piece)
            await writer.drain()


@asynccontextmanager
async def relay(port: int) -> AsyncIterator[Relay]:
    """A relay to `port` of this machine."""
    found = Relay(port)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield found
    finally:
        server.close()
