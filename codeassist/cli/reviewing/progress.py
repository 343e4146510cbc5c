"""How far a review is, on stderr: a bar on a terminal, elsewhere a line now and then, in a short run nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import click

from codeassist.cli.plain import plain

_LINE_EVERY_S = 30.0


@dataclass(slots=True)
class Progress:
    """Counts files and functions that are done, and estimates what is left by the size of the files.

    `sizes`: of all files, in bytes. `show`: gets a line about what is done and the seconds that are left, None as
    long as nobody can tell.
    """

    sizes: list[int]
    show: Callable[[str, float, float | None], None]
    clock: Callable[[], float] = time.monotonic
    _began: float = field(init=False)
    _files: int = 0
    _functions: int = 0
    _done_bytes: float = 0.0
    _left: dict[str, int] = field(default_factory=dict)
    _seen: set[tuple[str, object]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._began = self.clock()

    @property
    def share(self) -> float:
        """What is done of all, from 0 to 1."""
        return min(1.0, self._done_bytes / (sum(self.sizes) or 1))

    @property
    def left_s(self) -> float | None:
        """Seconds until the end, if it goes on as it went."""
        if not self._functions or not self.share:
            return None
        return (self.clock() - self._began) * (1 - self.share) / self.share

    def file_done(self, size: int) -> None:
        """A file without anything to review."""
        self._files += 1
        self._done_bytes += size
        self._tell("")

    def of_file(self, path: str, size: int) -> Callable[[object, int], None]:
        """To be called with each function that is done, and how many the file has; with one again does nothing."""

        def done(function: object, functions: int) -> None:
            if (path, function) in self._seen:
                return
            self._seen.add((path, function))
            self._functions += 1
            self._left[path] = self._left.get(path, functions) - 1
            self._files += self._left[path] == 0
            self._done_bytes += size / functions
            self._tell(path)

        return done

    def _tell(self, path: str) -> None:
        files = f"{self._files:,} of {len(self.sizes):,} file{'s' * (len(self.sizes) != 1)}"
        functions = f"{self._functions:,} function{'s' * (self._functions != 1)}"
        where = f" in {plain(path)}" if path else ""
        self.show(f"{files}, {functions}{where}", self.share, self.left_s)


def in_words(seconds: float | None) -> str:
    """How long that is, as nobody counts seconds of hours; nothing where nobody knows or nothing is left."""
    if not seconds:
        return ""
    if seconds < 90:
        return f", about {max(1, round(seconds))} s left"
    if seconds < 90 * 60:
        return f", about {round(seconds / 60)} min left"
    return f", about {round(seconds / 3600)} h left"


@contextmanager
def shown_progress(sizes: list[int]) -> Iterator[Progress]:
    """Progress for people who wait."""
    if not sys.stderr.isatty():
        yield Progress(sizes, lines(time.monotonic))
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("Reviewing", markup=False), BarColumn(), TextColumn("{task.description}", markup=False))
    console = Console(stderr=True, highlight=False)
    with Bar(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task("", total=1.0)

        def show(line: str, share: float, left_s: float | None) -> None:
            bar.update(task, completed=share, description=line + in_words(left_s))

        yield Progress(sizes, show)


def lines(clock: Callable[[], float]) -> Callable[[str, float, float | None], None]:
    """What shows progress where nothing can be taken back: a line each half minute."""
    last = clock()

    def show(line: str, _share: float, left_s: float | None) -> None:
        nonlocal last
        if clock() - last >= _LINE_EVERY_S:
            last = clock()
            click.echo(f"codeassist: {line}{in_words(left_s)}", err=True)

    return show
