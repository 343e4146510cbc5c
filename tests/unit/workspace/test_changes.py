"""What git says that changed, with the real git and names, states and set-ups that people and attackers have."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from codeassist.workspace import changes
from codeassist.workspace.changes import ChangedFile, GitError, blobs, changes_since, staged_changes
from tests.repositories import Repository

ODD_NAMES = ["a\nb.py", 'quote".py', "tab\t.py", "-rf.py", " space .py", ":(top)x.py", "€😀.py", "*.py", "a\\b.py"]
if sys.platform == "linux":
    ODD_NAMES.append(os.fsdecode(b"\xff\xfe.py"))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "project")
    made.commit({"a.py": "one = 1\n", "inner/b.py": "two = 2\n"})
    return made


def summary(files: tuple[ChangedFile, ...]) -> dict[str, str]:
    return {file.path: file.kind for file in files}


def content(repository: Repository, blob: str) -> bytes | None:
    with blobs(repository.root) as read:
        return read.read(blob, 1_000)


def test_nothing_changed(repository: Repository) -> None:
    os.utime(repository.root / "a.py", (1, 1))  # Git's index does not know yet that this is the same.
    assert staged_changes(repository.root).files == ()
    for file in changes_since(repository.root, None).files:
        assert content(repository, file.old_blob) == (repository.root / file.path).read_bytes()


def test_what_is_not_committed_has_new_files_and_leaves_ignored_ones_out(repository: Repository) -> None:
    repository.write({"a.py": "one = 2\n", "new.py": "x = 1\n", "ignored.py": "", ".gitignore": "ignored.py\n"})
    found = changes_since(repository.root / "inner", None)
    assert found.top == repository.root.resolve()
    assert summary(found.files) == {".gitignore": "file", "a.py": "file", "new.py": "file"}
    assert [content(repository, file.old_blob) for file in found.files if file.old_blob] == [b"one = 1\n"]


def test_a_branch_is_compared_with_where_it_parted(repository: Repository) -> None:
    repository.git("switch", "--quiet", "--create", "work")
    repository.commit({"mine.py": "x = 1\n"})
    repository.git("switch", "--quiet", "main")
    repository.commit({"theirs.py": "y = 1\n", "a.py": "changed = 1\n"})
    repository.git("switch", "--quiet", "work")
    repository.write({"untracked.py": ""})
    assert summary(changes_since(repository.root, "main").files) == {"mine.py": "file"}


def test_what_is_staged_is_what_the_index_holds(repository: Repository) -> None:
    repository.write({"a.py": "staged = 1\n", "inner/b.py": "not staged\n"})
    repository.git("add", "a.py")
    repository.write({"a.py": "later = 1\n"})
    (file,) = staged_changes(repository.root).files
    assert (file.path, content(repository, file.blob), content(repository, file.old_blob)) == (
        "a.py",
        b"staged = 1\n",
        b"one = 1\n",
    )


def test_the_index_of_a_running_commit_holds(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """`git commit FILE` lets its hooks see an index of its own."""
    repository.write({"a.py": "other = 1\n"})
    repository.git("add", "a.py", GIT_INDEX_FILE=".git/next-index")
    assert staged_changes(repository.root).files == ()
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/next-index")
    assert "a.py" in summary(staged_changes(repository.root).files)


def test_the_repository_that_a_hook_names_holds(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """From wherever git is started for the next step."""
    repository.write({"a.py": "one = 2\n", "inner/new.py": ""})
    monkeypatch.chdir(repository.root / "inner")
    monkeypatch.setenv("GIT_DIR", "../.git")
    monkeypatch.setenv("GIT_WORK_TREE", "..")
    assert summary(changes_since(Path(), None).files) == {"a.py": "file", "inner/new.py": "file"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_hostile_names(repository: Repository) -> None:
    for name in ODD_NAMES:
        (repository.root / name).write_text("x = 1\n")
    assert set(summary(changes_since(repository.root, None).files)) == set(ODD_NAMES)
    repository.git("add", "--all")
    assert set(summary(staged_changes(repository.root).files)) == set(ODD_NAMES)
    for file in staged_changes(repository.root).files:
        assert content(repository, file.blob) == b"x = 1\n"


def test_renamed_deleted_linked_and_of_other_type(repository: Repository) -> None:
    text = "".join(f"line_{number} = {number}\n" for number in range(30))
    repository.commit({"old.py": text, "gone.py": "x = 1\n", "link.py": "was a file\n"})
    repository.git("mv", "old.py", "new.py")
    repository.write({"new.py": text.replace("= 7\n", "= 8\n")})
    (repository.root / "gone.py").unlink()
    (repository.root / "link.py").unlink()
    (repository.root / "link.py").symlink_to("/etc/passwd")
    repository.git("add", "--all")
    for found in (staged_changes(repository.root), changes_since(repository.root, None)):
        assert summary(found.files) == {"gone.py": "deleted", "link.py": "link", "new.py": "file"}
        (renamed,) = [file for file in found.files if file.path == "new.py"]
        assert (renamed.old_path, content(repository, renamed.old_blob)) == ("old.py", text.encode())


def test_a_submodule_is_known_as_one(repository: Repository, tmp_path: Path) -> None:
    Repository(tmp_path / "part").commit({"c.py": "three = 3\n"})
    allowed = ("-c", "protocol.file.allow=always")
    repository.git(*allowed, "submodule", "--quiet", "add", str(tmp_path / "part"), "part")
    assert summary(staged_changes(repository.root).files) == {".gitmodules": "file", "part": "submodule"}
    assert summary(changes_since(repository.root / "part", None).files) == {}


def test_conflicts_are_unmerged(repository: Repository) -> None:
    repository.git("switch", "--quiet", "--create", "work")
    repository.commit({"a.py": "one = 2\n"})
    repository.git("switch", "--quiet", "main")
    repository.commit({"a.py": "one = 3\n"})
    repository.git("merge", "work", check=False)
    assert summary(changes_since(repository.root, None).files) == {"a.py": "unmerged"}
    assert summary(staged_changes(repository.root).files) == {"a.py": "unmerged"}


@pytest.mark.parametrize("options", [(), ("--object-format=sha256",)])
def test_before_the_first_commit_all_is_new(tmp_path: Path, options: tuple[str, ...]) -> None:
    made = Repository(tmp_path / "fresh", *options)
    made.write({"a.py": "x = 1\n", "b.py": "y = 1\n"})
    made.git("add", "a.py")
    assert summary(staged_changes(made.root).files) == {"a.py": "file"}
    assert summary(changes_since(made.root, None).files) == {"a.py": "file", "b.py": "file"}
    with pytest.raises(GitError, match="there is no commit here yet"):
        changes_since(made.root, "HEAD")


def test_no_repository_and_bare_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "plain").mkdir()
    bare = Repository(tmp_path / "bare", "--bare")
    for folder, said in [(tmp_path / "plain", "no git repository here"), (bare.root, "bare")]:
        for look in (staged_changes, lambda root: changes_since(root, None)):
            with pytest.raises(GitError, match=said) as error:
                look(folder)
            assert error.value.is_usage


def test_git_that_is_not_there(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(GitError, match="git is not installed") as error:
        staged_changes(repository.root)
    assert not error.value.is_usage


@pytest.mark.parametrize(
    "base", ["no-such", "-x", "--output=/tmp/x", "", "main..main", "a\nb", "HEAD:a.py", "@{u}", "'; rm -rf ."]
)
def test_unknown_revisions(repository: Repository, base: str) -> None:
    with pytest.raises(GitError, match="revision") as error:
        changes_since(repository.root, base)
    assert error.value.is_usage


def test_a_path_in_place_of_a_revision(repository: Repository) -> None:
    with pytest.raises(GitError, match="--diff=HEAD inner"):
        changes_since(repository.root, "inner")


def test_a_shallow_clone_without_the_base(repository: Repository, tmp_path: Path) -> None:
    repository.git("branch", "old")
    repository.commit({"a.py": "one = 2\n"})
    url = repository.root.as_uri()
    repository.git("clone", "--quiet", "--depth=1", url, str(tmp_path / "shallow"))
    with pytest.raises(GitError, match=r"shallow clone.*fetch-depth: 0"):
        changes_since(tmp_path / "shallow", "origin/old")
    repository.git("-C", str(tmp_path / "shallow"), "fetch", "--quiet", "--depth=1", "origin", "old:old")
    with pytest.raises(GitError, match="git fetch --unshallow"):
        changes_since(tmp_path / "shallow", "old")


def test_histories_that_never_met(repository: Repository) -> None:
    repository.git("switch", "--quiet", "--orphan", "other")
    repository.commit({"z.py": "x = 1\n"})
    with pytest.raises(GitError, match="no commit in common"):
        changes_since(repository.root, "main")


@pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts")
def test_no_program_of_the_repository_is_run(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pager, external diff, text conversion, file system monitor and hooks: none of them leaves its mark."""
    mark = tmp_path / "was-run"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    program.chmod(0o755)
    hooks = repository.root / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-index-change", "fsmonitor-watchman", "post-checkout"):
        (hooks / name).write_text(program.read_text())
        (hooks / name).chmod(0o755)
    for key in ("core.pager", "core.fsmonitor", "diff.external", "diff.odd.textconv", "diff.odd.command"):
        repository.git("config", key, str(program))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(program))
    monkeypatch.setenv("GIT_PAGER", str(program))
    repository.write({".gitattributes": "*.py diff=odd\n", "a.py": "one = 5\n"})
    assert "a.py" in summary(changes_since(repository.root, "main").files)
    os.utime(repository.root / "inner" / "b.py", (1, 1))
    assert "a.py" in summary(changes_since(repository.root, None).files)
    assert summary(staged_changes(repository.root).files) == {}
    assert not mark.exists()


def test_long_contents_are_passed_over(repository: Repository) -> None:
    repository.write({"big.py": b"x" * 3_000_000, "small.py": b"small"})
    repository.git("add", "--all")
    by_name = {file.path: file.blob for file in staged_changes(repository.root).files}
    with blobs(repository.root) as read:
        assert read.read(by_name["big.py"], 1_000) is None
        assert read.read(by_name["small.py"], 1_000) == b"small"
        assert read.read("0" * 40, 1_000) is None
        assert read.read(by_name["small.py"], 5) == b"small"


def test_git_that_does_not_answer(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_TIMEOUT_S", 0.0)
    with pytest.raises(GitError, match="did not answer"):
        staged_changes(repository.root)
