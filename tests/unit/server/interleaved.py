"""The parts of test_interleavings.py: a clock that jumps, an engine that dawdles, and an editor with its own text.

Nothing here uses the server's arithmetic or its threads: the editor counts lines and units by itself, and work that the
server would give to a thread is done on the loop, a few turns later, so that a program always plays the same way.
"""

from __future__ import annotations

import asyncio
import json
import re
import selectors
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from codeassist.model.api import ChatRequest, Chunk, CompletionRequest, Request, ServedModel
from codeassist.model.errors import Overloaded
from codeassist.server.app import App
from codeassist.server.transport import serve
from tests.e2e.places import Encoding, units

MODEL = "Qwen/Qwen2.5-Coder-7B"
CANCELLED = -32800
_LINE_END = re.compile(r"\r\n|\n|\r")
_LAG_TURNS = 3
"""An answer that is made travels so long: handler, its task's end, the writer."""


class JumpingLoop(asyncio.SelectorEventLoop):
    """Time passes when nothing else is left to do, and then at once. There are no threads and no sockets. `turns`: how
    often it went round."""

    def __init__(self) -> None:
        self.now = 0.0
        self.turns = 0
        super().__init__(_NoWaiting(self))

    def time(self) -> float:
        return self.now

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]  # A subset.
        done: asyncio.Future[Any] = self.create_future()

        def work() -> None:
            if not done.cancelled():
                done.set_result(func(*args))

        self.call_soon(self.call_soon, work)
        return done


class _NoWaiting(selectors.DefaultSelector):
    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        assert timeout is not None, "everybody waits for somebody else"
        self._loop.turns += 1
        self._loop.now += max(timeout, 0.0)
        return []


@dataclass
class Engine:
    """Answers requests in turn with `answers`, in chunks of `size` characters, and lets `pauses` turns of the loop pass
    before each, or `seconds`. None among the answers is a server that is busy."""

    answers: tuple[str | None, ...]
    size: int = 3
    pauses: int = 1
    seconds: float = 0.0
    asked: int = 0
    opened: int = 0
    ended: int = 0

    async def _stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        self.opened += 1
        try:
            answer = self.answers[self.asked % len(self.answers)]
            self.asked += 1
            for at in range(0, len(answer or "x"), self.size):
                for _ in range(self.pauses):
                    await asyncio.sleep(0)
                await asyncio.sleep(self.seconds)
                if answer is None:
                    raise Overloaded("Busy, as the test wants it.")
                yield Chunk(answer[at : at + self.size])
            yield Chunk(finish="stop")
        finally:
            self.ended += 1

    def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        return self._stream(request)

    def chat(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        return self._stream(request)

    async def served(self) -> tuple[ServedModel, ...]:
        await asyncio.sleep(0)
        return (ServedModel(MODEL),)

    async def count_tokens(self, text: str) -> int | None:
        return None

    async def aclose(self) -> None:
        pass


def places(text: str, line: int, character: int, encoding: Encoding) -> int:
    """The offset of an LSP position in `text`, in characters, by walking there. What lies behind a line is its end,
    what lies behind the last line the end of the text, what lies inside a character the place before it."""
    starts = [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text))]
    if line >= len(starts):
        return len(text)
    at, used = starts[line], 0
    while at < len(text) and text[at] not in "\r\n":
        used += units(text[at], encoding)
        if used > character:
            break
        at += 1
    return at


def place_of(text: str, offset: int, encoding: Encoding) -> dict[str, int]:
    """The LSP position of an offset."""
    if text[offset - 1 : offset + 1] == "\r\n":
        offset -= 1
    ends = [match.end() for match in re.finditer(r"\r\n|\n|\r", text) if match.end() <= offset]
    start = ends[-1] if ends else 0
    return {"line": len(ends), "character": units(text[start:offset], encoding)}


@dataclass
class Asked:
    """A request: its document's text as it was, and where the cursor stood. `left`: in which turn of the loop
    the server heard that the text had changed; `closed`: the document was closed since."""

    uri: str
    text: str | None
    cursor: int
    cancelled: bool = False
    is_current: bool = True
    closed: bool = False
    left: int | None = None
    answers: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Player:
    """An editor over a server in the same process. `ahead`: what it would type next, where it was shown something.
    `wrong`: what was not as it must be in the answers."""

    FEATURE: ClassVar[str] = "inlineCompletion"
    AUTOMATIC: ClassVar[int] = 2

    loop: JumpingLoop
    encoding: Encoding
    engine: Engine
    debounce_ms: int
    app: App = field(init=False)
    _serving: asyncio.Task[None] = field(init=False)
    texts: dict[str, str] = field(default_factory=dict)
    cursors: dict[str, int] = field(default_factory=dict)
    ahead: dict[str, str] = field(default_factory=dict)
    asked: dict[int, Asked] = field(default_factory=dict)
    items: list[str] = field(default_factory=list)
    wrong: list[Exception] = field(default_factory=list)
    shown: int = 0
    _version: int = 0
    _number: int = 0
    _sent: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    _leaving: deque[Sequence[Asked]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.app = App(lambda _settings, _role: self.engine)
        self.app.server.protocol.set_writer(self, include_headers=False)

    # The wire --------------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """What the server sends."""
        message = json.loads(data)
        if "method" not in message:
            self.asked[message["id"]].answers.append(message)
            try:
                self._check(self.asked[message["id"]], message)
            except Exception as error:  # For the test: the server would only log it.
                self.wrong.append(error)

    def close(self) -> None:
        """The server's writer has this; nothing is behind it."""

    @property
    def is_heard(self) -> bool:
        """Whether the server has got everything that was sent."""
        return not self._leaving

    async def _packet(self) -> bytes:
        """All that was sent since the last one, b"" at the end."""
        packet = await self._sent.get()
        while not self._sent.empty():
            packet += self._sent.get_nowait()
        return packet

    def _receive(self, body: bytes) -> None:
        for asked in self._leaving.popleft():
            asked.left = self.loop.turns
        self.app.server._receive(body)

    def _send(self, message: dict[str, Any], leaving: Sequence[Asked] = ()) -> None:
        """`leaving`: the requests for whose text it is the end."""
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._leaving.append(leaving)
        self._sent.put_nowait(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def notify(self, method: str, params: Any, leaving: Sequence[Asked] = ()) -> None:
        self._send({"method": method, "params": params}, leaving)

    def request(self, method: str, params: Any, about: Asked) -> None:
        self._number += 1
        self.asked[self._number] = about
        self._send({"id": self._number, "method": method, "params": params})

    # What an editor does ---------------------------------------------------------------------------------------------

    async def start(self) -> None:
        self._serving = asyncio.ensure_future(serve(self._packet, self._receive))
        capabilities = {"general": {"positionEncodings": [self.encoding]}, "textDocument": {self.FEATURE: {}}}
        params = {"processId": None, "rootUri": None, "capabilities": capabilities, "initializationOptions": None}
        params["initializationOptions"] = {"completion": {"debounce_ms": self.debounce_ms, "learn": False}}
        self.request("initialize", params, Asked("", None, 0))
        self.notify("initialized", {})

    async def end(self) -> None:
        self.request("shutdown", None, Asked("", None, 0))
        await asyncio.sleep(1)
        self._sent.put_nowait(b"")
        await self._serving

    def open(self, uri: str, text: str) -> None:
        if uri not in self.texts:
            self._version += 1
            self.texts[uri], self.cursors[uri] = text, len(text)
            document = {"uri": uri, "languageId": "python", "version": self._version, "text": text}
            self.notify("textDocument/didOpen", {"textDocument": document})

    def shut(self, uri: str) -> None:
        if self.texts.pop(uri, None) is not None:
            for asked in self.asked.values():
                asked.closed = asked.closed or asked.uri == uri
            self.notify("textDocument/didClose", {"textDocument": {"uri": uri}}, self._leave(uri, None))

    def change(self, uri: str, *changes: tuple[dict[str, Any] | None, str]) -> None:
        """Replace each range, None for all of the text, by a text; each range counts in what the one before it left.
        The cursor goes to the end of the last."""
        text, sent = self.texts[uri], []
        for place, new in changes:
            start, end = 0, len(text)
            if place is not None:
                offsets = [places(text, **place[side], encoding=self.encoding) for side in ("start", "end")]
                start, end = min(offsets), max(offsets)
            text = text[:start] + new + text[end:]
            self.cursors[uri] = start + len(new)
            sent.append({"text": new} if place is None else {"range": place, "text": new})
        self._version += 1
        leaving = self._leave(uri, text) if text != self.texts[uri] else []
        self.texts[uri] = text
        document = {"uri": uri, "version": self._version}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": sent}, leaving)

    def range(self, uri: str, start: int, end: int) -> dict[str, Any]:
        text = self.texts[uri]
        sides = (place_of(text, min(each, len(text)), self.encoding) for each in (start, end))
        return dict(zip(("start", "end"), sides, strict=True))

    def ask(self, uri: str, place: dict[str, int] | None, automatic: bool) -> None:
        """Ask for a completion, at the cursor if `place` is None."""
        text = self.texts.get(uri)
        cursor = min(self.cursors.get(uri, 0), len(text or ""))
        at = place or place_of(text or "", cursor, self.encoding)
        offset = places(text or "", **at, encoding=self.encoding)
        params = {
            "textDocument": {"uri": uri},
            "position": at,
            "context": {"triggerKind": self.AUTOMATIC if automatic else 1},
        }
        self.request(f"textDocument/{self.FEATURE}", params, Asked(uri, text, offset))

    def cancel(self, which: int) -> None:
        """Cancel one of the requests that are not answered yet."""
        waiting = [number for number, asked in self.asked.items() if not asked.answers and asked.uri]
        if waiting:
            number = waiting[which % len(waiting)]
            self.asked[number].cancelled = True
            self.notify("$/cancelRequest", {"id": number})

    def _leave(self, uri: str, text: str | None) -> list[Asked]:
        """The requests that are of no use from now on: the document has another text, or is closed."""
        found = [asked for asked in self.asked.values() if asked.uri == uri and asked.is_current]
        found = [asked for asked in found if not self._fits(asked, text)]
        for asked in found:
            asked.is_current = False
        return found

    def _fits(self, asked: Asked, text: str | None) -> bool:
        """Whether an answer is still of use in that text."""
        return text == asked.text

    # What must hold for every answer ---------------------------------------------------------------------------------

    def _check(self, asked: Asked, message: dict[str, Any]) -> None:
        if "error" in message:
            assert asked.cancelled, message
            assert message["error"]["code"] == CANCELLED, message
            return
        if not asked.uri or not message["result"]["items"]:
            return
        (item,) = message["result"]["items"]
        assert asked.text is not None, "a completion in a document that is not open"
        assert self._is_in_time(asked), "an answer for a text that had gone"
        place, new = self._edit_of(item)
        start, end = (places(asked.text, **place[side], encoding=self.encoding) for side in ("start", "end"))
        assert place == {
            "start": place_of(asked.text, start, self.encoding),
            "end": place_of(asked.text, end, self.encoding),
        }, "a position that does not exist"
        self._check_start(asked, start, new)
        assert place["start"]["line"] == place["end"]["line"], "a range over lines"
        assert new.strip(), "nothing is shown"
        assert not re.search("[\0\ud800-\udfff]", new), ascii(new)
        times = Counter(_LINE_END.findall(asked.text)) or Counter("\n")
        usual = {end for end, count in times.items() if count == max(times.values())}
        assert set(_LINE_END.findall(new)) <= usual, f"{new!r} in a document with {usual}"
        self.shown += 1
        self.items.append(item["command"]["arguments"][0])
        if self.texts.get(asked.uri) == asked.text:
            self.ahead[asked.uri], self.cursors[asked.uri] = new[asked.cursor - start :], asked.cursor

    def _is_in_time(self, asked: Asked) -> bool:
        return asked.left is None or self.loop.turns - asked.left <= _LAG_TURNS

    def _edit_of(self, item: dict[str, Any]) -> tuple[dict[str, Any], str]:
        return item["range"], item["insertText"]

    def _check_start(self, asked: Asked, start: int, new: str) -> None:
        assert start == asked.cursor, "not at the cursor"


class MenuPlayer(Player):
    """An editor with a menu, which takes an answer while a word is begun."""

    FEATURE = "completion"
    AUTOMATIC = 3

    def ask(self, uri: str, place: dict[str, int] | None, automatic: bool) -> None:
        """Mostly not while it waits for an answer, unless the user wants to know."""
        waits = any(asked.uri == uri and not asked.answers and not asked.cancelled for asked in self.asked.values())
        if not (waits and automatic) or self._number % 4 == 0:
            super().ask(uri, place, automatic)

    def _is_in_time(self, asked: Asked) -> bool:
        return super()._is_in_time(asked) or (not asked.closed and self._fits(asked, self.texts.get(asked.uri)))

    def _fits(self, asked: Asked, text: str | None) -> bool:
        return text is not None and asked.text is not None and self._since(asked, text) is not None

    def _since(self, asked: Asked, text: str) -> str | None:
        """The word that was typed at the cursor since then, if nothing else has changed."""
        old = asked.text or ""
        before, after = old[: asked.cursor], old[asked.cursor :]
        typed = text[len(before) : len(text) - len(after)]
        return typed if text == before + typed + after and re.fullmatch(r"\w*", typed) else None

    def _edit_of(self, item: dict[str, Any]) -> tuple[dict[str, Any], str]:
        edit = item["textEdit"]
        return edit["range"], edit["newText"]

    def _check_start(self, asked: Asked, start: int, new: str) -> None:
        """It begins with the word before the cursor, and that with what was typed since."""
        word = (asked.text or "")[start : asked.cursor]
        assert re.fullmatch(r"[\w$]*", word), "more than a word before the cursor"
        since = (self._since(asked, self.texts.get(asked.uri, "")) or "") if asked.is_current else ""
        known = any(new.startswith(word + since[:length]) for length in range(len(since), -1, -1)[: _LAG_TURNS + 1])
        assert known, "not what is typed"
