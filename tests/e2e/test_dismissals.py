"""What users do not want to see again: remembered for them, shared with the team, taken back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from codeassist.post.baseline import BASELINE_FILE
from tests.e2e.editor import Editor, environment, start
from tests.e2e.programs import BUGGY, RIGHT, knowing
from tests.e2e.reviewing import asked, chosen, dismiss, do, make, marked, titles
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

WHOLE = types.Range(types.Position(0, 0), types.Position(99, 0))
SHARE = "Dismiss for the whole team"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "a.py").write_text(BUGGY, encoding="utf-8")
    return root


@asynccontextmanager
async def editing(kind: str, fake: FakeVllm, root: Path) -> AsyncIterator[Editor]:
    """An editor of the user who lives beside the project, with a server of its own."""
    fake.answer = knowing(BUGGY, RIGHT)
    async with start(kind, environment(root.parent, SERVER__URL=fake.base_url), roots=[root]) as editor:
        yield editor


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def reviewed(editor: Editor, file: Path) -> list[types.Diagnostic]:
    """The findings of a file of BUGGY that is opened if it is not open yet, all of it reviewed."""
    uri = file.as_uri()
    if uri not in editor.texts:
        editor.open(uri, BUGGY)
    await editor.run("codeassist.review", uri)
    return await editor.diagnostics(uri)


@pytest.mark.parametrize("kind", ["vscode", "neovim-0.11"])
async def test_what_was_dismissed_stays_so_in_the_next_session(kind: str, fake: FakeVllm, root: Path) -> None:
    uri = (root / "a.py").as_uri()
    async with editing(kind, fake, root) as editor:
        first, _second = await reviewed(editor, root / "a.py")
        await dismiss(editor, uri, first, "Dismiss this finding")
        assert marked(editor, uri, await editor.diagnostics(uri)) == ["len"]
    async with editing(kind, fake, root) as editor:
        (left,) = await reviewed(editor, root / "a.py")
        assert marked(editor, uri, [left]) == ["len"]
        await dismiss(editor, uri, left, "Dismiss all of wrong-name in this workspace")
        assert await editor.diagnostics(uri) == []
    async with editing(kind, fake, root) as editor:
        assert await reviewed(editor, root / "a.py") == []
    assert names_in(root) == ["a.py"], "nothing is written into the project"


@pytest.mark.parametrize("kind", ["vscode", "plain"])
async def test_what_was_dismissed_is_taken_back_without_the_engine(kind: str, fake: FakeVllm, root: Path) -> None:
    uri = (root / "a.py").as_uri()
    async with editing(kind, fake, root) as editor:
        found = await reviewed(editor, root / "a.py")
        cost = asked(fake)
        await dismiss(editor, uri, found[0], "Dismiss this finding")
        await dismiss(editor, uri, found[1], "Dismiss all of wrong-name")
        assert await titles(editor, uri, WHOLE) == [
            "Show the dismissed finding again (wrong-operator)",
            "Show the dismissed finding again (wrong-name)",
        ]
        await do(editor, uri, found[1].range, "Show the dismissed finding again")
        assert await editor.diagnostics(uri) == found[1:]
        assert await editor.run("codeassist.restoreDismissed", uri) == 1
        assert await editor.diagnostics(uri) == found
        assert await editor.run("codeassist.restoreDismissed", uri) == 0
        assert asked(fake) == cost


async def test_the_cursor_alone_gets_no_sign_of_what_was_dismissed(fake: FakeVllm, root: Path) -> None:
    """VS Code asks at each rest of the cursor, and would show a lamp there for ever."""
    uri = (root / "a.py").as_uri()
    async with editing("vscode", fake, root) as editor:
        for found in await reviewed(editor, root / "a.py"):
            await dismiss(editor, uri, found, "Dismiss this finding")
        context = types.CodeActionContext(diagnostics=[], trigger_kind=types.CodeActionTriggerKind.Automatic)
        params = types.CodeActionParams(types.TextDocumentIdentifier(uri), WHOLE, context)
        assert not await editor.client.text_document_code_action_async(params)


@pytest.mark.parametrize("kind", ["vscode", "neovim-0.11", "neovim-0.12", "plain"])
async def test_a_finding_is_dismissed_for_the_team_by_an_edit_that_the_user_sees(
    kind: str, fake: FakeVllm, root: Path
) -> None:
    uri, file = (root / "a.py").as_uri(), root / BASELINE_FILE
    async with editing(kind, fake, root) as editor:
        first, second = await reviewed(editor, root / "a.py")
        action = await chosen(editor, uri, first.range, SHARE)
        assert action.edit is not None
        assert not file.exists(), "the editor writes it, not the server"
        if kind == "vscode":
            create, change = action.edit.document_changes or ()
            assert isinstance(create, types.CreateFile)
            assert isinstance(change, types.TextDocumentEdit)
            assert change.text_document.version is None
            (note,) = (action.edit.change_annotations or {}).values()
            assert note.needs_confirmation
        make(editor, action.edit)
        editor.tell_of_files(file)
        await editor.until_diagnostics(uri, lambda shown: shown == [second])
        await do(editor, uri, second.range, SHARE)
        editor.tell_of_files(file)
        await editor.until_diagnostics(uri, lambda shown: shown == [])
    entries = json.loads(file.read_text(encoding="utf-8"))["findings"]
    assert {(entry["path"], entry["category"]) for entry in entries} == {
        ("a.py", "wrong-operator"),
        ("a.py", "wrong-name"),
    }
    async with editing(kind, fake, root) as editor:
        assert await reviewed(editor, root / "a.py") == []
        file.unlink()
        editor.tell_of_files(file)
        await editor.until_diagnostics(uri, lambda shown: len(shown) == 2)


async def test_the_teams_file_as_it_is_open_in_the_editor(fake: FakeVllm, root: Path) -> None:
    uri, file = (root / "a.py").as_uri(), root / BASELINE_FILE
    file.write_text('{"version": 1}\n', encoding="utf-8")
    async with editing("vscode", fake, root) as editor:
        first, second = await reviewed(editor, root / "a.py")
        editor.open(file.as_uri(), "{}\n", language="json")
        editor.set_whole(file.as_uri(), '{"version": 1, "team": "ours"}\n')
        await do(editor, uri, first.range, SHARE)
        assert '"team": "ours"' in editor.texts[file.as_uri()]
        await editor.until_diagnostics(uri, lambda shown: shown == [second])
        editor.close(file.as_uri())
        await editor.until_diagnostics(uri, lambda shown: len(shown) == 2)


async def test_a_broken_file_of_the_team_hides_nothing_and_is_told_of_once(fake: FakeVllm, root: Path) -> None:
    uri, file = (root / "a.py").as_uri(), root / BASELINE_FILE
    file.write_text('{"version": 1,\n"findings": [\n<<<<<<< ours\n', encoding="utf-8")
    async with editing("vscode", fake, root) as editor:
        found = await reviewed(editor, root / "a.py")
        assert len(found) == 2
        assert len(await reviewed(editor, root / "a.py")) == 2
        told = [each for each in editor.messages if BASELINE_FILE in each]
        assert told == [
            f"{BASELINE_FILE} of project hides nothing until it is mended: line 3: a merge was not finished here."
        ]
        with pytest.raises(JsonRpcException, match="cannot be added to: line 3"):
            await chosen(editor, uri, found[0].range, SHARE)
        assert file.read_text(encoding="utf-8").endswith("ours\n")


async def test_a_file_of_a_later_codeassist_is_left_alone(fake: FakeVllm, root: Path) -> None:
    uri, file = (root / "a.py").as_uri(), root / BASELINE_FILE
    file.write_text('{"version": 7}\n', encoding="utf-8")
    async with editing("vscode", fake, root) as editor:
        found = await reviewed(editor, root / "a.py")
        assert [each for each in editor.messages if "was written by a later codeassist" in each]
        with pytest.raises(JsonRpcException, match="so update it"):
            await chosen(editor, uri, found[0].range, SHARE)


async def test_where_nothing_can_be_kept_it_holds_for_the_session(fake: FakeVllm, root: Path) -> None:
    uri = (root / "a.py").as_uri()
    data = root.parent / "data" / "codeassist"
    data.mkdir(parents=True)
    (data / "dismissals.sqlite3").write_bytes(b"no database, whatever it is\n" * 40)
    async with editing("vscode", fake, root) as editor:
        first, second = await reviewed(editor, root / "a.py")
        await dismiss(editor, uri, first, "Dismiss this finding")
        assert await reviewed(editor, root / "a.py") == [second]
        assert len([each for each in editor.messages if "What you dismiss cannot be kept" in each]) == 1


async def test_a_file_that_the_editor_renames_keeps_its_dismissals_and_findings(fake: FakeVllm, root: Path) -> None:
    old, new = root / "a.py", root / "b.py"
    async with editing("vscode", fake, root) as editor:
        first, _second = await reviewed(editor, old)
        await dismiss(editor, old.as_uri(), first, "Dismiss this finding")
        cost = asked(fake)
        old.rename(new)
        editor.client.workspace_did_rename_files(
            types.RenameFilesParams([types.FileRename(old.as_uri(), new.as_uri())])
        )
        editor.close(old.as_uri())
        editor.open(new.as_uri(), BUGGY)
        await editor.until_diagnostics(new.as_uri(), lambda shown: marked(editor, new.as_uri(), shown) == ["len"])
        assert asked(fake) == cost
