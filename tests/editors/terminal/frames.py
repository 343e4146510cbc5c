"""A screen of Neovim: what a terminal would show, frame by frame."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pynvim

COLUMNS, ROWS = 100, 30
LIMIT_S = 30.0


@dataclass(frozen=True)
class Frame:
    """One that was shown `at_ms` after the beginning: the cursor's line, without blanks at its end, and the cursor's
    column."""

    at_ms: float
    line: str
    column: int
    rows: tuple[str, ...]

    @property
    def window(self) -> tuple[str, ...]:
        """The rows of the only window, without those below its text."""
        rows = self.rows[: ROWS - 2]
        return rows[: rows.index("~")] if "~" in rows else rows


@dataclass
class Screen:
    """It takes frames in a thread of its own."""

    frames: list[Frame] = field(default_factory=list)
    _began: float = 0.0
    _grid: list[list[str]] = field(default_factory=lambda: [[" "] * COLUMNS for _ in range(ROWS)])
    _cursor: tuple[int, int] = (0, 0)
    _shown: threading.Condition = field(default_factory=threading.Condition)

    def begin(self) -> None:
        """Forget the frames so far; times count from now."""
        with self._shown:
            self.frames, self._began = [], time.perf_counter()

    def until(self, condition: Callable[[Frame], bool]) -> float:
        """The time of the first frame of those, in milliseconds."""

        def found() -> Frame | None:
            return next((frame for frame in self.frames if condition(frame)), None)

        with self._shown:
            if not self._shown.wait_for(found, LIMIT_S):
                raise AssertionError(f"not within {LIMIT_S:.0f} s; the last frame is {self.frames[-1:]}")
            frame = found()
        assert frame is not None
        return frame.at_ms

    def rests(self, condition: Callable[[Frame], bool], what: str) -> None:
        """Wait until the last frame is one of those. `what` names it in the error."""
        with self._shown:
            if not self._shown.wait_for(lambda: bool(self.frames) and condition(self.frames[-1]), LIMIT_S):
                window = "\n".join(self.frames[-1].window) if self.frames else "nothing"
                raise AssertionError(f"not within {LIMIT_S:.0f} s:\n{what}\nbut:\n{window}")

    def redraw(self, updates: Sequence[Sequence[Any]]) -> None:
        """The events of one notification."""
        for name, *calls in updates:
            for arguments in calls:
                self._event(name, arguments)

    def _event(self, name: str, arguments: Sequence[Any]) -> None:
        if name == "grid_line":
            _grid, row, column, cells, *_ = arguments
            self._write(row, column, cells)
        elif name == "grid_scroll":
            self._scroll(*arguments)
        elif name == "grid_clear":
            self._grid = [[" "] * COLUMNS for _ in range(ROWS)]
        elif name == "grid_cursor_goto":
            self._cursor = (arguments[1], arguments[2])
        elif name == "flush":
            rows = tuple("".join(row).rstrip() for row in self._grid)
            with self._shown:
                at_ms = (time.perf_counter() - self._began) * 1000
                self.frames.append(Frame(at_ms, rows[self._cursor[0]], self._cursor[1], rows))
                self._shown.notify_all()

    def _write(self, row: int, column: int, cells: Sequence[Sequence[Any]]) -> None:
        for text, *more in cells:
            repeated = more[1] if len(more) > 1 else 1
            self._grid[row][column : column + repeated] = [text] * repeated
            column += repeated

    def _scroll(self, _grid: int, top: int, bottom: int, left: int, right: int, rows: int, _columns: int) -> None:
        numbers = range(top, bottom - rows) if rows > 0 else range(bottom - 1, top - rows - 1, -1)
        for row in numbers:
            self._grid[row][left:right] = self._grid[row + rows][left:right]


@contextmanager
def screen(socket: str) -> Iterator[Screen]:
    """The screen of the Neovim that listens at `socket`."""
    made, attached = Screen(), threading.Event()

    def run() -> None:
        api = pynvim.attach("socket", path=socket)
        loops.append(api)

        def began() -> None:
            api.ui_attach(COLUMNS, ROWS, rgb=True, ext_linegrid=True)
            attached.set()

        def notified(name: str, updates: Sequence[Sequence[Any]]) -> None:
            if name == "redraw":
                made.redraw(updates)

        api.run_loop(None, notified, setup_cb=began)

    loops: list[pynvim.Nvim] = []
    thread = threading.Thread(target=run, name="screen", daemon=True)
    thread.start()
    assert attached.wait(LIMIT_S)
    try:
        yield made
    finally:
        loops[0].async_call(loops[0].stop_loop)
        thread.join()
