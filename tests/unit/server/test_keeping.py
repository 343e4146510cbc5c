"""The file of outcomes: read ahead, written behind, and never waited for."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from codeassist.server import keeping
from codeassist.server.keeping import Keeping
from codeassist.server.learning import Learning
from codeassist.server.session import Session
from codeassist.settings import Settings
from codeassist.workspace.outcomes import Event, OutcomeStore

DEADLINE_S = 60.0
BAD = [Event("model", "python", "typed-over", probability) for probability in (0.16, 0.22, 0.32, 0.44)] * 60
ONE = Event("model", "python", "accepted", 0.5, 3)


class SlowStore(OutcomeStore):
    """Somebody else holds the file until `free` is set; while `broken`, nobody can write to it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.free = threading.Event()
        self.broken = False
        self.tries = 0

    def latest(self) -> dict[str, list[tuple[str, float]]]:
        self.free.wait()
        return super().latest()

    def add(self, events: Sequence[Event]) -> None:
        self.free.wait()
        self.tries += 1
        if self.broken:
            raise OSError("Read-only file system")
        super().add(events)


@pytest.fixture
def store(tmp_path: Path) -> SlowStore:
    return SlowStore(tmp_path / "outcomes.sqlite3")


@pytest.fixture(autouse=True)
def no_gathering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_GATHER_S", 0.0)


async def until(holds: Callable[[], object]) -> None:
    end = asyncio.get_running_loop().time() + DEADLINE_S
    while not holds():
        assert asyncio.get_running_loop().time() < end
        await asyncio.sleep(0)


async def test_nobody_waits_for_the_file(store: SlowStore) -> None:
    OutcomeStore(store._path).add(BAD)
    learning = Learning(Session(settings=Settings()), store)
    learning.read_ahead()
    assert await learning.least("model") == Settings().completion.least_probability
    store.free.set()
    await until(lambda: learning._keeping.is_read)
    assert await learning.least("model") == 0.5
    await learning.aclose()


async def test_the_end_does_not_wait_for_it_either(store: SlowStore) -> None:
    kept = Keeping(store, lambda _: None)
    kept.add(ONE)
    await kept.aclose()
    kept.add(ONE)
    assert kept.unwritten == [ONE]
    store.free.set()


async def test_what_is_known_of_this_session_counts_once(store: SlowStore) -> None:
    learning = Learning(Session(settings=Settings()), store)
    for event in BAD:
        learning._keep(event)
    store.free.set()
    await until(lambda: learning._keeping.is_read and not learning._keeping.unwritten)
    assert len(learning._known["model"]) == len(BAD)
    await learning.aclose()
    assert len(store.latest()["model"]) == len(BAD)


async def test_what_could_not_be_written_is_written_later_and_told_of_once(
    store: SlowStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.free.set()
    store.broken = True
    kept = Keeping(store, lambda _: None)
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            kept.add(ONE)
            tries = number + 1
            await until(lambda: store.tries == tries and kept._working is not None and kept._working.done())  # noqa: B023  It is waited for here.
    assert [record.getMessage() for record in caplog.records] == [
        "what became of suggestions cannot be read or kept: Read-only file system"
    ]
    store.broken = False
    await kept.aclose()
    assert store.totals()["model"]["accepted"] == {"count": 3, "characters": 9}


async def test_nothing_is_opened_where_there_is_nothing_to_write(store: SlowStore) -> None:
    kept = Keeping(store, lambda _: None)
    await kept.aclose()
    kept.read_ahead()
    assert kept._working is None
