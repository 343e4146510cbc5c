"""Build the server: wire the session, the model and the features, and register the handlers."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.uris import to_fs_path

from codeassist import __version__
from codeassist.flow.admission import Admission
from codeassist.server.actions import Actions
from codeassist.server.ahead import Ahead
from codeassist.server.asking import Asker
from codeassist.server.binding import ModelFactory, Models
from codeassist.server.choosing import Choices
from codeassist.server.client import client_of
from codeassist.server.completion import Completer
from codeassist.server.configuration import Configuration, same_servers
from codeassist.server.convert import apply_changes, offset_of
from codeassist.server.hiding import Hiding
from codeassist.server.learning import Learning
from codeassist.server.opened import why_not
from codeassist.server.others import Others
from codeassist.server.progress import Progress
from codeassist.server.protocol import Server
from codeassist.server.publishing import Publisher
from codeassist.server.repositories import Repositories
from codeassist.server.review import Reviewer
from codeassist.server.session import Session
from codeassist.server.status import Status
from codeassist.settings import Settings
from codeassist.text.positions import Encoding

logger = logging.getLogger(__name__)

PARTS = frozenset({"reuse", "join", "speculation", "warm-up", "silence"})


class App:
    """One server with everything wired. `model_factory` replaces the way to the model, in tests. `without` leaves parts
    out, for measurements of what they are worth: any of PARTS."""

    def __init__(self, model_factory: ModelFactory | None = None, without: frozenset[str] = frozenset()) -> None:
        if unknown := without - PARTS:
            raise ValueError(f"no such parts: {', '.join(sorted(unknown))}; there are {', '.join(sorted(PARTS))}")
        self.server = Server("codeassist", __version__)
        self.session = Session()
        self.admission = Admission()
        self.status = Status(self._notify, self._show)
        self.models = Models(
            model_factory,
            self._engine_state,
            on_note=self.status.note,
            workspace=lambda: next(iter(self.session.roots), None),
        )
        self.progress = Progress(self.server)
        self.hiding = Hiding(self.session, self._warn)
        self.publisher = Publisher(self.session, self.hiding.shown)
        self.hiding.changed = self.publisher.publish
        self.others = Others(self.session, self.publisher.publish)
        self.hiding.elsewhere = self.others.without
        self.repositories = Repositories(self.session, self.progress, self.status.repository)
        self.learning = Learning(self.session)
        quiet = "silence" not in without
        asker = Asker(self.session, self.models, self.admission, self.status, self.repositories, self.learning, quiet)
        self.ahead = Ahead(asker, without)
        self.completer = Completer(self.session, asker, self.ahead, without)
        reviewing = self.session, self.models, self.admission, self.status, self.progress, self.publisher
        self.reviewer = Reviewer(*reviewing, self.hiding, self.repositories)
        self.actions = Actions(self.session, self.hiding)
        self.configuration = Configuration(
            self.session, self.server.workspace_configuration_async, self._show, self._settings_changed
        )
        self._capabilities = types.ClientCapabilities()
        self._ready = False
        self._register()

    # Life cycle ------------------------------------------------------------------------------------------------------

    def initialize(self, params: types.InitializeParams) -> None:
        """Take over what the client can do, and offer only what it can use."""
        self._capabilities = params.capabilities
        document = params.capabilities.text_document or types.TextDocumentClientCapabilities()
        window, workspace = params.capabilities.window, params.capabilities.workspace
        self.session.encoding = _encoding(self.server.protocol.workspace.position_encoding)
        self.session.locale = params.locale or ""
        self.session.roots = _roots(params)
        self.session.client = client = client_of(params.capabilities, params.client_info)
        self.session.rhythm.waited_s = client.waited_s
        self.status.mended = client.mends
        self.progress.supported = bool(window and window.work_done_progress)
        if document.inline_completion is not None:
            options = types.InlineCompletionOptions()
            self._feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, self.completer.inline, options)
        else:
            options_popup = types.CompletionOptions(trigger_characters=[".", "(", " ", "="])
            self._feature(types.TEXT_DOCUMENT_COMPLETION, self.completer.popup, options_popup)
        # Without refresh a client pulls when the user types, not when a review is done: Neovim 0.11 is one.
        refresh = workspace.diagnostics.refresh_support if workspace and workspace.diagnostics else False
        if document.diagnostic is not None and refresh:
            self.publisher.pull = True
            pull_options = types.DiagnosticOptions(
                identifier="codeassist", inter_file_dependencies=False, workspace_diagnostics=False
            )
            self._feature(types.TEXT_DOCUMENT_DIAGNOSTIC, self.pull_diagnostics, pull_options)
        operations = workspace.file_operations if workspace else None
        if operations is not None:
            self._file_operations(operations)
        self.configuration.can_ask = bool(workspace and workspace.configuration)
        self.configuration.initial(params.initialization_options)

    async def initialized(self, _params: types.InitializedParams) -> None:
        await self.configuration.pull()
        self._ready = True
        self.status.enabled(self.session.settings.completion.enabled)
        self.repositories.start()
        await self._watch()

    async def shutdown(self, _params: None = None) -> None:
        self.status.flush()
        await self.repositories.stop()
        await self.hiding.aclose()
        await self.session.shut_down()
        await self.models.aclose()
        await self.learning.aclose()

    # Documents -------------------------------------------------------------------------------------------------------

    def opened(self, params: types.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        entry = self.session.open(document.uri, document.text, document.language_id, document.version)
        entry.baseline = self.session.spawn(self.reviewer.take_baseline(entry))
        self.repositories.opened(document.uri)
        self.hiding.follow(document.uri)
        self.learning.read_ahead()
        self.ahead.opened(entry)

    def changed(self, params: types.DidChangeTextDocumentParams) -> None:
        uri = params.text_document.uri
        entry = self.session.documents.get(uri)
        if entry is None:
            return
        version, changes = params.text_document.version, params.content_changes
        if not entry.kept:
            whole = [change for change in changes if isinstance(change, types.TextDocumentContentChangeWholeDocument)]
            if whole:
                self.session.open(uri, whole[-1].text, entry.language_id, version)
                self.repositories.opened(uri)
            return
        try:
            steps = apply_changes(entry.document, changes, version, self.session.encoding)
        except Exception:
            self.lost_track(uri)
            raise
        before, findings = entry.document, entry.findings
        dropped = self.session.change(uri, steps)
        self.learning.changed(entry)
        self.reviewer.changed(entry, before, steps, findings)
        self.hiding.follow(uri)
        if dropped:
            self.publisher.publish(uri)
        self.session.catch_up_soon(entry)

    def lost_track(self, uri: str) -> None:
        """Stop working on a document of which the text is not known any more."""
        if uri in self.session.documents:
            self.session.close(uri)
            self.publisher.clear(uri)

    def closed(self, params: types.DidCloseTextDocumentParams) -> None:
        self.session.close(params.text_document.uri)
        self.publisher.clear(params.text_document.uri)
        self.hiding.follow(params.text_document.uri)

    def saved(self, params: types.DidSaveTextDocumentParams) -> None:
        self.repositories.saved(params.text_document.uri)
        self.session.spawn(self.reviewer.saved(params.text_document.uri))

    def files_changed(self, params: types.DidChangeWatchedFilesParams) -> None:
        self.repositories.changed(params.changes)
        for change in params.changes:
            self.hiding.follow(change.uri)

    def files_moved(self, params: types.CreateFilesParams | types.RenameFilesParams | types.DeleteFilesParams) -> None:
        """The editor itself made, renamed or deleted files."""
        for file in params.files:
            if isinstance(file, types.FileRename):
                self.hiding.renamed(file.old_uri, file.new_uri)
        self.repositories.changed(
            [
                types.FileEvent(uri, types.FileChangeType.Changed)
                for file in params.files
                for uri in ([file.old_uri, file.new_uri] if isinstance(file, types.FileRename) else [file.uri])
            ]
        )

    def pull_diagnostics(self, params: types.DocumentDiagnosticParams) -> types.RelatedFullDocumentDiagnosticReport:
        return types.RelatedFullDocumentDiagnosticReport(items=self.publisher.diagnostics(params.text_document.uri))

    # Actions and commands --------------------------------------------------------------------------------------------

    async def code_actions(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        if params.range.start == params.range.end:
            self._rested(params.text_document.uri, params.range.start)  # Editors ask wherever the cursor comes to rest.
        self.others.seen(params.text_document.uri, params.context.diagnostics)
        return await self.actions.offered(params)

    def cursor_rested(self, params: Any) -> None:
        """`codeassist/didRest` `{textDocument: {uri}, position}`, from editors that tell."""
        try:
            place = params["position"]
            position = types.Position(int(place["line"]), int(place["character"]))
            uri = str(params["textDocument"]["uri"])
        except (TypeError, KeyError, ValueError):
            logger.warning("malformed codeassist/didRest")
            return
        self._rested(uri, position)

    def _rested(self, uri: str, position: types.Position) -> None:
        entry = self.session.documents.get(uri)
        if entry is not None:
            self.ahead.rested(entry, offset_of(entry.document, position, self.session.encoding))

    async def resolve_action(self, action: types.CodeAction) -> types.CodeAction:
        return await self.actions.resolved(action)

    async def review_command(self, uri: str = "") -> None:
        for each in [uri] if uri else list(self.session.documents):
            await self.reviewer.run(each, everything=True)

    async def review_changes_command(self) -> None:
        for uri in list(self.session.documents):
            await self.reviewer.run(uri, everything=False)

    async def restart_command(self) -> None:
        self._drop_requests()
        self.session.remembered.forget()
        await self.models.restart()
        self.status.set("ready", "The connection to the model was made anew.")

    async def show_status_command(self) -> dict[str, Any]:
        index = await self.repositories.counts()
        return {**self.status.last, "skips": dict(self.session.skips), "index": index}

    def show_trace_command(self) -> list[dict[str, Any]]:
        return list(self.session.traces)[-20:]

    def accepted_command(self, item_id: str = "") -> None:
        self._item_event(item_id, "didAccept")

    def trace(self, params: Any) -> list[dict[str, Any]]:
        limit = params.get("limit") if isinstance(params, dict) else None
        count = limit if isinstance(limit, int) and limit > 0 else 20
        return list(self.session.traces)[-count:]

    def _item_event(self, item_id: object, event: str, **more: Any) -> None:
        if isinstance(item_id, str) and item_id in self.session.items:
            uri = self.session.items[item_id]
            self.session.traces.append({"kind": event, "uri": uri, "item": item_id, **more})
            if event == "didAccept":
                self.learning.told(item_id, "accepted")
            if event == "didReject":
                self.learning.told(item_id, "rejected")
                self.session.doubt_suggestions(uri)  # The next key must not bring it back.

    # Settings --------------------------------------------------------------------------------------------------------

    async def configuration_changed(self, params: types.DidChangeConfigurationParams) -> None:
        await self.configuration.notified(params.settings)

    def folders_changed(self, params: types.DidChangeWorkspaceFoldersParams) -> None:
        gone = _paths(folder.uri for folder in params.event.removed)
        new = _paths(folder.uri for folder in params.event.added)
        self.session.roots = (*[root for root in self.session.roots if root not in (*gone, *new)], *new)
        self.session.name_anew()
        self.session.doubt_suggestions()
        self.configuration.reload()
        self.repositories.follow()

    def _settings_changed(self, before: Settings, after: Settings) -> None:
        if before.index != after.index:
            self.repositories.follow()
        if not same_servers(before, after):
            self._drop_requests()
        if before.review != after.review or not same_servers(before, after):
            self.session.remembered.forget()
        for uri, entry in self.session.documents.items():
            if why_not(entry, after, unasked=False) is not None:
                self.session.drop_task(uri, "completion")
                self.session.drop_task(uri, "ahead")
        if self._ready:
            self.status.enabled(after.completion.enabled)

    def _drop_requests(self) -> None:
        """The models change: what runs would fail with a message about the old ones."""
        self.status.forget()
        self.session.doubt_suggestions()
        for uri in list(self.session.documents):
            self.session.drop_tasks(uri)

    # The client ------------------------------------------------------------------------------------------------------

    def _notify(self, method: str, params: dict[str, Any]) -> None:
        self.server.protocol.notify(method, params)

    def _show(self, kind: types.MessageType, message: str) -> None:
        self.server.window_show_message(types.ShowMessageParams(type=kind, message=message))

    def _warn(self, message: str) -> None:
        self._show(types.MessageType.Warning, message)

    def _engine_state(self, state: Any) -> None:
        self.status.engine(state.kind, state.message, state.reason)

    async def _watch(self) -> None:
        """Have the editor tell of files that change, if it can be asked to."""
        workspace = self._capabilities.workspace
        watching = workspace.did_change_watched_files if workspace else None
        if watching is None or not watching.dynamic_registration:
            return
        watcher = types.FileSystemWatcher(glob_pattern="**/*")
        registration = types.Registration(
            "codeassist-files",
            types.WORKSPACE_DID_CHANGE_WATCHED_FILES,
            types.DidChangeWatchedFilesRegistrationOptions(watchers=[watcher]),
        )
        asked = self.server.client_register_capability_async(types.RegistrationParams([registration]))
        try:
            await asyncio.shield(asked)
        except JsonRpcException as error:
            logger.info("the client does not watch files: %s", type(error).__name__)
        else:
            self.repositories.watched = True

    def _file_operations(self, offered: types.FileOperationClientCapabilities) -> None:
        everywhere = types.FileOperationFilter(types.FileOperationPattern(glob="**/*"), scheme="file")
        options = types.FileOperationRegistrationOptions([everywhere])
        for method, able in (
            (types.WORKSPACE_DID_CREATE_FILES, offered.did_create),
            (types.WORKSPACE_DID_RENAME_FILES, offered.did_rename),
            (types.WORKSPACE_DID_DELETE_FILES, offered.did_delete),
        ):
            if able:
                self._feature(method, self.files_moved, options)

    async def _refresh_diagnostics(self) -> None:
        try:
            await asyncio.shield(self.server.workspace_diagnostic_refresh_async(None))
        except JsonRpcException as error:
            logger.info("the client does not refresh: %s", type(error).__name__)

    def _register(self) -> None:
        self.server.protocol.lost_track = self.lost_track
        self.publisher.push = self.server.text_document_publish_diagnostics
        self.publisher.refresh = self._refresh_diagnostics
        self._feature(types.INITIALIZE, self.initialize)
        self._feature(types.INITIALIZED, self.initialized)
        self._feature(types.SHUTDOWN, self.shutdown)
        self._feature(types.TEXT_DOCUMENT_DID_OPEN, self.opened)
        self._feature(types.TEXT_DOCUMENT_DID_CHANGE, self.changed)
        self._feature(types.TEXT_DOCUMENT_DID_CLOSE, self.closed)
        self._feature(types.TEXT_DOCUMENT_DID_SAVE, self.saved, types.SaveOptions(include_text=False))
        self._feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION, self.configuration_changed)
        self._feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS, self.folders_changed)
        self._feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES, self.files_changed)
        action_options = types.CodeActionOptions(
            code_action_kinds=[types.CodeActionKind.QuickFix], resolve_provider=True
        )
        self._feature(types.TEXT_DOCUMENT_CODE_ACTION, self.code_actions, action_options)
        self._feature(types.CODE_ACTION_RESOLVE, self.resolve_action)
        self._feature("codeassist/trace", self.trace)
        self._feature("codeassist/didRest", self.cursor_rested)
        self._feature("codeassist/otherDiagnostics", self.others.told)
        for event in ("didShow", "didReject", "didPartiallyAccept"):
            self._feature(f"codeassist/{event}", self._reporter(event))
        self.server.command("codeassist.review")(_function(self.review_command))
        self.server.command("codeassist.reviewChanges")(_function(self.review_changes_command))
        self.server.command("codeassist.restartModel")(_function(self.restart_command))
        self.server.command("codeassist.models")(_function(Choices(self.session, self.models).offered))
        self.server.command("codeassist.showStatus")(_function(self.show_status_command))
        self.server.command("codeassist.showTrace")(_function(self.show_trace_command))
        self.server.command("codeassist.didAccept")(_function(self.accepted_command))
        self.server.command("codeassist.dismiss")(_function(self.hiding.dismiss))
        self.server.command("codeassist.dismissCategory")(_function(self.hiding.dismiss_category))
        self.server.command("codeassist.restoreDismissed")(_function(self.hiding.restore))

    def _feature(self, method: str, handler: Callable[..., Any], options: Any = None) -> None:
        self.server.feature(method, options)(_function(handler))

    def _reporter(self, event: str) -> Any:
        def report(params: Any) -> None:
            if isinstance(params, dict):
                length = params.get("acceptedLength")
                more = {"acceptedLength": length} if isinstance(length, int) else {}
                self._item_event(params.get("itemId"), event, **more)

        return report


def _function(method: Callable[..., Any]) -> Callable[..., Any]:
    """A plain function around a bound method: pygls marks handlers with attributes, which methods do not take."""
    if asyncio.iscoroutinefunction(method):

        @functools.wraps(method)
        async def handle(*args: Any) -> Any:
            return await method(*args)

        return handle

    @functools.wraps(method)
    def handle_now(*args: Any) -> Any:
        return method(*args)

    return handle_now


def _paths(uris: Iterable[str]) -> tuple[Path, ...]:
    """The folders on disk among `uris`."""
    paths = [to_fs_path(uri) for uri in uris]
    return tuple(Path(path) for path in paths if path)


def _roots(params: types.InitializeParams) -> tuple[Path, ...]:
    folders = [folder.uri for folder in params.workspace_folders or []]
    return _paths(folders or ([params.root_uri] if params.root_uri else []))


def _encoding(kind: types.PositionEncodingKind | str | None) -> Encoding:
    if kind in ("utf-8", types.PositionEncodingKind.Utf8):
        return "utf-8"
    return "utf-32" if kind in ("utf-32", types.PositionEncodingKind.Utf32) else "utf-16"
