"""Review on save: changed functions only, what is found is shown function by function."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from codeassist.context.related import OpenFile, warm
from codeassist.flow.admission import Admission
from codeassist.flow.regions import NO_CODES, codes_after, codes_of
from codeassist.flow.review import NO_LIMIT, Region, Review, Watch, regions_of, review, stretches
from codeassist.flow.surroundings import Surroundings
from codeassist.flow.trace import Trace
from codeassist.model.errors import ModelError
from codeassist.post.findings import Finding
from codeassist.post.fixes import applied
from codeassist.post.ignored import Ignored, ignored
from codeassist.post.merging import overlap, within_limit
from codeassist.post.skip import Skip
from codeassist.server.binding import Models
from codeassist.server.hiding import Hiding
from codeassist.server.lost import are_back, dropped, may_be_back, note_lost
from codeassist.server.opened import OpenDocument, moved_findings
from codeassist.server.progress import Progress
from codeassist.server.publishing import Publisher
from codeassist.server.repositories import Repositories
from codeassist.server.session import Session
from codeassist.server.status import Status
from codeassist.settings import Settings
from codeassist.syntax.tree import Syntax
from codeassist.text.document import Document, Offset, Span
from codeassist.text.edits import Edit, shift

_REST_S = 0.2
"""An undo that brings findings back comes in several changes."""

_WORD = "codeassist:"
_NEAR = 200
"""How far from an edit, in characters, the word that makes a comment one of ours is looked for."""
Step = tuple[tuple[Edit, ...], Document]
"""Edits, and the text after them."""
Stretches = Sequence[tuple[str, Span, str]]
"""Name, span and fingerprint of each function of a document."""


@dataclass(frozen=True, slots=True)
class Reviewer:
    """The feature's handlers. `publisher` shows an entry's findings in whatever way the client takes them."""

    session: Session
    models: Models
    admission: Admission
    status: Status
    progress: Progress
    publisher: Publisher
    hiding: Hiding
    repositories: Repositories

    async def take_baseline(self, entry: OpenDocument) -> None:
        """Note the functions of a document as it was opened: a save reviews what changed since then. What was found in
        them before, as long as they are the same, is shown again."""
        document = entry.document
        syntax = await self.session.syntax_at(entry, document)
        if syntax is None:
            return
        present = await self.session.in_background(lambda: stretches(syntax))
        entry.known |= {mark for _name, _span, mark in present}
        entry.codes = await self.session.in_background(lambda: codes_of(syntax))
        await self.hiding.ready(document.uri)
        if self.session.is_current(entry, document):
            await self._recalled(entry, document, present)
        file = OpenFile(entry.path, syntax, syntax.document)
        await self.session.in_background(lambda: warm(file))  # Or the first completion beside it would index it.

    async def saved(self, uri: str) -> None:
        """Review what changed, unless the user switched that off. A review that runs is not disturbed as long as what
        it looks at is still there: a save every second would let none come to its end."""
        settings, entry = self.session.settings.review, self.session.documents.get(uri)
        if entry is None or not (settings.enabled and settings.on_save):
            return  # Editors tell of files that they save without showing them, their own settings for one.
        if entry.is_secret:
            self.session.remember(Trace("review"), uri, Skip("secret-file"))
            return
        if entry.pending and await self._is_still_right(entry):
            entry.again = True
            return
        await self.run(uri, everything=False)

    async def fixed(self, document: Document, places: Sequence[Offset]) -> None:
        """A fix was applied, which led to `document`: the functions around `places` are reviewed once more. A save that
        follows finds them reviewed."""
        settings, entry = self.session.settings.review, self.session.documents.get(document.uri)
        if settings.enabled and settings.on_save and entry is not None and entry.document is document:
            await self.run(document.uri, everything=False, around=None if entry.pending else places)

    async def run(self, uri: str, *, everything: bool, around: Sequence[Offset] | None = None) -> None:
        """Review a document now: its changed functions, of which only those `around` some places, or all of them."""
        await self._run_once(uri, everything, around)
        entry = self.session.documents.get(uri)
        while entry is not None and entry.again and not entry.pending:
            entry.again = False
            await self._run_once(uri, everything=False, around=None)

    async def _run_once(self, uri: str, everything: bool, around: Sequence[Offset] | None) -> None:
        trace = Trace("review")
        entry = self.session.documents.get(uri)
        if entry is None:
            self.session.remember(trace, uri, Skip("unknown-document"))
            return
        document, settings = entry.document, self.session.settings
        if entry.unreadable is not None:
            self.session.remember(trace, uri, Skip(entry.unreadable))
            return
        try:
            with self.session.following(entry) as edits:
                one = _Run(self, entry, document, edits, settings, trace, everything, around)
                answer = await self.session.newest(uri, "review", one.walk)
        except asyncio.CancelledError:
            self.session.remember(trace, uri, Skip("cancelled"))
            raise
        skip = answer if isinstance(answer, Skip) else None
        self.session.remember(trace, uri, skip)

    # Findings that come and go without the engine --------------------------------------------------------------------

    def changed(
        self, entry: OpenDocument, before: Document, steps: Sequence[Step], findings: Sequence[Finding]
    ) -> None:
        """A document was edited, from `before` on step by step; it had these findings."""
        document = entry.document
        gone = dropped(findings, [edits for edits, _after in steps]) if len(entry.findings) < len(findings) else []
        if places := applied(before, document, gone):
            self.session.spawn(self.fixed(document, places))
        note_lost(entry, before, gone, self.session.remembered)
        if entry.recalling is not None:
            entry.recalling.cancel()
            entry.recalling = None
        if entry.lost:
            entry.recalling = asyncio.get_running_loop().call_later(_REST_S, self._rested, entry)
        if entry.findings and _may_ask_for_silence(before, steps):
            self.session.spawn(self.silence(entry))

    def _rested(self, entry: OpenDocument) -> None:
        is_open = self.session.documents.get(entry.document.uri) is entry
        if is_open and may_be_back(entry, self.session.remembered):
            self.session.spawn(self.recall(entry))

    async def recall(self, entry: OpenDocument) -> None:
        """Show again what was found in functions that are back as they were when they were reviewed."""
        document = entry.document
        syntax = await self.session.syntax_at(entry, document)
        if syntax is not None:
            present = await self.session.in_background(lambda: stretches(syntax))
            if self.session.is_current(entry, document):
                await self._recalled(entry, document, present)

    async def silence(self, entry: OpenDocument) -> None:
        """Find out which findings the comments hide, as the document is now, and show the others."""
        document = entry.document
        syntax = await self.session.syntax_at(entry, document)
        if syntax is None:
            return
        asked = await self.session.in_background(lambda: ignored(syntax))
        if self.session.is_current(entry, document):
            before, entry.silenced = entry.silenced, _silenced(entry.findings, asked, document)
            if before != entry.silenced:
                self.publisher.publish(document.uri)

    async def _recalled(self, entry: OpenDocument, document: Document, present: Stretches) -> None:
        """Take over what is remembered of functions of the document as it is now."""
        found = self.remembered(document, present)
        if self.add(entry, [finding for _mark, some in found for finding in some]):
            await self.silence(entry)
            self.limit(entry, ())
            self.publisher.publish(document.uri)
        are_back(entry, {mark for mark, some in found if some}, self.session.remembered)

    def remembered(self, document: Document, present: Stretches) -> list[tuple[str, tuple[Finding, ...]]]:
        """The functions that were reviewed before as they are now, by fingerprint, with what was found in them."""
        known = self.session.remembered
        found = []
        for _name, span, mark in present:
            some = known.recall(document.language, mark, document.slice(span), span.start)
            if some is not None:
                found.append((mark, some))
        return found

    def add(self, entry: OpenDocument, found: Sequence[Finding]) -> bool:
        """Put findings beside those that are there, or in the place of what speaks of the same code: that was found
        when the code around it was another, so that it has another name. Whether any was new."""
        there = {(finding.fingerprint, finding.span) for finding in entry.findings}
        new = [finding for finding in found if (finding.fingerprint, finding.span) not in there]
        others = [each for each in entry.findings if not any(overlap(each.span, finding.span) for finding in new)]
        entry.findings = tuple(sorted((*others, *new), key=lambda finding: finding.span.start))
        return bool(new)

    def limit(self, entry: OpenDocument, new: Collection[str]) -> None:
        """Leave out what a document shows too much, of what is not among the `new` fingerprints first."""
        shown = self.hiding.shown(entry)
        fresh = [finding for finding in shown if finding.fingerprint in new]
        old = [finding for finding in shown if finding.fingerprint not in new]
        kept = within_limit(fresh, old, self.session.settings.review.max_findings)
        entry.findings = tuple(finding for finding in entry.findings if finding not in shown or finding in kept)

    async def _is_still_right(self, entry: OpenDocument) -> bool:
        """Whether all that the running review will still look at is in the document as it is now."""
        syntax = await self.session.syntax_at(entry, entry.document)
        if syntax is None:
            return False
        present = await self.session.in_background(lambda: stretches(syntax))
        return bool(entry.pending) and entry.pending <= {mark for _name, _span, mark in present}


@dataclass(slots=True)
class _Run:
    """One review of one document. `edits` are those made to it since, step by step; `before`: what was found in its
    text before anything was asked."""

    reviewer: Reviewer
    entry: OpenDocument
    document: Document
    edits: Sequence[tuple[Edit, ...]]
    settings: Settings
    trace: Trace
    everything: bool
    around: Sequence[Offset] | None
    pending: set[str] = field(default_factory=set)
    before: tuple[Finding, ...] = ()

    async def walk(self) -> Review | Skip:
        self.entry.again, self.entry.pending = False, self.pending
        try:
            return await self._walk()
        finally:
            if self.entry.pending is self.pending:  # A review that took over has its own.
                self.entry.pending = set()

    async def _walk(self) -> Review | Skip:
        reviewer, session, entry, trace = self.reviewer, self.reviewer.session, self.entry, self.trace
        with trace.stage("parse"):
            if entry.baseline is not None:
                await asyncio.wait({entry.baseline})
            await reviewer.hiding.ready(self.document.uri)
            syntax = await session.syntax_at(entry, self.document)
        if syntax is None:
            return Skip("stale" if entry.document is not self.document else "unknown-language")
        # Off the loop: finding the statements of 250 KB of Python takes up to a second.
        asked = await session.in_background(lambda: ignored(syntax))
        if asked.everything:
            await reviewer.silence(entry)
            return Skip("ignored-file")
        regions = await self._regions(syntax, asked)
        if not regions:
            return Skip("nothing-changed")
        self.pending.update(region.fingerprint for region in regions)
        self.before = () if self.edits else entry.findings  # Else nobody knows where they stood in the reviewed text.
        async with reviewer.progress.shown(f"Reviewing {entry.path}") as report:
            try:
                with trace.stage("connect"):
                    bound = await reviewer.models.bound(self.settings, "review")
            except ModelError as error:
                skip = Skip(error.reason, str(error))
                reviewer.status.failed(skip)
                return skip
            language = self.settings.review.language or session.locale
            changes = {"language": language, **({"max_lines": NO_LIMIT} if self.everything else {})}
            chosen = self.settings.review.model_copy(update=changes)

            def done_with(region: Region, found: tuple[Finding, ...]) -> None:
                self._done_with(region, found, asked)

            def sure(found: tuple[Finding, ...]) -> None:
                self._take_over(found, (), asked)
                reviewer.publisher.publish(self.document.uri)

            uri = self.document.uri
            await reviewer.repositories.catch_up(uri)
            around = Surroundings(reviewer.repositories.ask(uri), session.others(uri))

            def hidden(finding: Finding) -> bool:
                return self._is_hidden(finding, asked)

            watch = Watch(report, done_with, sure, around, session.in_background, hidden)
            answer = await review(syntax, regions, entry.path, bound, chosen, reviewer.admission, trace, watch)
        failures = [skip for skip in answer.skips.values() if skip.is_failure]
        for skip in failures:
            reviewer.status.failed(skip)
        if trace.requests and not failures:
            reviewer.status.answered()
        self._take_over(answer.findings, answer.reviewed, asked)
        if self.edits:
            await reviewer.silence(entry)
        reviewer.publisher.publish(self.document.uri)
        first = next(iter(answer.skips.values()), None)
        return answer if answer.findings or first is None or answer.reviewed else first

    async def _regions(self, syntax: Syntax, asked: Ignored) -> tuple[Region, ...]:
        """What to look at: of functions that were reviewed as they are now the findings are taken over instead."""
        reviewer, session, entry, document = self.reviewer, self.reviewer.session, self.entry, self.document
        if not self.everything:
            present = await session.in_background(lambda: stretches(syntax))
            remembered = reviewer.remembered(document, present)
            entry.known |= {mark for mark, _some in remembered}
            if self._add([finding for _mark, some in remembered for finding in some], asked):
                reviewer.limit(entry, ())
                reviewer.publisher.publish(document.uri)
        # What is as it was reviewed, or is so again, is what the next change is compared with.
        known, codes = entry.known, entry.codes
        codes = entry.codes = await session.in_background(lambda: codes_after(codes, syntax, known))
        if self.everything:
            known, codes = frozenset(), NO_CODES
        regions = await session.in_background(lambda: regions_of(syntax, known, codes))
        if self.around is not None:
            places = self.around
            regions = tuple(each for each in regions if any(each.span.start <= at <= each.span.end for at in places))
        return regions

    def _is_hidden(self, finding: Finding, asked: Ignored) -> bool:
        """Whether nobody will see a finding of the reviewed text, so that it takes no room from others."""
        hiding = self.reviewer.hiding
        if asked.covers(finding, self.document) or hiding.hides(self.entry, finding):
            return True
        return not self.edits and not hiding.elsewhere(self.entry, (finding,))

    def _done_with(self, region: Region, found: tuple[Finding, ...], asked: Ignored) -> None:
        """A function was looked at to its end: that holds, whatever becomes of the review."""
        entry, document = self.entry, self.document
        self.pending.discard(region.fingerprint)
        before = {(finding.fingerprint, finding.span) for finding in entry.findings}
        self._take_over(found, (region,), asked)
        there = entry.findings
        if self.edits:
            there = (*found, *(finding for finding in self.before if _is_passed_over(finding, region.passed_over)))
        own = [finding for finding in there if any(_inside(finding, place) for place in region.places)]
        text, start = document.slice(region.span), region.span.start
        self.reviewer.session.remembered.add(document.language, region.fingerprint, text, start, own)
        note_lost(entry, document, dropped(found, self.edits), self.reviewer.session.remembered)
        if before != {(finding.fingerprint, finding.span) for finding in entry.findings}:
            self.reviewer.publisher.publish(document.uri)

    def _take_over(self, found: Sequence[Finding], reviewed: Sequence[Region], asked: Ignored) -> None:
        """Put the new findings beside those of functions that were not looked at, all at today's places."""
        entry = self.entry
        entry.known |= {region.fingerprint for region in reviewed}
        entry.codes = {**entry.codes, **{region.name: region.code(self.document) for region in reviewed}}
        looked_at = self._spans_today(place for region in reviewed for place in region.places)
        passed_over = self._spans_today(span for region in reviewed for span in region.passed_over)
        again = {_place_of(finding, entry.document) for finding in self._today(found)}
        others = tuple(finding for finding in entry.findings if _place_of(finding, entry.document) not in again)
        gone = [
            finding
            for finding in others
            if any(_inside(finding, span) for span in looked_at) and not _is_passed_over(finding, passed_over)
        ]
        entry.findings = tuple(finding for finding in others if finding not in gone)
        # They may be back with the code around them.
        note_lost(entry, entry.document, gone, self.reviewer.session.remembered)
        self._add(found, asked)
        self.reviewer.limit(entry, {finding.fingerprint for finding in found})

    def _add(self, found: Sequence[Finding], asked: Ignored) -> bool:
        """Put findings of the reviewed text beside the others, at today's places. Whether any was new."""
        silenced = _silenced(found, asked, self.document)
        self.entry.silenced = (self.entry.silenced - {finding.fingerprint for finding in found}) | silenced
        return self.reviewer.add(self.entry, self._today(found))

    def _spans_today(self, spans: Iterable[Span]) -> Sequence[Span]:
        """Places of the reviewed text where they are now."""
        found = list(spans)
        for step in self.edits:
            found = [_moved(span, step) for span in found]
        return found

    def _today(self, found: Sequence[Finding]) -> Sequence[Finding]:
        """Findings of the reviewed text where they are now."""
        for step in self.edits:
            found = moved_findings(found, step)
        return found


def _silenced(findings: Sequence[Finding], asked: Ignored, document: Document) -> frozenset[str]:
    return frozenset(finding.fingerprint for finding in findings if asked.covers(finding, document))


def _may_ask_for_silence(before: Document, steps: Sequence[Step]) -> bool:
    """Whether a comment that hides findings may have come, gone or changed."""
    for edits, after in steps:
        for edit in edits:
            start, end = max(edit.start - _NEAR, 0), edit.end + _NEAR
            if _WORD in edit.text or before.text.find(_WORD, start, end) >= 0:
                return True
        before = after
    return False


def _place_of(finding: Finding, document: Document) -> tuple[str, int]:
    """What makes two findings one: their name, and their line, for overloads may have findings of one name."""
    return finding.fingerprint, document.position_at(finding.span.start).line


def _inside(finding: Finding, span: Span) -> bool:
    return span.start <= finding.span.start < span.end


def _is_passed_over(finding: Finding, spans: Iterable[Span]) -> bool:
    """Whether a finding stands where a review of its function did not look. A model that is asked in words sees all of
    a function, so what it said before counts no more."""
    return finding.analyzer == "infill" and any(_inside(finding, span) for span in spans)


def _moved(span: Span, edits: Sequence[Edit]) -> Span:
    """A region after edits: unlike a finding it survives edits inside it."""
    start, end = span.start, span.end
    for edit in sorted(edits, key=lambda item: -item.start):
        start, end = shift(start, edit, stay=True), shift(end, edit)
    return Span(start, end)
