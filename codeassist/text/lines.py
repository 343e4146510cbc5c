"""Where lines start. A line ends at "\\r\\n", "\\n" or "\\r", as the protocol has it, and nowhere else.

Form feed, vertical tab, NEL, U+2028 and U+2029 are ordinary characters here, although `str.splitlines` splits
at them: an editor that counts lines by the protocol would otherwise see its edits land on another line.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import overload

from codeassist.text.edits import Edit

_LINE_END = re.compile(r"\r\n|\n|\r")
_LINE_FEED = re.compile(r"\n")
_LONE_RETURN = re.compile(r"\r(?!\n)")


class Starts(Sequence[int]):
    """The line starts of a text in which one line grew or shrank: those of the text before, shifted behind that line.

    Typing makes one of these at each key; a list of all lines would be made anew each time.
    """

    __slots__ = ("_before", "_behind", "_shift")

    def __init__(self, before: list[int], behind: int, shift: int) -> None:
        """`before` is never changed. Its items from `behind` on are shifted."""
        self._before, self._behind, self._shift = before, behind, shift

    def __len__(self) -> int:
        return len(self._before)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> list[int]: ...
    def __getitem__(self, index: int | slice) -> int | list[int]:
        if isinstance(index, slice):
            return self.whole()[index]
        line = index if index >= 0 else index + len(self._before)
        return self._before[line] + self._shift if line >= self._behind else self._before[line]

    def __eq__(self, other: object) -> bool:
        return self.whole() == (other.whole() if isinstance(other, Starts) else other)

    __hash__ = None  # type: ignore[assignment]  # As of a list.

    def whole(self) -> list[int]:
        """All of them as a list."""
        return [*self._before[: self._behind], *(start + self._shift for start in self._before[self._behind :])]

    def line_of(self, offset: int) -> int:
        """As the function of this name."""
        found = bisect_right(self._before, offset, 0, self._behind)
        if found < self._behind:
            return found - 1
        return bisect_right(self._before, offset - self._shift, self._behind) - 1

    def after(self, line: int, growth: int) -> Starts | None:
        """Those after a line grew by so many characters, if it is the one that grew before."""
        return Starts(self._before, self._behind, self._shift + growth) if line + 1 == self._behind else None


def line_starts(text: str) -> list[int]:
    """The offset of the first character of each line; a text has one line more than it has line ends."""
    return [0, *_starts_after_ends(text)]


def has_lone_returns(text: str) -> bool:
    """Whether some line ends in "\\r" alone, as on the first Macs."""
    return "\r" in text and text.count("\r") != text.count("\r\n")


def with_line_feeds(text: str) -> str:
    """The text with "\\n" for each "\\r" that ends a line alone, which few who read code take for a line end.
    Of the same length: places stay what they are."""
    return _LONE_RETURN.sub("\n", text) if has_lone_returns(text) else text


def plain_ends(text: str) -> str:
    """The text with "\\n" for every line end."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def line_of(starts: Sequence[int], offset: int) -> int:
    """The line, from 0, that holds the character at `offset` (>= 0)."""
    return starts.line_of(offset) if isinstance(starts, Starts) else bisect_right(starts, offset) - 1


def splice(starts: Sequence[int], edits: Sequence[Edit], new_text: str) -> Sequence[int]:
    """The line starts of `new_text`, made from those of the old text.

    `edits` are sorted, do not overlap, count in the old text and lead to `new_text`. Only the lines they
    touch are read again; the starts behind them are shifted.
    """
    within = _within_line(starts, edits, new_text)
    if within is not None:
        return within
    return _spliced(starts.whole() if isinstance(starts, Starts) else list(starts), edits, new_text)


def _within_line(starts: Sequence[int], edits: Sequence[Edit], new_text: str) -> Starts | None:
    """The line starts after one change inside a line, as typing is; None for any other."""
    if len(edits) != 1 or _LINE_END.search(edits[0].text):
        return None
    at, end, growth = edits[0].start, edits[0].end, len(edits[0].text) - (edits[0].end - edits[0].start)
    line = line_of(starts, at)
    if line_of(starts, end) != line or (line and starts[line] == at) or new_text[max(0, at - 1) : at] == "\r":
        return None  # What comes between "\r" and "\n" parts them, and what goes from there joins them.
    if isinstance(starts, Starts):
        return starts.after(line, growth)
    return Starts(starts, line + 1, growth) if isinstance(starts, list) else None


def _spliced(starts: list[int], edits: Sequence[Edit], new_text: str) -> list[int]:
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
