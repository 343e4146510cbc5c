from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from codeassist.workspace.update import Updater
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
