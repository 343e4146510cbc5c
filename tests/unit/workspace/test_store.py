from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from codeassist.syntax.tags import NO_TAGS
from codeassist.workspace import schema, store, writing
from codeassist.workspace.chunks import Chunk
from codeassist.workspace.extract import Entry
from codeassist.workspace.index import Index
from tests.unit.workspace.making import Workplace

PYTHON = {"shop/cart.py": "def total(items):\n    return sum(items)\n", "shop/__init__.py": ""}


def entry(path: str, words: str = "alpha beta") -> Entry:
    return Entry(path, "python", 1, 1, b"h", "indexed", 1, NO_TAGS, [Chunk(0, 1, words)])


@pytest.mark.skipif(sys.platform == "win32", reason="no such rights there")
def test_only_its_owner_reads_it(place: Workplace) -> None:
    place.folder.mkdir(mode=0o755)
    place.write(PYTHON)
    place.scan()
    assert stat.S_IMODE(place.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in place.folder.iterdir()} == {0o600}


def test_one_file_for_each_folder_however_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").symlink_to(tmp_path / "a")
    path = store.database_path(tmp_path / "a", tmp_path)
    assert store.database_path(tmp_path / "b", tmp_path) == path
    assert store.database_path(tmp_path, tmp_path) != path


def broken(path: Path, kind: str) -> None:
    if kind == "no database":
        path.write_bytes(b"not a database" * 1000)
    elif kind == "other version":
        with sqlite3.connect(path) as connection:
            connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    elif kind == "other tables":
        path.unlink()
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE files(x)")
    elif kind == "cut off":
        os.truncate(path, 8192 + 4096)
    elif kind == "empty":
        os.truncate(path, 0)


@pytest.mark.parametrize("kind", ["no database", "other version", "other tables", "cut off", "empty"])
def test_a_broken_index_is_built_anew(place: Workplace, kind: str) -> None:
    place.write(PYTHON)
    place.scan()
    index = place.index
    assert index.definitions_named(["total"])
    index.close()
    for ending in ("-wal", "-shm"):
        Path(f"{index.database}{ending}").unlink(missing_ok=True)
    broken(index.database, kind)

    index = place.index
    assert index.definitions_named(["total"]) == {}
    assert index.similar(["total"], 3) == []
    assert index.counts().definitions == 0
    assert index.state in ("missing", "damaged")
    assert place.scan().state == "done"
    assert list(index.definitions_named(["total"])) == ["total"]
    assert index.state == "ready"


def test_a_page_without_sense_is_noticed_by_the_reader(place: Workplace) -> None:
    place.write({f"m{number}.py": f"def name_{number}(a):\n    return {number}\n" for number in range(200)})
    place.scan()
    place.index.close()
    database = place.index.database
    size = database.stat().st_size
    with database.open("r+b") as file:
        for page in range(1, size // 8192):  # All but the first, which holds the version.
            file.seek(page * 8192)
            file.write(b"\xff" * 8192)
    assert place.index.definitions_named(["name_7"]) == {}
    report = place.scan()
    assert report.state == "done"
    assert list(place.index.definitions_named(["name_7"])) == ["name_7"]


def test_what_is_written_over_an_index_is_noticed_though_its_reader_answers_from_its_cache(place: Workplace) -> None:
    place.write(PYTHON)
    place.scan()
    index = place.index
    assert index.exists("shop/cart.py")
    before = store.stamp(index.database)
    assert store.can_be_read(index.database)
    assert store.stamp(index.database) == before
    index.database.write_bytes(b"no database" * 10_000)
    assert index.exists("shop/cart.py")
    assert store.stamp(index.database) != before
    assert not store.can_be_read(index.database)
    index.database.unlink()
    assert store.stamp(index.database) is None
    assert not store.can_be_read(index.database)


def test_who_sees_damage_in_a_file_that_is_gone_does_not_blame_the_one_that_came(place: Workplace) -> None:
    place.write(PYTHON)
    place.scan()
    database = place.index.database
    old = store.identity(database)
    store.move_away(database)
    place.scan()
    new = store.identity(database)
    assert new != old
    store.distrust(database, old)
    store.distrust(database, None)
    store.open_to_write(database).close()
    assert store.identity(database) == new
    store.distrust(database, new)
    store.open_to_write(database).close()
    assert store.identity(database) != new


def test_what_is_distrusted_again_and_again_is_distrusted_all_the_while(place: Workplace) -> None:
    """Who notices may ask a thousand times until it is mended, and who mends it looks but once."""
    place.write(PYTHON)
    place.scan()
    database = place.index.database
    seen = store.identity(database)
    store.distrust(database, seen)
    written = store.identity(store._distrusted(database))
    store.distrust(database, seen)
    assert store._is_distrusted(database)
    assert store.identity(store._distrusted(database)) == written
    store.distrust(database, (0, 0))
    assert not store._is_distrusted(database)
    assert store.identity(store._distrusted(database)) != written  # Put in place as a whole.
    assert [each.name for each in database.parent.glob("*.distrusted*")] == [store._distrusted(database).name]


def test_readers_follow_when_the_file_is_another_one(place: Workplace) -> None:
    place.write(PYTHON)
    place.scan()
    index = place.index
    assert index.exists("shop/cart.py")
    store.move_away(index.database)
    assert not index.exists("shop/cart.py")
    place.scan()
    assert index.exists("shop/cart.py")


def test_full_disk(tmp_path: Path) -> None:
    connection = store.open_to_write(tmp_path / "x.sqlite3")
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(store.StoreTrouble) as caught:
        writing.write(connection, [entry(f"{number}.py", "word " * 200) for number in range(500)])
    assert caught.value.trouble == "full"
    assert connection.execute("SELECT count(*) FROM files").fetchone() == (0,)
    writing.write(connection, [entry("a.py")])
    assert connection.execute("SELECT path FROM files").fetchall() == [("a.py",)]


def test_read_only_and_impossible_folders(tmp_path: Path, place: Workplace) -> None:
    place.write(PYTHON)
    (tmp_path / "a-file").write_text("")
    assert place.scan(folder=tmp_path / "a-file" / "indexes").state == "unwritable"
    connection = store.open_to_write(tmp_path / "x.sqlite3")
    connection.execute("PRAGMA query_only = 1")  # As root, no file is read-only.
    with pytest.raises(store.StoreTrouble) as caught:
        writing.write(connection, [entry("a.py")])
    assert caught.value.trouble == "read-only"


def test_held_by_another_process(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    one, two = store.open_to_write(path), store.open_to_write(path)
    two.execute("PRAGMA busy_timeout = 0")
    one.execute("BEGIN IMMEDIATE")
    with pytest.raises(store.StoreTrouble) as caught:
        writing.write(two, [entry("a.py")])
    assert caught.value.trouble == "locked"
    one.execute("COMMIT")
    writing.write(two, [entry("a.py")])
    writing.write(one, [entry("a.py"), entry("b.py")])
    assert two.execute("SELECT path FROM files ORDER BY path").fetchall() == [("a.py",), ("b.py",)]


def test_a_writer_that_ends_in_the_middle_leaves_nothing_half(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    one = store.open_to_write(path)
    one.execute("BEGIN IMMEDIATE")
    writing._insert(one, [entry("a.py")])
    one.close()
    two = store.open_to_write(path)
    assert two.execute("SELECT count(*) FROM files").fetchone() == (0,)


def test_without_fts5(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "TERMS", "CREATE VIRTUAL TABLE terms USING fts5_that_is_missing(words)")
    connection = store.open_to_write(place.index.database)
    writing.write(connection, [entry("a.py")])
    assert place.index.exists("a.py")
    assert place.index.similar(["alpha"], 3) == []
    assert place.index.mentions("alpha", 3) == []
    assert place.index.state == "ready"


def test_missing(tmp_path: Path) -> None:
    index = Index(tmp_path, tmp_path / "none")
    assert index.state == "missing"
    assert not index.exists("a.py")
    assert index.ending("a.py") == []
    assert index.counts().files == 0
    assert not (tmp_path / "none").exists()


def test_what_was_written_ahead_of_a_deleted_index_is_not_put_into_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    connection = store.open_to_write(path)
    writing.write(connection, [entry("old.py")])
    assert path.with_name("x.sqlite3-wal").stat().st_size
    path.unlink()
    fresh = store.open_to_write(path)
    assert fresh.execute("SELECT count(*) FROM files").fetchone() == (0,)
    assert fresh.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


@pytest.mark.skipif(sys.platform == "win32", reason="files that are open cannot be deleted there")
@pytest.mark.parametrize("looks", ["before", "after"])
@pytest.mark.parametrize("opened", [store.open_to_write, store.open_to_read])
def test_who_still_holds_an_emptied_index_takes_nothing_from_the_one_that_came(
    tmp_path: Path, looks: str, opened: Callable[[Path], sqlite3.Connection | None]
) -> None:
    """What SQLite found empty it does not know from another one of the same name when it closes it."""
    path = tmp_path / "x.sqlite3"
    store.open_to_write(path).close()
    old = opened(path)
    assert old is not None
    for each in (path, store._rests(path)[0]):
        os.truncate(each, 0)
    fresh = store.open_to_write(path) if looks == "after" else None
    with suppress(sqlite3.Error):
        old.execute("SELECT count(*) FROM files").fetchall()
    fresh = fresh or store.open_to_write(path)
    there = store.beside(path)
    assert None not in there
    old.close()
    assert store.beside(path) == there
    index = store.open_to_read(path)
    assert index is not None
    # A process of its own, as workers are: it finds what is written ahead by its name alone.
    program = (
        "from pathlib import Path; from codeassist.workspace import store; "
        f"c = store.open_to_write(Path({str(path)!r})); "
        "c.execute(\"INSERT INTO meta VALUES ('seen', 1)\"); c.close()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    for connection in (fresh, index):
        assert connection.execute("SELECT value FROM meta WHERE key = 'seen'").fetchone() == (1,)
        connection.close()


def test_who_opens_an_empty_file_to_read_leaves_what_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    path.touch()
    ahead = store._rests(path)[0]
    ahead.write_bytes(b"another's")
    assert store.open_to_read(path) is None
    assert ahead.read_bytes() == b"another's"


@pytest.mark.skipif(sys.platform == "win32", reason="files that are open cannot be deleted there")
@pytest.mark.parametrize("which", [0, 1])
def test_an_index_without_what_lay_beside_it_is_built_anew(place: Workplace, which: int) -> None:
    place.write({"a.py": "def before(): pass\n"})
    place.scan()
    index = place.index
    assert index.counts().files == 1
    assert not index.is_cut_off
    old = store.identity(index.database)
    store._rests(index.database)[which].unlink()
    assert index.is_cut_off
    place.write({"a.py": "def after(): pass\n"})
    assert place.scan().state == "done"
    assert store.identity(index.database) != old
    assert list(index.definitions_named(["before", "after"])) == ["after"]
    assert not index.is_cut_off


def test_a_scan_leaves_nothing_written_ahead(place: Workplace) -> None:
    place.write(PYTHON)
    assert place.scan().state == "done"
    ahead = store._rests(place.index.database)[0]
    assert not ahead.exists() or ahead.stat().st_size == 0


@pytest.mark.parametrize("aside", ["", "file", "folder"])
def test_a_folder_in_its_place_is_set_aside(place: Workplace, aside: str) -> None:
    place.write({"a.py": "def found(): pass\n"})
    database = store.database_path(place.root, place.folder)
    (database / "inner").mkdir(parents=True)
    other = database.with_name(database.name + ".set-aside")
    if aside == "file":
        other.write_text("x")
    elif aside:
        (other / "inner").mkdir(parents=True)
    assert place.scan().state == "done"
    assert "found" in place.index.definitions_named(["found"])


@pytest.mark.skipif(sys.platform == "win32", reason="locks belong to handles there")
def test_who_opens_it_to_write_takes_no_locks_from_who_reads_it(place: Workplace) -> None:
    """Else another process that ends believes to be the last, and deletes what readers are looking at."""
    place.write({"a.py": "def before(): pass\n"})
    place.scan()
    index = place.index
    assert index.counts().files == 1
    database = store.database_path(place.root, place.folder)
    updating = store.open_to_write(database)
    statement = "UPDATE definitions SET name = 'after'"
    program = f"import sqlite3; c = sqlite3.connect({str(database)!r}); c.execute({statement!r}); c.commit(); c.close()"
    subprocess.run([sys.executable, "-c", program], check=True)
    assert database.with_name(database.name + "-wal").exists()
    assert list(index.definitions_named(["before", "after"])) == ["after"]
    updating.close()
    index.close()
