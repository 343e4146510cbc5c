"""When to be silent: how often a first line is right, by the probability that the model gives it.

For each threshold: `useful`, the share of right first lines that are still shown, and `quiet`, the share of wrong ones
that are not; and how many of those shown are right. From these tables come the default of
`completion.least_probability` and the shares in `codeassist/post/learned.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fim_cases import Case
from infilling_record import Recording

from codeassist.post.confidence import Confidence
from codeassist.post.learned import EDGES

THRESHOLDS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7)


@dataclass(frozen=True, slots=True)
class FirstLine:
    """`probability` of a first line by the model, and whether it is that of the reference."""

    probability: float
    right: bool


def first_lines(cases: Iterable[Case], recordings: Mapping[str, Recording]) -> list[FirstLine]:
    """The first lines of all answers whose log-probabilities were recorded."""
    found = []
    for case in cases:
        recording = recordings.get(case.id)
        if recording is None or not recording.pieces or any(logprob is None for _, logprob in recording.pieces):
            continue
        sure = Confidence()
        sure.add((text, logprob or 0.0) for text, logprob in recording.pieces)
        text = "".join(text for text, _ in recording.pieces)
        if sure.probability is not None:
            found.append(FirstLine(sure.probability, _first(text) == _first(case.reference)))
    return found


def rates(lines: Sequence[FirstLine], threshold: float) -> tuple[float, float, float]:
    """Useful rate, quiet rate and the share of right ones among those shown; 1 where there is nothing to count."""
    right = [line.probability >= threshold for line in lines if line.right]
    wrong = [line.probability >= threshold for line in lines if not line.right]
    shown = sum(right) + sum(wrong)
    return (
        sum(right) / len(right) if right else 1.0,
        1 - sum(wrong) / len(wrong) if wrong else 1.0,
        sum(right) / shown if shown else 1.0,
    )


def report(by_file: Mapping[Path, Sequence[Case]], recordings: Mapping[str, Recording]) -> str:
    """The table over all cases together, and the share of right ones in each range of probability."""
    lines = [line for cases in by_file.values() for line in first_lines(cases, recordings)]
    if not lines:
        return "No log-probabilities were recorded: nothing can be said of silence."
    told = [
        f"Silence below a probability of the first line, {len(lines)} answers",
        f"{'least':>7}{'useful':>9}{'quiet':>8}{'both':>7}{'right of shown':>16}",
    ]
    for threshold in THRESHOLDS:
        useful, quiet, precise = rates(lines, threshold)
        told.append(f"{threshold:7.2f}{useful:9.1%}{quiet:8.1%}{useful * quiet:7.2f}{precise:16.1%}")
    told.append("Right first lines by their probability")
    for low, high in zip(EDGES, (*EDGES[1:], 1.01), strict=True):
        inside = [line.right for line in lines if low <= line.probability < high]
        share = f"{sum(inside) / len(inside):.0%}" if inside else "-"
        told.append(f"  {low:.2f} to {min(high, 1.0):.2f}: {share} of {len(inside)}")
    return "\n".join(told)


def _first(text: str) -> str:
    return text.lstrip("\n").split("\n", 1)[0].strip()
