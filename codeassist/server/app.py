"""Build the server: wire the session, the model and the features, and register the handlers."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.uris import to_fs_path

from codeassist import __version__
from codeassist.flow.admission import Admission
from codeassist.server.actions import Actions
from codeassist.server.binding import ModelFactory, Models
from codeassist.server.completion import Completer
from codeassist.server.convert import apply_changes
from codeassist.server.progress import Progress
from codeassist.server.protocol import Server
from codeassist.server.review import Publisher, Reviewer
from codeassist.server.session import Session
from codeassist.server.status import Status
from codeassist.settings import Problem, load
from codeassist.text.positions import Encoding

logger = logging.getLogger(__name__)

_CONFIGURATION_TIMEOUT_S = 5.0


class App:
    """One server with everything wired. `model_factory` replaces the way to the model, in tests."""

    def __init__(self, model_factory: ModelFactory | None = None) -> None:
        self.server = Server("codeassist", __version__)
        self.session = Session()
        self.admission = Admission()
        self.status = Status(self._notify, self._show)
        self.models = Models(model_factory, self._engine_state)
        self.progress = Progress(self.server)
        self.publisher = Publisher(self.session)
        self.completer = Completer(self.session, self.models, self.admission, self.status)
        self.reviewer = Reviewer(
            self.session, self.models, self.admission, self.status, self.progress, self.publisher
        )
        self.actions = Actions(self.session, self.publisher)
        self._capabilities = types.ClientCapabilities()
        self._editor_settings: Mapping[str, Any] = {}
        self._register()

    # Life cycle ------------------------------------------------------------------------------------------------------

    def initialize(self, params: types.InitializeParams) -> None:
        """Take over what the client can do, and offer only what it can use."""
        self._capabilities = params.capabilities
        document = params.capabilities.text_document or types.TextDocumentClientCapabilities()
        window = params.capabilities.window
        workspace = params.capabilities.workspace
        self.session.encoding = _encoding(self.server.protocol.workspace.position_encoding)
        self.session.locale = params.locale or ""
        self.session.roots = _roots(params)
        self.progress.supported = bool(window and window.work_done_progress)
        if document.inline_completion is not None:
            options = types.InlineCompletionOptions()
            self._feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, self.completer.inline, options)
        else:
            options_popup = types.CompletionOptions(trigger_characters=[".", "(", " ", "="])
            self._feature(types.TEXT_DOCUMENT_COMPLETION, self.completer.popup, options_popup)
        if document.diagnostic is not None:
            self.publisher.pull = True
            self.publisher.refresh_supported = bool(
                workspace and workspace.diagnostics and workspace.diagnostics.refresh_support
            )
            pull_options = types.DiagnosticOptions(
                identifier="codeassist", inter_file_dependencies=False, workspace_diagnostics=False
            )
            self._feature(types.TEXT_DOCUMENT_DIAGNOSTIC, self.pull_diagnostics, pull_options)
        self._take_settings(_own_part(params.initialization_options))

    async def initialized(self, _params: types.InitializedParams) -> None:
        await self._pull_settings()
        self.status.set("ready" if self.session.settings.completion.enabled else "off")

    async def shutdown(self, _params: None = None) -> None:
        await self.session.shut_down()
        await self.models.aclose()

    # Documents -------------------------------------------------------------------------------------------------------

    def opened(self, params: types.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        self.session.open(document.uri, document.text, document.language_id, document.version)
        self.session.spawn(self.reviewer.take_baseline(document.uri))

    def changed(self, params: types.DidChangeTextDocumentParams) -> None:
        uri = params.text_document.uri
        entry = self.session.documents.get(uri)
        if entry is None:
            return
        steps = apply_changes(
            entry.document, params.content_changes, params.text_document.version, self.session.encoding
        )
        if self.session.change(uri, steps):
            self.session.spawn(self.publisher.publish(uri))

    def closed(self, params: types.DidCloseTextDocumentParams) -> None:
        self.session.close(params.text_document.uri)
        self.publisher.clear(params.text_document.uri)

    def saved(self, params: types.DidSaveTextDocumentParams) -> None:
        self.session.spawn(self.reviewer.saved(params.text_document.uri))

    def pull_diagnostics(self, params: types.DocumentDiagnosticParams) -> types.RelatedFullDocumentDiagnosticReport:
        return types.RelatedFullDocumentDiagnosticReport(items=self.publisher.diagnostics(params.text_document.uri))

    # Actions and commands --------------------------------------------------------------------------------------------

    def code_actions(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        return self.actions.offered(params, resolves=self._resolves_edits(), versioned=self._takes_versions())

    def resolve_action(self, action: types.CodeAction) -> types.CodeAction:
        return self.actions.resolved(action, versioned=self._takes_versions())

    async def review_command(self, uri: str = "") -> None:
        for each in [uri] if uri else list(self.session.documents):
            await self.reviewer.run(each, everything=True)

    async def review_changes_command(self) -> None:
        for uri in list(self.session.documents):
            await self.reviewer.run(uri, everything=False)

    async def restart_command(self) -> None:
        await self.models.restart()
        self.status.set("ready", "The connection to the model was made anew.")

    def show_status_command(self) -> dict[str, Any]:
        return {**self.status.last, "skips": dict(self.session.skips)}

    def show_trace_command(self) -> list[dict[str, Any]]:
        return list(self.session.traces)[-20:]

    def accepted_command(self, item_id: str = "") -> None:
        self._item_event(item_id, "accepted")

    async def dismiss_command(self, uri: str, fingerprint: str) -> None:
        await self.actions.dismiss(uri, fingerprint)

    def trace(self, params: Any) -> list[dict[str, Any]]:
        limit = getattr(params, "limit", None)
        count = limit if isinstance(limit, int) and limit > 0 else 20
        return list(self.session.traces)[-count:]

    def _item_event(self, item_id: object, event: str) -> None:
        if isinstance(item_id, str) and item_id in self.session.items:
            self.session.traces.append({"kind": event, "uri": self.session.items[item_id], "item": item_id})

    # Settings --------------------------------------------------------------------------------------------------------

    async def configuration_changed(self, params: types.DidChangeConfigurationParams) -> None:
        own = _own_part(params.settings)
        if own:
            self._take_settings(own)
        else:
            await self._pull_settings()

    def folders_changed(self, params: types.DidChangeWorkspaceFoldersParams) -> None:
        gone = {Path(to_fs_path(folder.uri) or "") for folder in params.event.removed}
        new = [Path(to_fs_path(folder.uri) or "") for folder in params.event.added]
        self.session.roots = (*[root for root in self.session.roots if root not in gone], *new)

    async def _pull_settings(self) -> None:
        workspace = self._capabilities.workspace
        if workspace is None or not workspace.configuration:
            return
        item = types.ConfigurationItem(section="codeassist")
        request = self.server.workspace_configuration_async(types.ConfigurationParams(items=[item]))
        try:
            answer = await asyncio.wait_for(asyncio.shield(request), _CONFIGURATION_TIMEOUT_S)
        except (asyncio.TimeoutError, Exception) as error:  # noqa: BLE001, RUF100  Any refusal: keep what holds.
            logger.info("the client gave no settings: %s", type(error).__name__)
            return
        first = answer[0] if answer else None
        if isinstance(first, Mapping):
            self._take_settings(first)

    def _take_settings(self, editor: Mapping[str, Any]) -> None:
        self._editor_settings = editor or self._editor_settings
        root = self.session.roots[0] if self.session.roots else None
        settings, problems = load(root, self._editor_settings)
        self.session.settings = settings
        logging.getLogger("codeassist").setLevel(settings.log.level.upper())
        for problem in problems:
            self._say(problem)

    def _say(self, problem: Problem) -> None:
        logger.warning("setting not taken: %s", problem)
        self._show(types.MessageType.Warning, f"codeassist: setting not taken: {problem}")

    # The client ------------------------------------------------------------------------------------------------------

    def _notify(self, method: str, params: dict[str, Any]) -> None:
        self.server.protocol.notify(method, params)

    def _show(self, kind: types.MessageType, message: str) -> None:
        self.server.window_show_message(types.ShowMessageParams(type=kind, message=message))

    def _engine_state(self, state: Any) -> None:
        self.status.engine(state.message, busy=state.busy)

    def _resolves_edits(self) -> bool:
        document = self._capabilities.text_document
        action = document.code_action if document else None
        support = action.resolve_support if action else None
        return bool(action and action.data_support and support and "edit" in support.properties)

    def _takes_versions(self) -> bool:
        workspace = self._capabilities.workspace
        edit = workspace.workspace_edit if workspace else None
        return bool(edit and edit.document_changes)

    async def _refresh_diagnostics(self) -> None:
        await asyncio.shield(self.server.workspace_diagnostic_refresh_async(None))

    def _register(self) -> None:
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
        action_options = types.CodeActionOptions(
            code_action_kinds=[types.CodeActionKind.QuickFix], resolve_provider=True
        )
        self._feature(types.TEXT_DOCUMENT_CODE_ACTION, self.code_actions, action_options)
        self._feature(types.CODE_ACTION_RESOLVE, self.resolve_action)
        self._feature("codeassist/trace", self.trace)
        for event in ("didShow", "didReject", "didPartiallyAccept"):
            self._feature(f"codeassist/{event}", self._reporter(event))
        self.server.command("codeassist.review")(_function(self.review_command))
        self.server.command("codeassist.reviewChanges")(_function(self.review_changes_command))
        self.server.command("codeassist.restartModel")(_function(self.restart_command))
        self.server.command("codeassist.showStatus")(_function(self.show_status_command))
        self.server.command("codeassist.showTrace")(_function(self.show_trace_command))
        self.server.command("codeassist.didAccept")(_function(self.accepted_command))
        self.server.command("codeassist.dismiss")(_function(self.dismiss_command))

    def _feature(self, method: str, handler: Callable[..., Any], options: Any = None) -> None:
        self.server.feature(method, options)(_function(handler))

    def _reporter(self, event: str) -> Any:
        def report(params: Any) -> None:
            self._item_event(getattr(params, "itemId", None), event)

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


def _own_part(values: Any) -> Mapping[str, Any]:
    """Settings as clients send them: bare, or under the section's name."""
    if not isinstance(values, Mapping):
        values = _plain(values)
    own = values.get("codeassist", values) if isinstance(values, Mapping) else {}
    return own if isinstance(own, Mapping) else {}


def _plain(value: Any) -> Any:
    """pygls hands untyped parameters over as nested named tuples."""
    if hasattr(value, "_asdict"):
        return {key: _plain(item) for key, item in value._asdict().items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _roots(params: types.InitializeParams) -> tuple[Path, ...]:
    uris = [folder.uri for folder in params.workspace_folders or []]
    if not uris and params.root_uri:
        uris = [params.root_uri]
    paths = [to_fs_path(uri) for uri in uris]
    return tuple(Path(path) for path in paths if path)


def _encoding(kind: types.PositionEncodingKind | str | None) -> Encoding:
    if kind in ("utf-8", types.PositionEncodingKind.Utf8):
        return "utf-8"
    return "utf-32" if kind in ("utf-32", types.PositionEncodingKind.Utf32) else "utf-16"
