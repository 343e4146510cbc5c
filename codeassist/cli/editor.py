"""A minimal editor for the demo: it speaks LSP to `codeassist lsp` over stdio and keeps one document."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from lsprotocol import types
from pygls.lsp.client import LanguageClient

from codeassist import __version__
from codeassist.server.convert import offset_of, position_of, range_of, span_of
from codeassist.text.document import Document, Offset, Span
from codeassist.text.edits import Edit
from codeassist.text.positions import Encoding

_ENCODING: Encoding = "utf-16"
_START_LIMIT_S = 30.0
_STOP_LIMIT_S = 10.0
_LOOK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Offer:
    """A completion as the server offered it."""

    text: str
    span: Span
    command: types.Command | None


@dataclass(slots=True)
class Editor:
    """One connection, one open document. Edits go to the server as incremental changes, as an editor sends them."""

    client: LanguageClient
    document: Document = field(default_factory=lambda: Document.create("", ""))
    file: Path = Path()
    _published: list[types.Diagnostic] = field(default_factory=list)

    @classmethod
    async def start(cls, root: Path, on_busy: Callable[[str], None]) -> Editor:
        """Start `codeassist lsp` and shake hands. `on_busy` is told what the server waits for."""
        editor = cls(LanguageClient("codeassist-demo", __version__))
        client = editor.client

        def published(params: types.PublishDiagnosticsParams) -> None:
            if params.uri == editor.document.uri:
                editor._published = list(params.diagnostics)

        def message(params: types.ShowMessageParams) -> None:
            click.echo(params.message, err=True)

        def status(params: Any) -> None:
            if getattr(params, "state", "") == "busy":
                on_busy(params.message)

        client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(published)
        client.feature(types.WINDOW_SHOW_MESSAGE)(message)
        client.feature("codeassist/status")(status)
        await client.start_io(sys.executable, "-m", "codeassist", "lsp", "--stdio")
        capabilities = types.ClientCapabilities(
            text_document=types.TextDocumentClientCapabilities(
                inline_completion=types.InlineCompletionClientCapabilities(),
                publish_diagnostics=types.PublishDiagnosticsClientCapabilities(version_support=True),
            )
        )
        params = types.InitializeParams(
            capabilities=capabilities,
            root_uri=root.as_uri(),
            process_id=None,
            workspace_folders=[types.WorkspaceFolder(uri=root.as_uri(), name=root.name)],
        )
        await asyncio.wait_for(client.initialize_async(params), _START_LIMIT_S)
        client.initialized(types.InitializedParams())
        return editor

    def open(self, file: Path) -> None:
        text = file.read_text(encoding="utf-8")
        self.file = file
        self.document = Document.create(file.as_uri(), text, "python", 1)
        item = types.TextDocumentItem(uri=self.document.uri, language_id="python", version=1, text=text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=item))

    def edit(self, edit: Edit) -> None:
        """Change the document and tell the server."""
        before = self.document
        self.document = before.replace([edit], before.version + 1)
        change = types.TextDocumentContentChangePartial(
            range=range_of(before, Span(edit.start, edit.end), _ENCODING), text=edit.text
        )
        identifier = types.VersionedTextDocumentIdentifier(uri=before.uri, version=self.document.version)
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(text_document=identifier, content_changes=[change])
        )

    def insert_at_end(self, text: str) -> None:
        end = Offset(len(self.document.text))
        self.edit(Edit(end, end, text))

    def replace(self, old: str, new: str) -> None:
        start = self.document.text.index(old)
        self.edit(Edit(Offset(start), Offset(start + len(old)), new))

    async def completion(self, limit_s: float) -> Offer | None:
        """Ask for an inline completion at the end of the document."""
        position = position_of(self.document, Offset(len(self.document.text)), _ENCODING)
        params = types.InlineCompletionParams(
            text_document=types.TextDocumentIdentifier(uri=self.document.uri),
            position=position,
            context=types.InlineCompletionContext(trigger_kind=types.InlineCompletionTriggerKind.Invoked),
        )
        request = self.client.text_document_inline_completion_async(params)
        answer = await asyncio.wait_for(request, limit_s)
        items = answer.items if isinstance(answer, types.InlineCompletionList) else answer or []
        if not items or items[0].range is None:
            return None
        text = items[0].insert_text
        span = span_of(self.document, items[0].range, _ENCODING)
        return Offer(text if isinstance(text, str) else text.value, span, items[0].command)

    async def accept(self, offer: Offer) -> None:
        self.edit(Edit(offer.span.start, offer.span.end, offer.text))
        if offer.command is not None:
            await self.client.workspace_execute_command_async(
                types.ExecuteCommandParams(command=offer.command.command, arguments=offer.command.arguments)
            )

    async def save_and_wait(self, limit_s: float) -> list[types.Diagnostic]:
        """Write the file, tell the server, and wait for the end of its review. Returns what is shown then, which may be
        nothing. Raises TimeoutError."""
        reviews = await self._reviews()
        self.file.write_text(self.document.text, encoding="utf-8")
        identifier = types.TextDocumentIdentifier(uri=self.document.uri)
        self.client.text_document_did_save(types.DidSaveTextDocumentParams(text_document=identifier))
        await asyncio.wait_for(self._more_reviews_than(reviews), limit_s)
        return self._published

    async def _more_reviews_than(self, reviews: int) -> None:
        while await self._reviews() <= reviews:  # noqa: ASYNC110 - a server tells of a review's end only who asks.
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _reviews(self) -> int:
        """How many reviews of the document came to their end; what they found was sent before."""
        traces = await self._traces()
        return sum(one.get("kind") == "review" and one.get("uri") == self.document.uri for one in traces)

    async def apply_fix(self, diagnostic: types.Diagnostic) -> str:
        """Apply the first quick fix for `diagnostic`, save, and return its title."""
        params = types.CodeActionParams(
            text_document=types.TextDocumentIdentifier(uri=self.document.uri),
            range=diagnostic.range,
            context=types.CodeActionContext(diagnostics=[diagnostic], only=[types.CodeActionKind.QuickFix]),
        )
        answer = await self.client.text_document_code_action_async(params)
        for action in answer or []:
            changes = action.edit.changes if isinstance(action, types.CodeAction) and action.edit else None
            if changes is not None:
                for edit in reversed(changes.get(self.document.uri, [])):
                    span = span_of(self.document, edit.range, _ENCODING)
                    self.edit(Edit(span.start, span.end, edit.new_text))
                self.file.write_text(self.document.text, encoding="utf-8")
                return action.title
        return ""

    def in_function(self, diagnostic: types.Diagnostic, name: str) -> bool:
        """Whether `diagnostic` lies in the body of the function `name` (Python, by indentation)."""
        before = self.document.text[: offset_of(self.document, diagnostic.range.start, _ENCODING)]
        heads = [line for line in before.split("\n") if line.startswith("def ")]
        return bool(heads) and heads[-1].startswith(f"def {name}(")

    async def why_silent(self) -> str:
        """What the server says of its last request."""
        traces = await self._traces()
        last = traces[-1] if traces else {}
        return str(last.get("detail") or last.get("skip") or last)

    async def _traces(self) -> list[dict[str, Any]]:
        """The server's account of its last requests, the newest last."""
        answer = await self.client.workspace_execute_command_async(
            types.ExecuteCommandParams(command="codeassist.showTrace")
        )
        return [dict(one) for one in answer or []]

    async def stop(self) -> None:
        try:
            await asyncio.wait_for(self.client.shutdown_async(None), _STOP_LIMIT_S)
            self.client.exit(None)
            stopped: Awaitable[None] = self.client.stop()  # type: ignore[no-untyped-call] # pygls has no types here.
            await asyncio.wait_for(stopped, _STOP_LIMIT_S)
        except (asyncio.TimeoutError, ConnectionError, RuntimeError):
            click.echo("the language server did not stop in time", err=True)
