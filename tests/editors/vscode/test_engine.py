"""VS Code with the embedded engine and its real model: whatever it says, it is seen."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from codeassist.serving.folders import folders
from codeassist.settings import load
from tests.e2e.editor import environment
from tests.editors.vscode.code_server import code_server
from tests.editors.vscode.workbench import Workbench, workbench

pytestmark = pytest.mark.asyncio(loop_scope="session")
ENGINE_LIMIT_MS = 180_000
"""It starts and reads its first prompt on whatever processor there is."""
ENDS_SOON = {"ENGINE__IDLE_MINUTES": "0.05", "COMPLETION__LEAST_PROBABILITY": "0"}
CODE = '''\
def smallest(numbers):
    """The smallest of some numbers."""
    return min(numbers)


def largest(numbers):
    """The largest of some numbers."""
    return'''


@pytest_asyncio.fixture(loop_scope="session")
async def alone(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Workbench]:
    """VS Code without any server, on a machine with the embedded model."""
    settings, _problems = load()
    home, folder = tmp_path_factory.mktemp("alone"), tmp_path_factory.mktemp("work")
    (folder / "numbers.py").write_text(CODE, encoding="utf-8")
    variables = environment(home, MODELS__FOLDER=str(folders(settings).models), **ENDS_SOON)
    async with code_server(home, variables) as server, workbench(server, folder) as made:
        yield made


async def test_the_embedded_engine_completes(alone: Workbench) -> None:
    await alone.open("numbers.py")
    await alone.ready()
    await alone.type(" ")
    await expect(alone.ghost.first).to_be_visible(timeout=ENGINE_LIMIT_MS)
    await alone.press("Tab")
    await alone.save()
    written = saved(alone)
    assert written.removeprefix(CODE).strip()
    compile(written, "numbers.py", "exec")


def saved(window: Workbench) -> str:
    return (window.folder / "numbers.py").read_text(encoding="utf-8")
