"""Real vLLM servers and editors for the tests of this folder. They fail where vLLM cannot run, with the reason;
CODEASSIST_TEST_VLLM=skip leaves them out instead."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from codeassist.serving.errors import ServingError
from codeassist.serving.folders import folders
from codeassist.serving.store import locate
from codeassist.settings import load
from tests.e2e import editor as editors
from tests.e2e.editor import KNOWN, Editor, acquaint, environment, start
from tests.vllm import servers
from tests.vllm.servers import WAIT_LIMIT_S, Models, Server, make_models, missing

HERE = Path(__file__).parent
SERVERS = ("sliced", "dense", "tiny", "bare")
"""The fixtures that start one, in this order."""
SEATS = 5
"""What `codeassist serve` counts for a developer: four reviews and a completion."""
CHUNK_TOKENS = 256
"""Small, so that prompts of a few seconds are read in several steps."""


@pytest.hookimpl(tryfirst=True)  # The marker must be there before `-m` is looked at.
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """These tests run only when asked for by marker or by path; a server stays for all tests that use it."""
    ours = [item for item in items if HERE in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.vllm)
    asked_for = (config.option.markexpr or "", *map(str, config.invocation_params.args))
    named = any("vllm" in word for word in asked_for)
    if ours and not named:
        config.hook.pytest_deselected(items=ours)
        items[:] = [item for item in items if item not in ours]
        return
    items.sort(key=_order)


def _order(item: pytest.Item) -> int:
    """What needs the sliced model comes before what needs another one; each is started once."""
    used: list[str] = getattr(item, "fixturenames", [])
    return max((place for place, name in enumerate(SERVERS, start=1) if name in used), default=0)


@pytest.fixture(scope="session")
def models() -> Models:
    if reason := missing():
        if os.environ.get("CODEASSIST_TEST_VLLM") == "skip":
            pytest.skip(reason)
        pytest.fail(f"{reason} CODEASSIST_TEST_VLLM=skip leaves these tests out.")
    settings, _ = load()
    try:
        gguf = locate(settings, folders(settings).models, "qwen2.5-coder-0.5b").path
    except ServingError as error:
        pytest.fail(f"The test models are made of the embedded one: {error}")
    return make_models(gguf)


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """A user who has added the test models to the catalogue. The path is short enough for a socket's."""
    found = Path(tempfile.mkdtemp(prefix="codeassist-"))
    folder = found / "config" / "codeassist" / "models"
    folder.mkdir(parents=True)
    shutil.copy(HERE / "catalogue.toml", folder / "tests.toml")
    yield found
    shutil.rmtree(found, ignore_errors=True)


class Running:
    """The server that runs now: one at a time, for memory's sake."""

    def __init__(self) -> None:
        self._now: Server | None = None

    async def take(self, server: Server) -> Server:
        self.stop()
        self._now = server
        server.start()
        await server.ready()
        return server

    def stop(self) -> None:
        if self._now is not None:
            self._now.stop()
            self._now = None


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    found = Running()
    yield found
    found.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sliced(models: Models, home: Path, running: Running) -> Server:
    """A real mixture of experts that completes and reviews as the embedded model does."""
    options = ("--lever", f"seats={SEATS}", "--lever", f"step-tokens={CHUNK_TOKENS}")
    return await running.take(Server("sliced-moe", models.sliced, home, options))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def dense(models: Models, home: Path, running: Running) -> Server:
    """The same network without experts."""
    return await running.take(Server("dense-twin", models.dense, home))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def tiny(models: Models, home: Path, running: Running) -> Server:
    """A random mixture of experts on a UNIX socket, with one seat and room for one that waits."""
    options = ("--lever", "seats=1", "--lever", "queued-requests=2", "--", "--load-format", "dummy")
    return await running.take(Server("tiny-moe", models.tiny, home, options, socket_path=home / "vllm.sock"))


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    """The editor's own limit is for a server that answers at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(editors, "DEADLINE_S", WAIT_LIMIT_S)
        yield


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_editor(sliced: Server, home: Path) -> AsyncIterator[Editor]:
    async with start("vscode", variables(sliced, home)) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def editor(shared_editor: Editor, sliced: Server) -> AsyncIterator[Editor]:
    """VS Code on the sliced model, without open documents; the server has nothing to do."""
    shared_editor.client.messages.clear()
    yield shared_editor
    for uri in list(shared_editor.texts):
        shared_editor.close(uri)
    await sliced.until(lambda now: now.running + now.waiting == 0, "an idle server")


@pytest.fixture
def uri(request: pytest.FixtureRequest) -> str:
    """A document that no other test has."""
    return f"file:///workspace/{request.node.name}.py"


def variables(server: Server, home: Path, **more: str) -> dict[str, str]:
    """The environment of a language server that uses `server` and reviews in words only. It finds the key itself.

    It remembers what the server can do (test_probe.py finds that out), so that the server's counts are of its own
    requests.
    """
    own = {"SERVER__URL": server.url, "REVIEW__ANALYZERS": '["words"]', **more}
    known = replace(KNOWN, version=server.record()["vllm_version"], priority="yes", fill_in_middle="qwen-coder")
    acquaint(home, own["SERVER__URL"], server.name, known)
    return environment(home, known=None, **own)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show the end of the server's log with a failure."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, servers.Server):
                report.sections.append((f"log of {name}", value.tail()))
