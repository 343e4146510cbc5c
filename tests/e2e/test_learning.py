"""What users do with suggestions is kept on their machine, and decides what is shown."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from codeassist.workspace.outcomes import Event, OutcomeStore
from tests.e2e.editor import DEADLINE_S, Editor, environment, start
from tests.e2e.places import CURSOR, cut
from tests.e2e.programs import MODEL
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT, AT = cut(f"def total(prices):\n    return {CURSOR}\n")
ANSWER = "sum(prices)\n"


@pytest.fixture
def store(tmp_path: Path) -> OutcomeStore:
    return OutcomeStore(tmp_path / "data" / "codeassist" / "outcomes.sqlite3")


@pytest_asyncio.fixture(loop_scope="session")
async def learner(request: pytest.FixtureRequest, fake: FakeVllm, tmp_path: Path) -> AsyncIterator[Editor]:
    """An editor whose server has a data folder of its own."""
    fake.answer = ANSWER
    variables = environment(tmp_path, SERVER__URL=fake.base_url, **getattr(request, "param", {}))
    async with start("vscode", variables, roots=[tmp_path]) as editor:
        yield editor


async def kept(store: OutcomeStore, verdict: str) -> int:
    """How many there are, when there is one."""
    end = asyncio.get_running_loop().time() + DEADLINE_S
    while not (found := store.totals().get(MODEL, {}).get(verdict, {}).get("count", 0)):
        assert asyncio.get_running_loop().time() < end, store.totals()
        await asyncio.sleep(0.01)
    return found


async def outcomes(editor: Editor) -> list[tuple[str, int]]:
    found = [entry for entry in await editor.trace() if entry["kind"] == "outcome"]
    return [(entry["outcome"], entry["characters"]) for entry in found]


async def test_taking_one_is_counted_once(learner: Editor, uri: str, store: OutcomeStore) -> None:
    learner.open(uri, TEXT)
    shown = await learner.complete(uri, AT, typed=True)
    assert shown is not None
    await learner.accept(uri, shown)  # The edit, and the item's command.
    assert await kept(store, "accepted") == 1
    assert await kept(store, "shown") == 1
    assert await outcomes(learner) == [("accepted", len(shown.text))]
    assert [verdict for verdict, _ in store.latest()[MODEL]] == ["accepted"]


async def test_typing_it_counts_once_though_it_is_shown_at_each_key(
    learner: Editor, uri: str, store: OutcomeStore
) -> None:
    learner.open(uri, TEXT)
    assert await learner.complete(uri, AT, typed=True) is not None
    text = ANSWER.rstrip()
    for number, key in enumerate(text):
        learner.edit(uri, (AT + number, AT + number, key))
        if number + 1 < len(text):
            assert await learner.complete(uri, AT + number + 1, typed=True) is not None
    assert await kept(store, "typed") == 1
    assert await kept(store, "shown") == 1
    assert await outcomes(learner) == [("typed", len(text))]


async def test_rejecting_one(learner: Editor, uri: str, store: OutcomeStore) -> None:
    learner.open(uri, TEXT)
    shown = await learner.complete(uri, AT, typed=True)
    assert shown is not None
    assert shown.command is not None
    learner.client.protocol.notify("codeassist/didReject", {"itemId": (shown.command.arguments or [])[0]})
    assert await kept(store, "rejected") == 1


async def test_nothing_of_the_code_is_kept(learner: Editor, uri: str, store: OutcomeStore, tmp_path: Path) -> None:
    learner.open(uri, TEXT)
    shown = await learner.complete(uri, AT, typed=True)
    assert shown is not None
    await learner.accept(uri, shown)
    await kept(store, "accepted")
    content = (tmp_path / "data" / "codeassist" / "outcomes.sqlite3").read_bytes()
    assert not any(word in content for word in (b"prices", b"sum(", uri.encode()))


@pytest.mark.parametrize("learner", [{"COMPLETION__LEARN": "false"}], indirect=True)
async def test_it_can_be_switched_off(learner: Editor, uri: str, tmp_path: Path) -> None:
    learner.open(uri, TEXT)
    shown = await learner.complete(uri, AT, typed=True)
    assert shown is not None
    await learner.accept(uri, shown)
    assert await outcomes(learner) == []
    assert not (tmp_path / "data" / "codeassist" / "outcomes.sqlite3").exists()


async def test_what_is_typed_over_again_and_again_is_not_shown(
    fake: FakeVllm, uri: str, store: OutcomeStore, tmp_path: Path
) -> None:
    """Each token of the fake has the log-probability -0.125; the answer has a probability between 0.3 and 0.5."""
    fake.answer = "sum(prices, 0)\n"
    store.add([Event(MODEL, "python", "typed-over", probability) for probability in (0.16, 0.22, 0.32, 0.44) * 60])
    async with start("vscode", environment(tmp_path, SERVER__URL=fake.base_url), roots=[tmp_path]) as editor:
        end = asyncio.get_running_loop().time() + DEADLINE_S
        for number in count():  # Until the file is read, what the settings say holds.
            place = (tmp_path / f"{number}.py").as_uri()
            editor.open(place, TEXT)
            if await editor.complete(place, AT, typed=True) is None:
                break
            assert asyncio.get_running_loop().time() < end
        assert await editor.last_skip() == "unsure"
        assert await editor.complete(place, AT) is not None  # By hand.


def with_words(path: Path) -> None:
    OutcomeStore(path).add([Event(MODEL, "python", "typed-over", 0.25)] * 40)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE events SET probability = 'low'")


def locked(path: Path) -> sqlite3.Connection:
    OutcomeStore(path).add([Event(MODEL, "python", "typed-over", 0.25)])
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("BEGIN EXCLUSIVE")
    return database


@pytest.mark.parametrize("trouble", [with_words, locked])
async def test_no_completion_depends_on_the_file(
    trouble: Callable[[Path], sqlite3.Connection | None], fake: FakeVllm, uri: str, tmp_path: Path
) -> None:
    fake.answer = ANSWER
    path = tmp_path / "data" / "codeassist" / "outcomes.sqlite3"
    held = trouble(path)
    async with start("vscode", environment(tmp_path, SERVER__URL=fake.base_url), roots=[tmp_path]) as editor:
        editor.open(uri, TEXT)
        shown = await editor.complete(uri, AT, typed=True)
        assert shown is not None
        await editor.accept(uri, shown)
        assert await outcomes(editor) == [("accepted", len(shown.text))]
    if held is not None:
        held.close()


async def test_a_broken_file_costs_nothing_but_the_learning(
    fake: FakeVllm, uri: str, store: OutcomeStore, tmp_path: Path
) -> None:
    fake.answer = ANSWER
    path = tmp_path / "data" / "codeassist" / "outcomes.sqlite3"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"nothing that makes sense\n" * 100)
    with pytest.raises(sqlite3.Error):
        store.totals()
    async with start("vscode", environment(tmp_path, SERVER__URL=fake.base_url), roots=[tmp_path]) as editor:
        editor.open(uri, TEXT)
        shown = await editor.complete(uri, AT, typed=True)
        assert shown is not None
        await editor.accept(uri, shown)
        assert await outcomes(editor) == [("accepted", len(shown.text))]
        assert editor.messages == []
