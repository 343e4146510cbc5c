"""A program in a terminal, driven by keys and read from the screen. Nothing here waits for a time to pass."""

from __future__ import annotations

import math
import os
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path
from typing import Any, TypeVar

import pyte

LIMIT_S = 30.0
AGAIN_S = 1.0
LINES, COLUMNS = 40, 120
ESCAPE, ENTER, TAB, DOWN = "\x1b", "\r", "\t", "\x1b[B"

Found = TypeVar("Found")


def control(letter: str) -> str:
    """What a terminal sends for Ctrl and a letter."""
    return chr(ord(letter) & 0x1F)


class _Answering(pyte.Screen):
    """Answers a program that asks the terminal about itself."""

    def __init__(self, size: tuple[int, int], answer: Callable[[bytes], object]) -> None:
        super().__init__(*size)
        self._answer = answer

    def write_process_input(self, data: str) -> None:
        self._answer(data.encode())

    # pyte does not expect the private forms of these, which Helix and Vim send.

    def report_device_status(self, mode: int = 0, *, private: bool = False) -> None:
        if not private:
            super().report_device_status(mode)

    def select_graphic_rendition(self, *attributes: int, private: bool = False) -> None:
        if not private:
            super().select_graphic_rendition(*attributes)


class Screen:
    """What a running program shows."""

    SIZE = COLUMNS, LINES
    """Of the screen, in characters: columns and lines."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int) -> None:
        self._process, self._terminal = process, terminal
        self._screen = _Answering(self.SIZE, lambda data: os.write(terminal, data))
        self._stream = pyte.ByteStream(self._screen)

    def keys(self, *keys: str) -> None:
        """Press keys, each as the terminal sends it: `keys(ESCAPE, ":w", ENTER)`."""
        for each in keys:
            os.write(self._terminal, each.encode())

    @property
    def rows(self) -> list[str]:
        """The lines of the screen, without what is blank at their ends."""
        return [row.rstrip() for row in self._screen.display]

    @property
    def text(self) -> str:
        """All but the empty lines."""
        return "\n".join(row for row in self.rows if row)

    def until(self, found: Callable[[], Found], what: str) -> Found:
        """What `found` returns as soon as that is true. `what` names it in the error."""
        end = time.monotonic() + LIMIT_S
        while True:
            self._read()
            if value := found():
                return value
            assert self._process.poll() is None, f"ended with {self._process.returncode}:\n{self.text}"
            assert time.monotonic() < end, f"not within {LIMIT_S:.0f} s: {what}\n{self.text}"

    def shows(self, text: str) -> None:
        """Wait until some text is on the screen."""
        self.until(lambda: text in self.text, f"{text!r} on the screen")

    def hides(self, text: str) -> None:
        """Wait until some text is no longer on the screen."""
        self.until(lambda: text not in self.text, f"no {text!r} on the screen")

    def keys_until(self, keys: str, found: Callable[[], object], what: str) -> None:
        """Press keys, again and again, until `found` is true: as people do who got nothing."""
        pressed = -math.inf

        def pressing() -> bool:
            nonlocal pressed
            if not (done := bool(found())) and time.monotonic() - pressed > AGAIN_S:
                self.keys(keys)
                pressed = time.monotonic()
            return done

        self.until(pressing, what)

    @property
    def behind_cursor(self) -> str:
        """The text from the cursor to the end of its row."""
        row: Any = self._screen.buffer[self._screen.cursor.y]
        return "".join(row[column].data for column in range(self._screen.cursor.x, COLUMNS)).rstrip()

    def underlined(self) -> set[tuple[int, str]]:
        """The runs of underlined characters, with the number of their row."""
        found: set[tuple[int, str]] = set()
        for number in range(LINES):
            cells: Any = self._screen.buffer[number]
            run = ""
            for column in range(COLUMNS + 1):
                if column < COLUMNS and cells[column].underscore:
                    run += cells[column].data
                elif run:
                    found.add((number, run))
                    run = ""
        return found

    def settle(self) -> None:
        """Wait until the program writes nothing for a moment."""
        while self._read():
            pass

    def _read(self) -> bool:
        """Take what the program has written, and wait a moment if that is nothing. Whether there was something."""
        read = False
        ready, _, _ = select.select([self._terminal], [], [], 0.05)
        while ready:
            try:
                self._take(os.read(self._terminal, 65536))
            except OSError:  # The program has closed the terminal.
                return False
            read = True
            ready, _, _ = select.select([self._terminal], [], [], 0)
        return read

    def _take(self, data: bytes) -> None:
        """What the program has written."""
        self._stream.feed(data)


Kind = TypeVar("Kind", bound=Screen)


@contextmanager
def terminal(
    command: Sequence[str | Path], folder: Path, variables: Mapping[str, str], kind: type[Kind] = Screen
) -> Iterator[Kind]:
    """Start a program in `folder`, with `variables` as its environment, and end it. `kind`: how its screen is read."""
    ours, its = os.openpty()
    columns, lines = kind.SIZE
    ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    process = subprocess.Popen(
        ["setsid", "--ctty", *command],  # Without a terminal of its own Emacs does not start.
        cwd=folder,
        env={**variables, "TERM": "xterm-256color"},
        stdin=its,
        stdout=its,
        stderr=its,
    )
    os.close(its)
    try:
        yield kind(process, ours)
    finally:
        process.terminate()
        os.close(ours)
        try:
            process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
