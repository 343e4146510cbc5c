"""The files of a folder as one call sees them: never outside of it, and a bounded number of questions."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar, cast

MOST_RESULTS = 8
_MOST_CHECKS = 64
_MOST_SEARCHES = 24
_MOST_CHARACTERS = 1024
_MOST_FOLDERS_UP = 16
_MOST_REMEMBERED = 8192

_NO_PATH = re.compile(r"[\x00\\\ud800-\udfff]")
"""A backslash would separate folders on Windows; half a surrogate pair cannot be written as UTF-8."""

T = TypeVar("T")


class Paths(Protocol):
    """The files of a workspace folder, by path relative to it, with "/" between the parts."""

    def exists(self, path: str) -> bool:
        """Whether it is a file."""

    def ending(self, suffix: str, limit: int = 20) -> Sequence[str]:
        """The files that are `suffix`, or end with "/" and `suffix`; those of the fewest parts first."""

    def folder(self, path: str) -> Sequence[str]:
        """The files directly in a folder, "" for the outermost."""

    def read(self, path: str) -> str | None:
        """The text of a small configuration file; None if there is none."""


class Memory:
    """What was learnt from configuration files. It holds a bounded number of facts and forgets all of them at once."""

    def __init__(self) -> None:
        self._facts: dict[Hashable, object] = {}

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` returned the first time. A key belongs to one type of value."""
        found = self._facts.get(key, self)
        if found is not self:
            return cast("T", found)
        made = make()
        if len(self._facts) >= _MOST_REMEMBERED:
            self._facts.clear()
        self._facts[key] = made
        return made

    def forget(self) -> None:
        self._facts.clear()


class View:
    """What one call may ask. Paths that lead out of the folder name nothing; so does everything once the questions
    are used up."""

    def __init__(self, paths: Paths, memory: Memory) -> None:
        self._paths = paths
        self._memory = memory
        self._checks = _MOST_CHECKS
        self._searches = _MOST_SEARCHES
        self._listed: dict[str, frozenset[str]] = {}

    def exists(self, path: str | None) -> bool:
        path = None if path is None else inside(path)
        if not path or self._checks <= 0:
            return False
        self._checks -= 1
        return self._paths.exists(path)

    def existing(self, paths: Iterable[str]) -> list[str]:
        """Those of `paths` that are files, in their order."""
        return [path for path in paths if self.exists(path)]

    def first(self, paths: Iterable[str]) -> list[str]:
        """The first of `paths` that is a file, alone; none if there is none."""
        return next(([path] for path in paths if self.exists(path)), [])

    def ending(self, suffix: str, limit: int = 20) -> list[str]:
        path = inside(suffix)
        if not path or self._searches <= 0:
            return []
        self._searches -= 1
        return list(self._paths.ending(path, limit))

    def nearest(self, importer: str, *suffixes: str) -> list[str]:
        """The files of the first suffix that any file has, the nearest to the importer first."""
        for suffix in suffixes:
            found = self.ending(suffix)
            if found:
                return sorted(found, key=lambda path: nearness(importer, path))
        return []

    def folder(self, path: str | None) -> list[str]:
        path = None if path is None else inside(path)
        if path is None or self._searches <= 0:
            return []
        self._searches -= 1
        return list(self._paths.folder(path))

    def listed(self, path: str) -> frozenset[str]:
        """The files directly in a folder, asked once: cheaper than a question for each extension."""
        if path not in self._listed:
            self._listed[path] = frozenset(self.folder(path))
        return self._listed[path]

    def read(self, path: str | None) -> str | None:
        """Not counted: what reads files does so under `once` and bounds itself."""
        path = None if path is None else inside(path)
        return self._paths.read(path) if path else None

    def once(self, key: Hashable, make: Callable[[View], T]) -> T:
        """What `make` returns, remembered beyond this call. It is given questions of its own, so that what is
        remembered does not depend on who asked first."""
        return self._memory.once(key, lambda: make(View(self._paths, self._memory)))


def inside(path: str) -> str | None:
    """`path` without "." and ".."; None if it leads out of the folder or can be no file's path. "" is the folder."""
    if len(path) > _MOST_CHARACTERS or path.startswith("/") or path[1:2] == ":":
        return None
    if _NO_PATH.search(path):
        return None
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def joined(folder: str, path: str) -> str | None:
    """`path` as seen from `folder`; None if it is absolute or leads out of the workspace folder."""
    return None if path.startswith("/") else inside(f"{folder}/{path}" if folder else path)


def under(folder: str, path: str) -> str:
    """`path` below `folder`, where both are in order already."""
    return f"{folder}/{path}" if folder and path else folder or path


def parent(path: str) -> str:
    """The folder that holds `path`."""
    return path.rpartition("/")[0]


def base(path: str) -> str:
    """The last part of `path`."""
    return path.rpartition("/")[2]


def stem(path: str) -> str:
    """The last part of `path` without its last extension."""
    name = base(path)
    return name.rpartition(".")[0] or name


def folders_up(path: str) -> Iterator[str]:
    """The folders around a file, the innermost first, the workspace folder ("") last."""
    folder = path
    for _ in range(_MOST_FOLDERS_UP):
        folder = parent(folder)
        yield folder
        if not folder:
            return


def nearness(importer: str, path: str) -> tuple[int, int, str]:
    """A key that sorts the files nearest to the importer first: steps up and down between their folders."""
    return (steps(parent(importer), parent(path)), path.count("/"), path)


def steps(one: str, other: str) -> int:
    """How many folders one leaves and enters on the way from one folder to the other."""
    here, there = one.split("/") if one else [], other.split("/") if other else []
    shared = 0
    while shared < min(len(here), len(there)) and here[shared] == there[shared]:
        shared += 1
    return len(here) + len(there) - 2 * shared
