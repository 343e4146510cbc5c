"""vLLM ends in the middle of the day: the user is told once, and all goes on when it was started again."""

from __future__ import annotations

import os
import signal

import pytest

from tests.e2e.editor import Editor
from tests.e2e.places import CURSOR, cut
from tests.vllm.servers import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT, AT = cut(f"def total(prices):\n    return {CURSOR}\n")


async def test_an_editor_stays_open_while_the_engine_is_killed_and_restarted(
    editor: Editor, uri: str, sliced: Server
) -> None:
    editor.open(uri, TEXT)
    assert await editor.complete(uri, AT) is not None
    starts = sliced.said.count(" is ready after ")
    killed = sliced.vllm()
    os.kill(killed, signal.SIGKILL)  # As the kernel does when memory is short.
    await sliced.gone()
    for _ in range(3):
        assert await editor.complete(uri, AT) is None
        assert str((await editor.trace(1))[0]["skip"]).startswith("model-")
    await editor.until(lambda: editor.statuses[-1]["state"] == "degraded", "the status to be degraded")
    assert len(editor.messages) == 1, editor.messages
    assert sliced.url in editor.messages[0]
    await sliced.ready(starts + 1)
    shown = await editor.complete(uri, AT)
    assert shown is not None
    assert shown.text == "sum(prices)"
    assert len(editor.messages) == 1, editor.messages
    assert editor.statuses[-1]["state"] == "ready"
    assert sliced.vllm() != killed
