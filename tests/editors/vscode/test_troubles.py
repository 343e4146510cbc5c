"""Language servers that are out of order, and settings that are no settings: what the user sees, and how it ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.e2e.programs import BUGGY, RIGHT, knowing
from tests.editors.vscode.code_server import SERVED, CodeServer, language_servers, programs
from tests.editors.vscode.workbench import LIMIT_MS, Workbench
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")
LANGUAGES_OFF = "codeassist.completion.languages_off"
TRUE_ONE = re.compile(r"codeassist is ready(?!\. A stand-in)")
STAND_IN = str(Path(__file__).with_name("stand_in.py"))


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def mended(window: Workbench, vscode: CodeServer) -> AsyncIterator[None]:
    """Each test begins with the true server; what the status says of a stand-in is not what it says of that."""
    yield
    await window.command("Notifications: Clear All Notifications")  # They cover the editor.
    vscode.set(**SERVED)
    await expect(window.status).to_have_attribute("aria-label", TRUE_ONE, timeout=LIMIT_MS)


def stand_in(way: str) -> list[str]:
    return [sys.executable, STAND_IN, way]


async def test_a_server_that_never_answers_gives_way_to_another(window: Workbench, vscode: CodeServer) -> None:
    await window.ready()
    vscode.set(codeassist__command=stand_in("mute"))
    await window.is_now("The language server starts")
    for _ in range(3):
        await window.command("codeassist: Restart the Language Server")
    vscode.set(**SERVED)
    await window.is_now("codeassist is ready")
    await window.until(lambda: len(language_servers(vscode)) == 1)


async def test_a_server_that_hangs_is_replaced(window: Workbench, vscode: CodeServer) -> None:
    await window.ready()
    await window.until(lambda: len(language_servers(vscode)) == 1)
    (before,) = language_servers(vscode)
    os.kill(before, signal.SIGSTOP)
    try:
        await window.command("codeassist: Restart the Language Server")
        await window.is_now("The language server starts")
        await window.is_now("codeassist is ready")
        await window.until(lambda: before not in language_servers(vscode))
    finally:
        with suppress(ProcessLookupError):
            os.kill(before, signal.SIGKILL)
    await window.until(lambda: len(language_servers(vscode)) == 1)


async def test_a_program_that_is_no_language_server_is_told_of(window: Workbench, vscode: CodeServer) -> None:
    vscode.set(codeassist__command=stand_in("garbage"))
    await window.is_now("does not run")
    await expect(window.notice("does not run").first).to_be_visible(timeout=LIMIT_MS)
    vscode.set(**SERVED)
    await window.is_now("codeassist is ready")


async def test_a_server_that_exits_at_once_is_started_again_later(window: Workbench, vscode: CodeServer) -> None:
    vscode.set(codeassist__command=stand_in("exits"))
    await window.is_now("it starts again in")
    vscode.set(**SERVED)
    await window.is_now("codeassist is ready")
    await window.until(lambda: len(language_servers(vscode)) == 1)


async def test_a_command_that_is_no_list_is_told_of(window: Workbench, vscode: CodeServer) -> None:
    vscode.set(codeassist__command={"program": "codeassist"})
    await window.is_now("codeassist.command is a list of texts")
    await window.command("Notifications: Clear All Notifications")
    await window.command("codeassist: Run Doctor")
    await expect(window.notice("codeassist.command is a list of texts").first).to_be_visible(timeout=LIMIT_MS)
    vscode.set(**SERVED)
    await window.is_now("codeassist is ready")


async def review_by_walkthrough(window: Workbench) -> None:
    await window.command("codeassist: Get Started")
    await window.page.locator(".getting-started-step", has_text="See the first review").click(timeout=LIMIT_MS)
    button = window.page.locator(".getting-started-step .monaco-button", has_text="Review This File")
    await button.click(timeout=LIMIT_MS)


async def test_the_walkthrough_reviews_what_is_open_and_says_why_it_cannot(
    window: Workbench, vscode: CodeServer, fake: FakeVllm, name: str
) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    await window.write(name, BUGGY)
    await window.open(name)
    await window.ready()
    await review_by_walkthrough(window)
    await window.open(name)
    await expect(window.squiggles.first).to_be_visible(timeout=LIMIT_MS)
    vscode.set(codeassist__command=stand_in("garbage"))
    await window.is_now("does not run")
    await window.command("Notifications: Clear All Notifications")
    await review_by_walkthrough(window)
    await expect(window.notice("does not run").first).to_be_visible(timeout=LIMIT_MS)
    await window.press("Control+W")


async def test_a_message_of_the_server_is_text(window: Workbench, vscode: CodeServer) -> None:
    """VS Code would make a link of it that runs a command."""
    vscode.set(codeassist__command=stand_in("links"))
    shown = window.notice("The server says")
    await expect(shown.first).to_contain_text("[Mend it]", timeout=LIMIT_MS)
    await expect(shown.locator(".notification-list-item-message a")).to_have_count(0)


async def test_a_download_that_is_cancelled_ends_without_a_word(window: Workbench, vscode: CodeServer) -> None:
    vscode.set(codeassist__command=stand_in("listens"))
    await window.is_now("A stand-in runs")
    for _ in range(2):  # The second shows that nothing came of the first.
        await window.command("codeassist: Download the Embedded Model")
        await window.notice("5 of 10 MB").wait_for(timeout=LIMIT_MS)
        assert len(programs(vscode, b"pull")) == 1
        await expect(window.notice("the model is not there yet")).to_have_count(0)
        await window.answer("5 of 10 MB", "Cancel")
        await expect(window.notice("5 of 10 MB")).to_have_count(0, timeout=LIMIT_MS)
        await window.until(lambda: not programs(vscode, b"pull"))


async def test_what_linters_said_before_is_told_to_a_new_server(
    window: Workbench, vscode: CodeServer, name: str
) -> None:
    file = f"{name}.json"
    await window.write(file, '{"price": }')
    await window.open(file)
    await expect(window.squiggles).to_have_count(1, timeout=LIMIT_MS)
    vscode.set(codeassist__command=stand_in("listens"))
    await expect(window.notice(f"1 mistakes are known in {file}").first).to_be_visible(timeout=LIMIT_MS)


def is_json(file: Path, wanted: object) -> bool:
    """Whether that is in it; VS Code may be about to write it."""
    with suppress(ValueError):
        return bool(json.loads(file.read_text(encoding="utf-8")) == wanted)
    return False


@pytest.mark.usefixtures("fake")
async def test_a_language_is_resumed_where_the_workspace_has_paused_it(window: Workbench, name: str) -> None:
    settings = window.folder / ".vscode" / "settings.json"
    settings.parent.mkdir()
    seen = {"codeassist.completion.enabled": False}  # The status shows when they are read.
    settings.write_text(json.dumps({**seen, LANGUAGES_OFF: ["python"]}), encoding="utf-8")
    await window.write(name, "x = 1")
    await window.open(name)
    await window.is_now("codeassist is off")
    await window.menu()
    await window.choose("Resume Completions in python")
    await window.until(lambda: is_json(settings, {**seen, LANGUAGES_OFF: []}))
    shutil.rmtree(settings.parent)
    await window.is_now("codeassist is ready")
