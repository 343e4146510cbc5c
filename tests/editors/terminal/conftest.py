"""A scripted engine beside editors that are driven from the tests' own thread."""

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
from tests.fake_vllm import Behaviour, FakeVllm


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

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), name="engine")
    thread.start()
    assert started.wait(30)
    yield made
    loop.call_soon_threadsafe(ended.set)
    thread.join()
    loop.close()


@pytest.fixture
def fake(engine: FakeVllm) -> FakeVllm:
    """The engine as it is when a test begins."""
    engine.behaviour, engine.answer = Behaviour(), ""
    engine.received.clear()
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
    variables = environment(home, SERVER__URL=engine.base_url)
    home.mkdir(exist_ok=True)
    variables["PATH"] = f"{Path(sys.executable).parent}:{variables['PATH']}"
    return Person(home, folder, variables)
