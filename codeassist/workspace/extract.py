"""One file of a workspace read and taken apart: what the index keeps of it."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from typing import Literal

from codeassist.syntax.languages import language_of
from codeassist.syntax.tags import NO_TAGS, Tags, tags_of
from codeassist.workspace.chunks import Chunk, chunks_of
from codeassist.workspace.content import Unfit, unfit

State = Literal["indexed", "bad", "other", "large", "binary", "minified", "generated", "unreadable"]
"""`bad`: its grammar fails on it. `other`: in no language of ours. The rest: see `Unfit`."""

_LISTED_ONLY = frozenset({"json"})
"""Data: that the files exist matters, their keys do not."""
_WORDS_ONLY = frozenset({"yaml", "toml", "markdown", "html"})
"""Found by their words; what they define is not code."""
_NOT_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is written of one file. `path` is relative to the workspace folder."""

    path: str
    language: str
    size: int
    mtime_ns: int
    hash: bytes
    state: State
    lines: int = 0
    tags: Tags = NO_TAGS
    chunks: tuple[Chunk, ...] | list[Chunk] = ()


@dataclass(frozen=True, slots=True)
class Raw:
    """A file as it is on the disk. `data` is None if it is larger than it may be, or cannot be read."""

    path: str
    size: int
    mtime_ns: int
    data: bytes | None
    trouble: Unfit | None = None

    @property
    def hash(self) -> bytes:
        """Of the content; b"" without."""
        return b"" if self.data is None else hashlib.blake2b(self.data, digest_size=16).digest()


def read(root: str, path: str, most_bytes: int) -> Raw | None:
    """Read one file; None if it is gone or no longer a plain file."""
    try:
        # A pipe put in its place must not hold us.
        handle = os.open(f"{root}/{path}", os.O_RDONLY | _NOT_WAITING)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return Raw(path, *_size_and_time(f"{root}/{path}"), None, "unreadable")
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            return None
        if status.st_size > most_bytes:
            return Raw(path, status.st_size, status.st_mtime_ns, None, "large")
        data = _read_all(handle, status.st_size, most_bytes)
        return Raw(path, status.st_size, status.st_mtime_ns, data, None if data is not None else "large")
    except OSError:
        return Raw(path, *_size_and_time(f"{root}/{path}"), None, "unreadable")
    finally:
        os.close(handle)


def extract(raw: Raw) -> Entry:
    """Take a file apart. ImportError is not raised: without its grammar a file is found by its words."""
    data = raw.data
    if data is None:
        return _entry(raw, "", raw.trouble or "unreadable")
    language = language_of(raw.path, first_line=_first_line(raw.path, data))
    if not language:
        return _entry(raw, "", "other")
    if reason := unfit(data):
        return _entry(raw, language, reason)
    lines = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    if language in _LISTED_ONLY:
        return _entry(raw, language, "indexed", lines)
    if data.startswith(_BOM):
        data = b"   " + data[3:]  # The parser stumbles over it; columns stay as they are.
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    tags = NO_TAGS if language in _WORDS_ONLY else _tags(language, data)
    starts = sorted({tag.start_line for tag in tags.definitions if tag.end_line - tag.start_line > 2})
    return _entry(raw, language, "indexed", lines, tags, chunks_of(data, starts))


def _tags(language: str, data: bytes) -> Tags:
    try:
        return tags_of(language, data)
    except ImportError:
        return NO_TAGS


def _entry(
    raw: Raw, language: str, state: State, lines: int = 0, tags: Tags = NO_TAGS, chunks: list[Chunk] | None = None
) -> Entry:
    return Entry(raw.path, language, raw.size, raw.mtime_ns, raw.hash, state, lines, tags, chunks or ())


def _first_line(path: str, data: bytes) -> str:
    if "." in path[path.rfind("/") + 2 :]:
        return ""
    return data[:200].partition(b"\n")[0].decode("utf-8", "replace")


def _read_all(handle: int, size: int, most_bytes: int) -> bytes | None:
    """The content, which may have grown since; None if it is too much."""
    parts: list[bytes] = []
    total = 0
    while part := os.read(handle, max(size + 1 - total, 65536)):
        parts.append(part)
        total += len(part)
        if total > most_bytes:
            return None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _size_and_time(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)  # noqa: PTH116  As above.
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
