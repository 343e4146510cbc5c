"""What goes wrong with an index while the server runs: it answers all the while, and the index is right again."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from codeassist.workspace.store import database_path
from tests.e2e.editor import DEADLINE_S, Editor, environment, start
from tests.e2e.test_repository import KNOWN, MONEY, SHOP, cut, open_shop, prompt, ready, until_index, until_prompt
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

MANY = 300


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "money.py").write_text(MONEY)
    (root / "shop.py").write_text(cut(SHOP)[0])
    return root


@pytest.fixture
def variables(fake: FakeVllm, tmp_path: Path) -> dict[str, str]:
    """A user without any index."""
    return environment(tmp_path / "home", SERVER__URL=fake.base_url)


def database_of(root: Path, variables: dict[str, str]) -> Path:
    return database_path(root, Path(variables["XDG_CACHE_HOME"]) / "codeassist" / "index")


def is_one(database: Path) -> bool:
    """Whether there is a database, by how its file begins."""
    return database.is_file() and database.read_bytes().startswith(b"SQLite format 3\0")


def server_of(editor: Editor) -> int:
    process = editor.client._server
    assert process is not None
    return process.pid


def below(parent: int) -> Iterator[tuple[int, str]]:
    """The processes that a process started, and theirs, with their command lines."""
    for process in Path("/proc").iterdir():
        try:
            if not process.name.isdigit():
                continue
            status = (process / "stat").read_text().rpartition(")")[2].split()
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if int(status[1]) == parent and status[0] != "Z":
            yield int(process.name), command
            yield from below(int(process.name))


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked for in /proc")
needs_limits = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="no limits for other processes there")


@pytest.mark.parametrize("how", ["file", "folder", "truncated", "beside", "garbage"])
async def test_an_index_that_is_lost_comes_back(
    root: Path, variables: dict[str, str], fake: FakeVllm, how: str
) -> None:
    async with start("vscode", variables, roots=[root]) as editor:
        uri, at = open_shop(editor, root)
        await until_prompt(editor, fake, uri, at, lambda sent: KNOWN in sent)
        await until_index(editor, ready)
        database = database_of(root, variables)
        if how == "file":
            database.unlink()
        elif how == "folder":
            shutil.rmtree(database.parent)
        elif how == "truncated":
            os.truncate(database, 0)
            with suppress(FileNotFoundError):
                os.truncate(f"{database}-wal", 0)
        elif how == "beside":
            for ending in ("-wal", "-shm"):
                Path(f"{database}{ending}").unlink()  # noqa: ASYNC240  Small files.
        else:
            database.write_bytes(b"no database" * 10_000)
            Path(f"{database}-wal").unlink(missing_ok=True)  # noqa: ASYNC240  A small file.
        # Another place, so that the choice for this line is not what is shown.
        editor.edit(uri, (0, 0, "\n\n"))
        await until_prompt(editor, fake, uri, at + 2, lambda sent: KNOWN in sent)
        await until_index(editor, lambda index: ready(index) and index[0]["files"] == 2)
        (root / "money.py").write_text(MONEY.replace("digits: int", "places: int"))
        editor.tell_of_files(root / "money.py")
        await until_prompt(editor, fake, uri, at + 2, lambda sent: "places: int" in sent)
        assert editor.messages == []


@pytest.mark.parametrize("how", ["file", "garbage"])
async def test_a_lost_index_is_noticed_by_who_asks_for_the_status(
    root: Path, variables: dict[str, str], how: str
) -> None:
    """Nobody types, and SQLite may go on with what it has read."""
    async with start("vscode", variables, roots=[root]) as editor:
        await until_index(editor, lambda index: ready(index) and index[0]["files"] == 2)
        database = database_of(root, variables)
        if how == "file":
            database.unlink()
        else:
            database.write_bytes(b"no database" * 10_000)
        Path(f"{database}-wal").unlink(missing_ok=True)  # noqa: ASYNC240  A small file.
        await until_index(editor, lambda index: ready(index) and index[0]["files"] == 2 and is_one(database))
        assert editor.messages == []


@needs_limits
async def test_a_full_disk_is_said_and_used_again_when_there_is_room(
    root: Path, variables: dict[str, str], fake: FakeVllm
) -> None:
    """A limit on the size of files stands in for the disk: SQLite cannot write, in the server's processes alone."""
    others = [root / f"more_{number}.py" for number in range(MANY)]
    for number, other in enumerate(others):
        other.write_text("".join(f"def number_{number}_{line}(first, second): ...\n" for line in range(40)))
    async with start("vscode", variables, roots=[root.parent / "none"]) as editor:
        server = server_of(editor)
        _, most = resource.prlimit(server, resource.RLIMIT_FSIZE)
        resource.prlimit(server, resource.RLIMIT_FSIZE, (200_000, most))
        editor.change_folders(added=[root])
        await until_index(editor, lambda index: any(each["state"] == "full" for each in index))
        await editor.until(lambda: "no room on the disk" in editor.statuses[-1]["message"], "the status")
        uri, at = open_shop(editor, root)
        for _ in range(3):
            assert await editor.complete(uri, at) is not None
        resource.prlimit(server, resource.RLIMIT_FSIZE, (most, most))
        editor.tell_of_files(*others)
        await until_index(editor, lambda index: any(ready([each]) and each["files"] == MANY + 2 for each in index))
        await until_prompt(editor, fake, uri, at, lambda sent: KNOWN in sent)
        await editor.until(lambda: "no room on the disk" not in editor.statuses[-1]["message"], "the status")
        assert editor.messages == []


@needs_proc
async def test_a_scan_and_a_worker_that_are_killed(root: Path, variables: dict[str, str], fake: FakeVllm) -> None:
    """By the system, say, when memory is short."""
    for number in range(1500):
        (root / f"more_{number}.py").write_text(
            "".join(f"def number_{number}_{line}(a, b): ...\n" for line in range(60))
        )
    async with start("vscode", variables, roots=[root]) as editor:
        uri, at = open_shop(editor, root)
        end = asyncio.get_running_loop().time() + DEADLINE_S
        scans: list[int] = []
        while not scans:
            assert asyncio.get_running_loop().time() < end
            scans = [process for process, command in below(server_of(editor)) if "workspace.scanner" in command]
            await asyncio.sleep(0)
        for scan in scans:
            os.kill(scan, signal.SIGKILL)
        assert await editor.complete(uri, at) is not None
        # It is scanned again by itself, and then all is known.
        await until_prompt(editor, fake, uri, at, lambda sent: KNOWN in sent)
        await until_index(editor, lambda index: ready(index) and index[0]["files"] == 1502)
        for process, command in list(below(server_of(editor))):
            if "workspace.worker" in command:
                os.kill(process, signal.SIGKILL)
        (root / "money.py").write_text(MONEY.replace("digits: int", "places: int"))
        editor.tell_of_files(root / "money.py")
        await until_prompt(editor, fake, uri, at, lambda sent: "places: int" in sent)
        assert editor.messages == []


async def test_two_servers_on_one_folder(root: Path, variables: dict[str, str], fake: FakeVllm) -> None:
    for number in range(MANY):
        (root / f"more_{number}.py").write_text(f"def number_{number}(a, b): ...\n")
    async with (
        start("vscode", variables, roots=[root]) as first,
        start("vscode", variables, roots=[root]) as second,
    ):
        for editor in (first, second):
            uri, at = open_shop(editor, root)
        for editor in (first, second):
            await until_prompt(editor, fake, uri, at, lambda sent: KNOWN in sent)
            await until_index(editor, lambda index: ready(index) and index[0]["files"] == MANY + 2)
        # Both write at once, each other files; then both know all of them.
        for number in range(20):
            for editor, name in ((first, "one"), (second, "two")):
                path = root / f"{name}_{number}.py"
                path.write_text("x = 1\n")
                editor.tell_of_files(path)
        (root / "money.py").write_text(MONEY.replace("digits: int", "places: int"))
        first.tell_of_files(root / "money.py")
        second.tell_of_files(root / "money.py")
        for editor in (first, second):
            await until_prompt(editor, fake, uri, at, lambda sent: "places: int" in sent)
            await until_index(editor, lambda index: index[0]["files"] == MANY + 42)
            assert editor.messages == []


@pytest.mark.skipif(shutil.which("git") is None, reason="no git")
@pytest.mark.parametrize("kind", ["vscode", "neovim-0.12"])
async def test_switching_branches(root: Path, variables: dict[str, str], fake: FakeVllm, kind: str) -> None:
    """300 files change at once; an editor that does not watch files tells of none."""
    git(root, "init", "-q", "-b", "one")
    for number in range(MANY):
        (root / f"more_{number}.py").write_text(f"def on_one_{number}(a, b): ...\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "one")
    git(root, "checkout", "-q", "-b", "two")
    (root / "money.py").write_text(MONEY.replace("digits: int", "places: int"))
    for number in range(MANY):
        (root / f"more_{number}.py").unlink()
        if number % 3:
            (root / f"new_{number}.py").write_text(f"def on_two_{number}(): ...\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "two")
    git(root, "checkout", "-q", "one")
    async with start(kind, variables, roots=[root]) as editor:
        uri, at = open_shop(editor, root)
        await until_prompt(editor, fake, uri, at, lambda sent: KNOWN in sent)
        await until_index(editor, lambda index: ready(index) and index[0]["files"] == MANY + 2)
        for branch, wanted, unwanted in (("two", "places: int", "digits: int"), ("one", "digits: int", "places: int")):
            before = modules(root)
            git(root, "checkout", "-q", branch)
            if editor.registered:
                editor.tell_of_files(*before, *modules(root))
            await until_prompt(editor, fake, uri, at, lambda sent: wanted in sent and unwanted not in sent)  # noqa: B023
            found = len(modules(root))
            await until_index(editor, lambda index: ready(index) and index[0]["files"] == found)  # noqa: B023
        assert await prompt(editor, fake, uri, at)
        assert editor.messages == []


def modules(root: Path) -> set[Path]:
    return set(root.glob("*.py"))


def git(root: Path, *arguments: str) -> None:
    author = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *author, *arguments], cwd=root, check=True, capture_output=True)
