"""Who waits for a completion that is on its way, and when it is given up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from codeassist.flow.complete import Completion
from codeassist.flow.trace import Trace
from codeassist.post.inline import Inline
from codeassist.post.skip import Skip
from codeassist.server.running import Running
from codeassist.text.document import Document, Offset, Span

pytestmark = pytest.mark.asyncio

BEFORE = "x = "
ITEM = Inline("load(path)", Span(Offset(4), Offset(4)))


def document(text: str) -> Document:
    return Document.create("file:///a", text, "python")


@dataclass
class Engine:
    """A completion whose engine is played by the test."""

    latest: Document = field(default_factory=lambda: document(BEFORE))
    done: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ended(self) -> bool:
        return self.over.is_set()

    def running(self) -> Running:
        running = Running(document(BEFORE), Offset(4), None, Trace("completion"), lambda: self.latest)
        running.start(asyncio.ensure_future(self._work()))
        running.asked = True
        return running

    async def _work(self) -> Completion:
        try:
            await self.done.wait()
        finally:
            self.over.set()
        return Completion(ITEM, None)


async def waiting(running: Running, typed: str = "") -> asyncio.Task[Completion | Skip | None]:
    task = asyncio.ensure_future(running.answer(document(BEFORE + typed), Offset(4 + len(typed))))
    await asyncio.sleep(0)
    return task


async def test_the_last_one_gets_the_answer_and_the_others_hear_at_once() -> None:
    engine = Engine()
    running = engine.running()
    first, second = await waiting(running), await waiting(running, "l")
    assert await first == Skip("superseded")
    third = await waiting(running, "lo")
    assert await second == Skip("superseded")
    engine.done.set()
    assert await third == Completion(ITEM, None)


async def test_it_parts_as_soon_as_the_texts_do() -> None:
    engine = Engine()
    running = engine.running()
    first = await waiting(running, "lo")
    for text in ("", "l", "lo", "loa"):
        running.heard(text)
        await asyncio.sleep(0)
        assert not first.done()
    second = await waiting(running, "loo")
    running.heard("load")
    assert await second is None
    assert not running.may_answer(document(BEFORE), Offset(4), None)  # Even while its end takes its time.
    await asyncio.wait_for(engine.over.wait(), 5)


@pytest.mark.parametrize(
    ("text", "offset", "heard", "may"),
    [
        ("x = lo", 6, "", True),
        ("x = lo", 6, "loa", True),
        ("x = load(path)", 14, "loa", True),
        ("x = la", 6, "loa", False),
        ("x = lo)", 6, "", True),  # The editor closed a bracket.
        ("x = lo}z", 6, "", False),
        ("y = lo", 6, "", False),
        ("x =", 3, "", False),
    ],
)
async def test_what_can_be_answered_by_it(text: str, offset: int, heard: str, may: bool) -> None:
    engine = Engine()
    running = engine.running()
    running.heard(heard)
    assert running.may_answer(document(text), Offset(offset), None) is may
    assert not running.may_answer(document(text), Offset(offset), "other surroundings")
    running.asked = False
    assert not running.may_answer(document(text), Offset(offset), None)
    engine.done.set()


async def test_what_nobody_waits_for_ends() -> None:
    engine = Engine()
    task = await waiting(engine.running())
    task.cancel()
    await asyncio.wait_for(engine.over.wait(), 5)
    assert task.cancelled()


async def test_what_the_engine_was_not_asked_yet_ends_at_once() -> None:
    engine = Engine()
    running = engine.running()
    running.asked = False
    task = await waiting(running)
    task.cancel()
    for _ in range(3):
        await asyncio.sleep(0)
    assert engine.ended


@pytest.mark.parametrize(
    ("now", "waits"), [("x = lo", True), ("x = load()", True), ("x = la", False), ("y = lo", False)]
)
async def test_it_goes_on_longer_for_text_that_agrees(now: str, waits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codeassist.server.running._GRACE_S", 0.0)
    monkeypatch.setattr("codeassist.server.running._MOST_GRACE_S", 60.0)
    engine = Engine()
    running = engine.running()
    running.heard("load(a")
    task = await waiting(running)
    task.cancel()
    engine.latest = document(now)
    if not waits:
        await asyncio.wait_for(engine.over.wait(), 5)
        return
    await asyncio.sleep(0.05)
    assert not engine.ended
    again = await waiting(running, "lo")
    engine.done.set()
    assert await again == Completion(ITEM, None)


async def test_somebody_who_leaves_after_another_came_changes_nothing() -> None:
    engine = Engine()
    running = engine.running()
    first = await waiting(running)
    second = await waiting(running, "l")
    first.cancel()
    await asyncio.sleep(0.1)
    assert not engine.ended
    engine.done.set()
    assert await second == Completion(ITEM, None)


async def test_each_who_leaves_has_a_grace_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The timer of the key before must not end what the next key waited for."""
    monkeypatch.setattr("codeassist.server.running._GRACE_S", 0.2)
    engine = Engine()
    running = engine.running()
    first = await waiting(running)
    first.cancel()
    await asyncio.sleep(0.15)
    second = await waiting(running, "l")
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.sleep(0.1)  # After the first one's time, before the second one's.
    assert not engine.ended
    third = await waiting(running, "lo")
    await asyncio.sleep(0.25)
    assert not engine.ended
    engine.done.set()
    assert await third == Completion(ITEM, None)


async def test_nobody_joins_what_is_ending() -> None:
    engine = Engine()
    running = engine.running()
    await asyncio.sleep(0)
    assert running.may_answer(document(BEFORE), Offset(4), None)
    running.end()
    assert not running.may_answer(document(BEFORE), Offset(4), None)
    await asyncio.wait_for(engine.over.wait(), 5)
