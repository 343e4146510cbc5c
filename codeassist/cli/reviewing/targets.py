"""Which files are reviewed: those that were named, or those that git says have changed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from codeassist.cli.main import EXIT_OTHER, EXIT_USAGE, Failure
from codeassist.cli.plain import plain
from codeassist.cli.source import real_path, root_of
from codeassist.settings import Settings
from codeassist.syntax.languages import language_of
from codeassist.workspace.changes import ChangedFile, Changes, GitError, changes_since, staged_changes
from codeassist.workspace.content import is_secret
from codeassist.workspace.ignore import leaves_out, rules_at
from codeassist.workspace.walk import Walk

_LEFT_OUT = frozenset({"node_modules", "__pycache__", "venv", "build", "dist", "target", "vendor"})
"""Folders that hold what others wrote or what is made, whatever git ignores."""


@dataclass(frozen=True, slots=True)
class Target:
    """One file to review. `shown`: what it is called for people. `change`: how it differs, if git was asked;
    `is_staged`: the content in the index is what counts. `size`: how much there is of it beside the others."""

    file: Path
    shown: str
    change: ChangedFile | None = None
    is_staged: bool = False
    size: int = 1


@dataclass(frozen=True, slots=True)
class Selection:
    """What to review. `skips`: reasons, by path, of files that are left alone. `root`: of the repository or workspace,
    whose settings hold."""

    targets: tuple[Target, ...]
    root: Path | None
    skips: dict[str, str] = field(default_factory=dict)


def root_for(paths: Sequence[Path]) -> Path | None:
    """The root of the repository or workspace of the first path."""
    first = paths[0]
    return root_of(first / "inside") if first.is_dir() else root_of(first)


def select_paths(paths: Sequence[Path], settings: Settings) -> Selection:
    """The files named, and in the folders named those with a grammar: without hidden, ignored and secret ones, each
    once, in order. Raises Failure for a path that is not there."""
    found: dict[Path, Target] = {}
    for path in paths:
        if not path.exists():
            raise Failure(f"Path {os.fspath(path)!a} does not exist.", EXIT_USAGE)
        for file in _files_in(path, settings) if path.is_dir() else [path]:
            found.setdefault(real_path(file), Target(file, os.fspath(file), size=_size(file)))
    return Selection(tuple(found.values()), root_for(paths))


def look_for_changes(folder: Path, base: str | None, *, is_staged: bool) -> Changes:
    """What git says, as of `folder`. Raises Failure with what to do."""
    try:
        return staged_changes(folder) if is_staged else changes_since(folder, base)
    except GitError as error:
        raise Failure(plain(str(error)), EXIT_USAGE if error.is_usage else EXIT_OTHER) from error


def select_changes(changes: Changes, paths: Sequence[Path], settings: Settings, *, is_staged: bool) -> Selection:
    """Of what changed what can be reviewed, in `paths` if there are any. Raises Failure for a path that neither is
    there nor changed."""
    wanted = [_inside(changes.top, path) for path in paths]
    targets: list[Target] = []
    skips: dict[str, str] = {}
    met: set[str] = set()
    for change in changes.files:
        within = [each for each in wanted if each in ("", change.path) or change.path.startswith(f"{each}/")]
        if wanted and not within:
            continue
        met.update(within)
        reason = _why_not(change, settings)
        if reason is None:
            file = changes.top / change.path
            size = 1 if is_staged else _size(file)
            targets.append(Target(file, _shown(file), change, is_staged, size))
        elif reason:
            skips[change.path] = reason
    for path, place in zip(paths, wanted, strict=True):
        if place not in met and not os.path.lexists(path):
            raise Failure(f"Path {os.fspath(path)!a} does not exist, and git knows of no change there.", EXIT_USAGE)
    return Selection(tuple(targets), changes.top, skips)


def _files_in(folder: Path, settings: Settings) -> Iterator[Path]:
    """The files of a folder that are worth a review, sorted by path."""
    real = folder.resolve()
    walk = Walk(real, rules_at(real, settings.index.exclude))
    for path in sorted((found.path for found in walk), key=lambda path: path.split("/")):
        parts = path.split("/")
        if language_of(parts[-1]) and not any(part.startswith(".") or part in _LEFT_OUT for part in parts):
            yield folder / path


def _why_not(change: ChangedFile, settings: Settings) -> str | None:
    """The reason why a changed file is left alone; "" if that goes without saying, None if it is to be reviewed."""
    name = change.path.rpartition("/")[2]
    if change.kind == "deleted":
        return ""
    if change.kind == "link":
        return "link"
    if change.kind in ("submodule", "unmerged"):
        return change.kind
    if not language_of(name) and "." in name:
        return ""
    if is_secret(name) or any(is_secret(folder, is_folder=True) for folder in change.path.split("/")[:-1]):
        return "secret-file"
    return "excluded" if leaves_out(settings.index.exclude, change.path) else None


def _inside(top: Path, path: Path) -> str:
    """`path` relative to the top of the repository, "" for the top itself. Raises Failure if it lies elsewhere."""
    # The file itself may be a link that changed: only the folders around it are looked through.
    absolute = Path(os.path.normpath(path.absolute()))
    for place in (absolute, real_path(absolute.parent) / absolute.name, real_path(absolute)):
        for root in (top, top.resolve()):
            if place.is_relative_to(root):
                inside = place.relative_to(root).as_posix()
                return "" if inside == "." else inside
    raise Failure(f"{os.fspath(path)!a} lies outside of the repository {top}; run this in its own one", EXIT_USAGE)


def _shown(file: Path) -> str:
    """A file as seen from where the command was started."""
    try:
        return os.path.relpath(file)
    except ValueError:  # On another drive of Windows.
        return os.fspath(file)


def _size(file: Path) -> int:
    """In bytes; something of any file, be it empty or gone."""
    try:
        return max(1, file.stat().st_size)
    except OSError:
        return 1
