"""A completion during a review is as fast as without it, by the engine's own steps, and the review comes to its end."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from codeassist.flow.admission import Admission
from codeassist.flow.asking import Bound, whole_text
from codeassist.flow.regions import regions_of
from codeassist.flow.review import Review, review
from codeassist.flow.trace import Trace
from codeassist.model.abilities import Abilities
from codeassist.model.api import ChatRequest, CompletionRequest, Priority, Request
from codeassist.prompt.families import family
from codeassist.settings import ReviewSettings
from tests.unit.flow.making import parsed
from tests.unit.flow.stepped import SteppedEngine

TEXT = "".join(
    f"def f{n}(prices):\n    total = {n}\n    for price in prices:\n        total += price\n    return total\n\n"
    for n in range(4)
)
LONG = "x = 1\n" * 200
MOST_STEPS = 3_000
FINDING = {
    "quote": "total = 2",
    "line": 14,
    "category": "bug",
    "severity": "error",
    "message": "Why 2?",
    "replacement": None,
}
ENGINES = {"embedded": (2, 1, False), "vllm": (5, 4, False), "with priorities": (5, 4, True)}
"""Seats of an engine, how many of them reviews may take, and whether it orders its queue by priority."""

engines = pytest.mark.parametrize(("seats", "parallel", "by_priority"), ENGINES.values(), ids=ENGINES)


def answer(request: Request) -> list[str]:
    """The file's own lines for the infill check, a finding in words, and a completion of one word."""
    if request.priority is Priority.COMPLETION:
        return ["done"]
    if isinstance(request, ChatRequest):
        words = {"mistake": "yes"} if len(request.messages) > 2 else {"findings": [FINDING]}
        text = json.dumps(words)
        return [text[at : at + 8] for at in range(0, len(text), 8)]
    return ["something", " else", "\n"]


def bound(engine: SteppedEngine, parallel: int, *, by_priority: bool) -> Bound:
    able = Bound(engine, family("qwen-coder"), "stepped", can_review=True, parallel=parallel)
    return replace(able, abilities=Abilities(priority="yes" if by_priority else "no"))


async def completion(engine: SteppedEngine, admission: Admission, prompt: str) -> int:
    """Ask as the editor does, and step until the answer is there: the number of steps it took to its first word."""
    begun = engine.step_count
    request = CompletionRequest(prompt, 16)

    async def ask() -> str:
        async with admission.urgent():
            return await whole_text(engine.complete(request), Trace("completion"))

    task = asyncio.ensure_future(ask())
    while not task.done():
        await engine.step()
        assert engine.step_count - begun < MOST_STEPS, "the completion never came"
    assert task.result() == "done"
    (mine,) = [each for each in engine.all if each.request is request]
    assert mine.begun is not None
    return mine.begun - begun


def started(engine: SteppedEngine, admission: Admission, parallel: int, *, by_priority: bool) -> asyncio.Task[Review]:
    syntax = parsed(TEXT)
    able = bound(engine, parallel, by_priority=by_priority)
    settings = ReviewSettings()
    return asyncio.ensure_future(review(syntax, regions_of(syntax), "a.py", able, settings, admission, Trace("review")))


@pytest.mark.parametrize("prompt", ["x", LONG], ids=["short", "long"])
@pytest.mark.parametrize("steps_before", [0, 1, 2, 3, 5, 8, 13, 21, 34])
@engines
async def test_a_completion_waits_for_a_review_no_longer_than_a_step(
    seats: int, parallel: int, by_priority: bool, steps_before: int, prompt: str
) -> None:
    alone = SteppedEngine(answer, seats=seats, by_priority=by_priority)
    needed = await completion(alone, Admission(quiet_ms=0), prompt)
    engine, admission = SteppedEngine(answer, seats=seats, by_priority=by_priority), Admission(quiet_ms=0)
    running = started(engine, admission, parallel, by_priority=by_priority)
    for _ in range(steps_before):
        await engine.step()
    assert not running.done(), "there must be something to disturb"
    assert await completion(engine, admission, prompt) <= needed + 1
    await to_its_end(engine, running)


@engines
async def test_a_review_finishes_beside_somebody_who_types(seats: int, parallel: int, by_priority: bool) -> None:
    engine, admission = SteppedEngine(answer, seats=seats, by_priority=by_priority), Admission(quiet_ms=0)
    running = started(engine, admission, parallel, by_priority=by_priority)
    for _ in range(12):
        assert await completion(engine, admission, "x") <= 3
        await engine.step()
    await to_its_end(engine, running)


async def to_its_end(engine: SteppedEngine, running: asyncio.Task[Review]) -> None:
    begun = engine.step_count
    while not running.done():
        await engine.step()
        assert engine.step_count - begun < MOST_STEPS, "the review never came to its end"
    result = running.result()
    assert [region.name for region in result.reviewed] == ["f0", "f1", "f2", "f3"]
    assert result.skips == {}
    assert "Why 2?" in [finding.message for finding in result.findings]
