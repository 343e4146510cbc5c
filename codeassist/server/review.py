"""Review on save: changed functions only, published as diagnostics, by push or pull as the client can."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from lsprotocol import types

from codeassist.context.related import OpenFile, warm
from codeassist.flow.admission import Admission
from codeassist.flow.regions import NO_CODES, codes_after, codes_of, fingerprints_of, regions_of
from codeassist.flow.review import NO_LIMIT, Region, Review, Watch, review
from codeassist.flow.surroundings import Surroundings
from codeassist.flow.trace import Trace
from codeassist.model.errors import ModelError
from codeassist.post.findings import Finding
from codeassist.post.merging import within_limit
from codeassist.post.skip import Skip
from codeassist.server.binding import Models
from codeassist.server.convert import diagnostic_of
from codeassist.server.opened import OpenDocument, moved_findings
from codeassist.server.others import Others
from codeassist.server.progress import Progress
from codeassist.server.repositories import Repositories
from codeassist.server.session import Session
from codeassist.server.status import Status
from codeassist.settings import Settings
from codeassist.text.document import Document, Span
from codeassist.text.edits import Edit, shift

PushDiagnostics = Callable[[types.PublishDiagnosticsParams], None]
RefreshDiagnostics = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Reviewer:
    """The feature's handlers. `publisher` shows an entry's findings in whatever way the client takes them."""

    session: Session
    models: Models
    admission: Admission
    status: Status
    progress: Progress
    publisher: Publisher
    repositories: Repositories

    async def take_baseline(self, entry: OpenDocument) -> None:
        """Note the functions of a document as it was opened: a save reviews what changed since then."""
        syntax = await self.session.syntax_at(entry, entry.document)
        if syntax is not None:
            entry.known |= await self.session.off_loop(lambda: fingerprints_of(syntax))
            entry.codes = await self.session.off_loop(lambda: codes_of(syntax))
            file = OpenFile(entry.path, syntax, syntax.document)
            await self.session.off_loop(lambda: warm(file))  # Or the first completion beside it would index it.

    async def saved(self, uri: str) -> None:
        """Review what changed, unless the user switched that off."""
        settings, entry = self.session.settings.review, self.session.documents.get(uri)
        if not (settings.enabled and settings.on_save):
            return
        if entry is not None and entry.is_secret:
            self.session.remember(Trace("review"), uri, Skip("secret-file"))
            return
        await self.run(uri, everything=False)

    async def run(self, uri: str, *, everything: bool) -> None:
        """Review a document now: its changed functions, or all of them."""
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
                answer = await self.session.newest(
                    uri, "review", lambda: self._review(entry, document, edits, settings, everything, trace)
                )
        except asyncio.CancelledError:
            self.session.remember(trace, uri, Skip("cancelled"))
            raise
        skip = answer if isinstance(answer, Skip) else None
        self.session.remember(trace, uri, skip)

    async def _review(
        self,
        entry: OpenDocument,
        document: Document,
        edits: Sequence[tuple[Edit, ...]],
        settings: Settings,
        everything: bool,
        trace: Trace,
    ) -> Review | Skip:
        with trace.stage("parse"):
            if entry.baseline is not None:
                await asyncio.wait({entry.baseline})
            syntax = await self.session.syntax_at(entry, document)
        if syntax is None:
            return Skip("stale" if entry.document is not document else "unknown-language")
        # Off the loop: finding the statements of 250 KB of Python takes up to a second.
        known, codes = (frozenset(), NO_CODES) if everything else (entry.known, entry.codes)
        regions = await self.session.off_loop(lambda: regions_of(syntax, known, codes))
        if not regions:
            return Skip("nothing-changed")
        async with self.progress.shown(f"Reviewing {entry.path}") as report:
            try:
                with trace.stage("connect"):
                    bound = await self.models.bound(settings, "review")
            except ModelError as error:
                skip = Skip(error.reason, str(error))
                self.status.failed(skip)
                return skip
            language = settings.review.language or self.session.locale
            changes = {"language": language, **({"max_lines": NO_LIMIT} if everything else {})}
            chosen = settings.review.model_copy(update=changes)
            await self.repositories.catch_up(document.uri)
            around = Surroundings(self.repositories.ask(document.uri), self.session.others(document.uri))

            def sure(found: tuple[Finding, ...]) -> None:
                self._take_over(entry, edits, found)
                self.publisher.publish(document.uri)

            watch = Watch(report, sure=sure, surroundings=around)
            answer = await review(syntax, regions, entry.path, bound, chosen, self.admission, trace, watch)
        failures = [skip for skip in answer.skips.values() if skip.is_failure]
        for skip in failures:
            self.status.failed(skip)
        if trace.requests and not failures:
            self.status.answered()
        entry.known |= {region.fingerprint for region in answer.reviewed}
        entry.codes = await self.session.off_loop(lambda: codes_after(entry.codes, syntax, entry.known))
        self._take_over(entry, edits, answer.findings, answer.reviewed)
        self.publisher.publish(document.uri)
        first = next(iter(answer.skips.values()), None)
        return answer if answer.findings or first is None or answer.reviewed else first

    def _take_over(
        self,
        entry: OpenDocument,
        edits: Sequence[tuple[Edit, ...]],
        found: tuple[Finding, ...],
        reviewed: Sequence[Region] = (),
    ) -> None:
        """Put the new findings beside those of functions that were not looked at, all at today's places: `edits` were
        made since the review began."""
        looked_at: list[Span] = [place for region in reviewed for place in region.places]
        for step in edits:
            found = moved_findings(found, step)
            looked_at = [_moved(span, step) for span in looked_at]
        again = {finding.fingerprint for finding in found}
        kept = tuple(
            finding
            for finding in entry.findings
            if finding.fingerprint not in again and not any(_inside(finding, span) for span in looked_at)
        )
        uri = entry.document.uri
        new = [finding for finding in found if not self.session.is_dismissed(uri, finding)]
        entry.findings = within_limit(new, kept, self.session.settings.review.max_findings)


class Publisher:
    """Shows findings: pushed with the document's version, or kept until the client pulls after a refresh."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.others = Others(session, self.publish)
        self.pull = False
        self.push: PushDiagnostics | None = None
        self.refresh: RefreshDiagnostics | None = None

    def publish(self, uri: str) -> None:
        """Show the findings as they are now. Does not wait for the client: some answer a refresh late or never."""
        entry = self.session.documents.get(uri)
        if self.pull:
            if self.refresh is not None:
                self.session.spawn(self.refresh())
        elif self.push is not None and entry is not None:
            version = entry.document.version
            self.push(types.PublishDiagnosticsParams(uri=uri, version=version, diagnostics=self.diagnostics(uri)))

    def clear(self, uri: str) -> None:
        """Take the diagnostics of a closed document away."""
        if not self.pull and self.push is not None:
            self.push(types.PublishDiagnosticsParams(uri=uri, diagnostics=[]))

    def diagnostics(self, uri: str) -> list[types.Diagnostic]:
        entry = self.session.documents.get(uri)
        if entry is None:
            return []
        shown = self.others.without(entry, entry.findings)
        return [diagnostic_of(entry.document, finding, self.session.encoding) for finding in shown]


def _inside(finding: Finding, span: Span) -> bool:
    return span.start <= finding.span.start < span.end


def _moved(span: Span, edits: Sequence[Edit]) -> Span:
    """A region after edits: unlike a finding it survives edits inside it."""
    start, end = span.start, span.end
    for edit in sorted(edits, key=lambda item: -item.start):
        start, end = shift(start, edit, stay=True), shift(end, edit)
    return Span(start, end)
