"""The file of dismissals."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from codeassist.workspace import dismissals
from codeassist.workspace.dismissals import Dismissal, DismissalStore

ONE, TWO = Dismissal("a.py", "f1", "bug"), Dismissal("b/c.py", "f2", "leak")
CATEGORY = Dismissal("", "", "wrong-name")


def test_a_file_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    store = DismissalStore(tmp_path / "deep" / "dismissals.sqlite3")
    assert store.of(tmp_path) == ()
    assert not (tmp_path / "deep").exists()


def test_what_was_dismissed_is_there_for_its_folder_alone(tmp_path: Path) -> None:
    store = DismissalStore(tmp_path / "dismissals.sqlite3")
    store.change(tmp_path / "one", new=[ONE, CATEGORY])
    store.change(tmp_path / "two", new=[TWO])
    again = DismissalStore(tmp_path / "dismissals.sqlite3")
    assert again.of(tmp_path / "one") == (ONE, CATEGORY)
    assert again.of(tmp_path / "two") == (TWO,)
    again.change(tmp_path / "one", new=[TWO, ONE], gone=[CATEGORY, TWO])
    assert store.of(tmp_path / "one") == (TWO, ONE)
    assert [each.is_category for each in (ONE, CATEGORY)] == [False, True]


def test_a_folder_is_the_same_by_every_way(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    store = DismissalStore(tmp_path / "dismissals.sqlite3")
    store.change(tmp_path / "link", new=[ONE])
    assert store.of(tmp_path / "real") == (ONE,)


def test_no_names_of_folders_are_kept_and_no_code(tmp_path: Path) -> None:
    store = DismissalStore(tmp_path / "dismissals.sqlite3")
    store.change(tmp_path / "a-secret-project", new=[ONE])
    assert b"a-secret-project" not in (tmp_path / "dismissals.sqlite3").read_bytes()


def test_old_ones_are_let_go_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dismissals, "_MOST_OF_WORKSPACE", 3)
    store = DismissalStore(tmp_path / "dismissals.sqlite3")
    store.change(tmp_path / "other", new=[ONE])
    store.change(tmp_path, new=[Dismissal("a.py", str(number), "bug") for number in range(7)])
    assert [each.fingerprint for each in store.of(tmp_path)] == ["4", "5", "6"]
    assert store.of(tmp_path / "other") == (ONE,)


def test_paths_of_any_kind(tmp_path: Path) -> None:
    store = DismissalStore(tmp_path / "dismissals.sqlite3")
    odd = [Dismissal("ä 😀/\udcff.py", "f", "c"), Dismissal("a\0b", "f", "c")]
    store.change(tmp_path, new=odd)
    assert [each.path for each in store.of(tmp_path)] == ["ä 😀/?.py", "a\0b"]
    store.change(tmp_path, gone=odd)
    assert store.of(tmp_path) == ()


def test_several_editors_write_at_once(tmp_path: Path) -> None:
    """Also where none of them has made the file yet."""
    path = tmp_path / "dismissals.sqlite3"
    program = (
        "import sys; from pathlib import Path; from codeassist.workspace.dismissals import Dismissal, DismissalStore\n"
        "store, root, name = DismissalStore(Path(sys.argv[1])), Path(sys.argv[1]).parent, sys.argv[2]\n"
        "for number in range(40): store.change(root, new=[Dismissal(name, str(number), 'bug')])"
    )
    editors = [
        subprocess.Popen([sys.executable, "-c", program, str(path), name], stderr=subprocess.PIPE) for name in "abc"
    ]
    assert [editor.communicate()[1] for editor in editors] == [b""] * 3
    assert len(DismissalStore(path).of(tmp_path)) == 120


@pytest.mark.parametrize("column", ["path", "fingerprint", "category"])
def test_what_makes_no_sense_is_left_out(tmp_path: Path, column: str) -> None:
    path = tmp_path / "dismissals.sqlite3"
    store = DismissalStore(path)
    store.change(tmp_path, new=[ONE, TWO])
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"UPDATE dismissals SET {column} = x'ff' WHERE path = 'a.py'")
    assert store.of(tmp_path) == (TWO,)


@pytest.mark.parametrize("content", [b"no database at all, whatever it is\n" * 40, b""])
def test_a_broken_file_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "dismissals.sqlite3"
    path.write_bytes(content)
    store = DismissalStore(path)
    if content:
        with pytest.raises(sqlite3.Error):
            store.change(tmp_path, new=[ONE])
        with pytest.raises(sqlite3.Error):
            store.of(tmp_path)
        assert path.read_bytes() == content
    else:
        store.change(tmp_path, new=[ONE])
        assert store.of(tmp_path) == (ONE,)


def test_a_file_of_another_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "dismissals.sqlite3"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA user_version = 99")
        database.execute("CREATE TABLE future (x)")
    with pytest.raises(sqlite3.Error, match="another version"):
        DismissalStore(path).change(tmp_path, new=[ONE])
