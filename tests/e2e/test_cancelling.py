"""Cancelled, superseded and stormed: every request is answered once, and the model server is told that it is over."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from lsprotocol import types

from tests.e2e.editor import DEADLINE_S, Editor, environment
from tests.e2e.places import CURSOR, cut
from tests.e2e.programs import BUGGY, RIGHT, knowing
from tests.e2e.wire import Wire, connected, inline_params
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

everywhere = pytest.mark.parametrize("editor", ["vscode", "neovim-0.11", "neovim-0.12"], indirect=True)
TEXT, AT = cut(f"def total(prices):\n    return {CURSOR}\n")
CANCELLED = -32800


@everywhere
async def test_cancelling_a_completion_stops_the_model(editor: Editor, uri: str, fake: FakeVllm) -> None:
    editor.open(uri, TEXT)
    fake.behaviour.trouble = "hang"
    asked = editor.ask(uri, AT, request_id=f"cancelled-{uri}")
    await fake.until(lambda counts: counts.held == 1)
    editor.cancel(f"cancelled-{uri}")
    with pytest.raises(Exception, match="cancel") as refused:
        await asyncio.wait_for(asked, DEADLINE_S)
    assert getattr(refused.value, "code", None) == CANCELLED
    await fake.until(lambda counts: (counts.aborted, counts.running) == (1, 0))
    fake.behaviour.trouble = ""
    assert await editor.complete(uri, AT) is not None
    assert editor.messages == []


async def test_cancelling_before_the_model_is_asked(editor: Editor, uri: str, fake: FakeVllm) -> None:
    """In the pause after a keystroke: nothing ever reaches the model server."""
    editor.open(uri, TEXT)
    asked = editor.ask(uri, AT, typed=True, request_id="hurried")
    await asyncio.sleep(0)  # Lets the client send it.
    editor.cancel("hurried")
    with pytest.raises(Exception, match="cancel"):
        await asyncio.wait_for(asked, DEADLINE_S)
    assert fake.received == []


async def test_cancelling_a_command_stops_the_review(editor: Editor, uri: str, fake: FakeVllm) -> None:
    editor.open(uri, BUGGY)
    fake.behaviour.trouble = "hang"
    params = types.ExecuteCommandParams("codeassist.review", [uri])
    asked = editor.send("workspace/executeCommand", params, "review")
    await fake.until(lambda counts: counts.held > 0)
    editor.cancel("review")
    with pytest.raises(Exception, match="cancel"):
        await asyncio.wait_for(asked, DEADLINE_S)
    await fake.until(lambda counts: counts.running == 0)
    assert fake.counts.aborted > 0


@everywhere
async def test_a_newer_request_supersedes(editor: Editor, uri: str, fake: FakeVllm) -> None:
    """Neovim does not cancel what it asked before; the older request is answered, with nothing, exactly once."""
    editor.open(uri, TEXT)
    fake.answer = "sum(prices)"  # Read to its end: a longer one is broken off too, and would count as aborted.
    fake.behaviour.trouble = "hang"
    older = editor.ask(uri, AT)
    await fake.until(lambda counts: counts.held == 1)
    fake.behaviour.trouble = ""
    newer = editor.ask(uri, AT)
    assert editor.offer(TEXT, await asyncio.wait_for(older, DEADLINE_S)) is None
    assert editor.offer(TEXT, await asyncio.wait_for(newer, DEADLINE_S)) is not None
    await fake.until(lambda counts: (counts.aborted, counts.finished) == (1, 1))
    assert sorted(str(entry["skip"]) for entry in await editor.trace(2)) == ["None", "superseded"]


async def test_documents_do_not_supersede_each_other(editor: Editor, uri: str, fake: FakeVllm) -> None:
    uris = [f"{uri}/{number}.py" for number in range(3)]
    for each in uris:
        editor.open(each, TEXT)
    fake.behaviour.trouble = "hold"
    asked = [editor.ask(each, AT) for each in uris]
    await fake.until(lambda counts: counts.held == 3)
    fake.release()
    for answer in await asyncio.wait_for(asyncio.gather(*asked), DEADLINE_S):
        assert editor.offer(TEXT, answer) is not None


async def test_shutdown_answers_what_runs(fake: FakeVllm, tmp_path: Path) -> None:
    async with connected(environment(tmp_path, SERVER__URL=fake.base_url)) as wire:
        wire.open("file:///a.py", TEXT)
        wire.open("file:///b.py", BUGGY)
        fake.behaviour.trouble = "hang"
        running = [
            wire.ask("file:///a.py", 1, 11),
            wire.request("workspace/executeCommand", {"command": "codeassist.review", "arguments": ["file:///b.py"]}),
        ]
        await fake.until(lambda counts: counts.held > 0)
        stopping = wire.request("shutdown")
        late = wire.request("codeassist/trace", {})
        assert (await wire.answer(stopping))["result"] is None
        assert (await wire.answer(late))["error"]["code"] == -32600
        await wire.until(lambda: all(each in wire.answers for each in running), "answers to what was running")
        await fake.until(lambda counts: counts.running == 0)
        wire.notify("exit")
        assert await wire.ended() == 0
        assert all(len(answers) == 1 for answers in wire.answers.values())


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_storm_is_answered_request_by_request(seed: int, fake: FakeVllm, tmp_path: Path) -> None:
    """200 completions, cancels, edits, saves and commands, as fast as they go, on three documents."""
    fake.answer = knowing(BUGGY, RIGHT)
    fake.behaviour.token_delay_s = 0.001
    async with connected(environment(tmp_path, SERVER__URL=fake.base_url)) as wire:
        ids = storm(wire, random.Random(seed))
        await wire.until(lambda: ids <= set(wire.answers), "every answer")
        assert await wire.completes()
        stopping = wire.request("shutdown")
        await wire.answer(stopping)
        assert all(len(wire.answers[each]) == 1 for each in ids)
        codes = {answer["error"]["code"] for each in ids for answer in wire.answers[each] if "error" in answer}
        assert codes <= {CANCELLED}
        await fake.until(lambda counts: counts.running == 0)
        assert b"Traceback" not in wire.stderr


def storm(wire: Wire, chance: random.Random) -> set[str]:
    """Send it all; the ids that want an answer."""
    uris = [f"file:///storm/{name}.py" for name in "abc"]
    versions = dict.fromkeys(uris, 1)
    for uri in uris:
        wire.open(uri, BUGGY)
    ids: list[str] = []
    for number in range(200):
        uri = chance.choice(uris)
        kind = chance.choices(["ask", "cancel", "edit", "save", "review", "trace", "actions"], [8, 4, 5, 2, 1, 1, 1])[0]
        if kind == "cancel":
            wire.notify("$/cancelRequest", {"id": chance.choice(ids) if ids else "none"})
        elif kind == "edit":
            versions[uri] += 1
            wire.insert(uri, chance.randrange(12), 0, chance.choice(["x", "\n", "# é😀\n"]), versions[uri])
        elif kind == "save":
            wire.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
        else:
            ids.append(f"{kind}-{number}")
            place = {"line": chance.randrange(12), "character": chance.randrange(30)}
            method, params = {
                "ask": ("textDocument/inlineCompletion", inline_params(uri, **place, typed=chance.random() < 0.7)),
                "review": ("workspace/executeCommand", {"command": "codeassist.review", "arguments": [uri]}),
                "trace": ("codeassist/trace", {"limit": 5}),
                "actions": (
                    "textDocument/codeAction",
                    {
                        "textDocument": {"uri": uri},
                        "range": {"start": place, "end": place},
                        "context": {"diagnostics": []},
                    },
                ),
            }[kind]
            wire.request(method, params, message_id=ids[-1])
    return set(ids)
