"""The extension alone, on a machine without codeassist: it gets its language server and its model itself, if its user
wants that. Nothing is scripted here but the network's being away: the first completion is the embedded engine's."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.e2e.editor import environment
from tests.editors.vscode.code_server import SERVED, CodeServer, code_server, language_servers
from tests.editors.vscode.workbench import FIRST, LIMIT_MS, Workbench, workbench
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")
INSTALL_LIMIT_MS = 300_000
"""Packages of 60 MB and a model of 500 MB come from the index, over whatever network there is; then the engine reads
its first prompt on whatever processor there is."""
EAGER = {"codeassist.completion.least_probability": 0, "codeassist.engine.idle_minutes": 0.05}
HEAD = "def total(prices):\n    return"
NOBODY = "[global]\nindex-url = http://127.0.0.1:9/simple\nextra-index-url =\nfind-links =\n"


def disconnect(pip: Path) -> None:
    """Let pip ask an address at which nobody answers."""
    pip.write_text(NOBODY, encoding="utf-8")


@pytest.fixture(scope="module")
def pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip is configured with; nobody answers there at first."""
    file = tmp_path_factory.mktemp("pip") / "pip.conf"
    disconnect(file)
    return file


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def bare(pip: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CodeServer]:
    """VS Code as it is after the extension was installed, on a machine with Python and nothing else."""
    home = tmp_path_factory.mktemp("bare")
    kept = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    path = os.pathsep.join([f"{sys.base_prefix}/bin", "/usr/bin", "/bin"])
    variables = {**kept, **environment(home, COMPLETION__WARM_UP="true"), "PATH": path, "PIP_CONFIG_FILE": str(pip)}
    variables.pop("VIRTUAL_ENV", None)
    async with code_server(home, variables, EAGER) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def first(bare: CodeServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Workbench]:
    folder = tmp_path_factory.mktemp("work")
    (folder / "total.py").write_text(HEAD, encoding="utf-8")
    async with workbench(bare, folder) as made:
        yield made


async def test_offline_nothing_is_installed_and_the_user_is_told_why(first: Workbench, bare: CodeServer) -> None:
    await first.open("total.py")
    await first.is_now("codeassist is not installed")
    await first.answer("codeassist needs its language server", "Install")
    await expect(first.notice("could not be installed")).to_contain_text(
        "The package index cannot be reached", timeout=INSTALL_LIMIT_MS
    )
    assert not environments(bare)


async def test_the_language_server_is_installed(first: Workbench, bare: CodeServer, pip: Path) -> None:
    connect(pip)
    await first.answer("could not be installed", "Try Again")
    await expect(first.notice("codeassist needs a model")).to_contain_text(" MB)", timeout=INSTALL_LIMIT_MS)
    (made,) = environments(bare)
    assert (made / "bin" / "python").exists()


async def test_the_first_completion_comes_without_a_terminal(first: Workbench, pip: Path) -> None:
    disconnect(pip)
    await first.answer("codeassist needs a model", "Download")
    await expect(first.notice("the model is not there yet")).to_be_visible(timeout=INSTALL_LIMIT_MS)
    connect(pip)
    await first.answer("the model is not there yet", "Try Again")
    await expect(first.status).to_have_attribute(
        "aria-label", re.compile("codeassist is ready"), timeout=INSTALL_LIMIT_MS
    )
    await first.focus()
    await first.press("Control+End")
    await first.type(" ")
    await expect(first.ghost.first).to_be_visible(timeout=INSTALL_LIMIT_MS)
    await first.press("Tab")
    await first.save()
    written = (first.folder / "total.py").read_text(encoding="utf-8")
    assert written.removeprefix(HEAD).strip()
    compile(written, "total.py", "exec")


def environments(server: CodeServer) -> list[Path]:
    """The environments that the extension has made, finished or not."""
    return sorted(server.home.glob("code/data/User/globalStorage/codeassist.codeassist/server-*"))


def connect(pip: Path) -> None:
    """Let pip have the package index of this machine."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    pairs = [line.split("=", 1) for line in lines if line.startswith("global.")]
    values = [(key.removeprefix("global."), ast.literal_eval(value)) for key, value in pairs]
    settings = "".join(f"{key} = " + value.replace("\n", "\n  ") + "\n" for key, value in values)
    pip.write_text(f"[global]\n{settings}", encoding="utf-8")


async def test_an_untrusted_folder_gets_no_server_until_it_is_trusted(
    engine: FakeVllm, fake: FakeVllm, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("careful")
    trust = {"security.workspace.trust.enabled": True, "security.workspace.trust.startupPrompt": "never"}
    variables = environment(home, SERVER__URL=engine.base_url)
    async with code_server(home, variables, {**SERVED, **trust}) as vscode, workbench(vscode, tmp_path) as window:
        await window.open(FIRST)
        await window.page.locator(".statusbar-item", has_text="Restricted Mode").wait_for(timeout=LIMIT_MS)
        await window.offers_no_command("codeassist: Menu")
        assert language_servers(vscode) == []
        await window.command("Workspaces: Manage Workspace Trust")
        await window.page.locator(".workspace-trust-editor .monaco-button", has_text="Trust").first.click()
        await window.is_now("codeassist is ready")
        assert len(language_servers(vscode)) == 1
