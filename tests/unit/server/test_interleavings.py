"""Edits, requests, cancellations and settings in any order, against a server in this process.

Whatever the order: the server's text is the editor's, every request is answered exactly once, what is shown fits the
text that it was asked for, and nothing is left running. CODEASSIST_INTERLEAVINGS=10000 plays more programs than usual,
others in each run.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pygls.protocol import default_converter

from codeassist.text.document import Document
from tests.unit.server.interleaved import Asked, Engine, JumpingLoop, MenuPlayer, Player

USUAL = 600
EXAMPLES = int(os.environ.get("CODEASSIST_INTERLEAVINGS", USUAL))
URIS = ("file:///shop/total.py", "untitled:second")
PIECES = (
    *("x", "total", "(", ")", "[", "'", '"""', " ", "    ", "\t", ":", "return ", "#", "{}", "_1"),
    *("\n", "\r\n", "\r", "\n\n", "\r\n\t", "\u2028", "\x85", "\f", "\v", "\0", "\x1b"),
    *("é", "€", "😀", "👩‍💻", "שלום", "\u202e", "\ufeff", "\ud800"),
    *("def total(prices):\n    return ", "def total(prices):\r\n    return "),
)
HEAD = "def total(prices):\n    return "
ANSWERS = (
    *["sum(price for price in prices)\n"] * 4,
    "sum(price for price in prices)\n",
    "sum(prices)\n\n\ndef next_one(x):\n    return x\n",
    "x = 'שלום 😀'\n    return x\n",
    "\n    for price in prices:\n        yield price\n",
    "len([0])\r\n    y = 2\r\n",
    ")",
    "",
    "   ",
    None,
)

texts = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
whole_texts = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
starts = whole_texts.flatmap(lambda text: st.sampled_from((text, f"{text}\n{HEAD}", HEAD, HEAD.replace("\n", "\r\n"))))
uris = st.sampled_from((*[URIS[0]] * 7, URIS[1]))
thousandths = st.integers(0, 1000)


@dataclass(frozen=True)
class Open:
    uri: str
    text: str


@dataclass(frozen=True)
class Close:
    """And open it again, with the text `again`."""

    uri: str
    again: str | None


@dataclass(frozen=True)
class Change:
    """In one message; `at` in thousandths of the text, `length` in characters."""

    uri: str
    changes: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True)
class ChangeOutside:
    """At a position that need not exist, given backwards at times; None: all of the text."""

    uri: str
    start: tuple[int, int] | None
    end: tuple[int, int]
    text: str


@dataclass(frozen=True)
class Type:
    """Keys that follow what was shown, each with its own request if `asks`, and so many turns between; brackets are
    closed as editors do."""

    uri: str
    keys: int
    asks: bool
    closes: bool
    turns: int


@dataclass(frozen=True)
class Key:
    """Text typed at the cursor."""

    uri: str
    text: str


@dataclass(frozen=True)
class Ask:
    """At the cursor, or at a place that need not exist; and then the editor waits so many turns."""

    uri: str
    automatic: bool
    turns: int
    place: tuple[int, int] | None = None


@dataclass(frozen=True)
class Cancel:
    which: int


@dataclass(frozen=True)
class Report:
    event: str
    which: int


@dataclass(frozen=True)
class Configure:
    debounce_ms: int
    enabled: bool
    max_lines: int


@dataclass(frozen=True)
class Turns:
    count: int


@dataclass(frozen=True)
class Wait:
    seconds: float


Step = Open | Close | Change | ChangeOutside | Type | Key | Ask | Cancel | Report | Configure | Turns | Wait

positions = st.tuples(st.integers(0, 6), st.integers(0, 12)) | st.sampled_from(
    ((0, 10**6), (10**6, 0), (2**31 - 1,) * 2)
)
spots = st.tuples(thousandths, st.integers(0, 6), texts)
pauses = st.sampled_from((0, 0, 1, 2, 12, 60, 200))
automatic = st.sampled_from((True, True, True, False))
asks = st.builds(Ask, uris, automatic, pauses)
keys = st.builds(Type, uris, st.integers(1, 5), automatic, st.booleans(), pauses)
waits = st.builds(Wait, st.sampled_from((0.01, 0.06, 0.4)))
steps: st.SearchStrategy[Step] = st.one_of(
    asks,
    asks,
    keys,
    keys,
    keys,
    waits,
    waits,
    st.builds(Turns, st.integers(1, 12)),
    st.builds(Ask, uris, automatic, pauses, positions),
    st.builds(Key, uris, texts),
    st.builds(Change, uris, st.lists(spots, min_size=1, max_size=3).map(tuple)),
    st.builds(ChangeOutside, uris, st.none() | positions, positions, texts),
    st.builds(Cancel, st.integers(0, 3)),
    st.builds(Open, uris, whole_texts),
    st.builds(Close, uris, st.none() | starts),
    st.builds(Report, st.sampled_from(("didShow", "didReject", "didAccept")), st.integers(0, 3)),
    st.builds(Configure, st.sampled_from((0, 60)), st.sampled_from((*[True] * 7, False)), st.integers(1, 12)),
)
engines = st.builds(
    Engine,
    st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=4).map(tuple),
    st.integers(1, 8),
    st.integers(0, 4),
    st.sampled_from((0.0, 0.0, 0.02)),
)
programs = st.lists(steps, min_size=20, max_size=60)


@pytest.fixture(scope="module", autouse=True)
def _nobodys_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing of the user's own, and the log as it was: settings change its levels."""
    home: Path = tmp_path_factory.mktemp("home")
    loggers = [logging.getLogger(name) for name in ("codeassist", "pygls")]
    levels = [logger.level for logger in loggers]
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("CODEASSIST_")]:
            patch.delenv(name)
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_CONFIG_HOME", str(home))
        # To make one takes longer than to play a program, and it keeps nothing.
        patch.setattr("codeassist.server.protocol.default_converter", functools.cache(default_converter))
        yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.mark.parametrize("kind", [Player, MenuPlayer])
@given(st.sampled_from(("utf-16", "utf-8", "utf-32")), engines, st.sampled_from((0, 60)), starts, programs)
@settings(
    max_examples=EXAMPLES,
    derandomize=EXAMPLES == USUAL,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
def test_any_order(
    kind: type[Player], encoding: Any, engine: Engine, debounce_ms: int, text: str, program: list[Step]
) -> None:
    loop = JumpingLoop()
    with troubles() as seen:
        loop.set_exception_handler(lambda _loop, context: seen.append(repr(context)))
        try:
            loop.run_until_complete(play(kind(loop, encoding, engine, debounce_ms), text, program))
        finally:
            loop.close()
    assert seen == []


async def play(player: Player, text: str, program: list[Step]) -> None:
    """Run a program and see what is left of it."""
    await player.start()
    player.open(URIS[0], text)
    player.open(URIS[1], "PRICES = [0, 1]\n")
    for step in program:
        await take(player, step)
        check(player)
    await asyncio.sleep(60)
    assert player.is_heard
    check(player)
    unanswered = [number for number, asked in player.asked.items() if len(asked.answers) != 1]
    assert unanswered == [], [player.asked[number] for number in unanswered]
    await player.end()
    assert [len(asked.answers) for asked in player.asked.values()] == [1] * len(player.asked)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert player.engine.opened == player.engine.ended


async def turns(count: int) -> None:
    """Let the loop go round so many times."""
    for _ in range(count):
        await asyncio.sleep(0)


async def take(player: Player, step: Step) -> None:
    """One step. What needs a document that is not open does nothing."""
    if isinstance(step, Turns):
        await turns(step.count)
    elif isinstance(step, Wait):
        await asyncio.sleep(step.seconds)
    elif isinstance(step, Cancel):
        player.cancel(step.which)
    elif isinstance(step, Report):
        report(player, step)
    elif isinstance(step, Configure):
        completion = {"debounce_ms": step.debounce_ms, "enabled": step.enabled, "max_lines": step.max_lines}
        player.notify("workspace/didChangeConfiguration", {"settings": {"codeassist": {"completion": completion}}})
    elif isinstance(step, Open):
        player.open(step.uri, step.text)
    elif isinstance(step, Ask):
        place = None if step.place is None else dict(zip(("line", "character"), step.place, strict=True))
        player.ask(step.uri, place, step.automatic)
        await turns(step.turns)
    elif step.uri not in player.texts:
        pass
    elif isinstance(step, Close):
        player.shut(step.uri)
        if step.again is not None:
            player.open(step.uri, step.again)
    elif isinstance(step, Type):
        await type_ahead(player, step)
    elif isinstance(step, Key):
        at = player.cursors[step.uri]
        player.change(step.uri, (player.range(step.uri, at, at), step.text))
    else:
        change(player, step)


def change(player: Player, step: Change | ChangeOutside) -> None:
    if isinstance(step, ChangeOutside):
        sides = [dict(zip(("line", "character"), side, strict=True)) for side in (step.start or step.end, step.end)]
        place = None if step.start is None else {"start": sides[0], "end": sides[1]}
        player.change(step.uri, (place, step.text))
        return
    # Places are taken in the text as it is now: later ones may have moved, or lie outside, when it is their turn.
    length = len(player.texts[step.uri])
    spots = [(at * length // 1000, many, text) for at, many, text in step.changes]
    player.change(step.uri, *((player.range(step.uri, at, at + many), text) for at, many, text in spots))


async def type_ahead(player: Player, step: Type) -> None:
    for _ in range(step.keys):
        ahead = player.ahead.get(step.uri, "") or "sum(price"
        key = "\r\n" if ahead.startswith("\r\n") else ahead[0]
        player.ahead[step.uri] = ahead[len(key) :]
        at = player.cursors[step.uri]
        added = {"(": ")", "[": "]"}.get(key, "") if step.closes else ""
        player.change(step.uri, (player.range(step.uri, at, at), key + added))
        player.cursors[step.uri] -= len(added)
        if step.asks:
            player.ask(step.uri, None, True)
            await turns(step.turns)


def report(player: Player, step: Report) -> None:
    item = player.items[step.which % len(player.items)] if player.items else "none"
    if step.event == "didAccept":
        params = {"command": "codeassist.didAccept", "arguments": [item]}
        player.request("workspace/executeCommand", params, Asked("", None, 0))
    else:
        player.notify(f"codeassist/{step.event}", {"itemId": item})


def check(player: Player) -> None:
    """All answers were right so far, and the server's documents are the editor's, the index of their lines included."""
    if player.wrong:
        raise player.wrong[0]
    if not player.is_heard:
        return
    documents = player.app.session.documents
    assert {uri: entry.document.text for uri, entry in documents.items()} == player.texts
    for uri, entry in documents.items():
        assert entry.document.starts == Document.create(uri, entry.document.text).starts


@contextmanager
def troubles() -> Iterator[list[str]]:
    """Collects what is logged as an error, by anybody."""
    seen: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())

    collector = Collector(logging.ERROR)
    logging.getLogger().addHandler(collector)
    try:
        yield seen
    finally:
        logging.getLogger().removeHandler(collector)
