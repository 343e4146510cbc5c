"""How good predictions are: exact match, edit similarity, and two runs on the same cases against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import comb, sqrt

from fim_cases import Case


def shown(text: str, case: Case) -> str:
    """The part of a completion that is compared: the first line, or as many as the reference has."""
    if case.lines == "statement":
        return "\n".join(text.split("\n")[: case.reference.count("\n") + 1]).strip()
    return text.lstrip("\n").split("\n")[0].strip()


def exact(text: str, case: Case) -> bool:
    return shown(text, case) == case.reference.strip()


def similarity(text: str, case: Case) -> float:
    """2 x longest common subsequence / length of both, in characters: from 0 to 1."""
    one, other = shown(text, case), case.reference.strip()
    if not one and not other:
        return 1.0
    previous = [0] * (len(other) + 1)
    for letter in one:
        current = [0]
        for at, each in enumerate(other):
            current.append(previous[at] + 1 if letter == each else max(previous[at + 1], current[at]))
        previous = current
    return 2 * previous[-1] / (len(one) + len(other))


def interval(share: float, count: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share of `count` cases."""
    if not count:
        return 0.0, 0.0
    base = 1 + z * z / count
    middle = (share + z * z / (2 * count)) / base
    half = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / base
    return max(0.0, middle - half), min(1.0, middle + half)


def paired(one: Mapping[str, bool], other: Mapping[str, bool]) -> tuple[int, int, float]:
    """Cases that only `one` got right, cases that only `other` did, and the two-sided sign test's p."""
    both = one.keys() & other.keys()
    better = sum(one[key] and not other[key] for key in both)
    worse = sum(other[key] and not one[key] for key in both)
    differ = better + worse
    tail = sum(comb(differ, count) for count in range(min(better, worse) + 1)) / 2**differ if differ else 1.0
    return better, worse, min(1.0, 2 * tail)


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
