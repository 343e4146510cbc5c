"""Which lines differ between two texts. Pure, and bounded: texts that have little in common count as all different."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_MOST_PAIRS = 4_000_000
"""Lines of one times lines of the other, above which they are not compared: difflib is quadratic in bad cases."""


@dataclass(frozen=True, slots=True)
class LineDiff:
    """`added`: indices of lines of the new text that the old one has not. `removed`: what the old text had instead or
    beside, as (index of the line of the new text that it stood before, the lines)."""

    added: frozenset[int] = frozenset()
    removed: tuple[tuple[int, tuple[str, ...]], ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.added and not self.removed


def diff_lines(old: Sequence[str], new: Sequence[str], *, indented: bool = False) -> LineDiff:
    """The difference of two lists of lines; blank lines and blanks at the ends of lines do not count, and indentation
    only if `indented`."""
    left, right = ([(at, _bare(line, indented)) for at, line in enumerate(text) if line.strip()] for text in (old, new))
    head = 0
    while head < min(len(left), len(right)) and left[head][1] == right[head][1]:
        head += 1
    tail = 0
    while tail < min(len(left), len(right)) - head and left[-1 - tail][1] == right[-1 - tail][1]:
        tail += 1
    left_middle, right_middle = left[head : len(left) - tail], right[head : len(right) - tail]
    added: set[int] = set()
    removed: list[tuple[int, tuple[str, ...]]] = []
    for first, last, begin, end in _changes(left_middle, right_middle):
        added.update(index for index, _ in right_middle[begin:end])
        if first < last:
            place = head + begin
            at = right[place][0] if place < len(right) else len(new)
            removed.append((at, tuple(old[index] for index, _ in left_middle[first:last])))
    return LineDiff(frozenset(added), tuple(removed))


def _changes(left: list[tuple[int, str]], right: list[tuple[int, str]]) -> list[tuple[int, int, int, int]]:
    """What differs: from and to on the left, from and to on the right."""
    if len(left) * len(right) > _MOST_PAIRS:
        return [(0, len(left), 0, len(right))]
    matcher = SequenceMatcher(None, [text for _, text in left], [text for _, text in right], autojunk=False)
    return [(first, last, begin, end) for kind, first, last, begin, end in matcher.get_opcodes() if kind != "equal"]


def _bare(line: str, indented: bool) -> str:
    return line.rstrip() if indented else line.strip()


def lines_in(text: Iterable[str]) -> Counter[str]:
    """The lines of a text, as `likeness` compares them: without blank ones and indentation."""
    return Counter(line.strip() for line in text if line.strip())


def likeness(one: Counter[str], other: Counter[str], least: float = 0.0) -> float:
    """The share of lines, 0 to 1, that two texts have in common, wherever they stand in them; 0 for less than `least`,
    which is quicker."""
    fewer, more = sorted((one, other), key=Counter.total)
    most = more.total()
    if not most or fewer.total() < least * most:
        return 0.0
    share = sum(min(count, more[line]) for line, count in fewer.items() if line in more) / most
    return share if share >= least else 0.0
