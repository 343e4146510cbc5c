"""A program in a terminal, and the terminal's screen as a picture."""

from __future__ import annotations

import html
import re
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import pyte.screens

from tests.editors.terminal.screen import Screen

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


class Pictured(Screen):
    """A screen whose program knows of all colours. `bar`: the cursor is one, as it is where text is written."""

    SIZE = 92, 22
    bar = False
    _left = b""

    def page(self) -> str:
        """The screen as a page for a browser."""
        self.settle()
        screen, (columns, lines) = self._screen, self.SIZE
        background = _colour(screen.buffer[0][0].bg, BACKGROUND)
        rows = []
        for number in range(lines):
            cells = [screen.buffer[number][column] for column in range(columns)]
            at = screen.cursor
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

    def _take(self, data: bytes) -> None:
        data = _NOT_FOR_PYTE.sub(b"", self._left + data)
        # A sequence that is not whole yet is looked at with what follows.
        begun = data.rfind(b"\x1b")
        cut = begun if begun >= 0 and len(data) - begun < 256 and not _is_whole(data[begun:]) else len(data)
        self._left = data[cut:]
        if shapes := _SHAPE.findall(data[:cut]):
            self.bar = shapes[-1] in (b"5", b"6")
        super()._take(_plain_underlines(_SHAPE.sub(b"", data[:cut])))


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
