"""What a linter or type checker says of the same code already is not said again, where the editor lets us know."""

from __future__ import annotations

from typing import Any

import pytest
from lsprotocol import types

from tests.e2e.editor import Editor
from tests.e2e.places import position
from tests.e2e.programs import BUGGY, RIGHT, knowing
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

one_each = pytest.mark.parametrize("editor", ["vscode", "neovim-0.11"], indirect=True)


def place(editor: Editor, uri: str, code: str) -> dict[str, Any]:
    text = editor.texts[uri]
    start = text.index(code)
    ends = [position(text, at, editor.encoding) for at in (start, start + len(code))]
    return {name: {"line": at.line, "character": at.character} for name, at in zip(("start", "end"), ends, strict=True)}


def tell(editor: Editor, uri: str, *diagnostics: dict[str, Any]) -> None:
    params = {"textDocument": {"uri": uri}, "diagnostics": list(diagnostics)}
    editor.client.protocol.notify("codeassist/otherDiagnostics", params)


def said(editor: Editor, uri: str, code: str, severity: int = 1, source: str = "mypy") -> dict[str, Any]:
    return {"range": place(editor, uri, code), "severity": severity, "source": source}


async def reviewed(editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    editor.open(uri, BUGGY)
    await editor.run("codeassist.review", uri)
    assert await codes(editor, uri) == ["wrong-operator", "wrong-name"]


async def codes(editor: Editor, uri: str) -> list[object]:
    await editor.trace(1)  # Answered after what was told before was heard.
    return [each.code for each in await editor.diagnostics(uri)]


@one_each
async def test_a_finding_about_code_that_others_speak_of_is_not_shown(editor: Editor, uri: str, fake: FakeVllm) -> None:
    await reviewed(editor, uri, fake)
    tell(editor, uri, said(editor, uri, "len(prices)"))
    assert await codes(editor, uri) == ["wrong-operator"]
    actions = await editor.actions(uri, types.Range(types.Position(0, 0), types.Position(20, 0)))
    assert not any("sum" in action.title for action in actions)
    await editor.run("codeassist.review", uri)
    assert await codes(editor, uri) == ["wrong-operator"], "nor after another review"
    tell(editor, uri)
    assert await codes(editor, uri) == ["wrong-operator", "wrong-name"], "it is back once they have nothing to say"


@one_each
async def test_what_others_say_moves_with_the_text_and_goes_with_its_code(
    editor: Editor, uri: str, fake: FakeVllm
) -> None:
    await reviewed(editor, uri, fake)
    tell(editor, uri, said(editor, uri, "len(prices)"))
    editor.edit(uri, (0, 0, "# 😀\n\n"))
    assert await codes(editor, uri) == ["wrong-operator"]
    editor.replace(uri, "len(prices)", "max(prices)")
    fake.answer = knowing(editor.texts[uri], "# 😀\n\n" + RIGHT)
    await editor.run("codeassist.review", uri)
    assert await codes(editor, uri) == ["wrong-operator", "wrong-name"]


async def test_hints_blocks_and_our_own_do_not_count(editor: Editor, uri: str, fake: FakeVllm) -> None:
    await reviewed(editor, uri, fake)
    tell(
        editor,
        uri,
        said(editor, uri, "len(prices)", severity=4),
        said(editor, uri, "len(prices)", severity=3),
        said(editor, uri, "len(prices)", source="codeassist"),
        said(editor, uri, "len(prices)\n    return"),
        said(editor, uri, "return amount"),
    )
    assert await codes(editor, uri) == ["wrong-operator", "wrong-name"]


async def test_what_comes_with_a_request_for_actions_counts_from_the_next_time(
    editor: Editor, uri: str, fake: FakeVllm
) -> None:
    await reviewed(editor, uri, fake)
    shown = await editor.diagnostics(uri)
    where = shown[1].range
    other = types.Diagnostic(where, "No.", severity=types.DiagnosticSeverity.Error, source="mypy")
    context = types.CodeActionContext(diagnostics=[*shown, other])
    document = types.TextDocumentIdentifier(uri)
    await editor.client.text_document_code_action_async(types.CodeActionParams(document, where, context))
    await editor.run("codeassist.review", uri)
    assert await codes(editor, uri) == ["wrong-operator"]


@pytest.mark.parametrize(
    "params",
    [
        None,
        [],
        {"textDocument": 3},
        {"textDocument": {"uri": "file:///a.py"}, "diagnostics": None},
        {"textDocument": {"uri": "file:///a.py"}, "diagnostics": [3]},
        {"textDocument": {"uri": "file:///a.py"}, "diagnostics": [{"range": {"start": {"line": "x"}}}]},
        {"textDocument": {"uri": "file:///nobody.py"}, "diagnostics": []},
    ],
)
async def test_nonsense_is_not_heard(editor: Editor, uri: str, fake: FakeVllm, params: Any) -> None:
    await reviewed(editor, uri, fake)
    editor.client.protocol.notify("codeassist/otherDiagnostics", params)
    assert await codes(editor, uri) == ["wrong-operator", "wrong-name"]
    assert editor.messages == []
