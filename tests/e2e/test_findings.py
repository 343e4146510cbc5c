"""The life of a finding: it comes and goes with its code, costs tokens once, and nothing happens without the user."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import pytest_asyncio
from lsprotocol import types

from tests.e2e.editor import DEADLINE_S, Editor, environment, start
from tests.e2e.programs import BUGGY, RIGHT, asked_line, is_review, knowing
from tests.e2e.reviewing import asked, chosen, dismiss, do, marked, titles
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

everywhere = pytest.mark.parametrize("editor", ["vscode", "neovim-0.11", "neovim-0.12", "plain"], indirect=True)
one_each = pytest.mark.parametrize("editor", ["vscode", "neovim-0.11"], indirect=True)

TWICE = """\
def lowest(prices):
    best = prices[0]
    for price in prices:
        if price > best:
            best = price
    return best


def highest(prices):
    best = prices[0]
    for price in prices:
        if price < best:
            best = price
    return best
"""
TWICE_RIGHT = TWICE.replace(" > ", " @ ").replace(" < ", " > ").replace(" @ ", " < ")


@pytest_asyncio.fixture(loop_scope="session")
async def editor(editor: Editor) -> Editor:
    """An editor whose server remembers no reviews of the tests before."""
    await editor.run("codeassist.restartModel")
    return editor


PAIR = "def pair(a, b):\n    x = a - b\n    y = a - b\n    return x, y\n"
"""Two mistakes that do not depend on each other."""


def lines_asked(fake: FakeVllm) -> list[int]:
    """The lines (from 0) that were looked at."""
    return sorted({asked_line(each.body)[0] for each in fake.received if each.body and is_review(each.body)})


async def until_reviewed(editor: Editor, uri: str, times: int) -> None:
    """Wait until the engine was asked about a document in so many reviews that came to their end."""
    end = asyncio.get_running_loop().time() + DEADLINE_S
    while True:
        own = [entry for entry in await editor.trace(200) if entry["uri"] == uri and entry["requests"] > 0]
        if len([entry for entry in own if entry["skip"] not in ("superseded", "cancelled")]) >= times:
            break
        assert asyncio.get_running_loop().time() < end, own


def assert_nothing_asked_twice(fake: FakeVllm) -> None:
    prompts = [each.body["prompt"] for each in fake.received if each.body and is_review(each.body)]
    assert len(prompts) == len(set(prompts))


@one_each
async def test_what_was_found_where_a_review_does_not_look_stays(editor: Editor, uri: str, fake: FakeVllm) -> None:
    """One of two mistakes is mended by hand; the function is renamed, which concerns none of its lines."""
    fake.answer = knowing(PAIR, PAIR.replace(" - ", " + "))
    editor.open(uri, "\n" * PAIR.count("\n"))
    editor.set_whole(uri, PAIR)
    assert marked(editor, uri, await editor.reviewed(uri)) == ["-", "-"]
    mended = PAIR.replace("x = a - b", "x = a + b")
    fake.answer = knowing(mended, mended.replace(" - ", " + "))
    await editor.reviewed(uri, lambda: editor.replace(uri, "x = a - b", "x = a + b"))  # A fix is looked at by itself.
    found = await editor.reviewed(uri)
    assert [each.range.start.line for each in found] == [2]
    cost = asked(fake)
    editor.replace(uri, "def pair", "def both")
    assert await editor.reviewed(uri) == found
    assert asked(fake) == cost
    renamed = editor.texts[uri]
    editor.close(uri)
    editor.open(uri, renamed)
    await editor.until_diagnostics(uri, lambda shown: shown == found)
    editor.replace(uri, "y = a - b", "y = a + b")
    fake.answer = knowing(editor.texts[uri], editor.texts[uri])
    assert await editor.reviewed(uri) == []


@one_each
async def test_code_that_was_reviewed_broken_shows_each_finding_once_when_it_is_mended(
    editor: Editor, uri: str, fake: FakeVllm
) -> None:
    """Broken, it is in no function, so that findings have other names there."""
    fake.answer = knowing(PAIR, PAIR.replace(" - ", " + "))
    editor.open(uri, "\n" * PAIR.count("\n"))
    editor.set_whole(uri, PAIR)
    found = await editor.reviewed(uri)
    editor.replace(uri, "pair(a, b)", "pair((a, b")
    broken = editor.texts[uri]
    fake.answer = knowing(broken, broken.replace(" - ", " + "))
    assert marked(editor, uri, await editor.reviewed(uri)) == ["-", "-"]
    editor.replace(uri, "pair((a, b", "pair(a, b)")
    assert await editor.reviewed(uri) == found


@one_each
async def test_an_undo_brings_a_finding_back_at_once_and_costs_no_token(
    touched: Editor, uri: str, fake: FakeVllm
) -> None:
    found = await touched.reviewed(uri)
    cost = asked(fake)
    touched.replace(uri, "price < best", "price <= best")
    await touched.until_diagnostics(uri, lambda shown: marked(touched, uri, shown) == ["len"])
    touched.replace(uri, "price <= best", "price < best")
    await touched.until_diagnostics(uri, lambda shown: shown == found)
    assert await touched.reviewed(uri) == found
    assert asked(fake) == cost


@one_each
async def test_what_a_review_of_broken_code_took_away_is_back_when_it_is_mended(
    touched: Editor, uri: str, fake: FakeVllm
) -> None:
    """A quote that nobody closed makes one text of all functions below it, without an edit of theirs."""
    found = await touched.reviewed(uri)
    touched.edit(uri, (0, 0, "def (((:\n  '''\n"))
    assert await touched.reviewed(uri) == []
    cost = asked(fake)
    touched.set_whole(uri, BUGGY)
    await touched.until_diagnostics(uri, lambda shown: shown == found)
    assert asked(fake) == cost


@one_each
async def test_an_undo_to_a_state_reviewed_long_ago_costs_no_token(touched: Editor, uri: str, fake: FakeVllm) -> None:
    found = await touched.reviewed(uri)
    touched.replace(uri, "price < best", "price >= best")
    fake.answer = knowing(touched.texts[uri], touched.texts[uri])
    assert marked(touched, uri, await touched.reviewed(uri)) == ["len"]
    cost = asked(fake)
    touched.replace(uri, "price >= best", "price < best")
    assert await touched.reviewed(uri) == found
    touched.replace(uri, "price < best", "price >= best")
    assert marked(touched, uri, await touched.reviewed(uri)) == ["len"]
    assert asked(fake) == cost


@one_each
async def test_closing_and_opening_again_costs_no_token(touched: Editor, uri: str, fake: FakeVllm) -> None:
    found = await touched.reviewed(uri)
    cost = asked(fake)
    touched.close(uri)
    touched.open(uri, BUGGY)
    await touched.until_diagnostics(uri, lambda shown: shown == found)
    renamed = uri.replace(".py", "_renamed.py")
    touched.open(renamed, "import os\n\n" + BUGGY)
    await touched.until_diagnostics(renamed, lambda shown: marked(touched, renamed, shown) == ["<", "len"])
    assert (await touched.reviewed(uri), asked(fake)) == (found, cost)
    touched.configure({"codeassist": {"review": {"min_score": 3.5}}})
    touched.close(uri)
    touched.open(uri, BUGGY)
    await touched.run("codeassist.reviewChanges")
    assert await touched.diagnostics(uri) == [], "other settings would find other things"
    touched.configure({"codeassist": {}})


@one_each
async def test_a_save_storm_leaves_one_review_running(touched: Editor, uri: str, fake: FakeVllm) -> None:
    fake.behaviour.trouble = "hold"
    touched.save(uri)
    await fake.until(lambda counts: counts.held > 0)
    for _ in range(10):
        touched.save(uri)
        await touched.trace(1)
    fake.release()
    await touched.until_diagnostics(uri, lambda shown: marked(touched, uri, shown) == ["<", "len"])
    touched.save(uri)
    await touched.trace_holds(lambda entry: entry["uri"] == uri and entry["skip"] == "nothing-changed")
    assert len([each for each in await touched.trace(200) if each["uri"] == uri and each["skip"] is None]) == 1
    assert_nothing_asked_twice(fake)


@one_each
async def test_a_save_during_a_review_adds_what_changed_meanwhile(touched: Editor, uri: str, fake: FakeVllm) -> None:
    """The function that is looked at is the same: its review goes on, and the new one is looked at after it."""
    fake.behaviour.trouble = "hold"
    touched.save(uri)
    await fake.until(lambda counts: counts.held > 0)
    end = len(BUGGY)
    touched.edit(uri, (end, end, "\n\ndef more(prices):\n    return len(prices) + 1\n"))
    fake.answer = knowing(touched.texts[uri], touched.texts[uri].replace("< best", "> best").replace("+ 1", "- 1"))
    touched.save(uri)
    await touched.trace(1)
    fake.release()
    await touched.until_diagnostics(uri, lambda shown: marked(touched, uri, shown) == ["<", "+"])
    assert_nothing_asked_twice(fake)


@one_each
async def test_a_save_of_other_code_takes_the_review_over(touched: Editor, uri: str, fake: FakeVllm) -> None:
    fake.behaviour.trouble = "hold"
    touched.save(uri)
    await fake.until(lambda counts: counts.held > 0)
    touched.replace(uri, "price < best", "price <= best")
    touched.save(uri)
    await touched.trace_holds(lambda entry: entry["uri"] == uri and entry["skip"] == "superseded")
    fake.answer = knowing(touched.texts[uri], RIGHT)
    fake.release()
    await touched.until_diagnostics(uri, lambda shown: marked(touched, uri, shown) == ["<=", "len"])


@everywhere
async def test_after_a_fix_its_function_is_reviewed_once(touched: Editor, uri: str, fake: FakeVllm) -> None:
    first, _second = await touched.reviewed(uri)
    fake.forget()
    await touched.fix(uri, first)
    await until_reviewed(touched, uri, 2)
    assert lines_asked(fake) == [2, 3, 4, 5], "what depends on the fix, and nothing of the other function"
    cost = asked(fake)
    for _ in range(2):
        assert marked(touched, uri, await touched.reviewed(uri)) == ["len"]
    assert asked(fake) == cost


@everywhere
async def test_all_of_a_category_is_fixed_at_once(editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.answer = knowing(TWICE, TWICE_RIGHT)
    editor.open(uri, TWICE)
    await editor.run("codeassist.review", uri)
    found = await editor.diagnostics(uri)
    assert marked(editor, uri, found) == [">", "<"]
    fake.forget()
    await do(editor, uri, found[0].range, "Fix all 2 of wrong-operator")
    assert editor.texts[uri] == TWICE_RIGHT
    fake.answer = knowing(TWICE_RIGHT, TWICE_RIGHT)
    assert await editor.reviewed(uri) == []
    assert lines_asked(fake) == [1, 2, 3, 4, 9, 10, 11, 12]


async def test_nothing_is_fixed_on_save(touched: Editor, uri: str) -> None:
    """Editors apply `source.fixAll` on save where they are told to; what a model thinks is none."""
    first, _second = await touched.reviewed(uri)
    for kind in ("source", "source.fixAll", "source.fixAll.codeassist"):
        assert await touched.actions(uri, first.range, [kind]) == []
    provider = touched.capabilities.code_action_provider
    assert isinstance(provider, types.CodeActionOptions)
    assert tuple(provider.code_action_kinds or ()) == ("quickfix",)


@everywhere
async def test_a_comment_ignores_a_finding_on_its_line(touched: Editor, uri: str, fake: FakeVllm) -> None:
    first, _second = await touched.reviewed(uri)
    cost = asked(fake)
    await do(touched, uri, first.range, "Ignore wrong-operator on this line")
    silent = "        if price < best:  # codeassist: ignore[wrong-operator]\n"
    assert silent in touched.texts[uri]
    await touched.until_diagnostics(uri, lambda shown: marked(touched, uri, shown) == ["len"])
    touched.replace(uri, "ignore[wrong-operator]", "ignore[another]")
    await touched.until_diagnostics(uri, lambda shown: marked(touched, uri, shown) == ["<", "len"])
    assert asked(fake) == cost
    touched.replace(uri, "ignore[another]", "ignore[wrong-operator]")
    fake.answer = knowing(touched.texts[uri], RIGHT)
    assert marked(touched, uri, await touched.reviewed(uri)) == ["len"]


@one_each
async def test_a_comment_that_is_taken_away_shows_what_it_hid_without_a_token(
    editor: Editor, uri: str, fake: FakeVllm
) -> None:
    silent = BUGGY.replace("price < best:", "price < best:  # codeassist: ignore")
    fake.answer = knowing(silent, RIGHT)
    editor.open(uri, silent)
    await editor.run("codeassist.review", uri)
    assert marked(editor, uri, await editor.diagnostics(uri)) == ["len"]
    cost = asked(fake)
    editor.close(uri)
    editor.open(uri, BUGGY)
    await editor.until_diagnostics(uri, lambda shown: marked(editor, uri, shown) == ["<", "len"])
    assert asked(fake) == cost


@one_each
async def test_a_file_that_asks_for_silence_costs_no_token(editor: Editor, uri: str, fake: FakeVllm) -> None:
    editor.open(uri, f"# codeassist: ignore-file\n{BUGGY}")
    await editor.run("codeassist.review", uri)
    await editor.trace_holds(lambda entry: entry["uri"] == uri and entry["skip"] == "ignored-file")
    assert (await editor.diagnostics(uri), asked(fake)) == ([], 0)


@one_each
async def test_what_is_hidden_takes_no_room(editor: Editor, uri: str, fake: FakeVllm) -> None:
    """The one place that there is goes to a finding that somebody wants to see."""

    async def only() -> tuple[types.Diagnostic, str]:
        fake.answer = knowing(editor.texts[uri], RIGHT)
        await editor.run("codeassist.review", uri)
        (one,) = await editor.diagnostics(uri)
        return one, marked(editor, uri, [one])[0]

    editor.configure({"codeassist": {"review": {"max_findings": 1}}})
    editor.open(uri, BUGGY)
    first, first_code = await only()
    await dismiss(editor, uri, first, "Dismiss this finding")
    _second, second_code = await only()
    assert {first_code, second_code} == {"<", "len"}
    await editor.run("codeassist.restoreDismissed", uri)
    assert (await only())[1] == first_code
    silent = "\n".join(f"{line}  # codeassist: ignore" if "<" in line else line for line in BUGGY.split("\n"))
    editor.set_whole(uri, silent)
    assert (await only())[1] == "len"
    editor.set_whole(uri, BUGGY.replace("(prices)\n    return", "(prices)  # codeassist: ignore\n    return"))
    assert (await only())[1] == "<"
    editor.configure({"codeassist": {}})


@everywhere
async def test_findings_are_pushed_or_pulled_and_never_both(touched: Editor, uri: str) -> None:
    found = await touched.reviewed(uri)
    touched.replace(uri, "price < best", "price <= best")
    await touched.until_diagnostics(uri, lambda shown: len(shown) < len(found))
    assert bool([each for each in touched.published if each.uri == uri]) is not touched.pulls
    assert (touched.refreshes > 0) is touched.pulls


@one_each
async def test_nothing_is_shown_twice(touched: Editor, uri: str) -> None:
    """Each thing that an editor is told is something else than what it was told last."""
    refreshes = touched.refreshes
    found = await touched.reviewed(uri)
    for _ in range(3):
        assert await touched.reviewed(uri) == found
    assert touched.refreshes - refreshes == (2 if touched.pulls else 0)
    told = [each.diagnostics for each in touched.published if each.uri == uri]
    assert [len(each) for each in told] == ([] if touched.pulls else [1, 2])


# Bad input ------------------------------------------------------------------------------------------------------------


async def test_a_minified_file_is_not_reviewed(editor: Editor, uri: str, fake: FakeVllm) -> None:
    script = uri.replace(".py", ".js")
    line = "function f(a,b){return a<b?a:b}" * 4_000
    editor.open(script, line, language="javascript")
    editor.edit(script, (0, 0, "var x=1;"))
    editor.save(script)
    await editor.trace_holds(lambda entry: entry["uri"] == script and entry["skip"] == "one-long-line")
    assert asked(fake) == 0


async def test_a_function_of_5000_lines(editor: Editor, uri: str, fake: FakeVllm) -> None:
    """Only what changed is looked at, and what depends on it."""
    body = "".join(f"    x{number} = x{number - 1} + {number}\n" for number in range(1, 5_001))
    text = f"def long(x0):\n{body}    return x5000\n"
    fake.answer = knowing(text, text.replace("x7 = x6 + 7\n", "x7 = x6 - 7\n"))
    editor.open(uri, text.replace("= x6 + 7\n", "= x6 + 70\n"))
    editor.replace(uri, "= x6 + 70\n", "= x6 + 7\n")
    assert marked(editor, uri, await editor.reviewed(uri)) == ["+"]
    assert lines_asked(fake) == [6, 7, 8]


async def test_code_that_does_not_parse(editor: Editor, uri: str, fake: FakeVllm) -> None:
    broken = f"{BUGGY}\n\ndef unfinished(a, (:\n    return (\n"
    fake.answer = knowing(broken, broken.replace("price < best", "price > best"))
    editor.open(uri, broken)
    await editor.run("codeassist.review", uri)
    found = await editor.diagnostics(uri)
    assert marked(editor, uri, found) == ["<"]
    assert "Ignore wrong-operator on this line, with a comment" in await titles(editor, uri, found[0].range)
    assert await editor.fix(uri, found[0]) == broken.replace("price < best", "price > best")


async def test_a_comment_that_says_what_a_tool_should_do_changes_only_what_is_shown(
    fake: FakeVllm, tmp_path: Path
) -> None:
    """A repository may hide findings. It decides neither where code goes nor what is written."""
    root = tmp_path / "project"
    root.mkdir()
    (root / ".codeassist-baseline.json").write_text(
        '{"version": 1, "server": {"url": "http://evil.example/v1"}, "review": {"enabled": false}, "findings": []}'
    )
    fake.answer = knowing(BUGGY, RIGHT)
    uri = (root / "a.py").as_uri()
    async with start("vscode", environment(tmp_path, SERVER__URL=fake.base_url), roots=[root]) as editor:
        editor.open(uri, "# codeassist: ignore[wrong-name] server.url=http://evil.example\n" + BUGGY)
        fake.answer = knowing(editor.texts[uri], "#\n" + RIGHT)
        await editor.run("codeassist.review", uri)
        found = await editor.diagnostics(uri)
        assert marked(editor, uri, found) == ["<", "len"]
        assert asked(fake) > 0
        action = await chosen(editor, uri, found[0].range, "Ignore")
        assert action.edit is not None
    assert sorted(path.name for path in root.iterdir()) == [".codeassist-baseline.json"]
