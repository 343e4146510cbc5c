"""Findings as diagnostics: pushed or pulled, as the client can, and never both."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from lsprotocol import types

from codeassist.post.findings import Finding
from codeassist.server.convert import diagnostic_of
from codeassist.server.opened import OpenDocument
from codeassist.server.session import Session

PushDiagnostics = Callable[[types.PublishDiagnosticsParams], None]
RefreshDiagnostics = Callable[[], Coroutine[Any, Any, None]]


class Publisher:
    """Shows findings: pushed with the document's version, or kept until the client pulls after a refresh. `shown` says
    which of a document's findings anybody wants to see."""

    def __init__(self, session: Session, shown: Callable[[OpenDocument], Sequence[Finding]]) -> None:
        self.session = session
        self.shown = shown
        self._last: dict[str, tuple[int | None, tuple[Finding, ...]]] = {}
        self.pull = False
        self.push: PushDiagnostics | None = None
        self.refresh: RefreshDiagnostics | None = None

    def publish(self, uri: str) -> None:
        """Show the findings as they are now, if that is not what was shown last. Does not wait for the client: some
        answer a refresh late or never."""
        entry = self.session.documents.get(uri)
        if entry is None:
            return
        version, shown = entry.document.version, tuple(self.shown(entry))
        if self._last.get(uri, (None, ())) in ((version, shown), (None, shown)):
            return
        self._last[uri] = version, shown
        if self.pull:
            if self.refresh is not None:
                self.session.spawn(self.refresh())
        elif self.push is not None:
            self.push(types.PublishDiagnosticsParams(uri=uri, version=version, diagnostics=self.diagnostics(uri)))

    def clear(self, uri: str) -> None:
        """Take the diagnostics of a closed document away."""
        self._last.pop(uri, None)
        if not self.pull and self.push is not None:
            self.push(types.PublishDiagnosticsParams(uri=uri, diagnostics=[]))

    def diagnostics(self, uri: str) -> list[types.Diagnostic]:
        entry = self.session.documents.get(uri)
        if entry is None:
            return []
        shown = self.shown(entry)
        return [diagnostic_of(entry.document, finding, self.session.encoding) for finding in shown]
