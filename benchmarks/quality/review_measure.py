"""How good findings are: bugs found among the first ones, false alarms, exact fixes, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fim_measure import interval
from review_cases import Case

from codeassist.settings import ReviewSettings

FIRST = (1, 3, 5)
"""How many findings a user may look at."""
MOST_SHOWN = ReviewSettings().max_findings


@dataclass(frozen=True)
class Found:
    """One finding: `line` to `end_line` (1-based). `fixes`: whether its fix gives exactly the text without the bug."""

    line: int
    end_line: int
    score: float
    analyzer: str
    category: str
    message: str
    fixes: bool = False


@dataclass(frozen=True)
class Reviewed:
    """What a review of one variant of a case gave, the best finding first, and what it cost."""

    case: Case
    variant: str
    findings: tuple[Found, ...]
    functions: int = 0
    requests: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    seconds: float = 0.0

    def above(self, least: float, analyzer: str | None = None) -> tuple[Found, ...]:
        """The findings of an analyzer, or of all, that score `least` or more, as many as are shown."""
        return tuple(f for f in self.findings if f.score >= least and analyzer in {None, f.analyzer})[:MOST_SHOWN]


@dataclass(frozen=True)
class Figures:
    """Over all cases. `recall`: share of bugs hit by the first findings, by how many. `alarms`: findings for each file
    without a bug. `precision`: of all findings, in files with and without a bug, those that hit one. `fixed`: share of
    bugs for which one of the first three findings has exactly the right fix."""

    bugs: int
    clean: int
    recall: Mapping[int, float]
    alarms: float
    precision: float
    fixed: float


def figures(reviews: Iterable[Reviewed], least: float, analyzer: str | None = None) -> Figures:
    """The figures if findings below `least` are not shown."""
    hits = dict.fromkeys(FIRST, 0)
    bugs = clean = alarms = right = shown = fixed = 0
    for review in reviews:
        findings = review.above(least, analyzer)
        shown += len(findings)
        if review.variant == "clean":
            clean += 1
            alarms += len(findings)
            continue
        bugs += 1
        hit = [review.case.hit(found.line, found.end_line) for found in findings]
        right += sum(hit)
        fixed += any(found.fixes for found in findings[:3])
        for most in FIRST:
            hits[most] += any(hit[:most])
    return Figures(
        bugs=bugs,
        clean=clean,
        recall={most: count / bugs if bugs else 0.0 for most, count in hits.items()},
        alarms=alarms / clean if clean else 0.0,
        precision=right / shown if shown else 1.0,
        fixed=fixed / bugs if bugs else 0.0,
    )


def curve(reviews: Sequence[Reviewed], thresholds: Iterable[float], analyzer: str) -> list[tuple[float, Figures]]:
    """The figures of one analyzer at each threshold."""
    return [(least, figures(reviews, least, analyzer)) for least in thresholds]


def table(points: Sequence[tuple[float, Figures]]) -> str:
    """A curve in lines of text."""
    lines = [f"{'least':>6}{'at 1':>8}{'at 3':>8}{'at 5':>8}{'alarms':>8}{'precision':>11}{'fixed':>8}"]
    for least, each in points:
        recall = "".join(f"{each.recall[most]:8.1%}" for most in FIRST)
        lines.append(f"{least:6.1f}{recall}{each.alarms:8.2f}{each.precision:11.1%}{each.fixed:8.1%}")
    return "\n".join(lines)


def summary(reviews: Sequence[Reviewed], least: float) -> str:
    """The figures at one threshold in words."""
    all_ = figures(reviews, least)
    low, high = interval(all_.recall[3], all_.bugs)
    lines = [
        f"{all_.bugs} bugs; on a line of the bug: "
        + ", ".join(f"the first {most}: {share:.1%}" for most, share in all_.recall.items()),
        f"   of the first 3 with 95 %: {low:.1%} to {high:.1%}",
        f"   with exactly the right fix among them: {all_.fixed:.1%}",
        f"{all_.clean} files without a bug: {all_.alarms:.2f} false alarms for each",
        f"of all findings {all_.precision:.1%} are on a bug",
        _cost(reviews),
    ]
    return "\n".join(lines)


def _cost(reviews: Sequence[Reviewed]) -> str:
    functions = sum(review.functions for review in reviews) or 1
    each = [
        sum(review.requests for review in reviews) / functions,
        sum(review.prompt_tokens for review in reviews) / functions,
        sum(review.generated_tokens for review in reviews) / functions,
        sum(review.seconds for review in reviews) / functions,
    ]
    return (
        f"for each function: {each[0]:.1f} requests, {each[1]:.0f} tokens of prompts (most from the engine's cache), "
        f"{each[2]:.0f} tokens written, {each[3]:.1f} s"
    )


def by_kind(reviews: Sequence[Reviewed], least: float) -> str:
    """Recall at 3 by the kind of bug."""
    kinds = dict.fromkeys(review.case.kind for review in reviews if review.case.kind)
    lines = []
    for kind in sorted(kinds):
        here = figures([review for review in reviews if review.case.kind == kind], least)
        lines.append(f"   {kind}: {here.recall[3]:.0%} of {here.bugs}")
    return "\n".join(lines)


def row(review: Reviewed, least: float) -> dict[str, Any]:
    """A line of the file of predictions."""
    return {
        "id": review.case.id,
        "variant": review.variant,
        "findings": [
            {
                "line": found.line,
                "end_line": found.end_line,
                "message": found.message,
                "score": found.score,
                "category": found.category,
                "analyzer": found.analyzer,
                "fixes": found.fixes,
            }
            for found in review.above(least)
        ],
        "functions": review.functions,
        "requests": review.requests,
        "tokens": {"prompt": review.prompt_tokens, "generated": review.generated_tokens},
        "seconds": round(review.seconds, 2),
    }
