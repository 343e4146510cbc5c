"""A completion during a review: the review gives way at once, and is finished afterwards."""

from __future__ import annotations

import asyncio

import pytest

from tests.e2e.editor import DEADLINE_S, Editor
from tests.e2e.places import CURSOR, cut
from tests.e2e.programs import BUGGY, RIGHT, asked_line, is_review, knowing
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

PARALLEL = 4
"""Lines that a review checks at a time on a server of one's own."""
TEXT, AT = cut(f"def total(prices):\n    return {CURSOR}\n")


@pytest.mark.parametrize("editor", ["vscode", "neovim-0.11"], indirect=True)
async def test_a_completion_takes_the_engine_from_a_review(editor: Editor, uri: str, fake: FakeVllm) -> None:
    editor.open(uri, BUGGY)
    editor.open(f"{uri}/other.py", TEXT)
    fake.answer = knowing(BUGGY, RIGHT)
    fake.behaviour.trouble = "hang"
    review = asyncio.ensure_future(editor.run("codeassist.review", uri))
    await fake.until(lambda counts: counts.held == PARALLEL)
    taken_back = [asked_line(each.body) for each in fake.received if each.body]
    fake.behaviour.trouble = ""
    shown = await editor.complete(f"{uri}/other.py", AT)
    assert shown is not None
    assert len(taken_back) == PARALLEL <= fake.counts.aborted
    await asyncio.wait_for(review, DEADLINE_S)
    assert [each.code for each in await editor.diagnostics(uri)] == ["wrong-operator", "wrong-name"]
    bodies = [each.body for each in fake.received if each.body]
    completion = next(number for number, body in enumerate(bodies) if not is_review(body))
    again = [asked_line(body) for body in bodies[completion + 1 :]]
    assert set(taken_back) <= set(again)


async def test_both_say_how_urgent_they_are(editor: Editor, uri: str, fake: FakeVllm) -> None:
    """vLLM serves the smaller number first."""
    fake.answer = knowing(BUGGY, RIGHT)
    editor.open(uri, BUGGY)
    await editor.run("codeassist.review", uri)
    assert await editor.complete(uri, len(BUGGY)) is not None
    found = {is_review(each.body): each.body["priority"] for each in fake.received if each.body}
    assert found == {False: 0, True: 10}
