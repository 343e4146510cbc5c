"""What is cancelled in the editor stops in vLLM, by vLLM's own counts."""

from __future__ import annotations

import asyncio

import pytest
from lsprotocol import types

from tests.e2e.editor import Editor
from tests.e2e.programs import BUGGY
from tests.vllm.conftest import CHUNK_TOKENS
from tests.vllm.servers import WAIT_LIMIT_S, Metrics, Server
from tests.vllm.test_completion import PROGRAM

pytestmark = pytest.mark.asyncio(loop_scope="session")

REVIEW_TOKENS = 640
"""What a review in words may write."""


async def stopped(server: Server, before: Metrics, running: int = 1) -> Metrics:
    """The counts when nothing runs any more: `running` requests ended unfinished, and no later step adds to them."""
    idle = await server.until(lambda now: now.running + now.waiting == 0, "no running request")
    assert running >= 1
    assert idle.finished == before.finished
    async with server.client() as client:
        known = {"model": server.name, "prompt": "a", "max_tokens": 4, "ignore_eos": True, "temperature": 0}
        assert (await client.post("/v1/completions", json=known)).status_code == 200
    after = await server.until(lambda now: now.finished > idle.finished, "the known request")
    assert (after.generated, after.finished) == (idle.generated + 4, idle.finished + 1)
    return idle


async def test_a_cancelled_completion_stops_while_its_prompt_is_read(editor: Editor, uri: str, sliced: Server) -> None:
    """In the middle of a long prompt: the step that runs is finished, and the next one is none."""
    text = f"# A text that no other test has sent.\n{PROGRAM}\n{PROGRAM.upper()}\n\n\ndef mode_of(prices):\n    "
    editor.open(uri, "x = 1\n")
    await editor.complete(uri, 6)  # From here on nothing is asked of the server but completions.
    before = await sliced.until(lambda now: now.running == 0, "an idle server")
    editor.set_whole(uri, text)
    asked = editor.ask(uri, len(text), request_id="long")
    at_cancel = await sliced.until(lambda now: now.running == 1, "the request to run")
    editor.cancel("long")
    with pytest.raises(Exception, match="cancel"):
        await asyncio.wait_for(asked, WAIT_LIMIT_S)
    idle = await stopped(sliced, before)
    assert idle.generated == before.generated
    # The step that ran when the request was dropped, and the one that may have begun before vLLM heard of it.
    assert idle.step_tokens - at_cancel.step_tokens <= 2 * CHUNK_TOKENS


async def test_a_cancelled_review_stops_while_it_is_written(editor: Editor, uri: str, sliced: Server) -> None:
    editor.open(uri, BUGGY)
    await editor.complete(uri, len(BUGGY))
    before = await sliced.until(lambda now: now.running == 0, "an idle server")
    review = editor.send("workspace/executeCommand", types.ExecuteCommandParams("codeassist.review", [uri]), "review")
    at_cancel = await sliced.until(lambda now: now.generated > before.generated + 2, "a few tokens")
    editor.cancel("review")
    with pytest.raises(Exception, match="cancel"):
        await asyncio.wait_for(review, WAIT_LIMIT_S)
    idle = await stopped(sliced, before, at_cancel.running)
    assert idle.generated - before.generated < REVIEW_TOKENS / 4
