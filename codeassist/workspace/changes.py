"""What changed in a repository since a revision, or is about to be committed, as git itself says.

Only git's plumbing is called, with lists of arguments and NUL-separated answers: file names may hold anything. No
pager, no external diff, no text conversion, no hook and no file system monitor is started, and the index is not
written. Variables of a running hook (GIT_INDEX_FILE in a commit) hold, as they do for any git command.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import which
from typing import IO, Literal

Kind = Literal["file", "link", "submodule", "deleted", "unmerged"]

_TIMEOUT_S = 120.0
_PIECE_BYTES = 1 << 20
_QUIET = (
    "--no-pager",
    *("-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
)
_COMPARE = (
    "--raw",
    "-z",
    "--no-abbrev",
    "--find-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--ignore-submodules=dirty",
)
_PLACES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR")
_UNWANTED = ("GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_DIFF_OPTS")


class GitError(Exception):
    """Why git cannot say what changed: one sentence that names the next step. `is_usage`: what was asked for does not
    exist; otherwise git failed."""

    def __init__(self, message: str, *, is_usage: bool = True) -> None:
        super().__init__(message)
        self.is_usage = is_usage


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """One file that differs. `path` and `old_path` (before a rename) are relative to the repository's top, with "/";
    bytes that are no UTF-8 are surrogates, as everywhere in Python. `blob` is the content in the index, "" where the
    work tree's counts; `old_blob` the content before, "" for a new file."""

    path: str
    old_path: str
    kind: Kind
    blob: str
    old_blob: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs, sorted by path. `top`: the folder that paths are relative to. `since`: what it was compared with,
    in words."""

    top: Path
    files: tuple[ChangedFile, ...]
    since: str


def staged_changes(folder: Path) -> Changes:
    """What the next commit from `folder` would change. Raises GitError."""
    top = _top(folder)
    tree = _commit(folder, "HEAD") or _empty_tree(folder)
    raw = _git(folder, "diff-index", "--cached", *_COMPARE, tree, "--")
    return Changes(top, _parsed(raw, from_index=True), "the last commit")


def changes_since(folder: Path, base: str | None) -> Changes:
    """What the work tree around `folder` changed since it parted from `base`, as a pull request shows it. None: all
    that is not committed, new files that git does not ignore included. Raises GitError."""
    top = _top(folder)
    if base is None:
        tree = _commit(folder, "HEAD") or _empty_tree(folder)
        fresh = _git(top, "ls-files", "--others", "--exclude-standard", "-z")
        added = tuple(ChangedFile(name, name, "file", "", "") for name in _names(fresh) if not name.endswith("/"))
        since = "the last commit"
    else:
        tree, added, since = _parting(folder, base), (), base
    raw = _git(folder, "diff-index", *_COMPARE, tree, "--")
    # Beside the work tree git calls a file with conflicts changed like any other.
    conflicts = {entry.partition("\t")[2] for entry in _names(_git(top, "ls-files", "--unmerged", "-z"))}
    found = [
        replace(file, kind="unmerged") if file.path in conflicts else file for file in _parsed(raw, from_index=False)
    ]
    files = sorted((*found, *added), key=lambda file: file.path)
    return Changes(top, tuple(files), since)


class Blobs:
    """Contents by their ids, from one `git cat-file --batch`."""

    def __init__(self, requests: IO[bytes], answers: IO[bytes]) -> None:
        self._requests, self._answers = requests, answers

    def read(self, blob: str, most_bytes: int) -> bytes | None:
        """The content; None if it is longer than `most_bytes` or not there. Raises GitError if git ended."""
        try:
            self._requests.write(blob.encode() + b"\n")
            self._requests.flush()
            words = self._answers.readline().split()
            if len(words) < 3 or words[1] != b"blob":
                if not words:
                    raise GitError("git ended while it was read from; run `git fsck`", is_usage=False)
                return None
            size = int(words[2])
            content = self._answers.read(size) if size <= most_bytes else None
            if content is None:
                self._pass_over(size)
            self._answers.read(1)  # A line end behind each content.
        except OSError as error:
            raise GitError(f"git cannot be read from: {error}", is_usage=False) from error
        return content

    def _pass_over(self, size: int) -> None:
        while size > 0 and (piece := self._answers.read(min(size, _PIECE_BYTES))):
            size -= len(piece)


@contextmanager
def blobs(folder: Path) -> Iterator[Blobs]:
    """Read contents of the repository around `folder`. Raises GitError if git cannot be started."""
    command = [_program(), *_QUIET, "cat-file", "--batch"]
    try:
        process = subprocess.Popen(
            command, cwd=folder, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError as error:
        raise GitError(f"git cannot be started: {error}", is_usage=False) from error
    try:
        if process.stdin is not None and process.stdout is not None:  # As always with pipes asked for.
            yield Blobs(process.stdin, process.stdout)
    finally:
        process.kill()  # It only reads; there is nothing to finish.
        process.communicate()


def _top(folder: Path) -> Path:
    """The work tree that `folder` is in."""
    asked = _run(folder, "rev-parse", "--is-inside-work-tree")
    said = asked.stderr.decode("utf-8", "replace").strip()
    if asked.returncode != 0 and "dubious ownership" in said:
        raise GitError(
            "git does not trust this repository, because somebody else owns it; if you do, run "
            "`git config --global --add safe.directory DIRECTORY`"
        )
    if asked.returncode != 0 and "not a git repository" in said:
        raise GitError("there is no git repository here; run this in one, or name files: `codeassist review PATH`")
    if asked.returncode != 0:
        raise GitError(_sentence(said), is_usage=False)
    if asked.stdout.strip() != b"true":
        raise GitError("this repository is bare or this is its .git folder: there are no files; run this in a checkout")
    answer = _git(folder, "rev-parse", "--show-toplevel")
    return Path(os.fsdecode(answer.removesuffix(b"\n").removesuffix(b"\r")))


def _commit(folder: Path, revision: str) -> str | None:
    asked = _run(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    return asked.stdout.decode().strip() if asked.returncode == 0 else None


def _empty_tree(folder: Path) -> str:
    """What a repository without a commit is compared with, by the hash that it uses."""
    return _git(folder, "hash-object", "-t", "tree", "--stdin").decode().strip()


def _parting(folder: Path, base: str) -> str:
    """The commit at which the history of HEAD and that of `base` parted."""
    if not base.strip():  # A variable of a script that is not set.
        raise GitError("the revision is empty; name one, or leave it out: `codeassist review --diff`")
    if base.startswith("-"):  # No name of git's begins so; an option does.
        raise GitError(f"a revision does not begin with a dash: {base}")
    found = _commit(folder, base)
    is_shallow = _git(folder, "rev-parse", "--is-shallow-repository").strip() == b"true"
    if _commit(folder, "HEAD") is None:
        raise GitError("there is no commit here yet; leave the revision out: `codeassist review --diff`")
    if found is None:
        raise GitError(_unknown(folder, base, is_shallow=is_shallow))
    asked = _run(folder, "merge-base", found, "HEAD")
    if asked.returncode == 0:
        return asked.stdout.decode().split()[0]
    if is_shallow:
        raise GitError(
            f"the history of this shallow clone ends before HEAD and {base} meet; run `git fetch --unshallow`, or let "
            "CI fetch it all (actions/checkout: `fetch-depth: 0`; GitLab: `GIT_DEPTH: 0`)"
        )
    raise GitError(f"HEAD and {base} have no commit in common; name a revision that this branch comes from")


def _unknown(folder: Path, base: str, *, is_shallow: bool) -> str:
    if (folder / base).exists() and base:
        return f"{base} is a path and not a revision; write `codeassist review --diff=HEAD {base}`"
    if is_shallow:
        return (
            f"there is no revision {base} in this shallow clone; fetch it first, or let CI fetch the whole history "
            "(actions/checkout: `fetch-depth: 0`; GitLab: `GIT_DEPTH: 0`)"
        )
    return f"there is no revision {base} here; see `git branch --all`, or fetch it first"


def _parsed(raw: bytes, *, from_index: bool) -> tuple[ChangedFile, ...]:
    """The files of git's raw format: `:MODE MODE ID ID STATUS`, then one name, or two after a rename."""
    files: dict[str, ChangedFile] = {}
    fields = iter(raw.split(b"\0"))
    for entry in fields:
        if not entry.startswith(b":"):
            continue
        old_mode, mode, old_blob, blob, status = entry[1:].decode("ascii").split(" ")
        old_path = path = os.fsdecode(next(fields))
        if status[0] in "RC":
            path = os.fsdecode(next(fields))
        if path in files and files[path].kind == "unmerged":
            continue
        # A name that became a file from something else has nothing to be compared with.
        before = old_blob.strip("0") and old_mode.startswith("100")
        content = blob if from_index and blob.strip("0") else ""
        files[path] = ChangedFile(path, old_path, _kind(mode, status), content, old_blob if before else "")
    return tuple(files.values())


def _kind(mode: str, status: str) -> Kind:
    if status.startswith("U"):
        return "unmerged"
    if status.startswith("D") or mode == "000000":
        return "deleted"
    return {"120000": "link", "160000": "submodule"}.get(mode, "file")  # type: ignore[return-value]  # All are Kinds.


def _names(answer: bytes) -> list[str]:
    return [os.fsdecode(name) for name in answer.split(b"\0") if name]


def _git(folder: Path, *arguments: str) -> bytes:
    """What git prints. Raises GitError if it fails."""
    done = _run(folder, *arguments)
    if done.returncode != 0:
        raise GitError(_sentence(done.stderr.decode("utf-8", "replace")), is_usage=False)
    return done.stdout


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            [_program(), *_QUIET, *arguments], cwd=folder, env=_environment(), stdin=subprocess.DEVNULL,
            capture_output=True, timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise GitError(
            f"git did not answer within {_TIMEOUT_S:.0f} seconds; try `git status`", is_usage=False
        ) from error
    except (OSError, ValueError) as error:
        raise GitError(f"git cannot be started: {error}", is_usage=False) from error


def _program() -> str:
    git = which("git")
    if git is None:
        raise GitError("git is not installed; install it, or name files: `codeassist review PATH`", is_usage=False)
    return git


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
    # A hook's are relative to where it was started, and git is started elsewhere, too.
    placed = {name: str(Path(kept[name]).absolute()) for name in _PLACES if kept.get(name)}
    return {**kept, **placed, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def _sentence(said: str) -> str:
    """What git complains about, as one line."""
    first = next((line for line in said.splitlines() if line.strip()), "git failed and did not say why")
    return f"git: {first.removeprefix('fatal: ').removeprefix('error: ')}"
