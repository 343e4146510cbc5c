"""A review, walked: changed functions -> analyzers -> findings anchored in the text -> verified, ranked, shown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from codeassist.flow.admission import Admission
from codeassist.flow.asking import Bound
from codeassist.flow.infill import Check, NoLogprobs, check_lines, lines_before
from codeassist.flow.off_loop import OffLoop, at_once
from codeassist.flow.regions import Region, fingerprints_of, regions_of, stretches
from codeassist.flow.surroundings import ALONE, Surroundings
from codeassist.flow.trace import Trace
from codeassist.flow.words import UnreadableAnswer, review_in_words
from codeassist.model.errors import ModelError
from codeassist.post.drops import Drop
from codeassist.post.findings import Finding
from codeassist.post.fixes import with_fitted_fix
from codeassist.post.merging import Pool, join, shown
from codeassist.post.skip import Skip
from codeassist.settings import AnalyzerName, ReviewSettings
from codeassist.syntax.tree import Syntax

__all__ = ["NO_LIMIT", "Region", "Review", "Watch", "fingerprints_of", "regions_of", "review", "stretches"]

NO_LIMIT = 1_000_000
"""`max_lines` of a review that was asked for: all of it is looked at."""

_TOGETHER, _LINES_TOGETHER = 6, 80
"""Regions, and lines of them, after which the review in words is asked about those that wait: the first findings should
not wait for the last function."""

Report = Callable[[int, int], None]
"""Progress: (regions done, regions in all)."""


@dataclass(frozen=True, slots=True)
class Review:
    """What came of it. `reviewed` are the regions that were looked at to the end, so that a caller can remember their
    fingerprints; `skips` say for each analyzer that gave nothing why."""

    findings: tuple[Finding, ...] = ()
    reviewed: tuple[Region, ...] = ()
    skips: Mapping[AnalyzerName, Skip] = field(default_factory=dict)


def _nobody(_region: Region, _found: tuple[Finding, ...]) -> None:
    """Nobody looks on."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What a caller adds: `surroundings`, where to look up what code calls and who calls it, and who looks on: `report`
    for progress; `sure` for all that is to be shown whatever comes, as soon as there is more
    of it; `done_with` for what was found in a region that was looked at to its end, and for more of it once all are
    ranked. What they are told stays: later findings may join it, none takes its place. `off_loop`: where documents are
    parsed with the fixes of findings in them. `hidden`: what nobody wants to see, which takes no room from others."""

    report: Report = lambda _done, _all: None
    done_with: Callable[[Region, tuple[Finding, ...]], None] = _nobody
    sure: Callable[[tuple[Finding, ...]], None] | None = None
    surroundings: Surroundings = ALONE
    off_loop: OffLoop = at_once
    hidden: Callable[[Finding], bool] = lambda _finding: False

    @property
    def is_watching(self) -> bool:
        """Whether findings are shown before all are known."""
        return self.sure is not None or self.done_with is not _nobody


NOBODY = Watch()


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
    """Review `regions` of a document. Model failures become Skips; cancellation passes through, and what `watch` was
    told until then holds."""
    if not regions:
        trace.skip = "nothing-changed"
        return Review(skips={name: Skip("nothing-changed") for name in settings.analyzers})
    run = _Run(Check(syntax, path, bound, settings, admission, watch.off_loop), trace, watch)
    await run.walk(regions)
    watch.report(len(regions), len(regions))
    found = run.end()
    skips = {name: run.skips[name] for name in settings.analyzers if name in run.skips}
    # That one analyzer is not for this model is no reason for silence where another has looked.
    reasons = [skip for skip in skips.values() if skip.reason != "not-able" or len(skips) == len(settings.analyzers)]
    if reasons and not found:
        trace.skip, trace.detail = reasons[0].reason, reasons[0].detail
    return Review(found, tuple(run.reviewed), skips)


@dataclass(slots=True)
class _Run:
    """One review. `pool`: all that was found; `pinned`: the fingerprints of what `watch` was told of, and
    `told` what of it belongs to regions that are done. `joining`: findings go into the pool one after the other."""

    check: Check
    trace: Trace
    watch: Watch
    pool: Pool = ()
    pinned: set[str] = field(default_factory=set)
    reviewed: list[Region] = field(default_factory=list)
    told: dict[Region, tuple[Finding, ...]] = field(default_factory=dict)
    skips: dict[AnalyzerName, Skip] = field(default_factory=dict)
    joining: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def walk(self, regions: Sequence[Region]) -> None:
        """The infill check of each region, then, of several small ones at once, the review in words."""
        settings = self.check.settings
        for name in settings.analyzers:
            unable = _unable(name, self.check.bound)
            if unable is not None:
                self.skips[name] = unable
        budget = settings.max_lines
        waiting: list[tuple[Region, tuple[int, ...], bool]] = []
        for done, region in enumerate(regions):
            self.watch.report(done, len(regions))
            if budget <= 0:
                break  # What is left keeps its place for the next review.
            # A region longer than the whole budget is not begun anew at each save.
            whole = len(region.lines) <= budget or budget == settings.max_lines
            lines = region.lines[:budget]
            budget -= len(region.lines)
            if self._asks("infill"):
                await self._analyze("infill", [(region, lines)])
            waiting.append((region, lines, whole))
            alone = not self._asks("words") or len(waiting) == _TOGETHER
            if alone or sum(len(each.own) for each, _, _ in waiting) >= _LINES_TOGETHER:
                await self._finish(waiting)
                waiting = []
        await self._finish(waiting)

    async def _finish(self, waiting: Sequence[tuple[Region, tuple[int, ...], bool]]) -> None:
        """What remains to be done for regions whose lines were checked."""
        if waiting and self._asks("words"):
            await self._analyze("words", [(region, lines) for region, lines, _ in waiting])
        if any(skip.is_failure for skip in self.skips.values()):
            return
        for region, _, whole in waiting:
            if whole:
                self.reviewed.append(region)
                self.told[region] = self._early(region)
                self.watch.done_with(region, self.told[region])

    def _asks(self, name: AnalyzerName) -> bool:
        """Whether an analyzer is wanted, and not known to be in vain."""
        known = self.skips.get(name)
        return name in self.check.settings.analyzers and (known is None or known.reason == "unreadable-answer")

    def end(self) -> tuple[Finding, ...]:
        """All that is to be shown, now that all is known."""
        found = self.shown(self.trace.drop)
        for region, told in self.told.items():
            own = tuple(finding for finding in found if _is_of(region, finding, self.check))
            if own != told:
                self.watch.done_with(region, own)
        return found

    def _early(self, region: Region | None = None) -> tuple[Finding, ...]:
        """What will be shown in any case, in `region` if it is given. What is mild waits for the others: it would take
        the place of something graver."""
        found = [
            finding
            for finding in self.shown()
            if (finding.severity != "info" or finding.fingerprint in self.pinned)
            and (region is None or _is_of(region, finding, self.check))
        ]
        if self.watch.is_watching:
            self.pinned.update(finding.fingerprint for finding in found)
        return tuple(found)

    async def _analyze(self, name: AnalyzerName, regions: Sequence[tuple[Region, Sequence[int]]]) -> None:
        """What an analyzer finds in regions goes into the pool, and what it cannot do into the skips."""
        with self.trace.stage(name):
            skip = await _ask(name, self.check, regions, self.trace, self.watch.surroundings, self._take)
        if skip is not None:
            self.skips[name] = skip

    async def _take(self, found: Sequence[Finding]) -> None:
        """Put findings into the pool, and tell of those that are to be shown whatever comes."""
        if not found:
            return
        async with self.joining:
            drops: list[str] = []
            self.pool = await self.check.off_loop(lambda: self._joined(found, drops.append))
            for reason in drops:
                self.trace.drop(reason)
            if self.watch.sure is not None:
                before = len(self.pinned)
                early = self._early()
                if len(self.pinned) > before:
                    self.watch.sure(early)

    def _joined(self, found: Sequence[Finding], drop: Drop) -> Pool:
        """The pool with more findings in it."""
        syntax = self.check.syntax
        fitted = [with_fitted_fix(finding, syntax.document) for finding in found]
        return join(self.pool, fitted, syntax, drop)

    def shown(self, drop: Drop = lambda _reason: None) -> tuple[Finding, ...]:
        """The findings to show, as far as is known."""
        settings = self.check.settings
        most, least = settings.max_findings, settings.min_severity
        hidden = self.watch.hidden
        return shown(self.pool, most=most, least=least, pinned=self.pinned, drop=drop, hidden=hidden)


def _unable(name: AnalyzerName, bound: Bound) -> Skip | None:
    """Why a model need not be asked at all."""
    if name == "words":
        return None if bound.can_review else Skip("not-able")
    if bound.family.kind != "fim":
        return Skip("cannot-fill")
    return Skip("no-logprobs") if bound.abilities.logprobs == "no" else None


async def _ask(
    name: AnalyzerName,
    check: Check,
    regions: Sequence[tuple[Region, Sequence[int]]],
    trace: Trace,
    surroundings: Surroundings,
    take: Callable[[Sequence[Finding]], Awaitable[None]],
) -> Skip | None:
    """Give `take` what an analyzer finds; if it could not look at all of it, why."""
    try:
        if name == "words":
            await review_in_words(check, regions, trace, take, surroundings)
        else:
            for region, lines in regions:
                await _infill(check, region, lines, trace, take)
    except ModelError as error:
        return Skip(error.reason, str(error))
    except NoLogprobs:
        return Skip("no-logprobs")
    except UnreadableAnswer:
        return Skip("unreadable-answer")
    return None


async def _infill(
    check: Check,
    region: Region,
    lines: Sequence[int],
    trace: Trace,
    take: Callable[[Sequence[Finding]], Awaitable[None]],
) -> None:
    """The infill check of `lines` of a region, part by part; each finding is taken as soon as it is there."""
    document, before = check.syntax.document, lines_before(region.changed, region.removed)
    for part in region.parts:
        inside = [line for line in lines if part.contains(document.line_end(line) - 1)]
        if inside:
            await check_lines(check, part, inside, trace, lambda finding: take([finding]), before)


def _is_of(region: Region, finding: Finding, check: Check) -> bool:
    line = check.syntax.document.position_at(finding.span.start).line
    return region.span.contains(finding.span.start) and line in region.own
