"""What is not shown: by the user, by the team, by a comment; and what happens where a file cannot be used."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from codeassist.post.baseline import BASELINE_FILE, Baseline
from codeassist.post.findings import Finding
from codeassist.server.hiding import Hiding
from codeassist.server.opened import OpenDocument
from codeassist.server.session import Session
from codeassist.text.document import Offset, Span
from codeassist.text.edits import Edit
from codeassist.workspace.dismissals import Dismissal, DismissalStore

DEADLINE_S = 60.0


class BrokenStore(DismissalStore):
    """A disk that is full, or a file that somebody else holds."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.broken = True
        self.free = threading.Event()
        self.free.set()

    def change(self, root: Path, *, new: Sequence[Dismissal] = (), gone: Sequence[Dismissal] = ()) -> None:
        self.free.wait()
        if self.broken:
            raise sqlite3.OperationalError("database or disk is full")
        super().change(root, new=new, gone=gone)


@dataclass
class Desk:
    """A session with one workspace folder and what it shows."""

    root: Path
    store: DismissalStore
    session: Session = field(default_factory=Session)
    told: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    hiding: Hiding = field(init=False)

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.session.roots = (self.root,)
        self.hiding = Hiding(self.session, self.told.append, self.store)
        self.hiding.changed = self.changed.append

    def open(self, name: str, *fingerprints: str) -> OpenDocument:
        uri = name if ":" in name else (self.root / name).as_uri()
        if ":" not in name:
            (self.root / name).write_text("x = 1\n")
        entry = self.session.open(uri, "x = 1\n", "python", 1)
        entry.findings = tuple(finding(each) for each in fingerprints)
        return entry

    def shown(self, entry: OpenDocument) -> list[str]:
        return [each.fingerprint for each in self.hiding.shown(entry)]

    async def close(self) -> None:
        await self.hiding.aclose()
        await self.session.shut_down()


def finding(fingerprint: str, category: str = "bug") -> Finding:
    return Finding(Span(Offset(0), Offset(1)), "warning", category, "Said.", "infill", 5.0, fingerprint=fingerprint)


async def until(condition: Callable[[], object]) -> None:
    """Let other tasks and threads run until `condition()` holds."""
    deadline = asyncio.get_running_loop().time() + DEADLINE_S
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "this never came about"
        await asyncio.sleep(0)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "project", DismissalStore(tmp_path / "data" / "dismissals.sqlite3"))


async def test_what_was_dismissed_stays_so_over_sessions_and_can_be_taken_back(desk: Desk) -> None:
    entry = desk.open("a.py", "f1", "f2")
    desk.hiding.dismiss(entry.document.uri, "f1")
    assert desk.shown(entry) == ["f2"]
    await desk.close()
    later = Desk(desk.root, desk.store)
    again = later.open("a.py", "f1", "f2")
    await later.hiding.ready(again.document.uri)
    assert later.shown(again) == ["f2"]
    assert later.hiding.is_dismissed(again, again.findings[0])
    assert later.hiding.restore(again.document.uri, "f1") == 1
    assert later.shown(again) == ["f1", "f2"]
    await later.close()
    assert later.store.of(desk.root) == ()


async def test_a_category_and_all_of_a_folder_are_taken_back(desk: Desk) -> None:
    one, other = desk.open("a.py", "f1"), desk.open("b.py", "f2", "f3")
    desk.hiding.dismiss_category(one.document.uri, "bug")
    assert [desk.shown(one), desk.shown(other)] == [[], []]
    assert desk.hiding.restore(other.document.uri, "f2") == 1
    assert [desk.shown(one), desk.shown(other)] == [["f1"], ["f2", "f3"]]
    desk.hiding.dismiss(one.document.uri, "f1")
    desk.hiding.dismiss(other.document.uri, "f3")
    desk.hiding.dismiss(other.document.uri, "unheard-of")
    assert desk.hiding.restore(one.document.uri) == 2
    assert [desk.shown(one), desk.shown(other)] == [["f1"], ["f2", "f3"]]
    await desk.close()


async def test_what_is_taken_back_in_one_file_stays_dismissed_in_a_copy_of_it(desk: Desk) -> None:
    one, copy = desk.open("a.py", "f1"), desk.open("b.py", "f1")
    for each in (one, copy):
        desk.hiding.dismiss(each.document.uri, "f1")
    assert desk.hiding.restore(one.document.uri, "f1") == 1
    assert [desk.shown(one), desk.shown(copy)] == [["f1"], []]
    await desk.close()


async def test_where_nothing_can_be_written_it_holds_until_the_end_and_is_written_when_it_can(tmp_path: Path) -> None:
    store = BrokenStore(tmp_path / "dismissals.sqlite3")
    desk = Desk(tmp_path / "project", store)
    entry = desk.open("a.py", "f1", "f2", "f3")
    desk.hiding.dismiss(entry.document.uri, "f1")
    await until(lambda: bool(desk.told))
    desk.hiding.dismiss(entry.document.uri, "f2")
    await desk.hiding.ready(entry.document.uri)
    assert desk.shown(entry) == ["f3"], "what the file says does not bring them back"
    assert desk.told == [
        "What you dismiss cannot be kept, and holds until the editor is closed: database or disk is full."
    ]
    store.broken = False
    desk.hiding.dismiss(entry.document.uri, "f3")
    await desk.close()
    assert [each.fingerprint for each in store.of(desk.root)] == ["f1", "f2", "f3"]


async def test_a_file_that_is_none_is_told_of_and_left_alone(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "data" / "dismissals.sqlite3"
    file.parent.mkdir()
    file.write_bytes(b"no database, whatever it is\n" * 40)
    entry = desk.open("a.py", "f1", "f2")
    await desk.hiding.ready(entry.document.uri)
    desk.hiding.dismiss(entry.document.uri, "f1")
    await desk.hiding.ready(entry.document.uri)
    assert desk.shown(entry) == ["f2"]
    assert len(desk.told) == 1
    assert "not a database" in desk.told[0]
    await desk.close()
    assert file.read_bytes().startswith(b"no database")


async def test_the_end_waits_for_what_is_written_but_not_for_ever(tmp_path: Path) -> None:
    store = BrokenStore(tmp_path / "dismissals.sqlite3")
    store.broken = False
    store.free.clear()
    desk = Desk(tmp_path / "project", store)
    entry = desk.open("a.py", "f1")
    desk.hiding.dismiss(entry.document.uri, "f1")
    closing = asyncio.ensure_future(desk.hiding.aclose())
    await asyncio.sleep(0)
    store.free.set()
    await closing
    assert len(store.of(desk.root)) == 1
    await desk.session.shut_down()


async def test_what_the_team_knows_is_not_shown_and_read_anew_when_it_changes(desk: Desk) -> None:
    entry = desk.open("a.py", "f1", "f2")
    uri, file = entry.document.uri, desk.root / BASELINE_FILE
    await desk.hiding.ready(uri)
    assert desk.shown(entry) == ["f1", "f2"]
    file.write_text(Baseline().with_findings([("a.py", finding("f1")), ("b.py", finding("f2"))]).text)
    desk.hiding.follow(file.as_uri())
    await until(lambda: bool(desk.changed))
    assert (desk.shown(entry), desk.changed) == (["f2"], [uri])
    assert not desk.hiding.is_dismissed(entry, entry.findings[0]), "only the file itself takes it back"
    file.write_text(Baseline().with_category("bug").text)
    await desk.hiding.ready(uri)
    assert desk.shown(entry) == []
    file.unlink()
    await desk.hiding.ready(uri)
    assert desk.shown(entry) == ["f1", "f2"]
    assert desk.told == []
    await desk.close()


async def test_a_broken_file_of_the_team_is_told_of_once_and_hides_nothing(desk: Desk) -> None:
    entry = desk.open("a.py", "f1")
    uri, file = entry.document.uri, desk.root / BASELINE_FILE
    known = Baseline().with_findings([("a.py", finding("f1"))]).text
    file.write_text(known)
    await desk.hiding.ready(uri)
    assert desk.shown(entry) == []
    broken = known.replace("[", "[,")
    file.write_text(broken)
    for _ in range(2):
        await desk.hiding.ready(uri)
        assert desk.shown(entry) == ["f1"]
    assert len(desk.told) == 1
    assert f"{BASELINE_FILE} of project hides nothing until it is mended: line 3: not JSON" in desk.told[0]
    file.write_text(known)
    await desk.hiding.ready(uri)
    assert desk.shown(entry) == []
    file.write_text(broken)
    await desk.hiding.ready(uri)
    assert len(desk.told) == 2
    await desk.close()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
async def test_a_pipe_or_a_folder_in_its_place_hangs_nothing(desk: Desk) -> None:
    entry = desk.open("a.py", "f1")
    file = desk.root / BASELINE_FILE
    os.mkfifo(file)
    await desk.hiding.ready(entry.document.uri)
    file.unlink()
    file.mkdir()
    await desk.hiding.ready(entry.document.uri)
    assert desk.shown(entry) == ["f1"]
    assert len(desk.told) == 1
    assert "not a file" in desk.told[0]
    await desk.close()


async def test_what_stands_in_the_editor_counts_before_it_is_saved(desk: Desk) -> None:
    entry = desk.open("a.py", "f1")
    uri, file = entry.document.uri, desk.root / BASELINE_FILE
    known = Baseline().with_findings([("a.py", finding("f1"))]).text
    opened = desk.session.open(file.as_uri(), known, "json", 1)
    await desk.hiding.ready(uri)
    assert desk.shown(entry) == []
    half = Edit(Offset(0), Offset(3), "")
    desk.session.change(file.as_uri(), [((half,), opened.document.replace([half], 2))])
    await desk.hiding.ready(uri)
    assert (desk.shown(entry), desk.told) == ([], []), "nobody complains while it is being written"
    desk.session.close(file.as_uri())
    await desk.hiding.ready(uri)
    assert desk.shown(entry) == ["f1"], "it was not saved"
    await desk.close()


async def test_a_renamed_file_keeps_its_dismissals(desk: Desk) -> None:
    entry = desk.open("a.py", "f1", "f2")
    desk.hiding.dismiss(entry.document.uri, "f1")
    desk.hiding.renamed((desk.root / "a.py").as_uri(), (desk.root / "b.py").as_uri())
    assert desk.shown(desk.open("b.py", "f1", "f2")) == ["f2"]
    assert desk.shown(entry) == ["f1", "f2"]
    await desk.close()
    assert [each.path for each in desk.store.of(desk.root)] == ["b.py"]


async def test_the_files_of_a_renamed_folder_keep_theirs(desk: Desk) -> None:
    (desk.root / "old").mkdir()
    (desk.root / "older").mkdir()
    for name in ("old/a.py", "older/a.py"):
        desk.hiding.dismiss(desk.open(name, "f1").document.uri, "f1")
    desk.hiding.renamed((desk.root / "old").as_uri(), (desk.root / "new").as_uri())
    desk.hiding.renamed((desk.root / "new").as_uri(), "file:///elsewhere/new")
    await desk.close()
    assert sorted(each.path for each in desk.store.of(desk.root)) == ["new/a.py", "older/a.py"]


async def test_a_file_that_was_renamed_where_nobody_told_keeps_its_dismissals(desk: Desk) -> None:
    entry = desk.open("a.py", "f1")
    desk.hiding.dismiss(entry.document.uri, "f1")
    assert desk.shown(desk.open("copy.py", "f1")) == ["f1"], "the file is still there: this is another one"
    (desk.root / "a.py").rename(desk.root / "b.py")
    assert desk.shown(desk.open("b.py", "f1")) == []
    await desk.close()
    assert [each.path for each in desk.store.of(desk.root)] == ["b.py"]


async def test_files_that_are_open_and_not_on_the_disk_keep_their_own(desk: Desk) -> None:
    """After a switch to a branch without them, say: none of two has the dismissal from the other."""
    one, other = desk.open("a.py", "f1"), desk.open("b.py", "f1")
    for name in ("a.py", "b.py"):
        (desk.root / name).unlink()
    seen: list[list[str]] = []
    desk.hiding.changed = lambda uri: seen.append(desk.shown(desk.session.documents[uri]))
    desk.hiding.dismiss(one.document.uri, "f1")
    assert seen == [[], ["f1"]]
    assert (desk.shown(one), desk.shown(other)) == ([], ["f1"])
    await desk.close()


async def test_outside_of_all_folders_nothing_is_kept(desk: Desk) -> None:
    one, other = desk.open("untitled:One", "f1"), desk.open("untitled:Two", "f1")
    desk.hiding.dismiss("untitled:One", "f1")
    assert [desk.shown(one), desk.shown(other)] == [[], ["f1"]]
    assert await desk.hiding.team_file("untitled:One") is None
    await desk.close()
    assert desk.store.of(desk.root) == ()


async def test_comments_hide_too(desk: Desk) -> None:
    entry = desk.open("a.py", "f1", "f2")
    entry.silenced = frozenset({"f2"})
    assert desk.shown(entry) == ["f1"]
    await desk.close()
