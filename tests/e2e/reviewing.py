"""What users do with findings, in each editor's way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lsprotocol import types

from tests.e2e.editor import Editor
from tests.e2e.places import apply, offset
from tests.e2e.programs import is_review
from tests.fake_vllm import FakeVllm


def marked(editor: Editor, uri: str, diagnostics: Sequence[types.Diagnostic]) -> list[str]:
    """The code that the diagnostics stand under."""
    text = editor.texts[uri]
    return [
        text[offset(text, each.range.start, editor.encoding) : offset(text, each.range.end, editor.encoding)]
        for each in diagnostics
    ]


def asked(fake: FakeVllm) -> int:
    """How many requests of reviews the model server has got."""
    return len([each for each in fake.received if each.body and is_review(each.body)])


async def titles(editor: Editor, uri: str, place: types.Range) -> list[str]:
    return [action.title for action in await editor.actions(uri, place)]


async def chosen(editor: Editor, uri: str, place: types.Range, title: str) -> types.CodeAction:
    """The only action whose title begins so, with its edit or command."""
    (action,) = [each for each in await editor.actions(uri, place) if each.title.startswith(title)]
    if action.edit is None and action.command is None:
        action = await editor.client.code_action_resolve_async(action)
    return action


async def do(editor: Editor, uri: str, place: types.Range, title: str) -> types.CodeAction:
    """Choose an action: its edit is made, in open documents and on the disk, or its command is run."""
    action = await chosen(editor, uri, place, title)
    if action.edit is not None:
        make(editor, action.edit)
    if action.command is not None:
        await editor.run(action.command.command, *(action.command.arguments or []))
    return action


async def dismiss(editor: Editor, uri: str, diagnostic: types.Diagnostic, title: str) -> None:
    action = await do(editor, uri, diagnostic.range, title)
    assert action.command is not None


def make(editor: Editor, edit: types.WorkspaceEdit) -> None:
    """Make the changes as the editor does, if their versions are right."""
    for uri, edits in (edit.changes or {}).items():
        _change(editor, uri, edits)
    for change in edit.document_changes or ():
        if isinstance(change, types.CreateFile):
            file = _path(change.uri)
            assert change.options is not None
            assert change.options.ignore_if_exists
            file.touch()
        elif isinstance(change, types.TextDocumentEdit):
            uri, version = change.text_document.uri, change.text_document.version
            assert version == (editor.versions[uri] if uri in editor.texts else None)
            _change(editor, uri, [each for each in change.edits if not isinstance(each, types.SnippetTextEdit)])


def _change(editor: Editor, uri: str, edits: Sequence[types.TextEdit]) -> None:
    if uri in editor.texts:
        editor.set_whole(uri, apply(editor.texts[uri], edits, editor.encoding))
        return
    file = _path(uri)
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    file.write_text(apply(before, edits, editor.encoding), encoding="utf-8")


def _path(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path))
