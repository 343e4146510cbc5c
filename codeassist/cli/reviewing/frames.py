"""Findings as text: where, what, and the code with marks under it, in colour where there is a terminal for it.

rich decides about colour (NO_COLOR, FORCE_COLOR, no terminal). Nothing that others wrote reaches the terminal but
through `plain`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from codeassist.cli.plain import plain, plain_character
from codeassist.cli.reviewing.results import Located, Results

if TYPE_CHECKING:
    from codeassist.post.findings import Severity
    from codeassist.text.document import Document

_STYLES: dict[Severity, str] = {"error": "bold red", "warning": "yellow", "info": "cyan"}
_WIDTH_WITHOUT_TERMINAL = 160
_LEAST_WIDTH = 20
"""Cells of code; below it the line is broken by the terminal, which is better than nothing to see."""
_MOST_MARKED_LINES = 6
_CONTEXT_LINES = 1
_BEFORE_MARK = 8
"""Cells of code to show before the mark in a line that does not fit."""


def print_findings(results: Results) -> None:
    """All findings on stdout, one after another with an empty line between."""
    soften(sys.stdout)
    console = _Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    width = console.width if console.is_terminal else _WIDTH_WITHOUT_TERMINAL
    for number, located in enumerate(results.shown):
        if number:
            console.print()
        for line in frame(located, width):
            console.print(line, soft_wrap=True)


class _Console(Console):
    """rich would end the command with 1 when nobody reads on, which here means findings."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def soften(stream: object) -> None:
    """Let characters that the stream's encoding lacks be spelled out rather than end the command."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def frame(located: Located, width: int) -> Iterator[Text]:
    """The lines of one finding; those with code have `width` cells at most, if that leaves room for any."""
    finding, start = located.finding, located.place["start"]
    style = _STYLES[finding.severity]
    shown = plain(located.shown)
    # A line that begins with two colons would be an instruction to GitHub's runner, behind blanks as well.
    place = f"{'./' if shown.lstrip().startswith(':') else ''}{shown}:{start['line']}:{start['column']}: "
    kind = Text.assemble((finding.severity, style), (f" [{plain(finding.category)}] ", "dim"))
    yield Text.assemble((place, "bold"), kind, plain(finding.message))
    yield from _code(located, style, width)
    if finding.fix:
        yield Text.assemble(("    fix: ", "green"), plain(finding.fix_title))


def _code(located: Located, style: str, width: int) -> Iterator[Text]:
    document, span = located.source.document, located.finding.span
    first, last = document.position_at(span.start), document.position_at(span.end)
    more = last.line - first.line - _MOST_MARKED_LINES + 1
    behind = last.line + _CONTEXT_LINES if more <= 0 else first.line + _MOST_MARKED_LINES - 1
    numbers = range(max(0, first.line - _CONTEXT_LINES), min(behind, document.line_count - 1) + 1)
    gutter = len(str(numbers[-1] + 1)) + 2
    room = max(_LEAST_WIDTH, width - gutter - 3)
    left = _left_edge(document, first.line, first.column, room)
    for number in numbers:
        line = document.line(number)
        if number in (numbers[0], numbers[-1]) and not line.strip() and not first.line <= number <= last.line:
            continue
        shown, _ = _cut(line, left, room)
        yield Text.assemble((f"{number + 1:>{gutter}} | ", "dim"), shown)
        if first.line <= number <= last.line:
            start = first.column if number == first.line else len(line) - len(line.lstrip())
            end = last.column if number == last.line else len(line)
            marks = _marks(line, start, end, left, room)
            if marks:
                yield Text.assemble((f"{'':>{gutter}} | ", "dim"), (marks, style))
    if more > 0:
        yield Text(f"{'':>{gutter}} | ... and {more} more line{'s' * (more != 1)}", "dim")


def _left_edge(document: Document, line: int, column: int, room: int) -> int:
    """The cell at which the shown part of the lines begins, so that the mark is in it."""
    text = document.line(line)
    mark = cell_len(plain(text[:column]))
    if cell_len(plain(text)) <= room or mark <= room - _BEFORE_MARK:
        return 0
    return mark - _BEFORE_MARK


def _cut(line: str, left: int, room: int) -> tuple[str, int]:
    """The part of a line from cell `left` on that fits, with a sign where something is cut off, and its cells."""
    shown: list[str] = []
    at = used = 0
    for character in line:
        piece = plain_character(character)
        cells = cell_len(piece)
        if at < left:
            at += cells
            continue
        if used + cells > room - 1 and cell_len(plain(line)) - left > room:
            return "".join(shown) + "…", used + 1
        shown.append(piece)
        used += cells
    text = "".join(shown)
    return ("…" + text[1:] if left and text else text), used


def _marks(line: str, start: int, end: int, left: int, room: int) -> str:
    """Carets under the characters from `start` to `end`, one at least."""
    before = cell_len(plain(line[:start])) - left
    marked = max(1, cell_len(plain(line[start:end])))
    if before < 0:
        before, marked = 0, marked + before
    return " " * before + "^" * min(marked, room - before) if marked > 0 and before < room else ""
