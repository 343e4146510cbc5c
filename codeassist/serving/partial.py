"""An unfinished model file: what is known to be good of it, and where to go on.

Beside `<file>.partial` lies `<file>.partial.json`: which source wrote it and how many bytes count. Bytes after
that are cut off before going on, so it does not matter when the last download was interrupted, or how.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from codeassist.serving.errors import DiskFull
from codeassist.serving.store import READ_BYTES

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT if hasattr(errno, "EDQUOT") else errno.ENOSPC)


class RawFile(Protocol):
    """What is needed of an unbuffered file: a full disk shows in the `write` that meets it."""

    def write(self, block: memoryview, /) -> int | None: ...
    def seek(self, offset: int, /) -> int: ...
    def truncate(self, size: int, /) -> int: ...
    def fileno(self) -> int: ...
    def close(self) -> None: ...


class Disk:
    """The disk as downloads see it; tests have smaller ones."""

    def free_bytes(self, folder: Path) -> int:
        return shutil.disk_usage(folder).free

    def open(self, path: Path) -> RawFile:
        """Open for writing without emptying it; create it if it is not there."""
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        return os.fdopen(handle, "r+b", buffering=0)


class Mark(BaseModel):
    """How far a source came. `validator`: what HTTP compares to know that the file is still the same one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    source: str = ""
    validator: str = ""
    good_bytes: int = Field(0, ge=0)
    parts: int = Field(0, ge=0)


class Partial:
    """`size`: how many bytes the whole file has. Nothing is touched on disk before `restart` or `resume`."""

    def __init__(self, path: Path, size: int, disk: Disk) -> None:
        self.path = path
        self.size = size
        self.position = 0
        self._disk = disk
        self._file: RawFile | None = None
        self._digest = hashlib.sha256()
        self._mark_path = path.with_name(path.name + ".json")
        self.mark = self._read_mark()

    def restart(self, source: str, validator: str = "") -> None:
        """Begin at the first byte, for `source`."""
        self.mark = Mark(source=source, validator=validator)
        self._save_mark()
        self._open_at(0)

    def resume(self, on_bytes: Callable[[int], None] | None = None) -> None:
        """Go on after the bytes that count. They are read once, for the hash, unless they were just written."""
        if self._file is not None and self.position == self.mark.good_bytes:
            return
        self._open_at(self.mark.good_bytes, on_bytes)

    def write(self, block: bytes) -> None:
        """Append `block`. Raises DiskFull, and ValueError if the file would become longer than the model."""
        assert self._file is not None, "restart or resume first"  # noqa: S101
        if self.position + len(block) > self.size:
            raise ValueError(f"there is more than the {self.size} bytes of the model")
        rest = memoryview(block)
        try:
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except OSError as error:
            raise self._full(error) from error
        self._digest.update(block)
        self.position += len(block)

    def checkpoint(self, parts: int = 0) -> None:
        """All bytes so far count, and `parts` whole parts, when the download goes on another time."""
        self.mark = self.mark.model_copy(update={"good_bytes": self.position, "parts": parts})
        self._save_mark()

    def finish(self) -> str:
        """Bring the file to the disk and close it; its SHA-256 in hexadecimal."""
        assert self._file is not None, "restart or resume first"  # noqa: S101
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._full(error) from error
        self.close()
        return self._digest.hexdigest()

    def close(self) -> None:
        """Close the file; what was not brought to a checkpoint will not count."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def delete(self) -> None:
        """Remove the file and what was known of it."""
        self.close()
        self.path.unlink(missing_ok=True)
        self._mark_path.unlink(missing_ok=True)
        self.mark = Mark()
        self.position = 0

    def free_bytes(self) -> int:
        """Room on its disk, the bytes that do not count included."""
        try:
            useless = self.path.stat().st_size - self.mark.good_bytes
        except OSError:
            useless = 0
        return self._disk.free_bytes(self.path.parent) + max(useless, 0)

    def forget_mark(self) -> None:
        """The file was moved to its place."""
        self._mark_path.unlink(missing_ok=True)

    def _open_at(self, offset: int, on_bytes: Callable[[int], None] | None = None) -> None:
        self.close()
        digest = hashlib.sha256()
        done = 0
        if offset:
            with self.path.open("rb") as stream:
                while done < offset and (block := stream.read(min(READ_BYTES, offset - done))):
                    digest.update(block)
                    done += len(block)
                    if on_bytes is not None:
                        on_bytes(done)
        try:
            self._file = self._disk.open(self.path)
            self._file.truncate(done)
            self._file.seek(done)
        except OSError as error:
            raise self._full(error) from error
        self._digest = digest
        self.position = done

    def _read_mark(self) -> Mark:
        try:
            mark = Mark.model_validate_json(self._mark_path.read_bytes())
            there = self.path.stat().st_size
        except (OSError, ValidationError):
            return Mark()
        return mark if mark.good_bytes <= min(there, self.size) else Mark()

    def _save_mark(self) -> None:
        draft = self._mark_path.with_suffix(".new")
        with suppress(OSError):  # A full disk: the bytes since the last mark are fetched again, no more.
            draft.write_text(self.mark.model_dump_json(), encoding="utf-8")
            draft.replace(self._mark_path)

    def _full(self, error: OSError) -> OSError | DiskFull:
        if error.errno not in _NO_ROOM:
            return error
        missing = (self.size - self.position) // 1_000_000 + 1
        return DiskFull(
            f"The disk of {self.path.parent} is full: {missing} MB more are needed; make room and pull again, "
            "it goes on where it stopped."
        )
