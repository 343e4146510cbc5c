"""Completions by a real vLLM with a real mixture of experts, through the language server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.editor import Editor, start
from tests.e2e.places import CURSOR, cut
from tests.vllm.conftest import variables
from tests.vllm.servers import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

BLOCK_TOKENS = 128
"""Of vLLM's prefix cache on a processor: what is cached is whole blocks."""

PROGRAM = "\n\n".join(
    f'''def {name}_of(prices):
    """Return the {name} of some prices, or None if there are none."""
    if not prices:
        return None
    return {call}'''
    for name, call in {
        "highest": "max(prices)",
        "lowest": "min(prices)",
        "total": "sum(prices)",
        "mean": "sum(prices) / len(prices)",
        "first": "prices[0]",
        "last": "prices[-1]",
        "spread": "max(prices) - min(prices)",
    }.items()
)


async def test_a_mixture_of_experts_completes(editor: Editor, uri: str) -> None:
    text, at = cut(f"def total(prices):\n    return {CURSOR}\n")
    editor.open(uri, text)
    shown = await editor.complete(uri, at)
    assert shown is not None
    assert shown.text == "sum(prices)"
    assert (shown.start, shown.end) == (at, at)
    entry = (await editor.trace(1))[0]
    assert entry["tokens"]["generated"] > 0
    assert editor.messages == []
    assert editor.statuses[-1]["state"] == "ready"
    assert editor.statuses[-1]["model"] == "sliced-moe"


async def test_a_keystroke_later_only_what_is_new_is_read(sliced: Server, home: Path, uri: str) -> None:
    """By the counts that vLLM reports: at most one block is read again, and what was typed.

    It reports them at the end of an answer, so the answers are so short that they are not broken off by us.
    """
    before = PROGRAM + "\n\n\ndef median_of(prices):\n    ordered = sorted(prices)\n    middle = "
    async with start("vscode", variables(sliced, home, COMPLETION__MAX_TOKENS="2")) as editor:
        editor.open(uri, before)
        await editor.complete(uri, len(before))
        first = (await editor.trace(1))[0]["tokens"]
        assert first["prompt"] > 2 * BLOCK_TOKENS
        editor.edit(uri, (len(before), len(before), "len(or"))
        await editor.complete(uri, len(before) + len("len(or"))
        second = (await editor.trace(1))[0]["tokens"]
    assert second["cached"] >= BLOCK_TOKENS
    typed = second["prompt"] - first["prompt"]
    assert 0 < typed < 8
    assert second["prompt"] - second["cached"] <= BLOCK_TOKENS + typed


async def test_a_refused_key_is_one_sentence_and_the_users_own_editors_need_none(
    sliced: Server, home: Path, uri: str
) -> None:
    text, at = cut(f"def total(prices):\n    return {CURSOR}\n")
    for more, reason in (({"API_KEY": "not-the-key-of-this-server"}, "model-unauthorised"), ({}, None)):
        async with start("plain", variables(sliced, home, **more)) as editor:
            editor.open(uri, text)
            assert (await editor.complete(uri, at) is None) == (reason is not None)
            assert await editor.last_skip() == reason
            assert len(editor.messages) == (reason is not None)
            assert all("refuses the key that was sent (401)" in message for message in editor.messages)
            assert all("not-the-key" not in message for message in editor.messages)
            assert sliced.key.encode() not in editor.client.stderr
