"""What git keeps about a folder, with the real git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from codeassist.workspace import git


def run(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "inner").mkdir(parents=True)
    (root / "inner" / "a.py").write_text("x = 1\n")
    run(root, "init")
    run(root, "add", ".")
    run(root, "commit", "-m", "first")
    return root


def test_a_folder_inside_of_a_repository_sees_its_checkouts(repository: Path) -> None:
    files = git.checkout_files(repository / "inner")
    before = git.state_of(files)
    assert before
    assert git.state_of(files) == before
    run(repository, "switch", "-c", "other")
    assert git.state_of(files) != before


def test_a_worktree_sees_its_own_checkouts_and_shares_the_rest(repository: Path, tmp_path: Path) -> None:
    run(repository, "worktree", "add", "-b", "beside", str(tmp_path / "tree"))
    files, elsewhere = git.checkout_files(tmp_path / "tree"), git.checkout_files(repository)
    before, before_elsewhere = git.state_of(files), git.state_of(elsewhere)
    run(tmp_path / "tree", "switch", "-c", "third")
    assert git.state_of(files) != before
    assert git.state_of(elsewhere) == before_elsewhere
    assert git.common_folder(tmp_path / "tree") == (repository / ".git").resolve()


def test_a_submodule_sees_its_own_checkouts(repository: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    run(outer, "init")
    run(outer, "-c", "protocol.file.allow=always", "submodule", "add", str(repository), "part")
    files = git.checkout_files(outer / "part" / "inner")
    before = git.state_of(files)
    assert before
    run(outer / "part", "switch", "-c", "other")
    assert git.state_of(files) != before


@pytest.mark.parametrize("content", [b"", b"nonsense", b"gitdir: ../gone\n", b"gitdir: \xff\n", b"gitdir: \0\n"])
def test_a_broken_git_file_is_no_repository_to_look_into(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".git").write_bytes(content)
    assert git.state_of(git.checkout_files(tmp_path)) == ()
    git.common_folder(tmp_path)


def test_no_repository(tmp_path: Path) -> None:
    assert git.state_of(git.checkout_files(tmp_path)) == ()
