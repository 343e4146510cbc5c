"""Where the text before the cursor is cut off: on a coarse grid, at places where code begins.

An engine keeps what it has read of a prompt up to the first character that differs. A window that slid along
with every keystroke would differ at its first character each time. So it starts near a multiple of
`grid_lines`, and stays there until the budget forces it to the next one. Within half a grid step the start
moves to the line that looks most like the beginning of something. Only the text is looked at: a syntax tree
changes shape while a line is half typed.
"""

from __future__ import annotations

import re
from functools import lru_cache

from codeassist.context.limits import ContextLimits
from codeassist.context.tokens import estimate_tokens
from codeassist.text.document import Document, Offset

_FINE_LINES = 4
_COLUMN_GRID = 256
_MOST_CHARACTERS_PER_TOKEN = 4

_CONTINUES = re.compile(r"\s*(?:[\])}]|(?:else|elif|except|finally|catch|end|then|case|default)\b)")
"""What cannot begin anything."""
_LINE_END = re.compile(r"\r\n|\n|\r")

_cell_tokens = lru_cache(maxsize=1024)(estimate_tokens)
"""The cells between two grid places stay the same from keystroke to keystroke. At most some megabytes."""
_last_tokens = lru_cache(maxsize=8)(estimate_tokens)
"""What ends at the cursor is new at each keystroke, but measured for more than one budget."""


def window_start(document: Document, offset: Offset, budget: int, limits: ContextLimits) -> tuple[Offset, int]:
    """Where a prefix of at most `budget` tokens that ends at `offset` begins, and its estimated tokens."""
    line = document.position_at(offset).line
    for step in (limits.grid_lines, _FINE_LINES, 1):
        found = _on_grid(document, line, offset, budget, step)
        if found is not None:
            return found
    return _inside_line(document, line, offset, budget)


def _on_grid(document: Document, line: int, offset: Offset, budget: int, step: int) -> tuple[Offset, int] | None:
    best: tuple[Offset, int] | None = None
    upper, used = offset, 0
    for number in range(line // step, -1, -1):
        if number and (number + 1) * step > line:
            continue  # The lines that would be looked at are not all above the cursor yet.
        start = document.line_start(_beginning(document, number * step, step))
        text = document.text[start:upper]
        used += _last_tokens(text) if upper == offset else _cell_tokens(text)
        if used > budget:
            break
        best = (start, used)
        upper = start
    return best


def _beginning(document: Document, first: int, count: int) -> int:
    """The line among `count` lines from `first` that is best to begin a window with; the document's own
    beginning is."""
    if first == 0:
        return 0
    text = document.text[document.line_start(first - 1) : document.line_start(first + count)]
    return first + _best_line(text)


@lru_cache(maxsize=1024)
def _best_line(text: str) -> int:
    """The line of a cell that is best to begin a window with, from 0. `text` has the line before the cell, too."""
    before, *lines = _LINE_END.split(text)
    best, best_rank = 0, (-1, 0)
    blank_before = not before.strip()
    for number, line in enumerate(lines):
        bare = line.lstrip()
        if bare and not _CONTINUES.match(bare):
            indent = len(line) - len(bare)
            rank = (2 if blank_before and not indent else 1 if blank_before else 0, -indent)
            if rank > best_rank:
                best, best_rank = number, rank
        blank_before = not bare
    return best


def _inside_line(document: Document, line: int, offset: Offset, budget: int) -> tuple[Offset, int]:
    """A cut inside a line that is too long for the budget alone."""
    start = document.line_start(line)
    characters = min(budget * _MOST_CHARACTERS_PER_TOKEN, offset - start)
    while characters > 0:
        grid = min(_COLUMN_GRID, 1 << max(characters // 4, 1).bit_length())
        cut = Offset(start + -(-(offset - start - characters) // grid) * grid)
        tokens = estimate_tokens(document.text[cut:offset])
        if tokens <= budget:
            return cut, tokens
        characters = characters * 3 // 4
    return offset, 0
