"""Settings as editors send them: from the start, when asked, and when they change. Wrong ones are said, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.editor import DEADLINE_S, Editor, acquaint, environment, start
from tests.e2e.places import CURSOR, cut
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

Start = Callable[..., Awaitable[Editor]]
TEXT, AT = cut(f"def total(prices):\n    return {CURSOR}\n")
URI = "file:///workspace/total.py"


@pytest_asyncio.fixture(loop_scope="session")
async def start_with(fake: FakeVllm, tmp_path: Path) -> AsyncIterator[Start]:
    """Start an editor with settings of one kind or another; TEXT is open in it."""
    async with AsyncExitStack() as stack:

        async def start_with(kind: str = "vscode", *, variables: dict[str, str] | None = None, **more: Any) -> Editor:
            known = {"SERVER__URL": fake.base_url} if variables is None else variables
            acquaint(tmp_path, fake.base_url)
            editor = await stack.enter_async_context(start(kind, environment(tmp_path, **known), **more))
            editor.open(URI, TEXT)
            return editor

        yield start_with


async def test_every_layer_and_their_order(start_with: Start, fake: FakeVllm, tmp_path: Path) -> None:
    """User file < workspace file < environment < initializationOptions < workspace/configuration."""
    (tmp_path / "config" / "codeassist").mkdir(parents=True)
    user = f'[server]\nurl = "{fake.base_url}"\n[completion]\nmax_tokens = 11\n[log]\nlevel = "warning"\n'
    (tmp_path / "config" / "codeassist" / "config.toml").write_text(user)
    root = tmp_path / "project"
    root.mkdir()
    (root / ".codeassist.toml").write_text(
        '[completion]\nmax_tokens = 12\n[server]\nurl = "http://192.0.2.1/v1"\n[review.server]\nurl = "http://192.0.2.1/v1"\n'
    )

    async def asked_tokens(editor: Editor) -> int:
        assert await editor.complete(URI, AT) is not None
        found: int = fake.received[-1].body["max_tokens"]
        return found

    editor = await start_with(variables={}, roots=[root])
    assert await asked_tokens(editor) == 12
    refused = sorted(message for message in editor.messages if "not taken" in message)
    assert len(refused) == 2
    assert "review.server" in refused[0]
    assert "server" in refused[1]
    editor = await start_with(variables={"COMPLETION__MAX_TOKENS": "13"}, roots=[root])
    assert await asked_tokens(editor) == 13
    options = {"codeassist": {"completion": {"max_tokens": 14}}}
    variables = {"COMPLETION__MAX_TOKENS": "13", "SERVER__URL": fake.base_url}
    editor = await start_with(variables=variables, roots=[root], options=options)
    assert await asked_tokens(editor) == 14
    configured = {"completion": {"max_tokens": 15, "max_lines": None}, "server": {"url": None}}
    editor.client.set_configuration({**configured, "review": 7}, section="codeassist")
    editor.configure(None)
    await editor.until(lambda: "review: 7" in editor.messages[-1], "the complaint, a sign that the rest was taken")
    assert await asked_tokens(editor) == 15


@pytest.mark.parametrize("kind", ["neovim-0.11", "vscode"])
async def test_changes_while_it_runs(kind: str, start_with: Start, fake: FakeVllm) -> None:
    """Sent with the notification (Neovim) and to be asked for after it (VS Code); what is taken back holds no more."""
    editor = await start_with(kind, options={"completion": {"max_tokens": 50}})

    async def change(completion: dict[str, Any], state: str) -> None:
        settings = {"completion": completion}
        if kind == "vscode":
            editor.client.set_configuration(settings, section="codeassist")
            editor.configure(None)
        else:
            editor.configure({"codeassist": settings, "python": {"other": 1}})
        await editor.until(lambda: editor.statuses[-1]["state"] == state, f"the status to be {state}")

    await change({"enabled": False}, "off")
    assert await editor.complete(URI, AT) is None
    assert await editor.last_skip() == "disabled"
    await change({"max_lines": 2}, "ready")
    assert await editor.complete(URI, AT) is not None
    assert fake.received[-1].body["max_tokens"] == 50


neovim = pytest.mark.parametrize("editor", ["neovim-0.12"], indirect=True)


@pytest_asyncio.fixture(loop_scope="session")
async def configured(editor: Editor) -> AsyncIterator[Editor]:
    """A shared editor, TEXT open in it, which the test may configure as it likes."""
    editor.open(URI, TEXT)
    yield editor
    editor.client.set_configuration({"log": {"level": "info"}}, section="codeassist")
    editor.configure(None if editor.kind == "vscode" else {"log": {"level": "info"}})


@neovim
async def test_another_server_takes_over_at_once(configured: Editor, fake: FakeVllm) -> None:
    """Running requests of the old one are dropped without an error message, and the new one is asked."""
    async with FakeVllm(answer="other(prices)\n", models=("qwen3-coder-30b",)) as other:
        fake.behaviour.trouble = "hang"
        asked = configured.ask(URI, AT)
        await fake.until(lambda counts: counts.held == 1)
        configured.configure({"codeassist": {"server": {"url": other.base_url}}})
        answer = await asyncio.wait_for(asked, DEADLINE_S)
        assert configured.offer(TEXT, answer) is None
        await fake.until(lambda counts: counts.running == 0)
        shown = await configured.complete(URI, AT)
        assert shown is not None
        assert shown.text == "other(prices)"
        assert configured.messages == []


@neovim
async def test_two_servers_for_two_roles(configured: Editor, fake: FakeVllm) -> None:
    async with FakeVllm(models=("qwen3-coder-30b",)) as other:
        configured.configure({"review": {"server": {"url": other.base_url}}})
        assert await configured.complete(URI, AT) is not None
        assert [each.path for each in other.received] == []
        count = len(fake.received)
        await configured.run("codeassist.review", URI)
        assert {each.path for each in other.received} >= {"/v1/models", "/v1/completions"}
        assert len(fake.received) == count


WRONG = {
    "completion": {"max_tokens": "lots", "max_lines": 0, "max_line": 3},
    "server": {"model": ["a"], "family": "qwen-coder"},
    "review": 7,
    "index": {"max_file_bytes": 10**30},
}
SAID = [
    "completion.max_line: there is no such setting",
    "completion.max_lines: 0 is not taken",
    "completion.max_tokens: 'lots' is not taken",
    "index.max_file_bytes: 1000",
    "review: 7 is not taken",
    "server.model: ['a'] is not taken",
]


async def test_wrong_settings_are_said_once_and_cost_themselves_only(start_with: Start, fake: FakeVllm) -> None:
    editor = await start_with("neovim-0.12", options=WRONG)
    assert await editor.complete(URI, AT) is not None
    editor.configure(WRONG)
    assert await editor.complete(URI, AT) is not None
    for message, said in zip(sorted(editor.messages), SAID, strict=True):
        assert message.startswith(f"codeassist: setting not taken: editor: {said}")


@neovim
async def test_settings_that_are_no_settings(configured: Editor) -> None:
    odd: list[Any] = ["all", [1, 2], 5, {"codeassist": 7}, {"codeassist": None}, None, {"server": {"url": "ftp://x"}}]
    for settings in odd:
        configured.configure(settings)
        assert await configured.complete(URI, AT) is not None
    said = [message.partition("editor: ")[2] for message in configured.messages]
    kinds = ("str", "list", "int")  # The same complaint a second time is not said.
    assert said[:-1] == [f"settings must be an object, not {kind}" for kind in kinds]
    assert said[-1].startswith("server.url: 'ftp://x'")


async def test_odd_answers_to_workspace_configuration(configured: Editor) -> None:
    """Clients answer with whatever they have."""
    for answer in (None, 5, "x", [], [None], {"server": None}, {}):
        configured.client.set_configuration(answer, section="codeassist")
        configured.configure(None)
        assert await configured.complete(URI, AT) is not None


async def test_explanations_come_in_the_editors_language(start_with: Start, tmp_path: Path) -> None:
    """By the locale, unless review.language says otherwise."""
    async with FakeVllm(answer='{"findings": []}', models=("qwen3-coder-30b-a3b",)) as chat:
        analyzers = {"review": {"analyzers": ["words"]}}
        acquaint(tmp_path, chat.base_url, "qwen3-coder-30b-a3b")
        known = {"SERVER__URL": chat.base_url}
        editor = await start_with("neovim-0.12", variables=known, options=analyzers, locale="pt-BR")
        await editor.run("codeassist.review", URI)
        assert "pt-BR" in chat.received[-1].body["messages"][0]["content"]
        editor.configure({"review": {"language": "Deutsch"}})
        await editor.run("codeassist.review", URI)
        assert "Deutsch" in chat.received[-1].body["messages"][0]["content"]
