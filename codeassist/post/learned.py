"""From what became of earlier suggestions to how sure the model must be for the next one to be shown.

The share of suggestions that are of use grows with the probability that the model gives their first line. Where it
starts was measured (benchmarks/quality/infilling.py); what the user does with suggestions moves it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

EDGES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7)
"""Lower ends of the ranges of probability that are looked at, each up to the next."""
_EXPECTED = (0.01, 0.06, 0.24, 0.26, 0.43, 0.46, 0.56, 0.56, 0.75)
"""The share of right first lines in each range, of 500 public cases and a model with 0.5 billion parameters."""
_WEIGHT = 12.0
"""What was measured counts as so many of the user's own suggestions, in each range."""
_MOST = 0.5
"""However few are of use: from here on they are shown."""


def least_probability(wanted: float, outcomes: Iterable[tuple[float, bool]]) -> float:
    """The least probability of a first line that is shown. `wanted`: the one to begin with, by the settings; 0 shows
    everything, whatever is learned. `outcomes`: the probability of each suggestion, and whether it was of use.

    It rises while suggestions just above it are of less use than was expected of those at `wanted`, up to one half or
    `wanted`, and falls where those below prove better, as far as they were asked for by hand.
    """
    if wanted <= 0.0:
        return 0.0
    of_use, seen = [0.0] * len(EDGES), [0] * len(EDGES)
    for probability, useful in outcomes:
        place = _range_of(probability)
        seen[place] += 1
        of_use[place] += useful
    share = [
        (expected * _WEIGHT + used) / (_WEIGHT + count)
        for expected, used, count in zip(_EXPECTED, of_use, seen, strict=True)
    ]
    first = _range_of(wanted)
    due = _EXPECTED[first]
    place = first
    while place + 1 < len(EDGES) and EDGES[place + 1] <= _MOST and share[place] < due:
        place += 1
    if place > first:
        return EDGES[place]
    while place and seen[place - 1] and share[place - 1] >= due:
        place -= 1
    return EDGES[place] if place < first else wanted


def _range_of(probability: float) -> int:
    return bisect_right(EDGES, min(max(probability, 0.0), 1.0)) - 1
