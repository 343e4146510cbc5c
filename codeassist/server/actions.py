"""Code actions for findings: apply a fix or all of a kind, ignore in the code, dismiss, tell the team, take back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from codeassist.post.baseline import BASELINE_FILE, Baseline, BaselineError, parse_baseline
from codeassist.post.findings import Finding, fix_parses
from codeassist.post.fixes import together
from codeassist.post.ignored import silencing_edit
from codeassist.server.convert import diagnostic_of, span_of, text_edits, whole_change
from codeassist.server.hiding import Hiding
from codeassist.server.opened import OpenDocument
from codeassist.server.session import Session
from codeassist.text.document import Document
from codeassist.text.edits import Edit

_REQUEST_FAILED = -32803
_MOVED = "The code of this finding has changed meanwhile, so nothing was changed. The next review looks at it again."
_BREAKS = "With this change the code would not parse any more, so nothing was changed."


class Refused(JsonRpcException):
    """The user is told why nothing was changed."""

    CODE = _REQUEST_FAILED

    def __init__(self, message: str) -> None:
        super().__init__(message, _REQUEST_FAILED)


@dataclass(frozen=True, slots=True)
class Actions:
    """Handlers of textDocument/codeAction and codeAction/resolve.

    Fixes are found by the range, not by the diagnostics that the client sends along: Neovim 0.12 sends those under the
    cursor, 0.11 those of the line. All are of the kind `quickfix`: `source.fixAll` is what editors apply on save when
    they are told to, and nothing of a model's is applied without the user.
    """

    session: Session
    hiding: Hiding

    async def offered(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        uri = params.text_document.uri
        entry = self.session.documents.get(uri)
        wanted = params.context.only
        if entry is None or (wanted and not any(_covers(kind) for kind in wanted)):
            return []
        document = entry.document
        span = span_of(document, params.range, self.session.encoding)
        first, last = document.position_at(span.start).line, document.position_at(span.end).line
        actions: list[types.CodeAction] = []
        shown = self.hiding.shown(entry)
        for finding in shown:
            if _on_lines(finding, document, first, last):
                actions += await self._about(entry, document, finding, shown)
        if not self.session.is_current(entry, document):
            return []  # The places are those of a text that is no more; the client asks again.
        # Beside what is not shown any more nobody expects a sign, so it has to be asked for.
        if params.context.trigger_kind != types.CodeActionTriggerKind.Automatic:
            for finding in entry.findings:
                if _on_lines(finding, document, first, last) and self.hiding.is_dismissed(entry, finding):
                    title = f"Show the dismissed finding again ({finding.category})"
                    actions.append(_command(title, "codeassist.restoreDismissed", [uri, finding.fingerprint]))
        return actions

    async def resolved(self, action: types.CodeAction) -> types.CodeAction:
        """`action` with its edit, made for the document as it is now. Raises Refused if that cannot be."""
        data: dict[str, Any] = action.data if isinstance(action.data, dict) else {}
        if action.command is not None or action.edit is not None or "does" not in data:
            return action
        entry = self.session.documents.get(str(data.get("uri")))
        finding = _named(entry, data) if entry is not None else None
        if entry is None or finding is None:
            raise Refused(_MOVED)
        action.edit = await self._edit_of(str(data["does"]), entry, entry.document, finding)
        return action

    async def _about(
        self, entry: OpenDocument, document: Document, finding: Finding, shown: Sequence[Finding]
    ) -> list[types.CodeAction]:
        uri, category = document.uri, finding.category
        diagnostic = diagnostic_of(document, finding, self.session.encoding)
        among = _among(entry, finding)
        actions: list[types.CodeAction] = []

        async def offer(title: str, does: str, *, preferred: bool = False) -> None:
            action = types.CodeAction(
                title=title,
                kind=types.CodeActionKind.QuickFix,
                diagnostics=[diagnostic],
                is_preferred=preferred or None,
                data={"uri": uri, "fingerprint": finding.fingerprint, "does": does, "among": among},
            )
            if not self.session.client.resolves:
                try:
                    action.edit = await self._edit_of(does, entry, document, finding)
                except Refused:
                    return
            actions.append(action)

        if finding.fix:
            await offer(finding.fix_title, "fix", preferred=True)
            alike = [each for each in shown if each.category == category and each.fix]
            if len(alike) > 1 and await self._together(entry, document, alike):
                await offer(f"Fix all {len(alike)} of {category} in this file", "fix-all")
        await offer(f"Ignore {category} on this line, with a comment", "ignore")
        actions += [
            _command("Dismiss this finding", "codeassist.dismiss", [uri, finding.fingerprint], diagnostic),
            _command(
                f"Dismiss all of {category} in this workspace",
                "codeassist.dismissCategory",
                [uri, category],
                diagnostic,
            ),
        ]
        if self.session.root_of(uri) is not None:
            await offer(f"Dismiss for the whole team, in {BASELINE_FILE}", "share")
        return actions

    async def _edit_of(
        self, does: str, entry: OpenDocument, document: Document, finding: Finding
    ) -> types.WorkspaceEdit:
        """What an action changes in `document`, which `finding` is about. Raises Refused, also if it is another now."""
        if does == "share":
            return await self._shared(entry, finding)
        syntax = await self.session.syntax_at(entry, document)
        if syntax is None or not self.session.is_current(entry, document):
            raise Refused(_MOVED)
        edits: Sequence[Edit] = ()
        if does == "fix" and finding.fix:
            if not await self.session.off_loop(lambda: fix_parses(finding.fix, syntax)):
                raise Refused(_BREAKS)
            edits = finding.fix
        elif does == "fix-all":
            alike = [each for each in self.hiding.shown(entry) if each.category == finding.category and each.fix]
            edits = await self._together(entry, document, alike)
        elif does == "ignore":
            edit = await self.session.off_loop(lambda: silencing_edit(syntax, finding))
            if edit is None:
                raise Refused("There is no place for a comment here that would not change the code.")
            edits = (edit,)
        if not edits:
            raise Refused(_BREAKS)
        if not self.session.is_current(entry, document):
            raise Refused(_MOVED)
        return self._changing(document, edits)

    async def _together(self, entry: OpenDocument, document: Document, findings: Sequence[Finding]) -> tuple[Edit, ...]:
        syntax = await self.session.syntax_at(entry, document)
        if syntax is None or not self.session.is_current(entry, document):
            return ()
        return await self.session.off_loop(lambda: together(findings, syntax))

    async def _shared(self, entry: OpenDocument, finding: Finding) -> types.WorkspaceEdit:
        """The edit that adds a finding to the team's file, which the editor may show before it is made."""
        try:
            file = await self.hiding.team_file(entry.document.uri)
            baseline = parse_baseline(file.text) if file is not None and file.text.strip() else Baseline()
        except (BaselineError, OSError) as error:
            raise Refused(f"{BASELINE_FILE} cannot be added to: {error}.") from error
        if file is None:
            raise Refused("The document is in no workspace folder.")
        text = baseline.with_findings([(entry.path, finding)]).text
        document = file.document.document if file.document is not None else Document.create(file.uri, file.text)
        edits = text_edits(document, [whole_change(file.text, text)], self.session.encoding)
        client = self.session.client
        if not client.versioned:
            return types.WorkspaceEdit(changes={file.uri: edits})
        version = document.version if file.document is not None else None
        note = "codeassist" if client.confirms else None
        changes: list[Any] = []
        if not file.exists and client.creates:
            options = types.CreateFileOptions(ignore_if_exists=True)
            changes.append(types.CreateFile(uri=file.uri, options=options, annotation_id=note))
        annotated = [types.AnnotatedTextEdit(note, each.range, each.new_text) for each in edits] if note else edits
        identifier = types.OptionalVersionedTextDocumentIdentifier(uri=file.uri, version=version)
        changes.append(types.TextDocumentEdit(text_document=identifier, edits=list(annotated)))
        label = types.ChangeAnnotation(
            label=f"Hide this finding for everybody who has {BASELINE_FILE}", needs_confirmation=True
        )
        return types.WorkspaceEdit(document_changes=changes, change_annotations={note: label} if note else None)

    def _changing(self, document: Document, edits: Sequence[Edit]) -> types.WorkspaceEdit:
        changes = text_edits(document, edits, self.session.encoding)
        if not self.session.client.versioned:
            return types.WorkspaceEdit(changes={document.uri: changes})
        identifier = types.OptionalVersionedTextDocumentIdentifier(uri=document.uri, version=document.version)
        return types.WorkspaceEdit(
            document_changes=[types.TextDocumentEdit(text_document=identifier, edits=list(changes))]
        )


def _among(entry: OpenDocument, finding: Finding) -> list[int]:
    """Which finding of its name one is in its document, from 0, and of how many: overloads may have several. -1 if it
    is gone meanwhile."""
    spans = [each.span for each in entry.findings if each.fingerprint == finding.fingerprint]
    return [spans.index(finding.span) if finding.span in spans else -1, len(spans)]


def _named(entry: OpenDocument, data: dict[str, Any]) -> Finding | None:
    """The finding that an action is about; None if it is gone, or if others have come or gone."""
    found = [each for each in entry.findings if each.fingerprint == data.get("fingerprint")]
    return next((each for at, each in enumerate(found) if [at, len(found)] == data.get("among")), None)


def _command(
    title: str, command: str, arguments: list[str], diagnostic: types.Diagnostic | None = None
) -> types.CodeAction:
    return types.CodeAction(
        title=title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[diagnostic] if diagnostic else None,
        command=types.Command(title=title, command=command, arguments=list(arguments)),
    )


def _on_lines(finding: Finding, document: Document, first: int, last: int) -> bool:
    begin, end = document.position_at(finding.span.start).line, document.position_at(finding.span.end).line
    return begin <= last and end >= first


def _covers(kind: str) -> bool:
    """Whether a client that asks for `kind` wants quick fixes ("" and "quickfix" do, "quickfix.x" does not)."""
    return kind in ("", types.CodeActionKind.QuickFix)
