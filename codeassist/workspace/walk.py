"""The files of a folder that are worth a look: what is ignored, secret, or not code is never listed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from codeassist.syntax.languages import language_of
from codeassist.workspace.content import is_secret
from codeassist.workspace.ignore import Rules, is_ignored

CONFIGURATION = frozenset({"go.mod", "go.work", "setup.cfg", "CMakeLists.txt", "Makefile", "py.typed", "build.gradle"})
"""Files in no language of ours that say where modules lie."""


class Found(NamedTuple):
    """One file. `path` is relative to the workspace folder, with "/" as separator."""

    path: str
    size: int
    mtime_ns: int


@dataclass(slots=True)
class Unseen:
    """What a walk had to leave out, counted."""

    folders: int = 0
    """Folders that cannot be read."""
    names: int = 0
    """Files and folders whose names are not UTF-8."""
    vanished: int = 0


@dataclass(slots=True)
class Walk:
    """One walk over a folder. Links to folders are never followed, so that there are no loops; links to files only
    where they lead to a file of the same folder."""

    root: Path
    rules: Rules
    cancelled: Callable[[], bool] = lambda: False
    unseen: Unseen = field(default_factory=Unseen)
    scandir: Callable[[str], Iterator[os.DirEntry[str]]] = os.scandir

    def __iter__(self) -> Iterator[Found]:
        """The files, folder by folder. Ends early when `cancelled` says so."""
        pending: list[tuple[str, str, Rules]] = [("", str(self.root), self.rules)]
        while pending and not self.cancelled():
            folder, absolute, rules = pending.pop()
            try:
                entries = list(self.scandir(absolute))
            except FileNotFoundError:
                self.unseen.vanished += 1
                continue
            except OSError:
                self.unseen.folders += 1
                continue
            names = {entry.name for entry in entries}
            if "pyvenv.cfg" in names and folder:
                continue  # A virtual environment: libraries, not the user's code.
            rules = rules.inside(folder, absolute, names)
            for entry in entries:
                found = self._entry(entry, folder, rules)
                if isinstance(found, Found):
                    yield found
                elif found:
                    pending.append((f"{folder}{entry.name}/", entry.path, rules))

    def _entry(self, entry: os.DirEntry[str], folder: str, rules: Rules) -> Found | bool:
        """A file to list, or whether this is a folder to enter."""
        name = entry.name
        path = folder + name
        try:
            is_folder = entry.is_dir(follow_symlinks=False)
            if not (is_folder or is_interesting(name)) or is_secret(name, is_folder):
                return False
            if not name.isascii() and not _is_utf8(name):
                self.unseen.names += 1
                return False
            if rules.ignores(path, name, is_folder):
                return False
            if is_folder:
                return True
            if not entry.is_file() or (entry.is_symlink() and not leads_inside(self.root, entry.path, self.rules)):
                return False
            status = entry.stat()
        except OSError:
            self.unseen.vanished += 1
            return False
        return Found(path, status.st_size, status.st_mtime_ns)


def is_interesting(name: str) -> bool:
    """Whether a file of this name may be indexed: of a known language, or without an ending, so that its first line
    must tell."""
    stem, dot, ending = name.rpartition(".")
    if dot and stem:
        return _known(ending) or name in CONFIGURATION or bool(language_of(name))
    return not dot or bool(language_of(name))


_KNOWN: dict[str, bool] = {}


def _known(ending: str) -> bool:
    known = _KNOWN.get(ending)
    if known is None:
        known = bool(language_of(f"a.{ending}"))
        if len(_KNOWN) < 10_000:
            _KNOWN[ending] = known
    return known


def leads_inside(root: Path, link: str, rules: Rules) -> bool:
    """Whether a link's file lies in the folder and is neither secret nor ignored nor of version control. `rules` are
    those of the folder itself."""
    try:
        target = Path(link).resolve(strict=True)
        inside = target.relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):
        return False
    folders = inside.parts[:-1]
    if is_secret(target.name) or ".git" in folders or any(is_secret(name, is_folder=True) for name in folders):
        return False
    return not is_ignored(root, inside.as_posix(), rules)


def _is_utf8(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
