"""What is typed in a replay, and who types it: blocks of lines from commits, and a person at an editor."""

from __future__ import annotations

import asyncio
import random
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.latency.replay_events import Recorder
from tests.e2e.wire import Wire

LEAST_LINES, MOST_LINES = 3, 10
_HUNK = re.compile(r"^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_KEY = re.compile(r"\n[ \t]*|.", re.DOTALL)
"""What a key inserts: editors indent a new line by themselves."""


@dataclass(frozen=True)
class Block:
    """`text` is to be typed between `before` and `after`."""

    path: str
    before: str
    text: str
    after: str


@dataclass(frozen=True)
class Habits:
    """Seconds unless said otherwise; times are medians of log-normal ones.

    `look`: between opening a document and the first key. `line`: in place of `key` at the start of a line. `slips`:
    share of letters that are wrong, noticed one or two keys later, and taken back. A suggestion is accepted if it was
    there for `noticed` and saves `worth` characters.
    """

    key: float = 0.14
    spread: float = 0.4
    line: float = 0.45
    look: float = 0.8
    slips: float = 0.02
    noticed: float = 0.35
    worth: int = 6

    def pause(self, chance: random.Random, done: str) -> float:
        """The time to the next key."""
        return chance.lognormvariate(0.0, self.spread) * (self.line if done.endswith("\n") else self.key)


def blocks_of(repository: Path, most: int) -> Iterator[Block]:
    """Blocks of lines that the latest commits added to Python files, one of each file at most."""
    seen: set[str] = set()
    for commit in _git(repository, "log", "-n", "200", "--format=%H", "--no-merges").split():
        path, found = "", 0
        for line in _git(repository, "show", "--format=", "-U0", commit, "--", "*.py").split("\n"):
            if line.startswith("+++ b/"):
                path = line[6:]
            hunk = _HUNK.match(line)
            if hunk is None or path in seen or hunk[1] != "0":
                continue
            start, count = int(hunk[2]), int(hunk[3] or 1)
            block = block_at(path, _git(repository, "show", f"{commit}:{path}"), start - 1, count)
            if block is not None:
                seen.add(path)
                found += 1
                yield block
            if len(seen) == most:
                return
            if found == 2:
                break  # Of many commits, not of one.


def block_at(path: str, text: str, first: int, count: int) -> Block | None:
    """The lines from `first` on as a block, None if they are too few, too many, or not plain text."""
    lines = text.split("\n")[first : first + count]
    while lines and not lines[0].strip():
        lines, first = lines[1:], first + 1
    while lines and not lines[-1].strip():
        lines.pop()
    if not LEAST_LINES <= len(lines) <= MOST_LINES or not text.isascii():
        return None
    whole = text.split("\n")
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    before = "".join(f"{line}\n" for line in whole[:first]) + indent
    typed = "\n".join(lines)[len(indent) :]
    return Block(path, before, typed, "\n" + "\n".join(whole[first + len(lines) :]))


def _git(repository: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(repository), *arguments],
        check=True, capture_output=True, text=True, errors="replace",
    ).stdout  # fmt: skip


class Typist:
    """Types a block as somebody would, in an editor that shows what the server sends, and notes what happens.

    `cancels`: whether the editor cancels a request when it asks anew. `would`: what the engine would say behind a text,
    "right" or "wrong"; None where nobody knows.
    """

    def __init__(
        self,
        wire: Wire,
        uri: str,
        block: Block,
        recorder: Recorder,
        cancels: bool,
        would: Callable[[str], str | None],
        habits: Habits = Habits(),
    ) -> None:
        self._wire, self._uri, self._block, self._recorder = wire, uri, block, recorder
        self._cancels, self._would, self._habits = cancels, would, habits
        self._version = 1
        self._done = ""
        self._display = ""
        self._command: Any = None
        self._since = 0.0
        self._number = 0
        self._waiting: list[Any] = []
        self._showing: set[asyncio.Future[None]] = set()

    async def type(self, chance: random.Random) -> None:
        habits, text = self._habits, self._block.text
        self._wire.open(self._uri, self._block.before + self._block.after)
        await asyncio.sleep(habits.look)
        while rest := text[len(self._done) :]:
            match = _KEY.match(rest)
            key = match[0] if match else rest[0]
            if self._is_worth_it(rest):
                self._accept()
            elif key.isalpha() and chance.random() < habits.slips:
                await self._slip(chance, key)
            else:
                self._press(key)
            await self._ask_and_wait(chance)
        await asyncio.gather(*self._showing)
        self._recorder.note("closed")
        self._wire.notify("textDocument/didClose", {"textDocument": {"uri": self._uri}})

    def _is_worth_it(self, rest: str) -> bool:
        """Whether what is shown is right, was seen, and saves enough."""
        seen = time.perf_counter() - self._since >= self._habits.noticed
        return seen and len(self._display) >= self._habits.worth and rest.startswith(self._display)

    async def _slip(self, chance: random.Random, key: str) -> None:
        """Press a wrong key, perhaps the next one too, and take it back; what follows the last one is the caller's."""
        wrong = [chance.choice([letter for letter in "asdfghjkl" if letter != key]), key][: chance.choice((1, 2))]
        for each in wrong:
            self._press(each)
            await self._ask_and_wait(chance)
        for each in wrong[1:]:
            self._delete(len(each))
            await self._ask_and_wait(chance)
        self._delete(1)

    def _press(self, text: str) -> None:
        self._recorder.note("key", text=text)
        self._insert(text)
        if self._display.startswith(text):
            self._display = self._display[len(text) :]
            if self._display:
                return
            self._recorder.note("hidden")
        self._hide()

    def _accept(self) -> None:
        text, self._display = self._display, ""
        self._recorder.note("accepted", text=text)
        self._insert(text)
        if self._command:
            arguments = {name: self._command[name] for name in ("command", "arguments") if name in self._command}
            self._wire.request("workspace/executeCommand", arguments)

    def _delete(self, count: int) -> None:
        self._recorder.note("deleted", count=count)
        line, column = self._place()
        self._version += 1
        span = {"start": {"line": line, "character": column - count}, "end": {"line": line, "character": column}}
        document = {"uri": self._uri, "version": self._version}
        self._wire.notify(
            "textDocument/didChange", {"textDocument": document, "contentChanges": [{"range": span, "text": ""}]}
        )
        self._done = self._done[: len(self._done) - count]
        self._hide()

    def _insert(self, text: str) -> None:
        line, column = self._place()
        self._version += 1
        self._wire.insert(self._uri, line, column, text, self._version)
        self._done += text

    def _hide(self) -> None:
        if self._display:
            self._recorder.note("hidden")
        self._display = ""

    def _place(self) -> tuple[int, int]:
        text = self._block.before + self._done
        return text.count("\n"), len(text) - text.rfind("\n") - 1

    async def _ask_and_wait(self, chance: random.Random) -> None:
        """Ask as the editor does, and wait for the next key; what comes is shown unless it comes too late."""
        if self._cancels:
            for waiting in self._waiting:
                self._wire.notify("$/cancelRequest", {"id": waiting})
        self._waiting = []
        self._number += 1
        self._recorder.note("ask", ask=self._number, would=self._would(self._block.before + self._done))
        asked = self._wire.ask(self._uri, *self._place(), typed=True)
        self._waiting.append(asked)
        self._showing.add(task := asyncio.ensure_future(self._show(asked, self._number)))
        task.add_done_callback(self._showing.discard)
        await asyncio.sleep(self._habits.pause(chance, self._done))

    async def _show(self, asked: Any, number: int) -> None:
        version = self._version
        answer = await self._wire.answer(asked)
        if asked in self._waiting:
            self._waiting.remove(asked)
        if version != self._version:
            return
        item = first_item(answer.get("result"))
        text = "" if item is None else text_behind(item, *self._place(), self._done)
        if not text:
            self._hide()
            return
        if text == self._display:
            self._recorder.note("shown", ask=number, text=text, how="rest")
        else:
            self._hide()
            self._recorder.note("shown", ask=number, text=text, how="new")
            self._display, self._since = text, time.perf_counter()
        self._command = item.get("command") if item else None


def first_item(result: Any) -> dict[str, Any] | None:
    """What an editor shows of the answer to textDocument/inlineCompletion, a list or an InlineCompletionList."""
    items = result.get("items") if isinstance(result, dict) else result
    return items[0] if isinstance(items, list) and items and isinstance(items[0], dict) else None


def text_behind(item: dict[str, Any], line: int, column: int, done: str) -> str:
    """What the item would put behind the cursor, "" if it would change what stands before it (`done`, at its end)."""
    text = item.get("insertText", "")
    if isinstance(text, dict):  # A StringValue, which is a snippet.
        text = text.get("value", "")
    start = (item.get("range") or {}).get("start", {"line": line, "character": column})
    before = column - start["character"]
    if start["line"] != line or before <= 0:
        return str(text) if start["line"] == line and before == 0 else ""
    replaced = done[-before:]
    return str(text).removeprefix(replaced) if len(replaced) == before and str(text).startswith(replaced) else ""
