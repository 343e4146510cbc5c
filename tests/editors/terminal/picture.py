"""A program in a terminal, and the terminal's screen as a picture."""

from __future__ import annotations

import fcntl
import html
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import pyte
import pyte.screens

LIMIT_S = 30.0
COLUMNS, ROWS = 92, 22
FOREGROUND, BACKGROUND = "e0e2ea", "14161b"

_NOT_FOR_PYTE = re.compile(
    rb"\x1bP.*?\x1b\\"  # Questions about what the terminal can do.
    rb"|\x1b\[[?>=<][0-9;]*u"  # Other ways to send keys.
    rb"|\x1b\[\??[0-9;]*\$p"
    rb"|\x1b\[[>?][0-9;]*[mqc]",
    re.DOTALL,
)
_SHAPE = re.compile(rb"\x1b\[([0-9]) q")
_PAGE = f"""<!DOCTYPE html><meta charset="utf-8"><style>
body {{ margin: 0; background: #%s; }}
pre {{ margin: 0; padding: 14px 16px; width: max-content; color: #{FOREGROUND};
  font: 15px/20px "DejaVu Sans Mono", monospace; }}
span {{ display: inline-block; height: 20px; vertical-align: top; }}
</style><pre>%s</pre>"""


@dataclass
class Terminal:
    """A terminal with a program in it, which is at `terminal`. `bar`: the cursor is one, as editors have it where text
    is written."""

    terminal: int
    process: subprocess.Popen[bytes]
    screen: pyte.Screen = field(default_factory=lambda: pyte.Screen(COLUMNS, ROWS))
    bar: bool = False
    _left: bytes = b""

    def __post_init__(self) -> None:
        self.stream = pyte.ByteStream(self.screen)
        self.screen.write_process_input = self.type  # type: ignore[method-assign]  # What pyte has to be told.

    def type(self, keys: str) -> None:
        """Press keys; special ones are what terminals send for them."""
        os.write(self.terminal, keys.encode())

    @property
    def rows(self) -> list[str]:
        """What is to be seen."""
        return [row.rstrip() for row in self.screen.display]

    def shows(self, *words: str) -> None:
        """Wait until all `words` are to be seen."""
        end = time.monotonic() + LIMIT_S
        while not all(any(word in row for row in self.rows) for word in words):
            assert time.monotonic() < end, f"not within {LIMIT_S:.0f} s: {words}\n" + "\n".join(self.rows)
            self._read()
        while self._read():
            pass  # To the end of what is drawn now.

    def page(self) -> str:
        """The screen as a page for a browser."""
        background = _colour(self.screen.buffer[0][0].bg, BACKGROUND)
        rows = []
        for number in range(self.screen.lines):
            cells = [self.screen.buffer[number][column] for column in range(self.screen.columns)]
            at = self.screen.cursor
            shown = at.x if at.y == number and not at.hidden else -1
            styles = [_style(cell, background) for cell in cells]
            if shown >= 0 and self.bar:
                styles[shown] += f";box-shadow:inset 2px 0 #{FOREGROUND}"
            elif shown >= 0:
                styles[shown] += f";color:#{background};background:#{FOREGROUND}"
            runs = groupby(zip(styles, cells, strict=True), key=itemgetter(0))
            pieces = [(style, "".join(cell.data for _style, cell in run)) for style, run in runs]
            rows.append("".join(f'<span style="{style}">{html.escape(text)}</span>' for style, text in pieces))
        return _PAGE % (background, "\n".join(rows))

    def _read(self) -> bool:
        """Take what the program has written; whether there was something."""
        if not select.select([self.terminal], [], [], 0.1)[0]:
            return False
        with suppress(OSError):  # It has ended.
            data = _NOT_FOR_PYTE.sub(b"", self._left + os.read(self.terminal, 1 << 16))
            # A sequence that is not whole yet is looked at with what follows.
            begun = data.rfind(b"\x1b")
            cut = begun if begun >= 0 and len(data) - begun < 256 and not _is_whole(data[begun:]) else len(data)
            self._left = data[cut:]
            if shapes := _SHAPE.findall(data[:cut]):
                self.bar = shapes[-1] in (b"5", b"6")
            self.stream.feed(_plain_underlines(_SHAPE.sub(b"", data[:cut])))
        return True


def _is_whole(sequence: bytes) -> bool:
    if sequence[1:2] == b"P":
        return False  # Those that are whole were taken out.
    return re.match(rb"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[^\[\]P])", sequence) is not None


def _plain_underlines(data: bytes) -> bytes:
    """Curly and coloured ones, which pyte does not know, as plain ones."""
    data = re.sub(rb"\x1b\[4:[1-5]m", b"\x1b[4m", data)
    return re.sub(rb"\x1b\[58[:;][0-9:;]*m|\x1b\[59m|\x1b\[4:0m", b"", data)


def _style(cell: pyte.screens.Char, page: str) -> str:
    foreground, background = _colour(cell.fg, FOREGROUND), _colour(cell.bg, BACKGROUND)
    if cell.reverse:
        foreground, background = background, foreground
    style = [f"color:#{foreground}"]
    if cell.data == "█":
        background = foreground  # As terminals draw it: without seams.
    if background != page:
        style.append(f"background:#{background}")
    if cell.bold:
        style.append("font-weight:bold")
    if cell.italics:
        style.append("font-style:italic")
    if cell.underscore:
        style.append("text-decoration:underline wavy 1px")
    return ";".join(style)


def _colour(name: str, default: str) -> str:
    """Programs that know of all colours use no others than those and the terminal's own."""
    return default if name == "default" else name


@contextmanager
def terminal(words: Sequence[str], variables: Mapping[str, str], folder: Path) -> Iterator[Terminal]:
    """Run a program in a terminal with all colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    look = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    process = subprocess.Popen(
        words,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**variables, **look},
        cwd=folder,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Terminal(ours, process)
    finally:
        process.terminate()
        with suppress(OSError):
            while process.poll() is None and select.select([ours], [], [], LIMIT_S)[0]:
                os.read(ours, 1 << 16)  # It may wait for us to read.
        process.wait(LIMIT_S)
        os.close(ours)


async def draw(page: str, file: Path) -> None:
    """Have a browser draw a page."""
    from playwright.async_api import async_playwright

    from tests.editors.vscode.workbench import chromium

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        shown = await browser.new_page(device_scale_factor=1.5)
        await shown.set_content(page)
        file.parent.mkdir(parents=True, exist_ok=True)
        await shown.locator("pre").screenshot(path=file)
        await browser.close()
