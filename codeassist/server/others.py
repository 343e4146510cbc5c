"""What linters and type checkers of the editor say: where they speak of the same code, a finding of ours is not shown.

Editors that tell send `codeassist/otherDiagnostics` `{textDocument: {uri}, diagnostics: [{range, severity, source}]}`
with all that others say of a document now, whenever that changes. From those that do not, what comes along with
requests for code actions is taken; it counts from the next time that findings are shown.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lsprotocol import types

from codeassist.post.findings import Finding
from codeassist.post.merging import overlap
from codeassist.server.convert import span_of
from codeassist.server.opened import OpenDocument
from codeassist.server.session import Session
from codeassist.text.document import Document, Span
from codeassist.text.edits import Edit, reanchor

logger = logging.getLogger(__name__)

SOURCE = "codeassist"
_ENDS = ("start", "end")
_MOST = 1_000
"""Diagnostics of one document that are kept."""
_COUNTS = frozenset({types.DiagnosticSeverity.Error, types.DiagnosticSeverity.Warning})
"""A hint of another tool is no reason to keep silent."""


@dataclass(slots=True)
class _Said:
    """Where others speak of a document, at the places of a text from which `edits` lead to the one of now."""

    entry: OpenDocument
    spans: tuple[Span, ...]
    edits: list[tuple[Edit, ...]] = field(default_factory=list)

    def now(self) -> tuple[Span, ...]:
        """At today's places; what was edited is not said any more, as far as is known."""
        while self.edits:
            step = self.edits.pop(0)
            moved = (reanchor(span, step) for span in self.spans)
            self.spans = tuple(span for span in moved if span is not None)
        return self.spans


class Others:
    """One for each session. `changed` is called with the URI of a document of which something else may be shown now."""

    def __init__(self, session: Session, changed: Callable[[str], None]) -> None:
        self._session = session
        self._changed = changed
        self._said: dict[str, _Said] = {}

    def without(self, entry: OpenDocument, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """The findings of a document that say something new."""
        said = self._known(entry)
        spans = said.now() if said is not None else ()
        return tuple(finding for finding in findings if not any(overlap(finding.span, span) for span in spans))

    def told(self, params: Any) -> None:
        """The notification: all that others say of a document now."""
        try:
            uri = str(params["textDocument"]["uri"])
            found = [_diagnostic(each) for each in params["diagnostics"][:_MOST]]
        except (TypeError, KeyError, ValueError, OverflowError):
            logger.warning("malformed codeassist/otherDiagnostics")
            return
        entry = self._session.documents.get(uri)
        if entry is not None:
            before = self.without(entry, entry.findings)
            self._note(entry, self._spans(entry.document, found))
            if self.without(entry, entry.findings) != before:
                self._changed(uri)

    def seen(self, uri: str, diagnostics: Iterable[types.Diagnostic]) -> None:
        """What came along with a request for code actions: some of what others say."""
        entry = self._session.documents.get(uri)
        new = self._spans(entry.document, diagnostics) if entry is not None else ()
        if entry is not None and new:
            said = self._known(entry)
            known = said.now() if said is not None else ()
            self._note(entry, (*known, *(span for span in new if span not in known))[-_MOST:])

    def _known(self, entry: OpenDocument) -> _Said | None:
        said = self._said.get(entry.document.uri)
        return said if said is not None and said.entry is entry else None

    def _note(self, entry: OpenDocument, spans: tuple[Span, ...]) -> None:
        for uri, said in list(self._said.items()):  # Those of documents that were closed, too.
            if uri == entry.document.uri or self._session.documents.get(uri) is not said.entry:
                said.entry.followers.pop(id(said.edits), None)
                del self._said[uri]
        if spans:
            said = self._said[entry.document.uri] = _Said(entry, spans)
            entry.followers[id(said.edits)] = said.edits

    def _spans(self, document: Document, diagnostics: Iterable[types.Diagnostic]) -> tuple[Span, ...]:
        """The places within a line that others warn of: what is said of whole blocks is about something else."""
        return tuple(
            span_of(document, each.range, self._session.encoding)
            for each in diagnostics
            if each.source != SOURCE and each.severity in _COUNTS and each.range.start.line == each.range.end.line
        )


def _diagnostic(value: Any) -> types.Diagnostic:
    """One of the notification. Raises what `told` catches."""
    ends = [types.Position(int(value["range"][end]["line"]), int(value["range"][end]["character"])) for end in _ENDS]
    severity = types.DiagnosticSeverity(int(value.get("severity", types.DiagnosticSeverity.Error)))
    return types.Diagnostic(types.Range(*ends), "", severity=severity, source=str(value.get("source", "")))
