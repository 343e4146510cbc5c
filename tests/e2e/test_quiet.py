"""What leaves the server beside LSP: nothing on stdout, and no code on stderr unless the user asks for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.editor import environment
from tests.e2e.programs import BUGGY, RIGHT, knowing
from tests.e2e.wire import Wire, connected, framed, inline_params
from tests.fake_vllm import Behaviour, FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORD = "quokka_of_zanzibar"
URI = "file:///workspace/secret.py"
TEXT = f"def total({WORD}):\n    x = '\ud800{WORD}'\n    return \n"
PROMPT = TEXT.replace("\ud800", "?")
"""What reaches an engine of it, and may come back."""


async def well_again(wire: Wire, fake: FakeVllm) -> None:
    """What was wrong is forgotten, and the questions about the model are asked: they hold nothing of the text."""
    fake.behaviour = Behaviour()
    await wire.answer(wire.request("workspace/executeCommand", {"command": "codeassist.restartModel"}))
    answer = await wire.answer(wire.ask(URI, 1, 4))
    assert answer["result"]["items"]


async def every_kind_of_trouble(wire: Wire, fake: FakeVllm) -> None:
    """All that goes wrong, with a word in it that stands for somebody's code."""
    wire.open(URI, TEXT)
    fake.answer = f"{WORD}\n"
    for behaviour in (
        Behaviour(),
        *(Behaviour(status=status, message=f"bad prompt: {PROMPT}") for status in (400, 401, 404, 422, 500, 503)),
        *(
            Behaviour(trouble=trouble)
            for trouble in ("error-event", "not-json", "wrong-types", "truncate", "cut-body", "html", "not-http")
        ),
    ):
        await well_again(wire, fake)
        fake.behaviour = behaviour
        asked = len(fake.received)
        await wire.answer(wire.ask(URI, 2, 11))
        assert len(fake.received) > asked
    await well_again(wire, fake)
    fake.behaviour = Behaviour(trouble="hang")
    cancelled = wire.ask(URI, 2, 11)
    await fake.until(lambda counts: counts.held == 1)
    wire.notify("$/cancelRequest", {"id": cancelled})
    await wire.answer(cancelled)
    fake.behaviour = Behaviour()
    fake.answer = knowing(BUGGY, RIGHT)
    wire.open(f"{URI}.review", BUGGY.replace("prices", WORD))
    review = {"command": "codeassist.review", "arguments": [f"{URI}.review"]}
    await wire.answer(wire.request("workspace/executeCommand", review))
    for method, params in malformed():
        await wire.answer(wire.request(method, params))
        wire.notify(method, params)
    wire.send_bytes(framed(f'{{"jsonrpc": "2.0", "{WORD}'.encode()) + f"Content-Length: {WORD}\r\n\r\n{WORD}".encode())
    wire.notify("textDocument/didChange", {"textDocument": {"uri": URI}, "contentChanges": [{"text": {WORD: 1}}]})
    wire.open(URI, TEXT + f"# \0{WORD}\n")
    await wire.answer(wire.ask(URI, 2, 11))
    wire.notify("workspace/didChangeConfiguration", {"settings": {"codeassist": {"completion": {"max_lines": "x"}}}})
    await wire.answer(wire.request("shutdown"))
    wire.notify("exit")
    assert await wire.ended() == 0


def malformed() -> list[tuple[str, Any]]:
    return [
        ("textDocument/inlineCompletion", {WORD: TEXT}),
        ("textDocument/inlineCompletion", {**inline_params(URI, 0, 0), "position": {"line": WORD, "character": TEXT}}),
        ("textDocument/codeAction", {"textDocument": {"uri": URI}, "range": TEXT, "context": {"diagnostics": WORD}}),
        ("codeAction/resolve", {"title": WORD, "edit": {"changes": {URI: [{"newText": TEXT}]}}}),
        ("workspace/executeCommand", {"command": WORD, "arguments": [TEXT]}),
        ("workspace/executeCommand", {"command": "codeassist.dismiss", "arguments": [TEXT]}),
        (f"unheard/{WORD}", {"text": TEXT}),
    ]


async def test_stderr_holds_no_code(fake: FakeVllm, tmp_path: Path) -> None:
    variables = environment(tmp_path, SERVER__URL=fake.base_url, LOG__LEVEL="debug")
    async with connected(variables) as wire:
        await every_kind_of_trouble(wire, fake)
        assert WORD in json.dumps(wire.answers)  # The word did go round, in answers only.
        told = json.dumps([note for note in wire.notes if note["method"] != "textDocument/publishDiagnostics"])
        assert WORD not in told
        assert b"codeassist" in wire.stderr
        assert WORD not in wire.stderr.decode()
        assert "Traceback" not in wire.stderr.decode()


async def test_code_is_logged_when_asked_for(fake: FakeVllm, tmp_path: Path) -> None:
    async with connected(environment(tmp_path, SERVER__URL=fake.base_url, LOG__CODE="true")) as wire:
        fake.answer = f"{WORD}\n"
        wire.open(URI, TEXT)
        assert len((await wire.answer(wire.ask(URI, 2, 11)))["result"]["items"]) == 1
        await wire.answer(wire.request("shutdown"))
        wire.notify("exit")
        assert await wire.ended() == 0
        assert WORD in wire.stderr.decode()
