"""Language servers that are out of order, and settings that are no settings: what the user sees, and how it ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.editors.vscode.code_server import SERVED, CodeServer, language_servers
from tests.editors.vscode.workbench import LIMIT_MS, Workbench

pytestmark = pytest.mark.asyncio(loop_scope="session")
STAND_IN = str(Path(__file__).with_name("stand_in.py"))


@pytest.fixture(autouse=True)
def mended(vscode: CodeServer) -> Iterator[None]:
    yield
    vscode.set(**SERVED)


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
    (before,) = language_servers(vscode)
    os.kill(before, signal.SIGSTOP)
    await window.command("codeassist: Restart the Language Server")
    await window.is_now("The language server starts")
    await window.is_now("codeassist is ready")
    await window.until(lambda: before not in language_servers(vscode))
    assert len(language_servers(vscode)) == 1


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
    assert len(language_servers(vscode)) == 1


async def test_a_command_that_is_no_list_is_told_of(window: Workbench, vscode: CodeServer) -> None:
    vscode.set(codeassist__command={"program": "codeassist"})
    await window.is_now("codeassist.command is a list of texts")
    await window.command("codeassist: Run Doctor")
    await expect(window.notice("the language server is not installed").first).to_be_visible(timeout=LIMIT_MS)
    vscode.set(**SERVED)
    await window.is_now("codeassist is ready")


async def test_a_message_of_the_server_is_text(window: Workbench, vscode: CodeServer) -> None:
    """VS Code would make a link of it that runs a command."""
    vscode.set(codeassist__command=stand_in("links"))
    shown = window.notice("The server says")
    await expect(shown.first).to_contain_text("[Mend it]", timeout=LIMIT_MS)
    await expect(shown.locator(".notification-list-item-message a")).to_have_count(0)
