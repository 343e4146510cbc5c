"""An editor for tests: pytest-lsp's client with the capabilities of a real one, and documents as the user sees them."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cattrs
from lsprotocol import types
from pygls.lsp.client import LanguageClient as BareClient
from pygls.protocol import default_converter
from pytest_lsp.client import DEFAULT_CLIENT_FEATURES, LanguageClient, register_lsp_features

from codeassist.model.abilities import Abilities
from codeassist.serving.remote.remember import remember
from tests.e2e.capabilities import capabilities
from tests.e2e.places import Encoding, apply, offset, position
from tests.e2e.programs import MODEL

DEADLINE_S = 20.0
SERVER = (sys.executable, "-m", "codeassist", "lsp", "--stdio")


KNOWN = Abilities(
    engine="vllm",
    version="0.33.0",
    priority="no",
    schema="yes",
    logprobs="yes",
    cached_tokens="yes",
    tokenizer="yes",
    cancel="yes",
    asked="full",
)
"""Of a vLLM as most people start it."""


def acquaint(home: Path, url: str, model: str = MODEL, known: Abilities = KNOWN) -> None:
    """Let the user who lives in `home` have met this server before: it is not looked at closely again, and tests of
    other things see their own requests only."""
    remember(url, model, known, folder=home / "cache" / "codeassist" / "servers")


def environment(home: Path, *, known: Abilities | None = KNOWN, **settings: str) -> dict[str, str]:
    """The environment of a user who lives in `home` and has no settings but those given, as CODEASSIST_<NAME>.

    `known`: what was found out about the server before, None for nothing.
    """
    if known is not None and "SERVER__URL" in settings:
        acquaint(home, settings["SERVER__URL"], known=known)
    kept = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR", "TEMP", "VIRTUAL_ENV")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    folders = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "DATA", "CACHE", "STATE")}
    # What is asked ahead of the user comes when it comes: tests that count requests are easier to read without it.
    quiet = {"COMPLETION__SPECULATE": "false", "COMPLETION__WARM_UP": "false"}
    own = {f"CODEASSIST_{name}": value for name, value in {**quiet, **settings}.items()}
    return {**found, **folders, "HOME": str(home), "XDG_RUNTIME_DIR": str(home), "PYTHONUNBUFFERED": "1", **own}


class Client(LanguageClient):
    """Keeps what the server writes to stderr, instead of passing it on."""

    stderr = b""

    async def start_io(self, cmd: str, *args: Any, **kwargs: Any) -> None:
        await BareClient.start_io(self, cmd, *args, **kwargs)
        self._stderr_forwarder = asyncio.create_task(self._keep_stderr())

    async def _keep_stderr(self) -> None:
        assert self._server is not None
        assert self._server.stderr is not None
        while piece := await self._server.stderr.read(65536):
            self.stderr += piece


@dataclass(frozen=True)
class Offer:
    """A completion as the user would see it: `text` in place of the characters from `start` to `end`."""

    text: str
    start: int
    end: int
    command: types.Command | None


@dataclass
class Editor:
    """One editor with its server. `texts` are its documents; places in them are offsets in characters."""

    kind: str
    client: Client
    capabilities: types.ServerCapabilities = field(default_factory=types.ServerCapabilities)
    texts: dict[str, str] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    published: list[types.PublishDiagnosticsParams] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    refreshes: int = 0
    progress: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    registered: list[types.Registration] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def encoding(self) -> Encoding:
        found: Encoding = self.capabilities.position_encoding  # type: ignore[assignment]  # lsprotocol: str or enum.
        return found

    @property
    def pulls(self) -> bool:
        return self.capabilities.diagnostic_provider is not None

    @property
    def ended(self) -> bool:
        return self.client._server is None or self.client._server.returncode is not None

    @property
    def messages(self) -> list[str]:
        return [message.message for message in self.client.messages]

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a visible sign of the server."""
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(condition), DEADLINE_S)
            except asyncio.TimeoutError:
                raise AssertionError(f"waited in vain for {what}; stderr:\n{self.client.stderr.decode()}") from None

    async def _notice(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    # Documents -------------------------------------------------------------------------------------------------------

    def open(self, uri: str, text: str, language: str = "python") -> None:
        self.texts[uri], self.versions[uri] = text, 1
        item = types.TextDocumentItem(uri=uri, language_id=language, version=1, text=text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=item))

    def edit(self, uri: str, *edits: tuple[int, int, str]) -> None:
        """Replace characters from, to by text; each edit counts in the text that the one before it left."""
        changes: list[types.TextDocumentContentChangeEvent] = []
        text = self.texts[uri]
        for start, end, new in edits:
            place = types.Range(position(text, start, self.encoding), position(text, end, self.encoding))
            changes.append(types.TextDocumentContentChangePartial(range=place, text=new))
            text = text[:start] + new + text[end:]
        self._change(uri, text, changes)

    def replace(self, uri: str, old: str, new: str) -> None:
        start = self.texts[uri].index(old)
        self.edit(uri, (start, start + len(old), new))

    def set_whole(self, uri: str, text: str) -> None:
        self._change(uri, text, [types.TextDocumentContentChangeWholeDocument(text)])

    def _change(self, uri: str, text: str, changes: list[types.TextDocumentContentChangeEvent]) -> None:
        self.texts[uri] = text
        self.versions[uri] += 1
        identifier = types.VersionedTextDocumentIdentifier(uri=uri, version=self.versions[uri])
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, changes))

    def save(self, uri: str) -> None:
        self.client.text_document_did_save(types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri)))

    def close(self, uri: str) -> None:
        del self.texts[uri]
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))

    # Requests --------------------------------------------------------------------------------------------------------

    def ask(self, uri: str, at: int, *, typed: bool = False, request_id: str | None = None) -> asyncio.Task[Any]:
        """Send a completion request, of the kind that the editor sends. `typed`: the user did not ask for it."""
        place = position(self.texts[uri], at, self.encoding)
        document = types.TextDocumentIdentifier(uri)
        if self.capabilities.inline_completion_provider is not None:
            kind = types.InlineCompletionTriggerKind
            trigger = types.InlineCompletionContext(trigger_kind=kind.Automatic if typed else kind.Invoked)
            params = types.InlineCompletionParams(trigger, document, place)
            return self.send(types.TEXT_DOCUMENT_INLINE_COMPLETION, params, request_id)
        popup = types.CompletionTriggerKind
        context = types.CompletionContext(popup.TriggerForIncompleteCompletions if typed else popup.Invoked)
        return self.send(types.TEXT_DOCUMENT_COMPLETION, types.CompletionParams(document, place, context), request_id)

    def send(self, method: str, params: Any, request_id: str | None = None) -> asyncio.Task[Any]:
        """Send any request. Nothing leaves before the next pause of the caller."""
        request: Coroutine[Any, Any, Any] = self.client.protocol.send_request_async(  # type: ignore[no-untyped-call]  # pygls has no types here.
            method, params, msg_id=request_id
        )
        return asyncio.ensure_future(request)

    async def complete(self, uri: str, at: int, *, typed: bool = False) -> Offer | None:
        text = self.texts[uri]
        answer = await asyncio.wait_for(self.ask(uri, at, typed=typed), DEADLINE_S)
        return self.offer(text, answer)

    def offer(self, text: str, answer: types.InlineCompletionList | types.CompletionList) -> Offer | None:
        """The only item of an answer about `text`, or None."""
        if not answer.items:
            return None
        (item,) = answer.items
        if isinstance(item, types.InlineCompletionItem):
            place, new = item.range, item.insert_text
        else:
            assert isinstance(item.text_edit, types.TextEdit)
            place, new = item.text_edit.range, item.text_edit.new_text
        assert place is not None
        assert isinstance(new, str)
        start, end = (offset(text, each, self.encoding) for each in (place.start, place.end))
        if isinstance(item, types.CompletionItem):  # It begins with the word before the cursor, as menus want it.
            while start < end and text[start] == new[:1] and re.match(r"[\w$-]", new):
                start, new = start + 1, new[1:]
        return Offer(new, start, end, item.command)

    def cancel(self, request_id: str) -> None:
        self.client.cancel_request(types.CancelParams(id=request_id))

    async def accept(self, uri: str, shown: Offer) -> None:
        self.edit(uri, (shown.start, shown.end, shown.text))
        if shown.command is not None:
            await self.run(shown.command.command, *(shown.command.arguments or []))

    async def run(self, command: str, *arguments: Any) -> Any:
        params = types.ExecuteCommandParams(command=command, arguments=list(arguments))
        return await asyncio.wait_for(self.client.workspace_execute_command_async(params), DEADLINE_S)

    async def trace(self, limit: int = 20) -> list[dict[str, Any]]:
        answer = await asyncio.wait_for(self.send("codeassist/trace", {"limit": limit}), DEADLINE_S)
        return [_plain(entry) for entry in answer]

    async def trace_holds(self, condition: Callable[[dict[str, Any]], bool]) -> None:
        """Wait until the trace has such a request. Nothing is sent when one is added, so this has to ask."""
        end = asyncio.get_running_loop().time() + DEADLINE_S
        while not any(condition(entry) for entry in await self.trace() if "skip" in entry):
            assert asyncio.get_running_loop().time() < end, f"no such entry: {await self.trace()}"

    async def until_diagnostics(self, uri: str, condition: Callable[[list[types.Diagnostic]], bool]) -> None:
        """Wait until what is shown for a document is as wanted."""
        end = asyncio.get_running_loop().time() + DEADLINE_S
        while not condition(found := await self.diagnostics(uri)):
            assert asyncio.get_running_loop().time() < end, found
            await self.trace(1)

    async def last_skip(self) -> str | None:
        """Why the last request got nothing."""
        found: str | None = (await self.trace(1))[0]["skip"]
        return found

    async def diagnostics(self, uri: str) -> list[types.Diagnostic]:
        """What the editor would show now for a document."""
        if self.pulls:
            params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri))
            report = await asyncio.wait_for(self.client.text_document_diagnostic_async(params), DEADLINE_S)
            assert isinstance(report, types.RelatedFullDocumentDiagnosticReport)
            return list(report.items)
        own = [each for each in self.published if each.uri == uri]
        return list(own[-1].diagnostics) if own else []

    async def reviewed(self, uri: str, begin: Callable[[], object] | None = None) -> list[types.Diagnostic]:
        """Save, or do what else begins a review, wait until it is over, and see what it found."""
        before = await self._reviews(uri)
        (begin or (lambda: self.save(uri)))()
        end = asyncio.get_running_loop().time() + DEADLINE_S
        while await self._reviews(uri) == before:
            assert asyncio.get_running_loop().time() < end, f"no review of {uri}: {await self.trace()}"
        return await self.diagnostics(uri)

    async def _reviews(self, uri: str) -> int:
        """How many reviews of a document came to their end. What they found was sent before."""
        own = [entry for entry in await self.trace(200) if (entry["kind"], entry["uri"]) == ("review", uri)]
        return len([entry for entry in own if entry["skip"] != "superseded"])

    async def actions(self, uri: str, place: types.Range, only: Iterable[str] = ()) -> list[types.CodeAction]:
        context = types.CodeActionContext(diagnostics=[], only=list(only) or None)
        params = types.CodeActionParams(types.TextDocumentIdentifier(uri), place, context)
        answer = await asyncio.wait_for(self.client.text_document_code_action_async(params), DEADLINE_S)
        return [action for action in answer or [] if isinstance(action, types.CodeAction)]

    async def fix(self, uri: str, diagnostic: types.Diagnostic) -> str:
        """Apply the preferred quick fix as this editor does; the text after it."""
        (action,) = [each for each in await self.actions(uri, diagnostic.range) if each.is_preferred]
        if action.edit is None:
            action = await self.client.code_action_resolve_async(action)
        assert action.edit is not None
        if action.edit.document_changes:
            (change,) = action.edit.document_changes
            assert isinstance(change, types.TextDocumentEdit)
            assert change.text_document.version == self.versions[uri]
            edits = [edit for edit in change.edits if isinstance(edit, types.TextEdit)]
        else:
            edits = list((action.edit.changes or {})[uri])
        self.set_whole(uri, apply(self.texts[uri], edits, self.encoding))
        return self.texts[uri]

    def change_folders(self, added: Iterable[Path] = (), removed: Iterable[Path] = ()) -> None:
        new, gone = ([types.WorkspaceFolder(each.as_uri(), each.name) for each in some] for some in (added, removed))
        event = types.WorkspaceFoldersChangeEvent(added=new, removed=gone)
        self.client.workspace_did_change_workspace_folders(types.DidChangeWorkspaceFoldersParams(event))

    def tell_of_files(self, *files: Path) -> None:
        """What an editor that watches files says when they changed, whatever happened to them."""
        events = [types.FileEvent(file.as_uri(), types.FileChangeType.Changed) for file in files]
        self.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(events))

    def cancel_progress(self, token: str) -> None:
        self.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))

    def configure(self, settings: Any) -> None:
        self.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings=settings))


@asynccontextmanager
async def start(
    kind: str,
    variables: Mapping[str, str],
    *,
    roots: Iterable[Path] = (),
    options: Any = None,
    configuration: dict[str, Any] | None = None,
    locale: str | None = None,
    name: str | None = None,
    experimental: Any = None,
) -> AsyncIterator[Editor]:
    """An editor of that kind with a server of its own, both ended properly at the end. `experimental`: what it says of
    itself beside its kind's."""
    client = Client(converter_factory=_converter, configuration={"": configuration or {}})
    editor = Editor(kind, client)
    register_lsp_features(client, {**DEFAULT_CLIENT_FEATURES, **_watched(editor)})
    await client.start_io(*SERVER, env=dict(variables))
    folders = [types.WorkspaceFolder(uri=root.as_uri(), name=root.name) for root in roots]
    capable = capabilities(kind)
    capable.experimental = experimental or capable.experimental
    params = types.InitializeParams(
        capabilities=capable,
        workspace_folders=folders,
        initialization_options=options,
        locale=locale,
        client_info=types.ClientInfo(name) if name else None,
    )
    result = await asyncio.wait_for(client.initialize_session(params), DEADLINE_S)
    editor.capabilities = result.capabilities
    await editor.until(lambda: bool(editor.statuses), "the first status")
    try:
        yield editor
    finally:
        if editor.ended:
            raise AssertionError(f"the server ended by itself; stderr:\n{client.stderr.decode()}")
        await asyncio.wait_for(client.shutdown_session(), DEADLINE_S)
        await client.stop()  # type: ignore[no-untyped-call]  # As above.
        assert client._server is not None
        assert client._server.returncode == 0


def _converter() -> cattrs.Converter:
    """lsprotocol takes every code action that has a command for a bare command."""
    converter: cattrs.Converter = default_converter()  # type: ignore[no-untyped-call]  # As above.

    def either(value: dict[str, Any], _kind: object) -> types.Command | types.CodeAction:
        if isinstance(value.get("command"), str):
            return converter.structure(value, types.Command)
        return converter.structure(value, types.CodeAction)

    converter.register_structure_hook(types.Command | types.CodeAction, either)
    return converter


def _watched(editor: Editor) -> dict[str, Callable[[Any], Any]]:
    """Handlers that keep what the server tells and wake up those who wait for it."""
    notices: set[asyncio.Task[None]] = set()

    def notice() -> None:
        task = asyncio.ensure_future(editor._notice())
        notices.add(task)
        task.add_done_callback(notices.discard)

    def published(params: types.PublishDiagnosticsParams) -> None:
        editor.published.append(params)
        notice()

    def refreshed(_params: None) -> None:
        editor.refreshes += 1
        notice()

    def told(params: Any) -> None:
        editor.statuses.append(_plain(params))
        notice()

    def shown(params: types.ShowMessageParams) -> None:
        editor.client.messages.append(params)
        notice()

    def progressed(params: types.ProgressParams) -> None:
        DEFAULT_CLIENT_FEATURES[types.PROGRESS](editor.client, params)
        editor.progress.append((str(params.token), _plain(params.value)))
        notice()

    def registered(params: types.RegistrationParams) -> None:
        editor.registered.extend(params.registrations)
        notice()

    return {
        types.PROGRESS: progressed,
        types.CLIENT_REGISTER_CAPABILITY: registered,
        types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS: published,
        types.WORKSPACE_DIAGNOSTIC_REFRESH: refreshed,
        types.WINDOW_SHOW_MESSAGE: shown,
        "codeassist/status": told,
    }


def _plain(value: Any) -> Any:
    """pygls hands untyped JSON over as nested named tuples."""
    if hasattr(value, "_asdict"):
        return {name: _plain(item) for name, item in value._asdict().items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
