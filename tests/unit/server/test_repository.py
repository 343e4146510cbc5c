"""The index of a workspace folder as the server keeps it: what is late, what is gone, where a document is."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from codeassist.context.choose import Held
from codeassist.context.facts import NO_FACTS, Facts
from codeassist.context.question import Question
from codeassist.server import mending
from codeassist.server import repository as module
from codeassist.server.progress import Progress
from codeassist.server.protocol import Server
from codeassist.server.repositories import Repositories, _is_of_version_control, _is_project
from codeassist.server.repository import Repository
from codeassist.server.session import Session
from codeassist.settings import IndexSettings
from codeassist.workspace.scan import ScanOptions
from codeassist.workspace.store import open_to_write
from codeassist.workspace.update import Updated
from tests.unit.workspace.making import FAULTY

QUESTION = Question("shop.py", "python")
FOUND = Facts(types=frozenset({"Money"}))


@pytest_asyncio.fixture
async def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Repository]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "project"
    root.mkdir()
    session = Session(roots=(root,))
    made = Repository(root, IndexSettings(), session, Progress(Server("test", "0")), lambda *_: None)
    await asyncio.wait({made._opening})
    yield made
    await made.stop()
    await session.shut_down()


class SlowLookup:
    """Answers when it may."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.asked: list[str] = []

    def answer(self, question: Question, _over: object) -> Facts:
        self.may.wait(10)
        self.asked.append(question.path)
        return FOUND

    def forget(self) -> None:
        pass


async def test_an_answer_that_is_late_is_for_the_next_question(repository: Repository) -> None:
    slow = SlowLookup()
    repository._lookup = slow  # type: ignore[assignment]  # As much of it as is asked.
    assert await repository.answer(QUESTION, ()) is NO_FACTS
    (late,) = repository._late.values()
    slow.may.set()
    assert await late is FOUND
    slow.may.clear()
    assert await repository.answer(QUESTION, ()) is FOUND
    assert await repository.answer(Question("other.py", "python"), ()) is NO_FACTS
    slow.may.set()


async def test_what_is_late_is_told_of_if_it_says_something_else(repository: Repository) -> None:
    slow = SlowLookup()
    repository._lookup = slow  # type: ignore[assignment]  # As above.
    told: list[Facts] = []
    for expected in (1, 1):  # The second time it is what was answered with.
        slow.may.clear()
        await repository.answer(QUESTION, (), lambda: told.append(FOUND))
        (late,) = repository._late.values()
        slow.may.set()
        await late
        assert len(told) == expected


async def test_what_is_written_over_an_index_is_noticed_by_who_asks_how_many_files_it_has(
    repository: Repository,
) -> None:
    (repository.root / "a.py").write_text("x = 1\n")
    await scanned(repository)
    repository.rescan()
    await scanned(repository)
    assert (await repository.count())["files"] == 1
    assert repository._index is not None
    repository._index.database.write_bytes(b"no database" * 10_000)
    await repository.count()
    await asyncio.sleep(0)  # What the lane has seen comes to the loop.
    await scanned(repository)
    assert await repository.count() == {"folder": "project", "state": "ready", "files": 1}
    assert repository._index.database.read_bytes().startswith(b"SQLite")


async def test_a_loss_that_was_seen_before_a_scan_was_over_is_none(repository: Repository) -> None:
    """It would put off the mending of a true one."""
    before = repository._mending.settled
    await scanned(repository)
    assert repository._scanning is not None
    repository._mend(before)
    assert repository._scanning.done()
    repository._mend(repository._mending.settled)
    assert not repository._scanning.done()
    await scanned(repository)


async def test_a_change_that_cannot_be_written_is_taken_in_later(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if a scan has just been made because the index was lost: the next one is put off, and not forgotten."""
    (repository.root / "a.py").write_text("x = 1\n")
    await scanned(repository)
    repository._mend(repository._mending.settled)
    await scanned(repository)
    monkeypatch.setattr(repository._updater, "update", lambda _: Updated("locked"))
    (repository.root / "b.py").write_text("y = 1\n")
    repository.changed(["b.py"])
    assert repository._updating is not None
    await repository._updating
    assert await repository.count() == {"folder": "project", "state": "locked", "files": 1}
    repository._mending._from = float("-inf")  # The time has come.
    await repository.count()
    await asyncio.sleep(0)
    await scanned(repository)
    assert await repository.count() == {"folder": "project", "state": "ready", "files": 2}


async def scanned(repository: Repository) -> None:
    """The scan that runs is over."""
    assert repository._scanning is not None
    await repository._scanning


async def test_what_is_suggested_before_others_are_read_does_not_outlast_it() -> None:
    session = Session()
    repositories = Repositories(session, Progress(Server("test", "0")), lambda _: None)
    own = session.open("file:///a/x.py", "x = 1\n", "python", 1)
    other = session.open("file:///a/y.py", "y = 1\n", "python", 1)
    async with other.lock:  # Somebody parses it, and that takes long.
        await repositories.catch_up("file:///a/x.py")
        own.held = Held(3)
        about = session.surroundings("file:///a/x.py")
        await asyncio.sleep(0)
        assert session.surroundings("file:///a/x.py") == about  # Until it is there, nothing better is known.
    await asyncio.wait(set(session._background))
    assert session.surroundings("file:///a/x.py") != about
    assert own.held.line == -1
    about = session.surroundings("file:///a/x.py")
    await repositories.catch_up("file:///a/x.py")
    assert session.surroundings("file:///a/x.py") == about
    await session.shut_down()


async def test_a_document_that_may_be_shown_at_last_is_read_at_once() -> None:
    session = Session()
    repositories = Repositories(session, Progress(Server("test", "0")), lambda _: None)
    session.open("file:///a/x.py", "x = 1\n", "python", 1)
    other = session.open("file:///a/y.py", "y = 1\n", "python", 1)

    async def judge() -> None:
        await asyncio.sleep(0)
        other.hidden = False

    other.hidden, other.judging = True, session.spawn(judge())
    await repositories.catch_up("file:///a/x.py")
    if session._background:
        await asyncio.wait(session._background)
    assert not other.is_behind
    await session.shut_down()


async def test_questions_do_not_queue_up_behind_a_slow_one(repository: Repository) -> None:
    slow = SlowLookup()
    repository._lookup = slow  # type: ignore[assignment]  # As above.
    for _ in range(5):
        await repository.answer(QUESTION, ())
    slow.may.set()
    await asyncio.wait(set(repository._late.values()))
    assert len(slow.asked) <= 2


async def test_a_look_up_that_fails_is_no_facts(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "_lookup", object())
    assert await repository.answer(QUESTION, ()) is NO_FACTS


async def test_after_the_end_there_is_silence(repository: Repository) -> None:
    await repository.stop()
    assert await repository.answer(QUESTION, ()) is NO_FACTS
    assert await repository.hides("shop.py") is True


async def test_ignored_and_secret_files_are_hidden(repository: Repository) -> None:
    (repository.root / ".codeassistignore").write_text("generated/\n")
    assert await repository.hides("generated/a.py")
    assert await repository.hides(".env")
    assert await repository.hides(".ssh/config.py")
    assert not await repository.hides("a.py")


async def until_ready(repository: Repository) -> None:
    while repository._scanning is not None and not repository._scanning.done():
        await asyncio.wait({repository._scanning}, timeout=20)
    assert repository.state == "ready"


async def known(repository: Repository) -> int:
    files: int = (await repository.count())["files"]
    return files


@pytest.mark.parametrize("how", ["deleted", "folder deleted", "truncated", "garbage", "replaced"])
async def test_an_index_that_is_lost_is_made_again_by_itself(
    repository: Repository, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mending, "WAITS_S", (0.1, 600.0))
    repository._mending._wait_s = 0.1
    (repository.root / "shop.py").write_text("def total(): ...\n")
    await until_ready(repository)
    repository.rescan()
    await until_ready(repository)
    assert await known(repository) == 1
    assert repository._index is not None
    lose(repository._index.database, how)

    async def mended() -> None:
        # What was written ahead may still be all there is to know, and then nothing is lost.
        while await known(repository) != 1 or await is_lost():
            assert await repository.answer(Question("shop.py", "python"), ()) is not None
            await until_ready(repository)
            await asyncio.sleep(0.3)  # As somebody types; a worker that is just being started holds the old file.

    async def is_lost() -> bool:
        return await repository._lookups.run(repository._is_lost)

    await asyncio.wait_for(mended(), 20)


def lose(database: Path, how: str) -> None:
    if how == "deleted":
        database.unlink()
    elif how == "folder deleted":
        shutil.rmtree(database.parent)
    elif how == "truncated":
        os.truncate(database, 0)
        Path(f"{database}-wal").unlink(missing_ok=True)
    elif how == "garbage":
        database.write_bytes(b"no database" * 10_000)
        Path(f"{database}-wal").unlink(missing_ok=True)
    else:
        other = database.with_name("other.sqlite3")
        open_to_write(other).close()
        other.replace(database)


async def test_an_index_that_is_lost_again_and_again_is_left_alone_ever_longer(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until_ready(repository)
    now = 1000.0
    monkeypatch.setattr(mending.time, "monotonic", lambda: now)
    scans: list[float] = []
    monkeypatch.setattr(repository, "rescan", lambda: scans.append(now))
    for _ in range(1000):
        repository._mend(repository._mending.settled)
        now += 1.0
    assert [after - before for before, after in itertools.pairwise(scans)] == [10, 20, 40, 80, 160, 320]
    now += 10_000.0
    repository._mend(repository._mending.settled)
    now += 10.0
    repository._mend(repository._mending.settled)
    assert len(scans) == 9


async def test_what_full_disks_leave_is_tried_again(repository: Repository) -> None:
    await until_ready(repository)
    assert not repository._is_lost()
    repository.state = "full"
    assert repository._is_lost()


async def test_the_worker_of_changed_files_waits_ready_after_the_first_scan(repository: Repository) -> None:
    await until_ready(repository)
    await repository._updates.run(lambda: None)  # What was asked of that lane before is done.
    assert repository._updater is not None
    assert repository._updater._hand is not None
    assert repository._updater._hand.process.poll() is None


async def test_the_end_does_not_wait_for_a_file_that_never_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "_options", lambda _: ScanOptions(worker=FAULTY, limit_s=600.0))
    root = tmp_path / "project"
    root.mkdir()
    session = Session(roots=(root,))
    made = Repository(root, IndexSettings(), session, Progress(Server("test", "0")), lambda *_: None)
    await until_ready(made)
    await made._updates.run(lambda: None)
    (root / "a.py").write_text("# HANG\n")
    made.changed(["a.py"])
    assert made._updater is not None
    assert made._updater._hand is not None
    process = made._updater._hand.process
    while not made._updater._lock.locked():  # noqa: ASYNC110  A lock of threads.
        await asyncio.sleep(0)
    await made.stop()
    await asyncio.get_running_loop().run_in_executor(None, process.wait, 20)
    await session.shut_down()


def test_every_trouble_of_a_scan_has_its_sentence() -> None:
    from typing import get_args

    from codeassist.workspace.scan import ScanState

    quiet = {"done", "cancelled", "elsewhere", "no-folder"}
    assert set(module.TROUBLES) == set(get_args(ScanState)) - quiet


def test_a_home_is_no_project_and_git_is_no_file() -> None:
    assert not _is_project(Path.home())
    assert not _is_project(Path("/"))
    assert _is_project(Path.home() / "project")
    assert _is_of_version_control("file:///a/.git/index.lock")
    assert not _is_of_version_control("file:///a/.git/info/exclude")
    assert not _is_of_version_control("file:///a/.gitignore")


def test_nothing_is_asked_where_there_is_no_index(tmp_path: Path) -> None:
    session = Session(roots=(tmp_path,))
    session.open((tmp_path / "a.py").as_uri(), "x = 1\n", "python", 1)
    repositories = Repositories(session, Progress(Server("test", "0")), lambda _: None)
    assert repositories.ask((tmp_path / "a.py").as_uri()) is None
    assert repositories.ask("untitled:a") is None


def test_documents_of_a_linked_folder_have_one_path() -> None:
    session = Session(roots=(Path("/link"),))
    session.open("file:///real/a/b.py", "", "python", 1)
    assert session.documents["file:///real/a/b.py"].path == "b.py"
    session.real_roots[Path("/real")] = Path("/link")
    session.name_anew()
    assert session.documents["file:///real/a/b.py"].path == "a/b.py"
    assert session.root_of("file:///link/a/b.py") == session.root_of("file:///real/a/b.py") == Path("/link")


def test_what_is_held_is_looked_over_when_other_files_change() -> None:
    session = Session(roots=(Path("/a"), Path("/b")))
    for uri in ("file:///a/x.py", "file:///a/y.py", "file:///b/x.py"):
        session.open(uri, "", "python", 1).held = Held(3)
    session.choose_anew(Path("/a"), ["x.py"])
    assert {uri: entry.held.line for uri, entry in session.documents.items()} == {
        "file:///a/x.py": 3,
        "file:///a/y.py": -1,
        "file:///b/x.py": 3,
    }


def test_secrets_and_documents_of_other_folders_are_not_shown() -> None:
    session = Session(roots=(Path("/a"), Path("/b")))
    for uri in ("file:///a/x.py", "file:///a/y.py", "file:///b/x.py", "file:///a/.env", "untitled:z"):
        session.open(uri, "x = 1\n", "python", 1)
    assert [file.document.uri for file in session.others("file:///a/x.py", within=Path("/a"))] == ["file:///a/y.py"]
    assert len(session.others("file:///a/x.py")) == 3
