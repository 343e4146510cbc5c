"""Where lines start. A line ends at "\\r\\n", "\\n" or "\\r", as the protocol has it, and nowhere else.

Form feed, vertical tab, NEL, U+2028 and U+2029 are ordinary characters here, although `str.splitlines` splits
at them: an editor that counts lines by the protocol would otherwise see its edits land on another line.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from codeassist.text.edits import Edit

_LINE_END = re.compile(r"\r\n|\n|\r")
_LINE_FEED = re.compile(r"\n")


def line_starts(text: str) -> list[int]:
    """The offset of the first character of each line; a text has one line more than it has line ends."""
    return [0, *_starts_after_ends(text)]


def line_of(starts: Sequence[int], offset: int) -> int:
    """The line, from 0, that holds the character at `offset` (>= 0)."""
    return bisect_right(starts, offset) - 1


def splice(starts: list[int], edits: Sequence[Edit], new_text: str) -> list[int]:
    """The line starts of `new_text`, made from those of the old text.

    `edits` are sorted, do not overlap, count in the old text and lead to `new_text`. Only the lines they
    touch are read again; the starts behind them are shifted.
    """
    result: list[int] = []
    done = 0  # Lines of the old text whose starts are in `result`.
    shift = 0
    for first, last, growth in _touched_lines(starts, edits):
        _extend_shifted(result, starts, done, first + 1, shift)
        begin = starts[first] + shift
        shift += growth
        end = starts[last + 1] + shift if last + 1 < len(starts) else len(new_text)
        fresh = [begin + start for start in _starts_after_ends(new_text[begin:end])]
        if last + 1 < len(starts):
            fresh.pop()  # The line end that closes the last touched line: the next old start stands for it.
        result += fresh
        done = last + 1
    _extend_shifted(result, starts, done, len(starts), shift)
    return result


def _touched_lines(starts: list[int], edits: Sequence[Edit]) -> list[tuple[int, int, int]]:
    """First and last old line of each group of edits that share lines, and the characters the group adds."""
    groups: list[tuple[int, int, int]] = []
    for edit in edits:
        first = line_of(starts, edit.start)
        if first and starts[first] == edit.start:
            first -= 1  # A "\n" that arrives here may join a "\r" that ended the line before.
        last = line_of(starts, edit.end)
        growth = len(edit.text) - (edit.end - edit.start)
        if groups and first <= groups[-1][1]:
            earlier_first, earlier_last, earlier_growth = groups.pop()
            first, last, growth = earlier_first, max(last, earlier_last), growth + earlier_growth
        groups.append((first, last, growth))
    return groups


def _extend_shifted(result: list[int], starts: list[int], begin: int, end: int, shift: int) -> None:
    if shift:
        result += [start + shift for start in starts[begin:end]]
    else:
        result += starts[begin:end]


def _starts_after_ends(text: str) -> list[int]:
    pattern = _LINE_END if "\r" in text else _LINE_FEED
    return [match.end() for match in pattern.finditer(text)]
