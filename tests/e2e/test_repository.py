"""What completions know of files that nobody opened, and how the index of a workspace folder comes and goes."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codeassist.workspace.store import database_path, open_to_write
from tests.e2e.editor import DEADLINE_S, Editor, environment, start
from tests.e2e.places import CURSOR, cut
from tests.e2e.wire import connected
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

MONEY = "class Money:\n    def rounded_to_cents(self, digits: int) -> int:\n        return self.cents\n"
SHOP = f"from money import Money\n\n\ndef show(money: Money):\n    return money.{CURSOR}\n"
KNOWN = "def rounded_to_cents(self, digits: int) -> int"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace folder with two files."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "money.py").write_text(MONEY)
    (root / "shop.py").write_text(cut(SHOP)[0])
    return root


@pytest.fixture
def variables(fake: FakeVllm, tmp_path: Path) -> dict[str, str]:
    """A user without any index."""
    return environment(tmp_path / "home", SERVER__URL=fake.base_url)


def open_shop(editor: Editor, root: Path, marked: str = SHOP) -> tuple[str, int]:
    text, at = cut(marked)
    uri = (root / "shop.py").as_uri()
    editor.open(uri, text)
    return uri, at


async def prompt(editor: Editor, fake: FakeVllm, uri: str, at: int, *, typed: bool = False) -> str:
    # By hand it is asked anew; the niced processes of a scan need the processor in between.
    await asyncio.sleep(0.06)
    await editor.complete(uri, at, typed=typed)
    sent: str = fake.received[-1].body["prompt"]
    return sent


async def until_prompt(editor: Editor, fake: FakeVllm, uri: str, at: int, condition: Callable[[str], bool]) -> str:
    """Complete until the prompt is as wanted: nothing else tells that an index is read. As typed, for what was
    suggested before something was known must not be all that is ever suggested."""
    end = asyncio.get_running_loop().time() + DEADLINE_S
    while not condition(sent := await prompt(editor, fake, uri, at, typed=True)):
        assert asyncio.get_running_loop().time() < end, sent
        await asyncio.sleep(0.05)  # Nobody types faster, and what was suggested before takes no time at all.
    return sent


async def until_index(editor: Editor, condition: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """Ask for the status until the indexes are as wanted."""
    end = asyncio.get_running_loop().time() + DEADLINE_S
    while True:
        status = await editor.run("codeassist.showStatus")
        found = [each if isinstance(each, dict) else each._asdict() for each in status["index"]]
        if condition(found):
            return found
        assert asyncio.get_running_loop().time() < end, found


def ready(index: list[dict[str, Any]]) -> bool:
    return bool(index) and all(each["state"] == "ready" for each in index)


async def test_knows_files_that_are_not_open_and_follows_them(
    root: Path, variables: dict[str, str], fake: FakeVllm
) -> None:
    async with start("vscode", variables, roots=[root]) as editor:
        uri, at = open_shop(editor, root)
        sent = await until_prompt(editor, fake, uri, at, lambda sent: KNOWN in sent)
        assert sent.index("money.py") < sent.index(KNOWN) < sent.index("shop.py")
        assert await until_index(editor, ready) == [{"folder": "project", "state": "ready", "files": 2}]
        assert {"question", "repository"} <= set((await editor.trace(1))[0]["timings"])
        assert [each.method for each in editor.registered] == ["workspace/didChangeWatchedFiles"]

        (root / "money.py").write_text(MONEY.replace("digits: int", "digits: int, currency: str"))
        editor.tell_of_files(root / "money.py")
        await until_prompt(editor, fake, uri, at, lambda sent: "digits: int, currency: str" in sent)

        (root / "money.py").unlink()
        editor.tell_of_files(root / "money.py")
        await until_prompt(editor, fake, uri, at, lambda sent: "rounded_to_cents" not in sent)

        (root / "money.py").write_text(MONEY)
        others = [root / f"more_{number}.py" for number in range(300)]
        for other in others:
            other.write_text("x = 1\n")
        editor.tell_of_files(root / "money.py", *others)
        await until_prompt(editor, fake, uri, at, lambda sent: KNOWN in sent)
        await until_index(editor, lambda index: ready(index) and index[0]["files"] == 302)
        assert editor.messages == []


async def test_what_is_open_goes_before_what_is_on_the_disk(
    root: Path, variables: dict[str, str], fake: FakeVllm
) -> None:
    async with start("vscode", variables, roots=[root]) as editor:
        uri, at = open_shop(editor, root)
        await until_prompt(editor, fake, uri, at, lambda sent: KNOWN in sent)
        money = (root / "money.py").as_uri()
        editor.open(money, MONEY)
        editor.replace(money, "digits: int", "places: float")
        await until_prompt(editor, fake, uri, at, lambda sent: "places: float" in sent and "digits" not in sent)
        editor.close(money)
        await until_prompt(editor, fake, uri, at, lambda sent: KNOWN in sent and "places" not in sent)


async def test_without_a_watcher_saved_files_are_followed(
    root: Path, variables: dict[str, str], fake: FakeVllm
) -> None:
    async with start("neovim-0.12", variables, roots=[root]) as editor:
        assert editor.registered == []
        uri, at = open_shop(editor, root)
        await until_prompt(editor, fake, uri, at, lambda sent: KNOWN in sent)
        money = (root / "money.py").as_uri()
        editor.open(money, MONEY)
        (root / "money.py").write_text(MONEY.replace("digits", "places"))
        editor.save(money)
        editor.close(money)
        await until_prompt(editor, fake, uri, at, lambda sent: "places: int" in sent)


async def test_ignored_and_secret_files_never_appear(root: Path, variables: dict[str, str], fake: FakeVllm) -> None:
    """Open or not."""
    hidden = {"private.py": ".gitignore", "inner.py": ".codeassistignore", "secrets.json": "", ".env.py": ""}
    (root / ".git").mkdir()
    for name, ignored_by in hidden.items():
        (root / name).write_text(f"def quokka(first, second): ...  # {name}\n")
        if ignored_by:
            (root / ignored_by).write_text(f"{name}\n")
    (root / "plain.py").write_text("def quokka_known(first, second): ...\n")
    marked = (
        "from private import quokka\nfrom inner import quokka as other\nfrom plain import quokka_known\n\n"
        f"quokka(1, 2); quokka_known(1, 2)\nx = quokka({CURSOR})\n"
    )
    async with start("vscode", variables, roots=[root]) as editor:
        uri, at = open_shop(editor, root, marked)
        sent = await until_prompt(editor, fake, uri, at, lambda sent: "def quokka_known" in sent)
        assert "def quokka(" not in sent
        for name in hidden:
            editor.open((root / name).as_uri(), (root / name).read_text())
        sent = await prompt(editor, fake, uri, at)
        assert "def quokka_known" in sent
        assert "def quokka(" not in sent
        # A file that is not ignored any more is known again.
        (root / ".codeassistignore").write_text("")
        editor.tell_of_files(root / ".codeassistignore")
        await until_prompt(editor, fake, uri, at, lambda sent: "# inner.py" in sent or "def quokka(" in sent)


async def test_can_be_switched_off_and_on(root: Path, variables: dict[str, str], fake: FakeVllm) -> None:
    options = {"index": {"enabled": False}}
    async with start("vscode", variables, roots=[root], options=options) as editor:
        uri, at = open_shop(editor, root)
        assert "rounded_to_cents" not in await prompt(editor, fake, uri, at)
        assert await until_index(editor, lambda index: index == []) == []
        assert "repository" not in (await editor.trace(1))[0]["timings"]
        assert not database_path(root, Path(variables["XDG_CACHE_HOME"]) / "codeassist" / "index").exists()
        editor.configure({"index": {"enabled": True}})
        await until_prompt(editor, fake, uri, at, lambda sent: KNOWN in sent)
        editor.configure({"index": {"enabled": True, "exclude": ["money.py"]}})
        await until_prompt(editor, fake, uri, at, lambda sent: "rounded_to_cents" not in sent)
        editor.configure({"index": {"enabled": False}})
        assert await until_index(editor, lambda index: index == []) == []


async def test_each_workspace_folder_has_its_own(
    root: Path, variables: dict[str, str], fake: FakeVllm, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "money.py").write_text(MONEY.replace("digits", "places"))
    async with start("vscode", variables, roots=[root, other]) as editor:
        uri, at = open_shop(editor, root)
        second = (other / "shop.py").as_uri()
        editor.open(second, cut(SHOP)[0])
        await until_prompt(editor, fake, uri, at, lambda sent: "digits: int" in sent and "places: int" not in sent)
        await until_prompt(editor, fake, second, at, lambda sent: "places: int" in sent and "digits: int" not in sent)
        editor.change_folders(removed=[other])
        await until_index(editor, lambda index: [each["folder"] for each in index] == ["project"])
        assert "places: int" not in await prompt(editor, fake, second, at)
        editor.change_folders(added=[other])
        await until_prompt(editor, fake, second, at, lambda sent: "places: int" in sent)


async def test_a_folder_that_is_a_link(root: Path, variables: dict[str, str], fake: FakeVllm, tmp_path: Path) -> None:
    """Documents may be named by the link or by where it leads."""
    link = tmp_path / "link"
    link.symlink_to(root, target_is_directory=True)
    async with start("vscode", variables, roots=[link]) as editor:
        for place in (link, root):
            uri, at = open_shop(editor, place)
            await until_prompt(editor, fake, uri, at, lambda sent: KNOWN in sent)
            editor.close(uri)


async def test_the_head_of_the_prompt_stays_from_key_to_key(
    root: Path, variables: dict[str, str], fake: FakeVllm
) -> None:
    (root / "prices.py").write_text(
        "".join(f"def price_of_{name}(count: int) -> float: ...\n" for name in ("apple", "pear", "plum", "fig"))
    )
    marked = (
        "from money import Money\nfrom prices import price_of_apple, price_of_pear\n\n\n"
        f"def show(money: Money):\n    {CURSOR}\n    return money\n"
    )
    async with start("vscode", variables, roots=[root]) as editor:
        uri, at = open_shop(editor, root, marked)
        await until_prompt(editor, fake, uri, at, lambda sent: KNOWN in sent and "price_of_apple(count" in sent)
        await until_index(editor, ready)
        heads = set()
        for key in "cost = price_of_plum":
            editor.edit(uri, (at, at, key))
            at += 1
            heads.add((await prompt(editor, fake, uri, at)).partition("# shop.py\n")[0])
        assert len(heads) == 1
        assert "price_of_apple(count" in heads.pop()


def held(root: Path, variables: dict[str, str]) -> sqlite3.Connection:
    """A lock on the index to be, so that a scan goes on until it is ended."""
    home = Path(variables["XDG_CACHE_HOME"]) / "codeassist" / "index"
    connection = open_to_write(database_path(root, home))
    connection.execute("BEGIN IMMEDIATE")
    return connection


def processes_about(root: Path) -> list[str]:
    """The command lines of running processes that work on a folder."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode() if process.name.isdigit() else ""
        except OSError:
            continue
        if str(root) in command and process.name != str(os.getpid()):
            found.append(command)
    return found


needs_proc = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="processes are looked for in /proc")


@needs_proc
async def test_indexing_is_shown_and_can_be_cancelled(root: Path, variables: dict[str, str], fake: FakeVllm) -> None:
    lock = held(root, variables)
    async with start("vscode", variables, roots=[root]) as editor:
        await editor.until(lambda: bool(editor.progress), "the progress of the scan")
        token, begun = editor.progress[0]
        assert (begun["kind"], begun["title"], begun["cancellable"]) == ("begin", "Indexing project", True)
        uri, at = open_shop(editor, root)
        assert await editor.complete(uri, at) is not None  # All the while.
        editor.cancel_progress(token)
        await editor.until(lambda: any(value["kind"] == "end" for _, value in editor.progress), "the end of the scan")
        await until_index(editor, lambda index: index[0]["state"] == "cancelled")
        assert [command for command in processes_about(root) if "scanner" in command] == []
        lock.execute("ROLLBACK")
        lock.close()
        assert await editor.complete(uri, at) is not None
        assert editor.messages == []


@needs_proc
async def test_shutting_down_while_a_scan_runs(root: Path, variables: dict[str, str]) -> None:
    lock = held(root, variables)
    folders = [{"uri": root.as_uri(), "name": root.name}]
    async with connected(variables, initialize=False) as wire:
        await wire.initialize(workspaceFolders=folders, capabilities={"window": {"workDoneProgress": True}})
        await wire.until(lambda: any(each["method"] == "$/progress" for each in wire.notes), "the progress of the scan")
        assert processes_about(root)
        await wire.answer(wire.request("shutdown"))
        wire.notify("exit")
        assert await wire.ended() == 0
    end = asyncio.get_running_loop().time() + DEADLINE_S
    while left := processes_about(root):
        assert asyncio.get_running_loop().time() < end, left
        await asyncio.sleep(0)
    lock.close()


@needs_proc
async def test_a_server_that_is_killed_leaves_nothing_behind(root: Path, variables: dict[str, str]) -> None:
    lock = held(root, variables)
    folders = [{"uri": root.as_uri(), "name": root.name}]
    async with connected(variables, initialize=False) as wire:
        await wire.initialize(workspaceFolders=folders, capabilities={"window": {"workDoneProgress": True}})
        await wire.until(lambda: any(each["method"] == "$/progress" for each in wire.notes), "the progress of the scan")
        wire.process.kill()
        await wire.ended()
    end = asyncio.get_running_loop().time() + DEADLINE_S
    while left := processes_about(root):
        assert asyncio.get_running_loop().time() < end, left
        await asyncio.sleep(0)
    lock.close()


async def test_why_there_is_no_index_is_in_the_status_and_not_in_a_box(
    root: Path, variables: dict[str, str], fake: FakeVllm
) -> None:
    """Here: what should be the folder of indexes is a file."""
    home = Path(variables["XDG_CACHE_HOME"]) / "codeassist"
    home.mkdir(parents=True, exist_ok=True)
    (home / "index").write_text("")
    async with start("vscode", variables, roots=[root]) as editor:
        await editor.until(lambda: "index of project" in editor.statuses[-1]["message"], "the status")
        assert editor.statuses[-1]["state"] == "ready"
        uri, at = open_shop(editor, root)
        assert await editor.complete(uri, at) is not None
        assert editor.messages == []


async def test_where_another_file_was_edited_last_is_in_the_prompt(
    root: Path, variables: dict[str, str], fake: FakeVllm
) -> None:
    rates = "".join(f"rate_{number} = {number}\n" for number in range(40))
    (root / "rates.py").write_text(rates)
    async with start("vscode", variables, roots=[root]) as editor:
        other = (root / "rates.py").as_uri()
        editor.open(other, rates)
        uri, at = open_shop(editor, root)
        await until_prompt(editor, fake, uri, at, lambda sent: KNOWN in sent)
        await until_index(editor, ready)
        assert "rate_20" not in await prompt(editor, fake, uri, at)
        editor.replace(other, "rate_20 = 20", "rate_20 = surcharge")
        sent = await prompt(editor, fake, uri, at)
        assert "# rate_19 = 19\n# rate_20 = surcharge\n# rate_21 = 21" in sent
        assert "rate_30" not in sent
