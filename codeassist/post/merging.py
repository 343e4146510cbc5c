"""One list of what all analyzers found: what speaks of the same code is one finding, the gravest and surest are shown.

A list only grows while a review runs. A finding that is shown stays where it is and keeps its name; another analyzer
may add its evidence and its words to it. So nothing flickers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from codeassist.post.drops import Drop
from codeassist.post.findings import SEVERITIES, Finding, Severity, fix_parses, told_apart, with_fingerprints
from codeassist.syntax.tree import Syntax
from codeassist.text.document import Span

_BEST_WORDS = ("words", "infill")
"""Whose message is shown where several speak of the same code: one that explains before one that compares."""
_VAGUE = "bug"
"""The category that says least."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What is known of one piece of code: the finding that was there first, which gives it its name, and what it became
    with all that others said of it."""

    first: Finding
    now: Finding


Pool = tuple[Joined, ...]
"""All that a review has found so far, in the order in which it was found."""


def join(pool: Pool, new: Iterable[Finding], syntax: Syntax, drop: Drop) -> Pool:
    """The pool with new findings in it, the gravest and surest first. One whose fix would make the document parse worse
    is no evidence and left out. Parses the document once for each, and finds out their names: not for the event loop.
    """
    joined = list(pool)
    for finding in sorted(new, key=rank):
        if finding.fix and not fix_parses(finding.fix, syntax):
            drop("fix-breaks-syntax")
            continue
        same = next((at for at, other in enumerate(joined) if overlap(other.first.span, finding.span)), None)
        if same is None:
            (named,) = with_fingerprints([finding], syntax)
            joined.append(Joined(named, named))
        elif finding.analyzer in joined[same].now.analyzer.split("+"):
            drop("said-twice")
        else:
            joined[same] = replace(joined[same], now=merged(joined[same].now, finding))
    return tuple(joined)


def merged(one: Finding, other: Finding) -> Finding:
    """Two findings about the same code as one, at the place of `one`: the better words, the graver severity, the
    evidence of both."""
    by_words = sorted((one, other), key=_wording)
    best = by_words[0]
    vague = [finding for finding in by_words if finding.category == _VAGUE]
    telling = [finding for finding in by_words if finding.category != _VAGUE]
    fixed = next((finding for finding in by_words if finding.fix), best)
    return replace(
        one,
        severity=min(one.severity, other.severity, key=SEVERITIES.index),
        category=(telling or vague)[0].category,
        message=best.message,
        analyzer="+".join(sorted({*one.analyzer.split("+"), *other.analyzer.split("+")})),
        score=round(one.score + other.score, 2),
        fix=fixed.fix,
        fix_title=fixed.fix_title,
    )


def shown(
    pool: Pool,
    *,
    most: int,
    least: Severity,
    pinned: Collection[str] = (),
    drop: Drop = lambda _reason: None,
    hidden: Callable[[Finding], bool] = lambda _finding: False,
) -> tuple[Finding, ...]:
    """The findings to show, in document order: at most `most`, none milder than `least`. Those whose fingerprints are
    `pinned` are shown already and stay. What is `hidden` takes the place of no other, and is given all the same: it may
    be asked for again."""
    names = told_apart(joined.first for joined in pool)
    found = [replace(joined.now, fingerprint=name.fingerprint) for joined, name in zip(pool, names, strict=True)]
    kept: list[Finding] = []
    aside: list[Finding] = []
    for finding in sorted(found, key=lambda finding: (finding.fingerprint not in pinned, rank(finding))):
        is_pinned = finding.fingerprint in pinned
        if not is_pinned and SEVERITIES.index(finding.severity) > SEVERITIES.index(least):
            drop("too-mild")
        elif hidden(finding):
            aside.append(finding)
        elif is_pinned:
            kept.append(finding)
        elif len(kept) >= most:
            drop("too-many")
        else:
            kept.append(finding)
    return tuple(sorted((*kept, *aside), key=lambda finding: (finding.span.start, finding.span.end)))


def within_limit(new: Sequence[Finding], old: Sequence[Finding], most: int) -> tuple[Finding, ...]:
    """The findings of a document after a review: all new ones, and as many of the old as there is room for, the gravest
    and surest first."""
    room = max(0, most - len(new))
    kept = sorted(old, key=rank)[:room]
    return (*(finding for finding in old if finding in kept), *new)


def rank(finding: Finding) -> tuple[int, float]:
    """The order in which findings are worth being looked at, the gravest and surest first."""
    return SEVERITIES.index(finding.severity), -finding.score


def overlap(one: Span, other: Span) -> bool:
    """Whether two findings speak of the same code."""
    return one.overlaps(other) or one.start == other.start


def _wording(finding: Finding) -> tuple[int, float]:
    analyzers = finding.analyzer.split("+")
    return min(
        _BEST_WORDS.index(name) if name in _BEST_WORDS else len(_BEST_WORDS) for name in analyzers
    ), -finding.score
