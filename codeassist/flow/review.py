"""A review, walked: changed functions -> analyzers -> findings anchored in the text -> verified, ranked, shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from codeassist.flow.admission import Admission
from codeassist.flow.asking import Bound
from codeassist.flow.infill import Check, NoLogprobs, check_lines
from codeassist.flow.regions import Region, fingerprints_of, regions_of, stretches
from codeassist.flow.trace import Trace
from codeassist.flow.words import UnreadableAnswer, review_in_words
from codeassist.model.errors import ModelError
from codeassist.post.findings import Finding, settle, with_fingerprints
from codeassist.post.skip import Skip
from codeassist.settings import AnalyzerName, ReviewSettings
from codeassist.syntax.tree import Syntax

__all__ = ["NO_LIMIT", "Region", "Review", "fingerprints_of", "regions_of", "review", "stretches"]

NO_LIMIT = 1_000_000
"""`max_lines` of a review that was asked for: all of it is looked at."""

Report = Callable[[int, int], None]
"""Progress: (regions done, regions in all)."""


@dataclass(frozen=True, slots=True)
class Review:
    """What came of it. `reviewed` are the regions that were looked at to the end, so that a caller can remember their
    fingerprints; `skips` say for each analyzer that gave nothing why."""

    findings: tuple[Finding, ...] = ()
    reviewed: tuple[Region, ...] = ()
    skips: Mapping[AnalyzerName, Skip] = field(default_factory=dict)


async def review(
    syntax: Syntax,
    regions: Sequence[Region],
    path: str,
    bound: Bound,
    settings: ReviewSettings,
    admission: Admission,
    trace: Trace,
    report: Report = lambda _done, _all: None,
) -> Review:
    """Review `regions` of a document. Model failures become Skips; cancellation passes through."""
    skips: dict[AnalyzerName, Skip] = {}
    if not regions:
        trace.skip = "nothing-changed"
        return Review(skips={name: Skip("nothing-changed") for name in settings.analyzers})
    check = Check(syntax, path, bound, settings, admission)
    found: list[Finding] = []
    reviewed: list[Region] = []
    budget = settings.max_lines
    for done, region in enumerate(regions):
        report(done, len(regions))
        if budget <= 0:
            break  # What is left keeps its place for the next review.
        here: list[Finding] = []
        for name in settings.analyzers:
            if name in skips and skips[name].reason != "unreadable-answer":
                continue
            with trace.stage(name):
                result = await _analyze(name, check, region, region.lines[:budget], trace)
            if isinstance(result, Skip):
                skips[name] = result
            else:
                here += result
        whole = len(region.lines) <= budget or budget == settings.max_lines
        budget -= len(region.lines)
        found += settle(here, syntax, most=settings.max_findings, least=settings.min_severity)
        if whole and not any(skip.is_failure for skip in skips.values()):
            reviewed.append(region)
    report(len(regions), len(regions))
    if skips and not found:
        first = next(iter(skips.values()))
        trace.skip, trace.detail = first.reason, first.detail
    # Numbered over all regions: two overloads may hold the same line.
    return Review(with_fingerprints(found, syntax), tuple(reviewed), skips)


async def _analyze(
    name: AnalyzerName, check: Check, region: Region, lines: Sequence[int], trace: Trace
) -> list[Finding] | Skip:
    try:
        if name == "infill":
            if check.bound.family.kind != "fim":
                return Skip("cannot-fill")
            if check.bound.abilities.logprobs == "no":
                return Skip("no-logprobs")
            return await _infill(check, region, lines, trace)
        if not check.bound.can_review:
            return Skip("not-able")
        return await review_in_words(check, region.span, trace)
    except ModelError as error:
        return Skip(error.reason, str(error))
    except NoLogprobs:
        return Skip("no-logprobs")
    except UnreadableAnswer:
        return Skip("unreadable-answer")


async def _infill(check: Check, region: Region, lines: Sequence[int], trace: Trace) -> list[Finding]:
    """The infill check of `lines` of a region, part by part."""
    document = check.syntax.document
    found: list[Finding] = []
    for part in region.parts:
        first, last = document.position_at(part.start).line, document.position_at(part.end).line
        inside = [line for line in lines if first <= line <= last and part.contains(document.line_end(line) - 1)]
        if inside:
            found += await check_lines(check, part, inside, trace)
    return found
