"""What the editor can do, as it says when it connects; docs/protocol.md has the fields of our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lsprotocol import types

_LONGEST_WAIT_MS = 5_000
_WRITE_LINES = frozenset({"kakoune-lsp", "vim-lsp"})
"""The one takes an item of several lines for a template and indents it once more, the other keeps it on one line."""


@dataclass(frozen=True, slots=True)
class Client:
    """The editor, as far as handlers have to know it.

    Completions: `waited_s`: it waits so many seconds for another key before it asks; `keeps_expired`: it goes on
    showing a suggestion that does not fit any more, until an answer comes; `inserts_only`: its ghost text cannot take
    the place of what stands behind the cursor; `one_line_items`: it writes the lines of an item of its menu by rules of
    its own, whatever the item says.

    Code actions: `resolves`: it asks for edits later; `versioned`: it takes changes with versions; `creates`: it makes
    files; `confirms`: it asks the user about edits that want to be confirmed.

    `mends`: reasons of `post/skip.py` for which it offers by itself what mends them: no message box need say it.
    """

    waited_s: float = 0.0
    keeps_expired: bool = False
    inserts_only: bool = False
    one_line_items: bool = False
    resolves: bool = False
    versioned: bool = False
    creates: bool = False
    confirms: bool = False
    mends: frozenset[str] = frozenset()


def client_of(capabilities: types.ClientCapabilities, info: types.ClientInfo | None = None) -> Client:
    """What it says, under `experimental`, `codeassist` too, where nonsense counts as unsaid."""
    document = capabilities.text_document or types.TextDocumentClientCapabilities()
    workspace = capabilities.workspace or types.WorkspaceClientCapabilities()
    own, action, edit = _own(capabilities), document.code_action, workspace.workspace_edit
    support = action.resolve_support if action else None
    expired, mends = own.get("keepsExpired"), own.get("mends")
    return Client(
        waited_s=_seconds(own.get("waitsMs")),
        # Of Neovim it is known: it moves its text along with the cursor.
        keeps_expired=expired if isinstance(expired, bool) else info is not None and info.name == "Neovim",
        inserts_only=document.inline_completion is not None and own.get("insertsOnly") is True,
        one_line_items=document.inline_completion is None and _writes_lines(document.completion, info),
        resolves=bool(action and action.data_support and support and "edit" in support.properties),
        versioned=bool(edit and edit.document_changes),
        creates=bool(edit and types.ResourceOperationKind.Create in (edit.resource_operations or ())),
        confirms=bool(edit and edit.change_annotation_support),
        mends=frozenset(each for each in mends if isinstance(each, str))
        if isinstance(mends, list | tuple)
        else frozenset(),
    )


def _own(capabilities: types.ClientCapabilities) -> Mapping[str, object]:
    said = capabilities.experimental
    own = said.get("codeassist") if isinstance(said, Mapping) else None
    return own if isinstance(own, Mapping) else {}


def _seconds(milliseconds: object) -> float:
    if not isinstance(milliseconds, int | float) or not 0 <= milliseconds <= _LONGEST_WAIT_MS:
        return 0.0
    return milliseconds / 1000


def _writes_lines(completion: types.CompletionClientCapabilities | None, info: types.ClientInfo | None) -> bool:
    item = completion.completion_item if completion else None
    modes = item.insert_text_mode_support.value_set if item and item.insert_text_mode_support else ()
    known = info is not None and info.name in _WRITE_LINES
    return known or (bool(modes) and types.InsertTextMode.AsIs not in modes)
