"""Code actions for findings: apply the fix, or dismiss the finding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lsprotocol import types

from codeassist.post.findings import Finding
from codeassist.server.convert import diagnostic_of, span_of, text_edits
from codeassist.server.opened import OpenDocument
from codeassist.server.review import Publisher
from codeassist.server.session import Session


@dataclass(frozen=True, slots=True)
class Actions:
    """Handlers of textDocument/codeAction and codeAction/resolve.

    Fixes are found by the range, not by the diagnostics that the client sends along: Neovim 0.12 sends those under the
    cursor, 0.11 those of the line. `resolves` is True if the client asks for edits later; `versioned` if it takes
    document changes with versions.
    """

    session: Session
    publisher: Publisher

    def offered(self, params: types.CodeActionParams, *, resolves: bool, versioned: bool) -> list[types.CodeAction]:
        uri = params.text_document.uri
        entry = self.session.documents.get(uri)
        wanted = params.context.only
        if entry is None or (wanted and not any(_covers(kind) for kind in wanted)):
            return []
        span = span_of(entry.document, params.range, self.session.encoding)
        first = entry.document.position_at(span.start).line
        last = entry.document.position_at(span.end).line
        actions: list[types.CodeAction] = []
        for finding in self.publisher.others.without(entry, entry.findings):
            begin = entry.document.position_at(finding.span.start).line
            end = entry.document.position_at(finding.span.end).line
            if begin > last or end < first:
                continue
            diagnostic = diagnostic_of(entry.document, finding, self.session.encoding)
            data = {"uri": uri, "fingerprint": finding.fingerprint}
            if finding.fix:
                actions.append(
                    types.CodeAction(
                        title=finding.fix_title,
                        kind=types.CodeActionKind.QuickFix,
                        diagnostics=[diagnostic],
                        is_preferred=True,
                        edit=None if resolves else self._edit(entry, finding, versioned),
                        data=data,
                    )
                )
            category = finding.category
            actions += [
                _dismissal("Dismiss this finding", "codeassist.dismiss", [uri, finding.fingerprint], diagnostic),
                _dismissal(
                    f"Dismiss all of {category} in this workspace",
                    "codeassist.dismissCategory",
                    [uri, category],
                    diagnostic,
                ),
            ]
        return actions

    def resolved(self, action: types.CodeAction, *, versioned: bool) -> types.CodeAction:
        """`action` with its edit, made for the document as it is now; unchanged if the finding is gone."""
        data: dict[str, Any] = action.data if isinstance(action.data, dict) else {}
        entry = self.session.documents.get(str(data.get("uri")))
        if entry is None or action.command is not None:
            return action
        for finding in entry.findings:
            if finding.fingerprint == data.get("fingerprint"):
                action.edit = self._edit(entry, finding, versioned)
                break
        return action

    def dismiss(self, uri: str, fingerprint: str) -> None:
        """Hide a finding for as long as the server runs; a later review does not bring it back."""
        self.session.dismissed.add((uri, fingerprint))
        self._hide()

    def dismiss_category(self, uri: str, category: str) -> None:
        """Hide the findings of a category, in all documents of the workspace folder that holds `uri`."""
        self.session.dismissed_categories.add((self.session.root_of(uri), category))
        self._hide()

    def _hide(self) -> None:
        for uri, entry in self.session.documents.items():
            kept = tuple(finding for finding in entry.findings if not self.session.is_dismissed(uri, finding))
            if len(kept) < len(entry.findings):
                entry.findings = kept
                self.publisher.publish(uri)

    def _edit(self, entry: OpenDocument, finding: Finding, versioned: bool) -> types.WorkspaceEdit:
        document = entry.document
        edits = text_edits(document, finding.fix, self.session.encoding)
        if not versioned:
            return types.WorkspaceEdit(changes={document.uri: edits})
        identifier = types.OptionalVersionedTextDocumentIdentifier(uri=document.uri, version=document.version)
        return types.WorkspaceEdit(
            document_changes=[types.TextDocumentEdit(text_document=identifier, edits=list(edits))]
        )


def _dismissal(title: str, command: str, arguments: list[str], diagnostic: types.Diagnostic) -> types.CodeAction:
    return types.CodeAction(
        title=title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[diagnostic],
        command=types.Command(title=title, command=command, arguments=list(arguments)),
    )


def _covers(kind: str) -> bool:
    """Whether a client that asks for `kind` wants quick fixes ("" and "quickfix" do, "quickfix.x" does not)."""
    return kind in ("", types.CodeActionKind.QuickFix)
