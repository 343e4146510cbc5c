"""From what became of earlier suggestions to how sure the model must be for the next one to be shown.

The share of suggestions that are of use grows with the probability that the model gives their first line. Where it
starts was measured (benchmarks/quality/infilling.py); what the user does with suggestions moves it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from math import sqrt

EDGES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7)
"""Lower ends of the ranges of probability that are looked at, each up to the next."""
_EXPECTED = (0.01, 0.06, 0.24, 0.26, 0.43, 0.46, 0.56, 0.56, 0.75)
"""The share of right first lines in each range, of 500 public cases and a model with 0.5 billion parameters."""
_ENOUGH = 20
"""So few suggestions in a range prove nothing."""
_SURE = 1.3
"""Standard errors by which they have to differ from what is due."""
_LEAST_FACTOR = 0.3
_MOST = 0.5
"""However few are of use: from here on they are shown."""


def least_probability(wanted: float, outcomes: Iterable[tuple[float, bool]]) -> float:
    """The least probability of a first line that is shown. `wanted`: the one to begin with, by the settings; 0 shows
    everything, whatever is learned. `outcomes`: the probability of each suggestion, and whether it was of use.

    What was measured are first lines that were right; people take fewer than that, each by their own measure, so the
    shares are compared with what is usual for this user. It rises while suggestions just above it are clearly of less
    use than those at `wanted` usually are, up to one half or `wanted`, and falls where those below, asked for by hand,
    prove better.
    """
    if wanted <= 0.0:
        return 0.0
    of_use, seen = [0] * len(EDGES), [0] * len(EDGES)
    for probability, useful in outcomes:
        place = _range_of(probability)
        seen[place] += 1
        of_use[place] += useful
    first = _range_of(wanted)
    expected = sum(count * share for count, share in zip(seen, _EXPECTED, strict=True))
    usual = min(max(sum(of_use) / expected, _LEAST_FACTOR), 1.0) if sum(seen) >= _ENOUGH and expected else 1.0
    due = _EXPECTED[first] * usual

    def differs(place: int, sign: int) -> bool:
        if seen[place] < _ENOUGH:
            return False
        error = sqrt(due * (1 - due) / seen[place])
        return sign * (of_use[place] / seen[place] - due) > _SURE * error

    place = first
    while place + 1 < len(EDGES) and EDGES[place + 1] <= _MOST and differs(place, -1):
        place += 1
    if place > first:
        return max(wanted, EDGES[place])
    while place and differs(place - 1, 1):
        place -= 1
    return EDGES[place] if place < first else wanted


def _range_of(probability: float) -> int:
    return bisect_right(EDGES, min(max(probability, 0.0), 1.0)) - 1
