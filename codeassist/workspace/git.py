"""What git knows of a folder, by its files: where its repository is, and whether something was checked out."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path
from shutil import which

_TIMEOUT_S = 2.0
_MOST_REPOSITORIES = 16


def repository_of(root: Path) -> Path | None:
    """The top folder of the repository or worktree that `root` lies in."""
    return next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), None)


def own_folder(repository: Path) -> Path:
    """Where HEAD is: `.git`, or what a file of that name points to in worktrees and submodules."""
    git = repository / ".git"
    if git.is_dir():
        return git
    try:
        pointed = git.read_text(encoding="utf-8").partition("gitdir:")[2].strip()
        return (repository / pointed).resolve()
    except (OSError, ValueError):
        return git


def common_folder(repository: Path) -> Path:
    """Where `info/exclude` is: of a linked worktree, in the folder that it shares with the main one."""
    own = own_folder(repository)
    try:
        return (own / (own / "commondir").read_text(encoding="utf-8").strip()).resolve()
    except (OSError, ValueError):
        return own


def checkout_files(root: Path) -> tuple[Path, ...]:
    """The files that a checkout, a pull or a commit writes last: of the repository around `root`, or of those that lie
    directly in it; none where there is none."""
    around = repository_of(root)
    repositories = [around] if around is not None else _directly_in(root)
    return tuple(own_folder(repository) / name for repository in repositories for name in ("HEAD", "logs/HEAD"))


def _directly_in(root: Path) -> list[Path]:
    try:
        return sorted(folder for folder in root.iterdir() if (folder / ".git").exists())[:_MOST_REPOSITORIES]
    except OSError:
        return []


def state_of(files: tuple[Path, ...]) -> tuple[int, ...]:
    """Another value after any of `files` was written."""
    state: list[int] = []
    for file in files:
        with suppress(OSError):
            status = file.stat()
            state += (status.st_ino, status.st_mtime_ns, status.st_size)
    return tuple(state)


def configured_excludes(root: Path) -> str:
    """The file of patterns that git's configuration names for all repositories; "" without one or without git."""
    git = which("git")
    if git is None:
        return ""
    try:
        asked = subprocess.run(
            [git, "-C", str(root), "config", "--type=path", "--get", "core.excludesFile"],
            capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return asked.stdout.strip()
