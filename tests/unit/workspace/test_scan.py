from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from codeassist.workspace import writing
from codeassist.workspace.extract import Raw, read
from codeassist.workspace.scan import scan
from codeassist.workspace.scanner import ScanProcess
from codeassist.workspace.store import open_to_write
from tests.unit.workspace.making import FAULTY, Workplace


def module(number: int) -> str:
    return f"import os\n\n\nclass Thing{number}:\n    def method_{number}(self):\n        return {number}\n"


def test_new_changed_same_and_gone(place: Workplace) -> None:
    place.write({"a.py": module(1), "b.py": module(2), "c.py": module(3)})
    first = place.scan()
    assert (first.state, first.found, first.read, first.removed) == ("done", 3, 3, 0)

    again = place.scan()
    assert (again.found, again.read, again.removed) == (3, 0, 0)

    place.write({"a.py": module(11)})
    (place.root / "b.py").unlink()
    os.utime(place.root / "c.py", ns=(1, 1))  # Another time, the same content.
    third = place.scan()
    assert (third.read, third.removed) == (2, 1)
    names = place.index.definitions_named(["Thing1", "Thing11", "Thing2", "Thing3"])
    assert sorted(names) == ["Thing11", "Thing3"]
    assert place.scan().read == 0


def test_what_is_not_indexed_is_noted_once(place: Workplace) -> None:
    place.write(
        {
            "binary.py": b"\0\1\2", "gen.py": "# @generated\n", "min.js": "a=1;" * 5000, "notes": "plain words\n",
            "big.py": "x = 1\n" * 20_000, "script": "#!/usr/bin/env python3\ndef from_script(): pass\n",
            ".env": "KEY=1\n", "utf16.py": "x = 1\n".encode("utf-16"), "bom.py": b"\xef\xbb\xbfdef with_bom(): pass\n",
            "latin.py": b"def n\xe4me(): pass\n", "crlf.py": b"def a():\r\n    pass\r\n\r\ndef b():\r\n    pass\r\n",
        }
    )  # fmt: skip
    assert place.scan(max_file_bytes=50_000).state == "done"
    assert place.paths("large") == ["big.py"]
    assert place.paths("binary") == ["binary.py", "utf16.py"]
    assert place.paths("generated") == ["gen.py"]
    assert place.paths("minified") == ["min.js"]
    assert place.paths("other") == ["notes"]
    assert place.paths() == ["bom.py", "crlf.py", "latin.py", "script"]
    assert sorted(place.index.definitions_named(["from_script", "with_bom", "b"])) == ["b", "from_script", "with_bom"]
    assert place.index.definitions_in(["crlf.py"])["crlf.py"][1].start_line == 3
    assert place.scan(max_file_bytes=50_000).read == 0
    assert place.scan(max_file_bytes=500_000).read == 1
    assert place.paths("large") == []


def test_a_worker_that_dies_loses_one_file(place: Workplace) -> None:
    place.write({f"m{number}.py": module(number) for number in range(60)})
    place.write({"bad.py": "# CRASH\n" + module(100), "odd.py": "# RAISE\n"})
    progress: list[int] = []
    report = scan(place.root, place.options(worker=FAULTY), lambda done, total, phase: progress.append(done))
    assert (report.state, report.bad) == ("done", ["bad.py"])
    assert place.paths("bad") == ["bad.py", "odd.py"]
    assert len(place.paths()) == 60
    assert progress[-1] == 62

    os.utime(place.root / "bad.py", ns=(1, 1))
    assert place.scan(worker=FAULTY).bad == []  # The same content: it is left alone.
    place.write({"bad.py": module(100)})
    place.scan(worker=FAULTY)
    assert "Thing100" in place.index.definitions_named(["Thing100"])
    assert place.paths("bad") == ["odd.py"]


def test_a_worker_that_hangs_loses_one_file(place: Workplace) -> None:
    place.write({f"m{number}.py": module(number) for number in range(5)})
    place.write({"slow.py": "# HANG\n"})
    report = place.scan(worker=FAULTY, limit_s=2.0, processes=1)
    assert (report.state, report.bad) == ("done", ["slow.py"])
    assert len(place.paths()) == 5


def test_a_file_that_cannot_be_written_takes_no_other_with_it(place: Workplace) -> None:
    place.write({f"m{number}.py": module(number) for number in range(60)})
    place.write({"m7.py": "# UNWRITABLE\n"})
    report = place.scan(worker=FAULTY)
    assert (report.state, report.bad) == ("done", ["m7.py"])
    assert len(place.paths()) == 59


def test_many_bad_files_in_a_row(place: Workplace) -> None:
    place.write({f"m{number}.py": "# CRASH\n" for number in range(12)})
    assert len(place.scan(worker=FAULTY).bad) == 12


def test_workers_that_never_work(place: Workplace) -> None:
    place.write({f"m{number}.py": module(number) for number in range(60)})
    assert place.scan(worker=(sys.executable, "-c", "raise SystemExit(1)")).state == "workers"
    assert place.scan(worker=("/no/such/program",)).state == "workers"
    assert place.scan().state == "done"
    assert len(place.paths()) == 60


def test_cancelled_and_continued(place: Workplace) -> None:
    place.write({f"m{number}.py": module(number) for number in range(400)})
    cancelled = threading.Event()

    def tell(done: int, total: int, phase: str) -> None:
        if done:
            cancelled.set()

    report = scan(place.root, place.options(processes=1), tell, cancelled.is_set)
    assert report.state == "cancelled"
    assert place.scan().state == "done"
    assert len(place.paths()) == 400


def test_killed_and_continued(place: Workplace) -> None:
    place.write({f"m{number}.py": module(number) for number in range(400)})
    seen = threading.Event()
    process = ScanProcess(place.root, place.options(), lambda *_: seen.set())
    assert seen.wait(60)
    process.kill()
    report = process.wait(60)
    assert report is not None
    assert report.state in ("workers", "done")
    assert place.scan().state == "done"
    assert len(place.paths()) == 400
    assert place.index.counts().definitions == 800


def test_as_a_process_of_its_own(place: Workplace) -> None:
    place.write({"a.py": module(1), "skip/b.py": module(2)})
    ended: list[str] = []
    process = ScanProcess(
        place.root, place.options(exclude=("skip/",)), on_end=lambda report: ended.append(report.state)
    )
    report = process.wait(60)
    assert report is not None
    assert (report.state, report.found, ended) == ("done", 1, ["done"])


def test_a_module_of_the_workspace_is_not_imported(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write(dict.fromkeys(("sqlite3.py", "json.py", "codeassist.py", "signal.py"), "raise SystemExit(1)\n"))
    monkeypatch.chdir(place.root)
    report = ScanProcess(place.root, place.options()).wait(60)
    assert report is not None
    assert (report.state, report.found) == ("done", 4)


def test_one_scan_at_a_time(place: Workplace) -> None:
    place.write({"a.py": module(1)})
    place.folder.mkdir(mode=0o700)
    with FileLock(f"{place.index.database}.scan"):
        assert place.scan().state == "elsewhere"
    assert place.scan().state == "done"


def test_two_processes_write(place: Workplace) -> None:
    """Another one writes all the time; both end up with all of theirs."""
    place.write({f"m{number}.py": module(number) for number in range(100)})
    open_to_write(place.index.database).close()
    program = (
        "import sys; from pathlib import Path; from codeassist.workspace import writing\n"
        "from codeassist.workspace.store import open_to_write; from codeassist.workspace.extract import Entry\n"
        "connection = open_to_write(Path(sys.argv[1])); print('ready', flush=True)\n"
        "for number in range(200):\n"
        "    writing.write(connection, [Entry(f'other{number}.py', 'python', 1, 1, b'', 'indexed')])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(place.index.database)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        assert place.scan().state == "done"
        assert other.wait(60) == 0
    own = [path for path in place.paths() if not path.startswith("other")]
    assert len(own) == 100


def test_a_file_that_vanishes_while_it_is_read(place: Workplace) -> None:
    place.write({"a.py": module(1)})
    assert read(str(place.root), "gone.py", 1000) is None
    assert read(str(place.root), "a.py/gone.py", 1000) is None
    (place.root / "folder.py").mkdir()
    assert read(str(place.root), "folder.py", 1000) is None
    raw = read(str(place.root), "a.py", 10)
    assert isinstance(raw, Raw)
    assert (raw.data, raw.trouble) == (None, "large")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_pipe_in_place_of_a_file_is_not_waited_for(place: Workplace) -> None:
    os.mkfifo(place.root / "pipe.py")
    assert read(str(place.root), "pipe.py", 1000) is None


def test_many_files(place: Workplace) -> None:
    place.write({f"p{number % 40}/q{number % 7}/m{number}.py": f"v{number} = 1\n" for number in range(3000)})
    place.write({f"node_modules/p{number}/index.js": "x\n" for number in range(300)})
    report = place.scan()
    assert (report.state, report.found) == ("done", 3000)
    assert place.index.counts().files == 3000
    assert place.scan().read == 0


def test_no_folder(tmp_path: Path, place: Workplace) -> None:
    assert scan(tmp_path / "none", place.options()).state == "no-folder"


def test_starts_afresh_when_most_words_are_of_what_is_gone(place: Workplace) -> None:
    place.write({"a.py": module(1)})
    place.scan()
    connection = open_to_write(place.index.database)
    with writing.transaction(connection):
        connection.execute("UPDATE meta SET value = 50000 WHERE key IN ('dead_chunks', 'next_chunk')")
    assert place.scan().read == 1
    assert [found.path for found in place.index.mentions("method_1", 5)] == ["a.py"]
    assert place.scan().read == 0


def test_an_index_that_turns_out_to_be_damaged_is_built_anew_in_the_same_scan(place: Workplace) -> None:
    """It opens, and has its version, but a table is gone."""
    place.write({"a.py": module(1), "b.py": module(2)})
    place.scan()
    connection = open_to_write(place.index.database)
    connection.execute("DROP TABLE definitions")
    connection.close()
    place.write({"a.py": module(3)})
    report = place.scan()
    assert (report.state, report.read) == ("done", 2)
    assert sorted(place.index.definitions_named(["Thing1", "Thing2", "Thing3"])) == ["Thing2", "Thing3"]


@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="names there are UTF-8")
def test_odd_folders_and_names_are_counted_and_the_rest_is_read(place: Workplace) -> None:
    place.write({"a.py": module(1)})
    (place.root / os.fsdecode(b"caf\xe9.py")).write_text("x = 1\n")
    report = place.scan()
    assert (report.state, report.odd_names, place.paths()) == ("done", 1, ["a.py"])
