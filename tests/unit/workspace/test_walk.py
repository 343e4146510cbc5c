from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from codeassist.workspace.ignore import rules_at
from codeassist.workspace.walk import Walk
from tests.unit.workspace.making import Workplace, write_files


def walked(root: Path) -> list[str]:
    return sorted(found.path for found in Walk(root, rules_at(root)))


def test_code_configuration_and_files_without_ending(tmp_path: Path) -> None:
    write_files(
        tmp_path, {"a.py": "", "go.mod": "", "script": "", "b.png": "", "c.xyz": "", "Makefile": "", "d/e.TS": ""}
    )
    assert walked(tmp_path) == ["Makefile", "a.py", "d/e.TS", "go.mod", "script"]


def test_secrets_and_virtual_environments_are_not_listed(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {".env": "", ".ssh/x.py": "", "credentials.json": "", "myenv/pyvenv.cfg": "", "myenv/lib/x.py": "", "a.py": ""},
    )
    assert walked(tmp_path) == ["a.py"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links(tmp_path: Path) -> None:
    root = tmp_path / "root"
    files = {"root/a/x.py": "", "outside/y.py": "", "root/.env": "S=1", "root/no/z.py": "", "root/.gitignore": "no/\n"}
    write_files(tmp_path, files)
    links = {
        "a/loop": root, "a/up": root / "a", "other": tmp_path / "outside", "inside.py": root / "a" / "x.py",
        "outside.py": tmp_path / "outside" / "y.py", "secret.py": root / ".env", "nowhere.py": root / "gone.py",
        "self.py": root / "self.py", "ignored.py": root / "no" / "z.py",
    }  # fmt: skip
    for name, target in links.items():
        (root / name).symlink_to(target)
    assert walked(root) == ["a/x.py", "inside.py"]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are text there")
def test_names_that_are_not_utf8(place: Workplace) -> None:
    place.write({"a.py": "", "sub/b.py": ""})
    for name in (b"caf\xe9.py", b"fold\xe9r/x.py"):
        path = os.fsencode(place.root) + b"/" + name
        file = Path(os.fsdecode(path))
        file.parent.mkdir(exist_ok=True)
        file.touch()
    walk = Walk(place.root, rules_at(place.root))
    assert sorted(found.path for found in walk) == ["a.py", "sub/b.py"]
    assert walk.unseen.names == 2
    report = place.scan()
    assert (report.state, report.odd_names) == ("done", 2)
    assert place.paths() == ["a.py", "sub/b.py"]


def test_unreadable_and_vanished_folders(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.py": "", "locked/x.py": "", "gone/y.py": "", "z/w.py": ""})

    def scandir(path: str) -> Iterator[os.DirEntry[str]]:
        if path.endswith("locked"):
            raise PermissionError(13, "Permission denied")
        if path.endswith("gone"):
            raise FileNotFoundError(2, "No such file or directory")
        return os.scandir(path)

    walk = Walk(tmp_path, rules_at(tmp_path), scandir=scandir)
    assert sorted(found.path for found in walk) == ["a.py", "z/w.py"]
    assert (walk.unseen.folders, walk.unseen.vanished) == (1, 1)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    assert walked(tmp_path) == []


def test_ends_when_cancelled(tmp_path: Path) -> None:
    write_files(tmp_path, {f"{number}/a.py": "" for number in range(20)})
    seen: list[str] = []
    for found in Walk(tmp_path, rules_at(tmp_path), cancelled=lambda: len(seen) >= 3):
        seen.append(found.path)  # noqa: PERF401  The walk reads it.
    assert len(seen) == 3
