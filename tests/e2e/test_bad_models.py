"""Model servers that are not there, refuse or misbehave: one clear message for each cause; the server goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.editor import DEADLINE_S, Editor, environment, start
from tests.e2e.places import CURSOR, cut
from tests.e2e.programs import BUGGY, MISSING, MODEL
from tests.fake_vllm import Behaviour, FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT, AT = cut(f"def total(prices):\n    return {CURSOR}\n")
URI = "file:///workspace/total.py"

TROUBLES: dict[str, tuple[dict[str, Any], str, str]] = {
    "400": ({"status": 400}, "model-bad-request", "refuses the request (400: because the test says so)"),
    "401": ({"status": 401}, "model-unauthorised", "server.api_key_env"),
    "404": ({"status": 404, "message": "The model does not exist."}, "model-not-found", "check server.url"),
    "413": ({"status": 413}, "model-prompt-too-long", "refuses the request (413"),
    "429": ({"status": 429, "retry_after": "1"}, "model-overloaded", "overloaded or still loading"),
    "500": ({"status": 500}, "model-server-error", "its log says why"),
    "503": ({"status": 503}, "model-overloaded", "overloaded or still loading"),
    "hangs-up": ({"trouble": "close-before-answer"}, "model-truncated-stream", "closed the connection"),
    "not-http": ({"trouble": "not-http"}, "model-malformed-event", "does not speak HTTP"),
    "a-web-page": ({"trouble": "html"}, "model-malformed-event", "check server.url"),
    "redirects": ({"trouble": "redirect"}, "model-not-found", "redirects elsewhere"),
    "error-with-200": ({"trouble": "json-error-200"}, "model-server-error", "no worker is free"),
    "endless-error": ({"trouble": "endless-error"}, "model-server-error", "its log says why"),
    "error-in-the-middle": ({"trouble": "error-event"}, "model-server-error", "EngineCore encountered an issue"),
    "stream-ends-early": ({"trouble": "truncate"}, "model-truncated-stream", "in the middle of its answer"),
    "connection-lost": ({"trouble": "cut-body"}, "model-truncated-stream", "in the middle of its answer"),
    "event-is-no-json": ({"trouble": "not-json"}, "model-malformed-event", "check server.url"),
    "event-is-odd": ({"trouble": "wrong-types"}, "model-malformed-event", "check server.url"),
    "endless-event": ({"trouble": "endless-line"}, "model-malformed-event", ""),
}


@pytest.mark.parametrize("case", TROUBLES)
async def test_a_cause_is_said_once_and_is_over_when_it_is_over(case: str, editor: Editor, fake: FakeVllm) -> None:
    changes, reason, words = TROUBLES[case]
    said = len(editor.messages)
    editor.open(URI, TEXT)
    assert await editor.complete(URI, AT) is not None  # From here on the server's list of models is known.
    fake.behaviour = Behaviour(**changes)
    for _ in range(2):
        assert await editor.complete(URI, AT) is None
        entry = (await editor.trace(1))[0]
        assert entry["skip"] == reason
        assert words in entry["detail"]
    await editor.until(lambda: editor.statuses[-1]["state"] == "degraded", "the status to be degraded")
    fake.behaviour = Behaviour()
    end = asyncio.get_running_loop().time() + DEADLINE_S
    while await editor.complete(URI, AT) is None:  # A full server is left alone for a moment.
        assert asyncio.get_running_loop().time() < end
    await editor.until(lambda: editor.statuses[-1]["state"] == "ready", "the status to be ready")
    (message,) = editor.messages[said:]
    assert words in message
    assert "prices" not in message


async def test_a_review_tells_of_it_too(editor: Editor, fake: FakeVllm) -> None:
    """And the functions that could not be looked at are reviewed at the next save."""
    uri = "file:///workspace/review.py"
    editor.open(uri, BUGGY)
    said = len(editor.messages)
    fake.behaviour = Behaviour(status=500)
    editor.replace(uri, "len(prices)", "max(prices)")
    editor.save(uri)
    await editor.trace_holds(lambda entry: entry["uri"] == uri and entry["skip"] == "model-server-error")
    assert len(editor.messages) == said + 1
    fake.behaviour = Behaviour()
    editor.save(uri)
    await editor.trace_holds(lambda entry: entry["uri"] == uri and entry["skip"] is None)
    assert editor.statuses[-1]["state"] == "ready"


async def test_a_server_that_hangs_holds_up_nobody(editor: Editor, fake: FakeVllm) -> None:
    """Its requests can be cancelled, and everything else is answered meanwhile."""
    editor.open(URI, TEXT)
    for trouble in ("hang-before-answer", "hang", "hold-after-done"):
        fake.behaviour = Behaviour(trouble=trouble)
        fake.answer = "sum(prices)"
        if trouble == "hold-after-done":
            assert await editor.complete(URI, AT) is not None
            continue
        asked = editor.ask(URI, AT, request_id=trouble)
        await fake.until(lambda counts: counts.running == 1)
        await editor.trace(1)
        await editor.diagnostics(URI)
        assert not asked.done()
        editor.cancel(trouble)
        with pytest.raises(Exception, match="cancel"):
            await asyncio.wait_for(asked, DEADLINE_S)
        await fake.until(lambda counts: counts.running == 0)


async def test_no_model_at_all(tmp_path: Path) -> None:
    """A fresh installation, before anything was downloaded: one message, with the command that mends it."""
    async with start("vscode", environment(tmp_path)) as editor:
        editor.open(URI, TEXT)
        for _ in range(3):
            assert await editor.complete(URI, AT) is None
        await editor.run("codeassist.review", URI)
        assert (await editor.trace(1))[0]["skip"] == MISSING.reason
        (message,) = editor.messages
        assert MISSING.command in message
        assert [status["state"] for status in editor.statuses] == ["ready", "degraded"]


async def test_an_editor_that_offers_the_model_itself_gets_no_message(tmp_path: Path) -> None:
    mends = {"codeassist": {"mends": [MISSING.reason, 5]}}
    async with start("vscode", environment(tmp_path), experimental=mends) as editor:
        editor.open(URI, TEXT)
        assert await editor.complete(URI, AT) is None
        assert editor.statuses[-1]["reason"] == MISSING.reason
        await editor.run("codeassist.review", URI)
        assert editor.messages == []


async def test_wrong_addresses_and_names_until_all_is_right(tmp_path: Path, fake: FakeVllm) -> None:
    """Each cause is told once, with the setting that mends it, and changing that setting is all it takes."""
    async with FakeVllm() as gone:
        nobody = gone.base_url
    async with FakeVllm(models=()) as empty, start("neovim-0.12", environment(tmp_path, SERVER__URL=nobody)) as editor:
        editor.open(URI, TEXT)
        for settings, reason, words in (
            ({}, "model-unreachable", f"{nobody} is not there"),
            ({"url": empty.base_url}, "model-not-found", "lists no model"),
            ({"url": fake.base_url, "model": "qwen3-coder"}, "model-not-found", "does not serve 'qwen3-coder'"),
            ({"url": fake.base_url}, None, ""),
        ):
            editor.configure({"server": settings, "log": {"level": "info"}})
            for _ in range(2):
                assert (await editor.complete(URI, AT) is None) == (reason is not None)
                assert await editor.last_skip() == reason
            assert words in editor.messages[-1]
        assert "server.url" in editor.messages[0]
        assert "server.model" in editor.messages[2]
        assert len(editor.messages) == 3
        assert editor.statuses[-1]["state"] == "ready"


async def test_keys(tmp_path: Path) -> None:
    """A wrong one and the right one; neither is ever shown."""
    async with FakeVllm(answer="sum(prices)\n", models=(MODEL,), api_key="sesame-open") as locked:
        for key, reason, words in (
            ("sesame-shut", "model-unauthorised", "refuses the key that was sent"),
            ("sesame-open", None, ""),
        ):
            known = {"SERVER__URL": locked.base_url, "API_KEY": key}
            async with start("plain", environment(tmp_path, **known)) as editor:
                editor.open(URI, TEXT)
                assert (await editor.complete(URI, AT) is None) == (reason is not None)
                assert await editor.last_skip() == reason
                assert all(words in message and "sesame" not in message for message in editor.messages)
                assert len(editor.messages) == (reason is not None)
                assert b"sesame" not in editor.client.stderr
