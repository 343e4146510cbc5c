"""A client that sends what it is told, correct or not, and counts the answers to every id."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from tests.e2e.capabilities import EDITORS
from tests.e2e.editor import DEADLINE_S, SERVER

Message = dict[str, Any]
_READ_LIMIT = 1 << 28


class Wire:
    """One server process. `answers` holds what came for each id, in order; `notes` all notifications.

    Everything on the server's stdout must be LSP: anything else fails the test at its end.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.answers: dict[Any, list[Message]] = {}
        self.notes: list[Message] = []
        self.asked: list[str] = []
        self.stderr = b""
        self.broken: Exception | None = None
        self._changed = asyncio.Condition()
        self._number = 0
        self._tasks = [asyncio.ensure_future(each) for each in (self._read(), self._read_stderr())]

    # Sending ---------------------------------------------------------------------------------------------------------

    def send_bytes(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    def send(self, *messages: Any) -> None:
        """Send JSON documents with right headers, all in one write."""
        self.send_bytes(b"".join(framed(json.dumps(message).encode()) for message in messages))

    def request(self, method: str, params: Any = None, *, message_id: Any = None) -> Any:
        """Send a request; its id."""
        if message_id is None:
            self._number += 1
            message_id = f"own-{self._number}"
        self.send({"jsonrpc": "2.0", "id": message_id, "method": method, "params": params})
        return message_id

    def notify(self, method: str, params: Any = None) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def open(self, uri: str, text: str, language: str = "python") -> None:
        document = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def insert(self, uri: str, line: int, character: int, text: str, version: int = 2) -> None:
        place = {"line": line, "character": character}
        change = {"range": {"start": place, "end": place}, "text": text}
        self.notify(
            "textDocument/didChange", {"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]}
        )

    def ask(self, uri: str, line: int, character: int, *, typed: bool = False) -> Any:
        """Request an inline completion; its id."""
        return self.request("textDocument/inlineCompletion", inline_params(uri, line, character, typed=typed))

    async def initialize(self, **more: Any) -> Message:
        params = {"processId": None, "rootUri": None, "capabilities": EDITORS["plain"], **more}
        answer = await self.answer(self.request("initialize", params))
        self.notify("initialized", {})
        return answer

    # Receiving -------------------------------------------------------------------------------------------------------

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        async with self._changed:
            ended = lambda: condition() or self.process.returncode is not None or self.broken is not None  # noqa: E731
            try:
                await asyncio.wait_for(self._changed.wait_for(ended), DEADLINE_S)
            except asyncio.TimeoutError:
                raise AssertionError(f"waited in vain for {what}; stderr:\n{self.stderr.decode()}") from None
        assert self.broken is None, f"not LSP on stdout: {self.broken}"
        assert condition(), f"the server ended, before {what}; stderr:\n{self.stderr.decode()}"

    async def answer(self, message_id: Any) -> Message:
        """The answer to a request, when it is there."""
        await self.until(lambda: message_id in self.answers, f"the answer to {message_id}")
        return self.answers[message_id][0]

    async def completes(self, uri: str = "file:///workspace/still_there.py") -> bool:
        """Whether the server, after all that it was sent, still completes in a document of its own."""
        self.open(uri, "def total(prices):\n    return \n")
        answer = await self.answer(self.ask(uri, 1, 11))
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
        items = answer["result"]["items"] if "result" in answer else []
        return [item["insertText"] for item in items] == ["sum(prices)"]

    async def shown(self, count: int = 1) -> list[str]:
        """The texts of the messages to the user, when there are `count` of them."""
        await self.until(lambda: len(self._shown()) >= count, f"{count} messages")
        return self._shown()

    def _shown(self) -> list[str]:
        return [note["params"]["message"] for note in self.notes if note["method"] == "window/showMessage"]

    async def ended(self) -> int:
        """The exit status, when the process has ended."""
        await asyncio.wait_for(self.process.wait(), DEADLINE_S)
        await asyncio.gather(*self._tasks)
        assert self.broken is None, f"not LSP on stdout: {self.broken}"
        assert self.process.returncode is not None
        return self.process.returncode

    async def _read(self) -> None:
        assert self.process.stdout is not None
        try:
            while header := await self.process.stdout.readline():
                name, _, length = header.decode("ascii").partition(": ")
                assert name == "Content-Length", header
                while (await self.process.stdout.readline()).strip():
                    pass
                message = json.loads(await self.process.stdout.readexactly(int(length)))
                assert message["jsonrpc"] == "2.0"
                self._take(message)
                await self._notice()
        except Exception as error:  # Kept for the test, which is in another task.
            self.broken = error
        await self._notice()

    async def _notice(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _take(self, message: Message) -> None:
        if "method" not in message:
            self.answers.setdefault(message["id"], []).append(message)
        elif "id" not in message:
            self.notes.append(message)
        else:
            self.asked.append(message["method"])
            self.send({"jsonrpc": "2.0", "id": message["id"], "result": None})

    async def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        while piece := await self.process.stderr.read(65536):
            self.stderr += piece

    def stop_reading(self) -> None:
        for task in self._tasks:
            task.cancel()


def framed(body: bytes) -> bytes:
    return f"Content-Length: {len(body)}\r\n\r\n".encode() + body


def inline_params(uri: str, line: int, character: int, *, typed: bool = False) -> Message:
    return {
        "textDocument": {"uri": uri},
        "position": {"line": line, "character": character},
        "context": {"triggerKind": 2 if typed else 1},
    }


@asynccontextmanager
async def connected(variables: Mapping[str, str], *arguments: str, initialize: bool = True) -> AsyncIterator[Wire]:
    """A server process and the wire to it; killed at the end if the test did not end it."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(SERVER + arguments), env=dict(variables), stdin=pipe, stdout=pipe, stderr=pipe, limit=_READ_LIMIT
    )
    wire = Wire(process)
    try:
        if initialize:
            await wire.initialize()
        yield wire
        assert wire.broken is None, f"not LSP on stdout: {wire.broken}"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        wire.stop_reading()
