"""Documents that change while something is worked out for them: never an answer at the wrong place."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.capabilities import EDITORS
from tests.e2e.editor import DEADLINE_S, SERVER, Editor, environment
from tests.e2e.places import CURSOR, cut, offset
from tests.e2e.programs import BUGGY, RIGHT, knowing
from tests.e2e.wire import connected, framed, inline_params
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

everywhere = pytest.mark.parametrize("editor", ["vscode", "neovim-0.11", "neovim-0.12"], indirect=True)
TEXT, AT = cut(f"def total(prices):\n    return {CURSOR}\n")


@everywhere
@pytest.mark.parametrize("place", ["above", "at-the-cursor", "below"])
async def test_an_edit_during_a_completion(editor: Editor, uri: str, place: str, fake: FakeVllm) -> None:
    editor.open(uri, TEXT)
    fake.behaviour.trouble = "hold"
    asked = editor.ask(uri, AT)
    await fake.until(lambda counts: counts.held == 1)
    # A word at the cursor would be another matter: tests/e2e/test_menu.py.
    at, new = {"above": (0, "x"), "at-the-cursor": (AT, "("), "below": (len(TEXT), "x")}[place]
    editor.edit(uri, (at, at, new))
    await editor.trace(1)  # The server has the edit when it has answered this.
    fake.release()
    answer = await asyncio.wait_for(asked, DEADLINE_S)
    assert editor.offer(TEXT, answer) is None
    assert await editor.last_skip() == "stale"
    shown = await editor.complete(uri, AT + (at <= AT))
    assert shown is not None
    assert shown.start == AT + (at <= AT)


async def test_reopened_during_a_completion(editor: Editor, uri: str, fake: FakeVllm) -> None:
    """An editor that opens a document twice without closing it: the answer was for the first."""
    editor.open(uri, TEXT)
    fake.behaviour.trouble = "hold"
    asked = editor.ask(uri, AT)
    await fake.until(lambda counts: counts.held == 1)
    editor.open(uri, "# another text\n" + TEXT)
    answer = await asyncio.wait_for(asked, DEADLINE_S)
    assert editor.offer(TEXT, answer) is None


@pytest.mark.parametrize("editor", ["vscode", "neovim-0.11"], indirect=True)
async def test_edits_during_a_review(editor: Editor, uri: str, fake: FakeVllm) -> None:
    """Above the findings, in several steps of one message: they are shown where their code is now. Inside one of them:
    that one is not shown."""
    editor.open(uri, BUGGY)
    fake.answer = knowing(BUGGY, RIGHT)
    fake.behaviour.trouble = "hold"
    asked = asyncio.ensure_future(editor.run("codeassist.review", uri))
    await fake.until(lambda counts: counts.held > 0)
    editor.edit(uri, (0, 0, "# 😀\n"), (0, 0, "import os\r\n\u2028\n"), (0, 6, ""))
    editor.replace(uri, "< best", "<= best")
    await editor.trace(1)
    fake.release()
    await asyncio.wait_for(asked, DEADLINE_S)
    (found,) = await editor.diagnostics(uri)
    text = editor.texts[uri]
    start, end = (offset(text, each, editor.encoding) for each in (found.range.start, found.range.end))
    assert text[start - len("amount = ") : end] == "amount = len"
    assert "amount = sum(prices)" in await editor.fix(uri, found)


async def test_versions_that_do_not_count_up(fake: FakeVllm, tmp_path: Path) -> None:
    """A client that always says version 1: what tells documents apart is the order of the messages."""
    fake.answer = knowing(BUGGY, RIGHT)
    fake.behaviour.trouble = "hold"
    uri = "file:///workspace/one.py"
    async with connected(environment(tmp_path, SERVER__URL=fake.base_url)) as wire:
        wire.open(uri, BUGGY)
        asked = wire.request("workspace/executeCommand", {"command": "codeassist.review", "arguments": [uri]})
        await fake.until(lambda counts: counts.held > 0)
        wire.insert(uri, 0, 0, "# new\n", version=1)
        await wire.answer(wire.request("codeassist/trace"))
        fake.release()
        await wire.answer(asked)
        *_, note = [each for each in wire.notes if each["method"] == "textDocument/publishDiagnostics"]
        assert [each["range"]["start"]["line"] for each in note["params"]["diagnostics"]] == [5, 11]


async def test_a_change_that_cannot_be_understood(fake: FakeVllm, tmp_path: Path) -> None:
    """From then on the text is unknown: silence, until the document is opened anew."""
    uri = "file:///workspace/lost.py"
    async with connected(environment(tmp_path, SERVER__URL=fake.base_url)) as wire:
        wire.open(uri, TEXT)
        bad = {"range": {"start": {"line": -3, "character": 0}, "end": {"line": 0, "character": 0}}, "text": "x\n"}
        wire.notify("textDocument/didChange", {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [bad]})
        assert (await wire.answer(wire.ask(uri, 1, 11)))["result"]["items"] == []
        wire.open(uri, TEXT)
        assert len((await wire.answer(wire.ask(uri, 1, 11)))["result"]["items"]) == 1


async def test_a_request_and_the_edit_after_it_in_one_packet(fake: FakeVllm, tmp_path: Path) -> None:
    """Over TCP, where several messages can be there at once: a request is about the text as it was when it was sent."""
    uri = "file:///workspace/tcp.py"
    document = {"uri": uri, "languageId": "python", "version": 1, "text": TEXT}
    place = {"line": 0, "character": 0}
    change = {"range": {"start": place, "end": place}, "text": "# one\n# two\n"}
    async with listening(environment(tmp_path, SERVER__URL=fake.base_url)) as (reader, writer):

        def send(*messages: dict[str, Any]) -> None:
            writer.write(b"".join(framed(json.dumps({"jsonrpc": "2.0", **each}).encode()) for each in messages))

        async def answer(message_id: int) -> Any:
            while True:
                length = int((await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE_S)).split()[1])
                message = json.loads(await reader.readexactly(length))
                if message.get("id") == message_id:
                    return message["result"]

        send({"id": 1, "method": "initialize", "params": {"capabilities": EDITORS["plain"]}})
        await answer(1)
        send(
            {"method": "initialized", "params": {}},
            {"method": "textDocument/didOpen", "params": {"textDocument": document}},
            {"id": 2, "method": "textDocument/inlineCompletion", "params": inline_params(uri, 1, 11)},
            {
                "method": "textDocument/didChange",
                "params": {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [change]},
            },
        )
        assert (await answer(2))["items"] == []
        send({"id": 3, "method": "codeassist/trace", "params": {"limit": 1}})
        assert [entry["skip"] for entry in await answer(3)] == ["stale"]
        send({"id": 4, "method": "textDocument/inlineCompletion", "params": inline_params(uri, 3, 11)})
        (item,) = (await answer(4))["items"]
        assert item["range"]["start"] == {"line": 3, "character": 11}
        send({"id": 5, "method": "shutdown"}, {"method": "exit"})


@asynccontextmanager
async def listening(
    variables: dict[str, str],
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server that listens on a port of its own choice, and ends by itself."""
    command = [*SERVER[:-1], "--tcp", "127.0.0.1:0"]
    process = await asyncio.create_subprocess_exec(*command, env=variables, stderr=asyncio.subprocess.PIPE)
    try:
        assert process.stderr is not None
        while b"listening on" not in (line := await asyncio.wait_for(process.stderr.readline(), DEADLINE_S)):
            assert line, "the server ended"
        reader, writer = await asyncio.open_connection("127.0.0.1", int(line.rpartition(b":")[2]))
        yield reader, writer
        assert await asyncio.wait_for(process.wait(), DEADLINE_S) == 0
        writer.close()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
