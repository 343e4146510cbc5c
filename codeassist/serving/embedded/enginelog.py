"""The engine's log file. llama.cpp writes to the process's own output, so that is what is turned to the file."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from codeassist.serving.folders import Folders

MAX_LOG_BYTES = 1 << 20
ERROR_PREFIX = "codeassist engine: "
"""How the engine process begins the sentence that says why it ends."""


class EngineLog:
    """`redirect` False leaves the output where it is (a terminal), and the log empty."""

    def __init__(self, path: Path, *, redirect: bool) -> None:
        self.path = path
        self._redirect = redirect

    def open(self) -> None:
        """Send everything that this process writes to the log. Raises OSError."""
        if self._redirect:
            handle = open_log(self.path)
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            os.close(handle)

    def keep_small(self) -> None:
        """Set the log aside when it is full; there is one older one, never more."""
        if not self._redirect:
            return
        with suppress(OSError):
            if self.path.stat().st_size > MAX_LOG_BYTES:
                self.open()


def log_path(folders: Folders, key: str) -> Path:
    return folders.logs / f"engine-{key}.log"


def open_log(path: Path) -> int:
    """A file descriptor that appends to the log, after setting a full one aside. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        if path.stat().st_size > MAX_LOG_BYTES:
            path.replace(path.with_name(path.name + ".1"))
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def lines_since(path: Path, start: int = 0) -> list[str]:
    """The lines of a log from byte `start` on that are not empty, the last 16 KB at most."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(start if start <= size else 0, size - 16_384))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return []
    return [line.strip() for line in text.splitlines() if line.strip()]


def reason_in(lines: Sequence[str]) -> str:
    """The sentence with which the engine process said why it ended, or "". llama.cpp may have the last word."""
    said = (line.partition(ERROR_PREFIX)[2] for line in reversed(lines))
    return next(filter(None, said), "")
