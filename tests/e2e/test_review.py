"""Reviews as each editor sees them: on save, as diagnostics at the right place, with fixes that mend the text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from tests.e2e.editor import Editor, environment, start
from tests.e2e.programs import BUGGY, RIGHT, is_review, knowing
from tests.e2e.reviewing import dismiss, marked
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

everywhere = pytest.mark.parametrize("editor", ["vscode", "neovim-0.11", "neovim-0.12", "plain"], indirect=True)
one_each = pytest.mark.parametrize("editor", ["vscode", "neovim-0.11"], indirect=True)
"""An editor that pulls diagnostics and one that has them pushed."""


@pytest_asyncio.fixture(loop_scope="session")
async def editor(editor: Editor) -> Editor:
    """An editor whose server remembers no reviews of the tests before."""
    await editor.run("codeassist.restartModel")
    return editor


@everywhere
async def test_finds_on_save_what_the_fix_mends(touched: Editor, uri: str, fake: FakeVllm) -> None:
    found = await touched.reviewed(uri)
    assert marked(touched, uri, found) == ["<", "len"]
    for diagnostic in found:
        assert diagnostic.source == "codeassist"
        assert diagnostic.severity == types.DiagnosticSeverity.Warning
        assert diagnostic.data is not None
        assert set(diagnostic.data) == {"fingerprint", "fix"}
    assert [each.code for each in found] == ["wrong-operator", "wrong-name"]
    assert "`price > best`" in found[0].message or "`>`" in found[0].message
    fixed = await touched.fix(uri, found[1])
    assert fixed == BUGGY.replace("len(prices)", "sum(prices)")
    await touched.until_diagnostics(uri, lambda found: len(found) == 1)
    (left,) = await touched.diagnostics(uri)
    assert await touched.fix(uri, left) == RIGHT
    fake.answer = knowing(RIGHT, RIGHT)
    assert await touched.reviewed(uri) == []


@one_each
async def test_tells_of_the_version_that_was_reviewed(touched: Editor, uri: str) -> None:
    await touched.reviewed(uri)
    if not touched.pulls:
        assert {each.version for each in touched.published if each.uri == uri} == {touched.versions[uri]}
    (entry,) = [each for each in await touched.trace(1) if each["kind"] == "review"]
    assert (entry["uri"], entry["skip"]) == (uri, None)
    assert entry["requests"] >= 8
    assert entry["timings"]["infill"] >= 0


@one_each
async def test_shows_progress_that_ends(touched: Editor, uri: str) -> None:
    before = set(touched.client.progress_reports)
    await touched.reviewed(uri)
    await touched.trace(1)  # Answered after the review's last notification was sent.
    (token,) = set(touched.client.progress_reports) - before
    kinds = [getattr(value, "kind", None) for value in touched.client.progress_reports[token]]
    assert kinds[0] == "begin"
    assert kinds[-1] == "end"
    assert set(kinds[1:-1]) == {"report"}


async def test_a_review_is_cancelled_from_the_progress_display(touched: Editor, uri: str, fake: FakeVllm) -> None:
    fake.behaviour.trouble = "hang"
    before = set(touched.client.progress_reports)
    touched.save(uri)
    await fake.until(lambda counts: counts.held > 0)
    (token,) = set(touched.client.progress_reports) - before
    touched.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token=token))
    await fake.until(lambda counts: counts.running == 0)
    await touched.trace_holds(lambda entry: entry["kind"] == "review" and entry["skip"] == "cancelled")


@one_each
async def test_reviews_only_what_changed(editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    editor.open(uri, BUGGY.replace("return amount", "return (amount)"))
    editor.replace(uri, "(amount)", "amount")
    assert marked(editor, uri, await editor.reviewed(uri)) == ["len"]
    assert all("amount" in each.body["prompt"] for each in fake.received if is_review(each.body))
    editor.save(uri)
    await editor.trace_holds(lambda entry: entry["uri"] == uri and entry["skip"] == "nothing-changed")
    assert marked(editor, uri, await editor.diagnostics(uri)) == ["len"]


@one_each
async def test_reviews_everything_when_asked(editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    editor.open(uri, BUGGY)
    await editor.run("codeassist.reviewChanges")
    assert [each for each in fake.received if is_review(each.body)] == []
    await editor.run("codeassist.review", uri)
    assert marked(editor, uri, await editor.diagnostics(uri)) == ["<", "len"]


async def test_commands_take_what_clients_send_and_refuse_the_rest(editor: Editor) -> None:
    await editor.run("codeassist.review")
    await editor.run("codeassist.reviewChanges")
    assert isinstance(await editor.run("codeassist.showTrace"), list)
    await editor.run("codeassist.restartModel")
    for command, arguments in (("codeassist.review", [7]), ("codeassist.dismiss", ["a"]), ("codeassist.nothing", [])):
        with pytest.raises(Exception, match=r"codeassist|no such command") as refused:
            await editor.run(command, *arguments)
        assert getattr(refused.value, "code", None) == -32602


@one_each
async def test_offers_fixes_by_place_and_kind(touched: Editor, uri: str) -> None:
    first, second = await touched.reviewed(uri)
    everything = types.Range(types.Position(0, 0), types.Position(20, 0))
    titles = [action.title for action in await touched.actions(uri, everything)]
    assert titles == [
        "Replace with `if price > best:`",
        "Ignore wrong-operator on this line, with a comment",
        "Dismiss this finding",
        "Dismiss all of wrong-operator in this workspace",
        'Replace with `label = "€ 😀"; amount = sum(prices)`',
        "Ignore wrong-name on this line, with a comment",
        "Dismiss this finding",
        "Dismiss all of wrong-name in this workspace",
    ]
    here = await touched.actions(uri, types.Range(first.range.start, first.range.start), ["quickfix"])
    assert [action.title for action in here] == titles[:4]
    assert [list(action.diagnostics or ()) for action in here] == [[first]] * 4
    assert (await touched.actions(uri, second.range, ["quickfix.other"])) == []
    assert (await touched.actions(uri, second.range, ["refactor", "source.fixAll"])) == []
    assert (await touched.actions(uri, types.Range(types.Position(0, 0), types.Position(1, 0)))) == []


@one_each
async def test_a_fix_of_a_finding_that_is_gone_changes_nothing(touched: Editor, uri: str) -> None:
    """Resolved too late: the user is told, and no other code is changed."""
    found = await touched.reviewed(uri)
    (action,) = [each for each in await touched.actions(uri, found[0].range) if each.is_preferred]
    touched.replace(uri, "price < best", "best < price")
    with pytest.raises(JsonRpcException, match="has changed meanwhile"):
        await touched.client.code_action_resolve_async(action)


@one_each
async def test_findings_move_with_the_text_and_go_when_touched(touched: Editor, uri: str) -> None:
    await touched.reviewed(uri)
    touched.edit(uri, (0, 0, "# 😀\n"), (0, 0, "import os\r\n\u2028\n"))
    if touched.pulls:  # Those who have them pushed move them themselves, until the next push.
        assert marked(touched, uri, await touched.diagnostics(uri)) == ["<", "len"]
    touched.replace(uri, "price < best", "price <= best")
    await touched.until_diagnostics(uri, lambda found: len(found) == 1)
    found = await touched.diagnostics(uri)
    assert marked(touched, uri, found) == ["len"]
    assert await touched.fix(uri, found[0]) == "import os\r\n\u2028\n# 😀\n" + BUGGY.replace(
        "price < best", "price <= best"
    ).replace("len(prices)", "sum(prices)")


@one_each
async def test_typing_at_the_edge_of_a_finding_ends_it(touched: Editor, uri: str) -> None:
    """Whoever types there mends the code by hand; the fix, made for the old text, would mend it once more."""
    first, _second = await touched.reviewed(uri)
    end = touched.texts[uri].index("len(prices)") + len("len")
    touched.edit(uri, (end, end, "gth"))
    await touched.until_diagnostics(uri, lambda shown: [each.message for each in shown] == [first.message])


@one_each
async def test_a_dismissed_finding_does_not_come_back(touched: Editor, uri: str) -> None:
    first, second = await touched.reviewed(uri)
    await dismiss(touched, uri, first, "Dismiss this finding")
    assert [each.message for each in await touched.diagnostics(uri)] == [second.message]
    await touched.run("codeassist.review", uri)
    assert [each.message for each in await touched.diagnostics(uri)] == [second.message]
    other = f"{uri}/other.py"
    touched.open(other, BUGGY)
    await touched.run("codeassist.review", other)
    assert len(await touched.diagnostics(other)) == 2


async def test_a_dismissed_category_stays_away_from_its_workspace_folder(fake: FakeVllm, tmp_path: Path) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    roots = [tmp_path / "one", tmp_path / "two"]
    variables = environment(tmp_path, SERVER__URL=fake.base_url)
    documents = [(root / name).as_uri() for root in roots for name in ("a.py", "b.py")]
    async with start("plain", variables, roots=roots) as editor:
        for uri in documents:
            editor.open(uri, BUGGY)
            await editor.run("codeassist.review", uri)
        await dismiss(editor, documents[0], (await editor.diagnostics(documents[0]))[1], "Dismiss all of wrong-name")
        counts = [len(await editor.diagnostics(uri)) for uri in documents]
        assert counts == [1, 1, 2, 2]
        await editor.run("codeassist.review")
        assert [len(await editor.diagnostics(uri)) for uri in documents] == counts


@one_each
async def test_closing_takes_the_findings_away(editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    editor.open(uri, BUGGY)
    await editor.run("codeassist.review", uri)
    assert len(await editor.diagnostics(uri)) == 2
    editor.close(uri)
    await editor.trace(1)
    assert await editor.diagnostics(uri) == []


@one_each
async def test_a_server_without_log_probabilities(touched: Editor, uri: str, fake: FakeVllm) -> None:
    fake.behaviour.logprobs = False
    assert await touched.reviewed(uri) == []
    await touched.trace_holds(lambda entry: entry["uri"] == uri and entry["skip"] == "no-logprobs")


@one_each
async def test_unknown_languages_are_not_reviewed(editor: Editor, uri: str, fake: FakeVllm) -> None:
    editor.open(uri.replace(".py", ".unheard-of"), BUGGY, language="unheard-of")
    editor.save(uri.replace(".py", ".unheard-of"))
    await editor.trace_holds(lambda entry: entry["kind"] == "review" and entry["skip"] == "unknown-language")
    assert fake.received == []


async def test_a_review_in_words(fake: FakeVllm, tmp_path: Path) -> None:
    """A model that the catalogue calls able is asked, and asked again; what it quotes is found, what else it claims is
    not."""
    quoted: dict[str, Any] = {"category": "bug", "severity": "error", "message": "It finds the cheapest."}
    findings = [
        {**quoted, "quote": "price < best", "replacement": "price > best"},
        {**quoted, "quote": "no such code", "replacement": None},
    ]

    def answer(body: dict[str, Any]) -> str:
        return json.dumps({"mistake": "yes"} if len(body["messages"]) > 2 else {"findings": findings})

    async with FakeVllm(answer=answer, models=("qwen3-coder-30b-a3b",)) as able:
        options = {"review": {"server": {"url": able.base_url}, "analyzers": ["words"]}}
        variables = environment(tmp_path, SERVER__URL=fake.base_url)
        async with start("vscode", variables, options=options) as editor:
            uri = "file:///workspace/words.py"
            editor.open(uri, BUGGY)
            await editor.run("codeassist.review", uri)
            (found,) = await editor.diagnostics(uri)
            assert (found.severity, found.code) == (types.DiagnosticSeverity.Error, "bug")
            assert marked(editor, uri, [found]) == ["price < best"]
            assert await editor.fix(uri, found) == BUGGY.replace("price < best", "price > best")
            first, again = [each.body for each in able.received if "Code under review" in str(each.body)]
            assert again["messages"][: len(first["messages"])] == first["messages"]
