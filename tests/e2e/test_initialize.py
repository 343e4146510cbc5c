"""What the server offers, by what the editor can do."""

from __future__ import annotations

import pytest
from lsprotocol import types

from tests.e2e.editor import Editor

pytestmark = pytest.mark.asyncio(loop_scope="session")

everywhere = pytest.mark.parametrize("editor", ["vscode", "neovim-0.11", "neovim-0.12", "plain"], indirect=True)

COMMANDS = {
    "codeassist.review",
    "codeassist.reviewChanges",
    "codeassist.restartModel",
    "codeassist.showStatus",
    "codeassist.showTrace",
}
"""The commands of the documentation; the server has others, for its own code actions."""


@everywhere
async def test_offers_what_every_editor_can_use(editor: Editor) -> None:
    offered = editor.capabilities
    sync = offered.text_document_sync
    assert isinstance(sync, types.TextDocumentSyncOptions)
    assert (sync.open_close, sync.change) == (True, types.TextDocumentSyncKind.Incremental)
    assert sync.save == types.SaveOptions(include_text=False)
    assert isinstance(offered.code_action_provider, types.CodeActionOptions)
    assert list(offered.code_action_provider.code_action_kinds or ()) == [types.CodeActionKind.QuickFix]
    assert offered.code_action_provider.resolve_provider is True
    assert offered.execute_command_provider is not None
    assert set(offered.execute_command_provider.commands) >= COMMANDS
    assert offered.workspace is not None
    assert offered.workspace.workspace_folders == types.WorkspaceFoldersServerCapabilities(
        supported=True, change_notifications=True
    )


@pytest.mark.parametrize(
    ("editor", "encoding", "inline", "pull"),
    [
        ("vscode", "utf-16", True, True),
        ("neovim-0.11", "utf-8", False, False),
        ("neovim-0.12", "utf-8", True, True),
        ("plain", "utf-32", True, False),
    ],
    indirect=["editor"],
)
async def test_offers_each_thing_in_one_way_only(editor: Editor, encoding: str, inline: bool, pull: bool) -> None:
    """Ghost text or the popup, pulled or pushed diagnostics: with both an editor would show everything twice."""
    offered = editor.capabilities
    assert offered.position_encoding == encoding
    assert (offered.inline_completion_provider is not None) == inline
    assert (offered.completion_provider is not None) == (not inline)
    assert (offered.diagnostic_provider is not None) == pull


@everywhere
async def test_says_that_it_is_ready(editor: Editor) -> None:
    assert editor.statuses[0]["state"] == "ready"
    assert set(editor.statuses[0]) == {
        "state",
        "message",
        "reason",
        "model",
        "latencyMs",
        "cachedShare",
        "abilities",
    }
    assert editor.messages == []
