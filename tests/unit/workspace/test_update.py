from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from codeassist.workspace import store
from codeassist.workspace.update import Updated, Updater
from tests.unit.workspace.making import FAULTY, Workplace


@pytest.fixture
def updater(place: Workplace) -> Iterator[Updater]:
    place.write({"a.py": "def old(): pass\n", "sub/b.py": "def below(): pass\n", ".gitignore": "out/\n"})
    place.scan()
    updater = Updater(place.root, place.options(worker=FAULTY, limit_s=2.0))
    yield updater
    updater.close()


def test_changed_new_and_gone(place: Workplace, updater: Updater) -> None:
    place.write({"a.py": "def new(): pass\n", "c.py": "def created(): pass\n"})
    result = updater.update([place.root / "a.py", "c.py", "never.py"])
    assert (result.state, result.wants_scan) == ("done", False)
    assert sorted(place.index.definitions_named(["old", "new", "created"])) == ["created", "new"]
    (place.root / "a.py").unlink()
    updater.update(["a.py"])
    assert place.paths() == ["c.py", "sub/b.py"]
    assert place.index.mentions("new", 3) == []


def test_a_folder_that_is_gone(place: Workplace, updater: Updater) -> None:
    (place.root / "sub").rename(place.root / "sub2")
    assert updater.update(["sub", "sub2"]).wants_scan
    assert place.paths() == ["a.py"]


def test_what_is_not_wanted(place: Workplace, updater: Updater) -> None:
    names = ["out/x.py", ".env", ".git/x.py", "env/lib/x.py", "image.png", ".ssh/x.py", "../outside.py"]
    place.write({**dict.fromkeys(names, "def unwanted(): pass\n"), "env/pyvenv.cfg": ""})
    assert updater.update([*names, "/etc/passwd", Path("/"), ".", "", "bad\udce9.py"]).state == "done"
    assert place.index.definitions_named(["unwanted"]) == {}
    assert place.paths() == ["a.py", "sub/b.py"]


def test_a_file_that_becomes_ignored_or_is_many(place: Workplace, updater: Updater) -> None:
    place.write({".gitignore": "a.py\n"})
    assert updater.update([".gitignore"]).wants_scan
    assert updater.update([".git/info/exclude"]).wants_scan
    updater.update(["a.py"])
    assert place.paths() == ["sub/b.py"]
    assert updater.update([f"{number}.py" for number in range(1000)]).wants_scan


def test_a_crash_and_a_hang(place: Workplace, updater: Updater) -> None:
    place.write({"a.py": "# CRASH\n", "sub/b.py": "# HANG\n", "c.py": "def after(): pass\n"})
    assert updater.update(["a.py", "sub/b.py", "c.py"]).state == "done"
    assert place.paths("bad") == ["a.py", "sub/b.py"]
    assert list(place.index.definitions_named(["after"])) == ["after"]


def test_from_several_threads(place: Workplace, updater: Updater) -> None:
    place.write({f"t{number}.py": f"def thread_{number}(): pass\n" for number in range(8)})
    threads = [threading.Thread(target=updater.update, args=([f"t{number}.py"],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(place.index.definitions_named([f"thread_{number}" for number in range(8)])) == 8


def test_without_an_index_it_is_made(place: Workplace) -> None:
    place.write({"a.py": "def first(): pass\n"})
    updater = Updater(place.root, place.options())
    assert updater.update(["a.py"]).state == "done"
    updater.close()
    assert list(place.index.definitions_named(["first"])) == ["first"]


def test_worker_cannot_be_started(place: Workplace) -> None:
    place.write({"a.py": ""})
    updater = Updater(place.root, place.options(worker=("/no/such/program",)))
    updater.warm()
    assert updater.update(["a.py"]).state == "workers"


def test_killed_while_a_file_never_ends(place: Workplace) -> None:
    """No file is lost by it, and no process is left."""
    place.write({"a.py": "# HANG\n", "b.py": "def after(): pass\n"})
    updater = Updater(place.root, place.options(worker=FAULTY, limit_s=600.0))
    updater.warm()
    assert updater._hand is not None
    process = updater._hand.process
    ended: list[Updated] = []
    thread = threading.Thread(target=lambda: ended.append(updater.update(["a.py", "b.py"])))
    thread.start()
    while process.stdin is not None and not updater._lock.locked():
        pass
    updater.kill()
    thread.join(20)
    assert [updated.state for updated in ended] == ["cancelled"]
    assert process.wait(20) != 0
    assert place.paths("bad") == place.paths() == []
    assert updater.update(["b.py"]).state == "cancelled"  # It hires nobody any more.
    assert updater._hand is None


def test_a_worker_that_was_killed_while_it_had_nothing_to_do_loses_no_file(place: Workplace, updater: Updater) -> None:
    updater.warm()
    assert updater._hand is not None
    updater._hand.process.kill()
    updater._hand.process.wait()
    place.write({"a.py": "def new(): pass\n"})
    assert updater.update(["a.py"]).state == "done"
    assert place.paths("bad") == []
    assert list(place.index.definitions_named(["new"])) == ["new"]


def test_a_worker_that_ends_at_once_loses_no_file(place: Workplace) -> None:
    place.write({"a.py": "def known(): pass\n"})
    place.scan()
    updater = Updater(place.root, place.options(worker=(sys.executable, "-c", "")))
    assert updater.update(["a.py"]).state == "workers"
    assert place.paths() == ["a.py"]


def test_warm_has_the_worker_read_a_file(place: Workplace, updater: Updater) -> None:
    """So that its grammar is loaded: the one read is of the language of most."""
    place.write({"c.py": "# CRASH\n" + "x = 1\n" * 330})
    updater.update(["a.py"])
    with store.open_to_write(place.index.database) as connection:
        connection.execute("INSERT INTO files SELECT 9, 'c.py', folder, 'yp.c', language, 2000, 1, hash, state, 1 "
                           "FROM files WHERE path = 'a.py'")  # fmt: skip
    updater.warm()
    assert place.paths("bad") == ["c.py"]


def test_an_index_that_was_deleted_is_begun_anew(place: Workplace, updater: Updater) -> None:
    assert not updater.update(["a.py"]).wants_scan
    place.index.database.unlink()
    place.write({"a.py": "def new(): pass\n"})
    assert updater.update(["a.py"]) == Updated("done", wants_scan=True)
    assert place.paths() == ["a.py"]
    assert not updater.update(["a.py"]).wants_scan


def test_a_folder_of_indexes_that_was_deleted(place: Workplace, updater: Updater) -> None:
    import shutil

    updater.update(["a.py"])
    shutil.rmtree(place.folder)
    assert updater.update(["a.py"]) == Updated("done", wants_scan=True)
    assert place.paths() == ["a.py"]


def test_an_index_that_was_overwritten_is_built_anew_by_the_next_scan(place: Workplace, updater: Updater) -> None:
    updater.update(["a.py"])
    database = place.index.database
    place.write({"a.py": "def new(): pass\n"})
    with database.open("r+b") as file:
        file.write(b"garbage!" * (database.stat().st_size // 8))
    subprocess.run(["rm", "-f", f"{database}-wal"], check=True)
    if updater.update(["a.py"]).state == "done":  # SQLite may not have looked yet.
        assert place.index.state != "ready"
    report = place.scan()
    assert (report.state, place.paths()) == ("done", ["a.py", "sub/b.py"])
    assert updater.update(["a.py"]).state == "done"
