"""Hundreds of edits with requests open, over a server's stdin and stdout and real connections to an engine.

The same every time as far as we can say it: what is sent comes from a fixed seed. What meets what on the way does not.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from tests.e2e.editor import environment
from tests.e2e.places import Encoding, position
from tests.e2e.programs import MODEL
from tests.e2e.wire import Wire, connected
from tests.fake_vllm import Behaviour, FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

URI = "file:///workspace/races.py"
EDITS = 500
MOST_CHARACTERS = 1200
CANCELLED = -32800
PIECES = ("x", "total(", ")", "\n", "\r\n", "\r", "\t", "    ", "é", "😀", "שלום", "\u2028", "\f", "sum(", "#", '"')
ANSWER = "sum(price for price in prices)\n"


class Racing:
    """An editor's text, and what it has asked."""

    def __init__(self, wire: Wire, dice: random.Random, encoding: Encoding) -> None:
        self.encoding = encoding
        self.text = "def total(prices):\n    return "
        self.cursor = len(self.text)
        self.asked: list[str] = []
        self.cancelled: set[str] = set()
        self._wire = wire
        self._dice = dice
        self._version = 1
        wire.open(URI, self.text)

    def replace(self, start: int, end: int, new: str) -> None:
        places = [position(self.text, each, self.encoding) for each in (start, end)]
        sides = [{"line": place.line, "character": place.character} for place in places]
        change = {"range": {"start": sides[0], "end": sides[1]}, "text": new}
        self.text = self.text[:start] + new + self.text[end:]
        self.cursor = start + len(new)
        self._version += 1
        document = {"uri": URI, "version": self._version}
        self._wire.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})

    def edit(self) -> None:
        """Now and then elsewhere; mostly at the cursor, and mostly what the engine writes."""
        dice = self._dice
        if len(self.text) > MOST_CHARACTERS:
            self.replace(self._place(), len(self.text), "")
        elif dice.random() < 0.2:
            start, end = sorted((self._place(), self._place()))
            self.replace(start, self._between_no_line_end(min(end, start + 5)), dice.choice(PIECES))
        else:
            new = ANSWER[self.cursor % len(ANSWER)] if dice.random() < 0.6 else dice.choice(PIECES)
            at = self._between_no_line_end(self.cursor)
            self.replace(at, at, new)

    def ask(self) -> None:
        place = position(self.text, self._between_no_line_end(self.cursor), self.encoding)
        self.asked.append(self._wire.ask(URI, place.line, place.character, typed=self._dice.random() < 0.8))

    def cancel(self) -> None:
        """One of the last few, whether it is answered already or not."""
        if self.asked:
            number = self._dice.choice(self.asked[-4:])
            self.cancelled.add(number)
            self._wire.notify("$/cancelRequest", {"id": number})

    def _place(self) -> int:
        return self._between_no_line_end(self._dice.randint(0, len(self.text)))

    def _between_no_line_end(self, at: int) -> int:
        return at - 1 if self.text[at - 1 : at + 1] == "\r\n" else at


@pytest.mark.parametrize(("seed", "encoding"), [(1, "utf-8"), (2, "utf-16"), (3, "utf-32")])
async def test_nothing_is_lost_or_left(seed: int, encoding: Encoding, tmp_path: Path) -> None:
    dice = random.Random(seed)
    capabilities = {"general": {"positionEncodings": [encoding]}, "textDocument": {"inlineCompletion": {}}}
    async with (
        FakeVllm(models=(MODEL,), answer=ANSWER, max_model_len=32768) as fake,
        connected(
            environment(tmp_path, SERVER__URL=fake.base_url, COMPLETION__DEBOUNCE_MS="0"), initialize=False
        ) as wire,
    ):
        await wire.initialize(capabilities=capabilities)
        fake.behaviour = Behaviour(token_delay_s=0.002)
        racing = Racing(wire, dice, encoding)
        for _ in range(EDITS):
            racing.edit()
            for _ in range(dice.choice((0, 1, 1, 2))):
                racing.ask()
            if dice.random() < 0.3:
                racing.cancel()
            if dice.random() < 0.5:
                # As long as a few messages to the engine take, however fast that is.
                await wire.answer(wire.request("codeassist/trace", {"limit": 1}))
        for number in racing.asked:
            await wire.answer(number)
        await check_text(racing, wire, fake)
        await wire.answer(wire.request("shutdown"))
        await fake.until(lambda counts: counts.running == counts.waiting == counts.held == 0)
        wire.notify("exit")
        assert await wire.ended() == 0
        await asyncio.wait_for(asyncio.gather(*fake._connections), 10)  # Each of them ends with its client.
    check_answers(racing, wire)
    assert b"ERROR" not in wire.stderr
    assert b"Traceback" not in wire.stderr


async def check_text(racing: Racing, wire: Wire, fake: FakeVllm) -> None:
    """The text that the server has, as the engine is told of it, is ours: all of it fits into a prompt."""
    racing.replace(len(racing.text), len(racing.text), "\n\nlast = ")
    place = position(racing.text, len(racing.text), racing.encoding)
    await wire.answer(wire.ask(URI, place.line, place.character))
    prompt = str(fake.received[-1].body["prompt"])
    prefix = prompt.partition("<|fim_prefix|>")[2].partition("<|fim_suffix|>")[0]
    assert prefix.replace("\r\n", "\n") == racing.text.replace("\r\n", "\n").replace("\r", "\n")


def check_answers(racing: Racing, wire: Wire) -> None:
    """One for each request; an error only for what was cancelled."""
    for number in racing.asked:
        (answer,) = wire.answers[number]
        if "error" in answer:
            assert answer["error"]["code"] == CANCELLED
            assert number in racing.cancelled
    shown = [answers[0] for answers in wire.answers.values() if isinstance(answers[0].get("result"), dict)]
    assert any(answer["result"].get("items") for answer in shown)
