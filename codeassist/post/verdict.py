"""From the places where the model would have left a line to the one finding of that line, if there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codeassist.post.categories import Category, Severity, category_of
from codeassist.post.change import Change, smallest_change, with_names_of, without_comment
from codeassist.post.findings import Finding, clean_message
from codeassist.post.surprise import Divergence, Reading
from codeassist.post.taste import taste
from codeassist.syntax.languages import line_comment
from codeassist.syntax.tree import Syntax
from codeassist.text.document import Offset, Span
from codeassist.text.edits import Edit

SURE_SCORE = 6.0
"""From this surprise on (nats) a finding may be more than information; see benchmarks/quality/review.py."""
_AGREEMENT = 2.0
"""What it adds (nats) if the line was once as the model expects it."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A line that was looked at: where it begins, its text without white space at its end, what the model saw around
    it, and how the model takes it.

    `before`: the line that stood in its place before it was edited, if that is known, and its `advantage`.
    """

    start: Offset
    line: str
    seen: str
    reading: Reading
    before: str | None = None
    advantage: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """A finding, the whole line as it is expected, and as it is; both without their indentation."""

    finding: Finding
    expected: str
    line: str


@dataclass(frozen=True, slots=True)
class _Alternative:
    score: float
    better: str
    change: Change
    category: Category


def verdict(syntax: Syntax, looked: Looked, least: float) -> Verdict | None:
    """The finding of the line, if its most surprising place surprises by `least` nats and the alternative makes
    sense."""
    divergences = looked.reading.divergences
    most = max((each.score for each in divergences), default=0.0)
    if max(most + _AGREEMENT * (looked.before is not None), looked.advantage) < least:
        return None
    found = [_expected(syntax, looked, each) for each in divergences]
    if looked.before is not None:
        found.append(_alternative(syntax, looked, looked.before, looked.advantage))
    alternatives = [each for each in found if each is not None]
    # Of equals the smallest change says best what is wrong.
    best = max(alternatives, key=lambda each: (each.score, -each.change.size), default=None)
    if best is None or best.score < least:
        return None
    change, category, score = best.change, best.category, best.score
    severity: Severity = category.severity if score >= SURE_SCORE else "info"
    start, end = Offset(looked.start + change.start), Offset(looked.start + change.end)
    line = best.better.strip()
    said = category.says.format(old=_shown(change.old), new=_shown(change.text), line=_shown(line))
    if _was_before(looked, best.better):
        said += " That is how it was before the change."
    finding = Finding(
        span=_visible(start, end, looked),
        severity=severity,
        category=category.name,
        message=clean_message(said),
        analyzer="infill",
        score=round(score, 2),
        fix=(Edit(start, end, change.text),),
        fix_title=clean_message(f"Replace with `{line}`"),
    )
    return Verdict(finding, line, looked.line.strip())


def told(verdicts: Sequence[Verdict]) -> list[Finding]:
    """The findings of those lines of a region for which another line is expected than for the others.

    Where lines resemble each other (a ladder of conditions, a table) a small model expects one and the same line in
    the place of several: it has lost its place, and none of them is wrong. Of lines that are the same (two branches
    that return one value) it may well be right about one, the most surprising.
    """
    alike: dict[str, list[Verdict]] = {}
    for each in verdicts:
        alike.setdefault(each.expected, []).append(each)
    best = [
        max(same, key=lambda each: each.finding.score) for same in alike.values() if len({e.line for e in same}) == 1
    ]
    return [each.finding for each in verdicts if each in best]


def _expected(syntax: Syntax, looked: Looked, divergence: Divergence) -> _Alternative | None:
    """What the model would write; more telling if it once was so."""
    written = looked.line[: divergence.position] + divergence.expected
    # The comment behind the file's line is not in `line` either: it is no part of what is compared.
    better = with_names_of(looked.line, without_comment(written, line_comment(syntax.document.language)))
    return _alternative(syntax, looked, better, divergence.score + _AGREEMENT * _was_before(looked, better))


def _alternative(syntax: Syntax, looked: Looked, better: str, score: float) -> _Alternative | None:
    """What would change in the line, unless nothing needs to be said about it."""
    change = smallest_change(looked.line, better)
    if taste(syntax, looked.start, looked.line, better, change, looked.seen) is not None:
        return None
    category = category_of(looked.line, change)
    return _Alternative(score - category.doubt, better, change, category)


def _was_before(looked: Looked, line: str) -> bool:
    return looked.before is not None and line.split() == looked.before.split()


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
