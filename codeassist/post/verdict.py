"""From the places where the model would have left a line to the one finding of that line, if there is one."""

from __future__ import annotations

from dataclasses import dataclass

from codeassist.post.categories import Category, Severity, category_of
from codeassist.post.change import Change, smallest_change, with_names_of
from codeassist.post.findings import Finding, clean_message
from codeassist.post.surprise import Divergence
from codeassist.post.taste import taste
from codeassist.syntax.tree import Syntax
from codeassist.text.document import Offset, Span
from codeassist.text.edits import Edit

SURE_SCORE = 6.0
"""From this surprise on (nats) a finding may be more than information; see benchmarks/quality/review.py."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A line that was looked at: where it begins, its text without white space at its end, what the model saw around
    it, and where the model would have left it."""

    start: Offset
    line: str
    seen: str
    divergences: tuple[Divergence, ...]


@dataclass(frozen=True, slots=True)
class _Alternative:
    score: float
    better: str
    change: Change
    category: Category


def verdict(syntax: Syntax, looked: Looked, least: float) -> Finding | None:
    """The finding of the line, if its most surprising place surprises by `least` nats and the alternative makes
    sense."""
    if not any(each.score >= least for each in looked.divergences):
        return None
    alternatives = [found for each in looked.divergences if (found := _alternative(syntax, looked, each))]
    # Of equals the smallest change says best what is wrong.
    best = max(alternatives, key=lambda each: (each.score, -each.change.size), default=None)
    if best is None or best.score < least:
        return None
    change, category, score = best.change, best.category, best.score
    severity: Severity = category.severity if score >= SURE_SCORE else "info"
    start, end = Offset(looked.start + change.start), Offset(looked.start + change.end)
    line = best.better.strip()
    said = category.says.format(old=_shown(change.old), new=_shown(change.text), line=_shown(line))
    return Finding(
        span=_visible(start, end, looked),
        severity=severity,
        category=category.name,
        message=clean_message(said),
        analyzer="infill",
        score=round(score, 2),
        fix=(Edit(start, end, change.text),),
        fix_title=clean_message(f"Replace with `{line}`"),
    )


def _alternative(syntax: Syntax, looked: Looked, divergence: Divergence) -> _Alternative | None:
    """What the model would change in the line, unless nothing needs to be said about it."""
    line = looked.line
    better = with_names_of(line, line[: divergence.position] + divergence.expected)
    change = smallest_change(line, better)
    if taste(syntax, looked.start, line, better, change, looked.seen) is not None:
        return None
    category = category_of(line, change)
    return _Alternative(divergence.score - category.doubt, better, change, category)


def _shown(code: str) -> str:
    """Code for a message in which it stands between backquotes."""
    return code.strip().replace("`", "'")


def _visible(start: Offset, end: Offset, looked: Looked) -> Span:
    """The changed code, widened by a character where there is none (a pure insertion), so that editors can mark it."""
    if end > start:
        return Span(start, end)
    if start > looked.start + len(looked.line) - len(looked.line.lstrip()):
        return Span(Offset(start - 1), start)
    return Span(start, Offset(min(start + 1, looked.start + len(looked.line))))
