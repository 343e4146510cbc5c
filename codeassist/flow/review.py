"""A review, walked: changed functions -> analyzers -> findings anchored in the text -> verified, ranked, shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from codeassist.flow.admission import Admission
from codeassist.flow.asking import Bound
from codeassist.flow.infill import Check, NoLogprobs, check_lines
from codeassist.flow.trace import Trace
from codeassist.flow.words import UnreadableAnswer, review_in_words
from codeassist.model.errors import ModelError
from codeassist.post.findings import Finding, settle, with_fingerprints
from codeassist.post.fixes import with_fitted_fix
from codeassist.post.skip import Skip
from codeassist.settings import AnalyzerName, ReviewSettings
from codeassist.syntax.outline import fingerprint, functions
from codeassist.syntax.statements import statements
from codeassist.syntax.tree import Syntax
from codeassist.text.document import Offset, Span

NO_LIMIT = 1_000_000
"""`max_lines` of a review that was asked for: all of it is looked at."""

Report = Callable[[int, int], None]
"""Progress: (regions done, regions in all)."""


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of the document that is reviewed as one: a function, or top-level code. `lines` are the lines
    (0-based) with something to look at."""

    name: str
    span: Span
    fingerprint: str
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Review:
    """What came of it. `reviewed` are the regions that were looked at to the end, so that a caller can remember their
    fingerprints; `skips` say for each analyzer that gave nothing why."""

    findings: tuple[Finding, ...] = ()
    reviewed: tuple[Region, ...] = ()
    skips: Mapping[AnalyzerName, Skip] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Watch:
    """Who looks on: `report` for progress, `done_with` for what was found in a region that was looked at to its end, to
    be shown while others are still looked at."""

    report: Report = lambda _done, _all: None
    done_with: Callable[[Region, tuple[Finding, ...]], None] = lambda _region, _found: None


NOBODY = Watch()


def regions_of(syntax: Syntax, known: frozenset[str] = frozenset()) -> tuple[Region, ...]:
    """All functions of the document whose fingerprints are not among `known`; its top-level statements, as one region,
    if it has no function at all."""
    found = [
        Region(name, span, mark, _lines(syntax, span)) for name, span, mark in stretches(syntax) if mark not in known
    ]
    return tuple(region for region in found if region.name or region.lines)


def fingerprints_of(syntax: Syntax) -> frozenset[str]:
    """The fingerprints of all regions: much quicker than the regions themselves, whose lines take a walk each."""
    return frozenset(mark for _name, _span, mark in stretches(syntax))


def stretches(syntax: Syntax) -> list[tuple[str, Span, str]]:
    """Name, span and fingerprint of each region of a document: much quicker than the regions themselves."""
    document = syntax.document
    found = [(symbol.name, symbol.span, fingerprint(symbol, document)) for symbol in functions(syntax)]
    if found or not document.text.strip():
        return found
    return [("", Span(Offset(0), Offset(len(document.text))), _print_of(document.text))]


async def review(
    syntax: Syntax,
    regions: Sequence[Region],
    path: str,
    bound: Bound,
    settings: ReviewSettings,
    admission: Admission,
    trace: Trace,
    watch: Watch = NOBODY,
) -> Review:
    """Review `regions` of a document. Model failures become Skips; cancellation passes through, and what
    `watch` was told until then holds."""
    skips: dict[AnalyzerName, Skip] = {}
    if not regions:
        trace.skip = "nothing-changed"
        return Review(skips={name: Skip("nothing-changed") for name in settings.analyzers})
    check = Check(syntax, path, bound, settings, admission)
    found: list[Finding] = []
    reviewed: list[Region] = []
    budget = settings.max_lines
    for done, region in enumerate(regions):
        watch.report(done, len(regions))
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
        count = len(found)
        here = [with_fitted_fix(finding, syntax.document) for finding in here]
        found += settle(here, syntax, most=settings.max_findings, least=settings.min_severity)
        if whole and not any(skip.is_failure for skip in skips.values()):
            reviewed.append(region)
            # Numbered over all regions: two overloads may hold the same line.
            named = with_fingerprints(found, syntax)
            watch.done_with(region, named[count:])
    watch.report(len(regions), len(regions))
    if skips and not found:
        first = next(iter(skips.values()))
        trace.skip, trace.detail = first.reason, first.detail
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
            return await check_lines(check, region.span, lines, trace)
        if not check.bound.can_review:
            return Skip("not-able")
        return await review_in_words(check, region.span, trace)
    except ModelError as error:
        return Skip(error.reason, str(error))
    except NoLogprobs:
        return Skip("no-logprobs")
    except UnreadableAnswer:
        return Skip("unreadable-answer")


def _lines(syntax: Syntax, span: Span) -> tuple[int, ...]:
    """The first lines of the statements in `span`, in order, each once."""
    document = syntax.document
    return tuple(sorted({document.position_at(statement.start).line for statement in statements(syntax, span)}))


def _print_of(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
