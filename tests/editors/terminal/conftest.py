"""A scripted engine beside editors that are driven from the tests' own thread, and a Neovim of each kind for the tests
of a module."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.editor import environment
from tests.e2e.programs import MODEL
from tests.editors.terminal.neovim import PROGRAMS, SERVED, Neovim, neovim, until
from tests.fake_vllm import FakeVllm

WAYS = {"0.11": ("0.11", "auto"), "0.12": ("0.12", "neovim"), "0.12-own": ("0.12", "own")}
"""Which Neovim, and who draws the ghost text in it."""
own = pytest.mark.parametrize("way", ["0.11", "0.12-own"], indirect=True, scope="module")
"""For tests of what codeassist draws itself, and Neovim would not."""


@pytest.fixture(scope="session")
def engine() -> Iterator[FakeVllm]:
    """It answers in a thread of its own, and is told what to answer from any."""
    started, ended = threading.Event(), asyncio.Event()
    made = FakeVllm(models=(MODEL,))
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with made:
            started.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), name="engine", daemon=True)
    thread.start()
    assert started.wait(30)
    yield made
    loop.call_soon_threadsafe(ended.set)
    thread.join()
    loop.close()


@pytest.fixture
def fake(engine: FakeVllm) -> FakeVllm:
    """The engine as it is when a test begins; what the test before has left is over."""
    until(lambda: not (engine.counts.running or engine.counts.waiting), "the engine rests")
    engine.forget()
    engine.answer, engine.models = "", (MODEL,)
    return engine


@dataclass(frozen=True)
class Person:
    """Somebody with a home and a workspace, and with `codeassist` on the search path."""

    home: Path
    folder: Path
    variables: dict[str, str]

    def configure(self, name: str, text: str) -> None:
        """Write a file of the folder for configurations."""
        file = self.home / "config" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


@pytest.fixture
def person(tmp_path: Path, engine: FakeVllm) -> Person:
    """Their server is the scripted engine."""
    home, folder = tmp_path / "home", tmp_path / "work"
    folder.mkdir()
    (folder / ".codeassist.toml").touch()
    variables = environment(home, SERVER__URL=engine.base_url, INDEX__ENABLED="false")
    home.mkdir(exist_ok=True)
    variables["PATH"] = f"{Path(sys.executable).parent}:{variables['PATH']}"
    return Person(home, folder, variables)


@pytest.fixture(params=WAYS, scope="module")
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def nvim_of_module(way: str, engine: FakeVllm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neovim]:
    """With keys as `setup()` maps them, and no colours or indentation that depend on the language."""
    program, drawn = WAYS[way]
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("work")
    options = f"require('codeassist').setup({{ ghost_text = '{drawn}' }})"
    plain = "vim.o.autoindent = false vim.o.hidden = true vim.cmd('filetype indent off')"
    plain += (
        " vim.o.messagesopt = 'wait:0,history:500'"  # A message that waits for a key would hold up all that follow.
    )
    init = f"{SERVED}\n{options}\n{plain}\nvim.lsp.enable('codeassist')"
    with neovim(
        PROGRAMS[program], folder, environment(home, SERVER__URL=engine.base_url, INDEX__ENABLED="false"), init
    ) as made:
        yield made


@pytest.fixture
def nvim(nvim_of_module: Neovim) -> Iterator[Neovim]:
    """As it is without files."""
    yield nvim_of_module
    nvim_of_module.keys("<C-\\><C-n><Cmd>only!<CR><Cmd>%bwipeout!<CR>")
    nvim_of_module.lua("vim.cmd('messages clear')")


@pytest.fixture
def offered(nvim: Neovim, fake: FakeVllm, name: str) -> Path:
    """The file of a function for which `sum(prices)` is shown as ghost text."""
    fake.answer = "sum(prices)\n"
    file = nvim.open(name, "def total(prices):\n    return")
    nvim.attached()
    nvim.keys("jA<Space>")
    nvim.shows("def total(prices):\n    return sum(prices)")
    return file
