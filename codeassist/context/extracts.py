"""Which lines of a function a review shows, where it does not fit as a whole: bounded stretches around what changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from codeassist.context.tokens import estimate_tokens
from codeassist.text.document import Document

_AROUND = 12
"""Lines shown before and behind one that changed, as far as there is room."""
_LINE_TOKENS = 4
"""What the number and the mark of a line take."""
_LONGEST_LINE = 1_000
"""Characters; nobody judges the rest of a longer line."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Lines (from 0, in order) that are shown together, and what they cost, in estimated tokens."""

    lines: tuple[int, ...]
    tokens: int


def stretches(document: Document, own: Sequence[int], wanted: Collection[int], budget: int) -> tuple[Stretch, ...]:
    """Stretches of `own`, the lines of one function, that together show all of `wanted`, each within `budget` tokens.

    All of it in one if it fits. Else the lines around those wanted; the first line, which names the function, stands at
    the head of each. A line that does not fit by itself has a stretch of its own.
    """
    costs = {line: line_tokens(document, line) for line in own}
    if sum(costs.values()) <= budget:
        return (Stretch(tuple(own), sum(costs.values())),)
    head = own[:1]
    room = max(1, budget - sum(costs[line] for line in head))
    places = {line: at for at, line in enumerate(own)}
    found: list[Stretch] = []
    shown: list[int] = []
    used = 0

    def close() -> None:
        nonlocal shown, used
        if shown:
            lines = tuple(dict.fromkeys((*head, *shown)))
            found.append(Stretch(lines, sum(costs[line] for line in lines)))
        shown, used = [], 0

    for line in sorted(places[each] for each in wanted if each in places):
        if shown and own[line] <= shown[-1]:
            continue
        first, last = _around(line, own, costs, room)
        fresh = [each for each in own[first : last + 1] if not shown or each > shown[-1]]
        cost = sum(costs[each] for each in fresh)
        if shown and used + cost > room:
            close()
            fresh = list(own[first : last + 1])
            cost = sum(costs[each] for each in fresh)
        shown += fresh
        used += cost
    close()
    return tuple(found)


def line_tokens(document: Document, line: int) -> int:
    """What a line takes in a prompt, with its number and mark."""
    return estimate_tokens(document.line(line)[:_LONGEST_LINE]) + _LINE_TOKENS


def shown_text(document: Document, line: int) -> str:
    """A line as it is shown: cut where it is very long."""
    text = document.line(line)
    return text if len(text) <= _LONGEST_LINE else text[:_LONGEST_LINE] + " …"


def _around(at: int, own: Sequence[int], costs: dict[int, int], room: int) -> tuple[int, int]:
    """The indices of the first and last line around the one at `at` that fit, the same number on both sides if they
    can."""
    first = last = at
    left = room - costs[own[at]]
    for step in range(1, _AROUND + 1):
        for side in (at - step, at + step):
            reaches = 0 <= side < len(own) and side in (first - 1, last + 1)
            if reaches and costs[own[side]] <= left:
                left -= costs[own[side]]
                first, last = min(first, side), max(last, side)
    return first, last
