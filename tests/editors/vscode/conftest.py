"""One VS Code for all tests of a module, with a scripted engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.e2e.editor import environment
from tests.e2e.programs import MODEL
from tests.editors.vscode.code_server import CodeServer, code_server
from tests.editors.vscode.workbench import LIMIT_MS, Workbench, workbench
from tests.fake_vllm import Behaviour, FakeVllm

_FAILED = pytest.StashKey[bool]()
expect.set_options(timeout=LIMIT_MS)


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def engine() -> AsyncIterator[FakeVllm]:
    async with FakeVllm(models=(MODEL,)) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session", scope="module")  # One browser at a time, whatever a module needs.
async def vscode(engine: FakeVllm, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CodeServer]:
    home = tmp_path_factory.mktemp("home")
    async with code_server(home, environment(home, SERVER__URL=engine.base_url, INDEX__ENABLED="false")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def window(
    engine: FakeVllm, vscode: CodeServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Workbench]:
    async with workbench(vscode, tmp_path_factory.mktemp("work")) as made:
        engine.behaviour, engine.answer, engine.models = Behaviour(), "1\n", (MODEL,)
        await made.wake()
        yield made


@pytest.fixture
def fake(engine: FakeVllm) -> FakeVllm:
    """The engine as it is when a test begins."""
    engine.behaviour, engine.answer = Behaviour(), ""
    engine.received.clear()
    return engine


@pytest_asyncio.fixture(loop_scope="session")
async def offered(window: Workbench, fake: FakeVllm, name: str) -> Path:
    """The file of a function for which `sum(prices)` is shown as ghost text."""
    fake.answer = "sum(prices)\n"
    file = await window.write(name, "def total(prices):\n    return")
    await window.open(name)
    await window.type(" ")
    await window.shows("sum(prices)")
    return file


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def picture_of_failure(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """What was to be seen when a test failed is in build/screenshots."""
    yield
    if request.node.stash.get(_FAILED, False):
        for each in request.node.funcargs.values():
            if isinstance(each, Workbench):
                await each.picture(f"failure-{request.node.name}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's type is not known here.
    if report.when == "call":
        item.stash[_FAILED] = report.failed
