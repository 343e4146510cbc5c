"""What the extension adds to the language server: its menu, pauses, the view of requests, a server that comes back."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.programs import BUGGY, RIGHT, knowing
from tests.editors.vscode.code_server import CodeServer, language_servers
from tests.editors.vscode.workbench import LIMIT_MS, Workbench
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")
HEAD = "def total(prices):\n    return"


@pytest.mark.usefixtures("offered")
async def test_the_menu_says_how_things_are_and_pauses_here(window: Workbench, fake: FakeVllm, name: str) -> None:
    menu = await window.menu()
    await expect(menu).to_contain_text("codeassist is ready")
    await expect(menu.locator("input")).to_have_attribute(
        "placeholder", re.compile(r"Model: Qwen.*Last completion: \d+ ms")
    )
    await window.choose("Pause in This Workspace")
    await window.is_now("codeassist is off. Paused in this workspace.")
    asked = len(fake.received)
    await window.press("Backspace")
    await window.type(" ")
    await window.menu()
    await window.choose("Resume in This Workspace")
    await window.is_now("codeassist is ready")
    assert len(fake.received) == asked
    assert not (window.folder / ".vscode").exists()
    await window.focus()
    await window.press("Backspace")
    await window.type(" ")
    await window.shows("sum(prices)")


async def test_the_status_shows_an_engine_that_fails_and_its_recovery(
    window: Workbench, fake: FakeVllm, name: str
) -> None:
    fake.answer = "sum(prices)\n"
    fake.behaviour.status = 500
    await window.write(name, HEAD)
    await window.open(name)
    await window.type(" ")
    await window.is_now("codeassist is degraded")
    fake.behaviour.status = 0
    await window.press("Backspace")
    await window.until_ghost()
    await window.is_now("codeassist is ready")


async def test_settings_hold_at_once_and_the_server_stays(
    window: Workbench, vscode: CodeServer, fake: FakeVllm, name: str
) -> None:
    fake.answer = "sum(prices)\n"
    await window.until(lambda: len(language_servers(vscode)) == 1)
    (before,) = language_servers(vscode)
    await window.write(name, HEAD)
    await window.open(name)
    vscode.set(codeassist__completion__enabled=False)
    await window.is_now("codeassist is off")
    vscode.set(codeassist__completion__enabled=True)
    await window.is_now("codeassist is ready")
    await window.type(" ")
    await window.shows("sum(prices)")
    assert language_servers(vscode) == [before]


async def test_a_server_that_was_killed_comes_back(
    window: Workbench, vscode: CodeServer, fake: FakeVllm, name: str
) -> None:
    fake.answer = "sum(prices)\n"
    await window.write(name, HEAD)
    await window.open(name)
    await window.until(lambda: len(language_servers(vscode)) == 1)
    (before,) = language_servers(vscode)
    os.kill(before, signal.SIGKILL)
    await window.is_now("it starts again in")
    await window.is_now("codeassist is ready")
    await window.until(lambda: len(language_servers(vscode)) == 1)
    assert language_servers(vscode) != [before]
    await window.until_ghost()


@pytest.mark.usefixtures("offered")
async def test_the_trace_shows_the_stages_of_a_request(window: Workbench, name: str) -> None:
    row = (await window.requests(name)).first
    await expect(row).to_contain_text("completion", timeout=LIMIT_MS)
    await expect(row).to_contain_text("answered")
    await expect(row.locator("rect").nth(2)).to_be_attached()
    await window.press("Control+W")


async def test_a_dismissed_finding_stays_away_after_a_reload(window: Workbench, fake: FakeVllm, name: str) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    await window.write(name, BUGGY)
    await window.open(name)
    await window.command("codeassist: Review This File")
    await expect(window.squiggles).to_have_count(2, timeout=LIMIT_MS)
    await window.press("Control+Home", "F8")
    await window.page.locator(".marker-widget", has_text="codeassist").wait_for(timeout=LIMIT_MS)
    await window.press("Escape")
    await window.choose_fix("Dismiss this finding")
    await expect(window.squiggles).to_have_count(1, timeout=LIMIT_MS)
    await window.reload()
    await window.open(name)
    await window.ready()
    await window.command("codeassist: Review This File")
    await expect(window.squiggles).to_have_count(1, timeout=LIMIT_MS)


async def test_two_folders_have_one_server(
    window: Workbench, vscode: CodeServer, fake: FakeVllm, tmp_path: Path
) -> None:
    fake.answer = "sum(prices)\n"
    await window.go_to(vscode.url(workspace(tmp_path, "one", "two")))
    for name in ("one", "two"):
        await window.find(f"{name}.py")
        await window.ready()
        await window.until_ghost()
        await window.shows("sum(prices)")
        asked = fake.received[-1].body["prompt"]
        assert f"of_{name}" in asked
    await window.until(lambda: len(language_servers(vscode)) == 1)  # That of the window that was left takes its time.


def workspace(folder: Path, *names: str) -> Path:
    """A workspace of that many folders, each with a file of its name."""
    for name in names:
        (folder / name).mkdir()
        (folder / name / f"{name}.py").write_text(f"def of_{name}(prices):\n    return", encoding="utf-8")
    file = folder / "both.code-workspace"
    file.write_text(json.dumps({"folders": [{"path": name} for name in names]}), encoding="utf-8")
    return file
