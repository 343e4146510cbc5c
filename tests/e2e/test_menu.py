"""Completions in the editor's own menu, for editors without ghost text: what the item is, and of which text."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from codeassist.post.skip import is_failure
from tests.e2e.editor import DEADLINE_S, Editor, environment, start
from tests.e2e.places import CURSOR, cut
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

menus = pytest.mark.parametrize("editor", ["neovim-0.11"], indirect=True)
TEXT, AT = cut(f"def total(prices):\n    return {CURSOR}\n")


def item_of(answer: Any) -> tuple[str, str, int, int]:
    """The only item: what it is called and what it inserts, in which columns."""
    (item,) = answer.items
    place = item.text_edit.range
    assert item.filter_text == item.label
    return item.label, item.text_edit.new_text, place.start.character, place.end.character


@menus
async def test_the_menu_inserts_it_as_it_is(editor: Editor, uri: str, fake: FakeVllm) -> None:
    """Helix takes an item of the kind Snippet for a template whatever its format, and indents its lines once more."""
    fake.answer = 'price = f"${cents / 100}"\n    return price\n'
    text, at = cut(f"def shown(cents):\n    {CURSOR}\n")
    editor.open(uri, text)
    answer = await asyncio.wait_for(editor.ask(uri, at), DEADLINE_S)
    (item,) = answer.items
    assert item.kind == types.CompletionItemKind.Text
    assert item.insert_text_format == types.InsertTextFormat.PlainText
    assert item.insert_text_mode == types.InsertTextMode.AsIs
    offer = editor.offer(text, answer)
    assert offer is not None
    assert offer.text == fake.answer.rstrip("\n")


MENUS = {
    "nothing": ("python", "x = ", "sum(prices)\n", "", "sum(prices)"),
    "word": ("python", "x = su", "m(prices)\n", "su", "sum(prices)"),
    "word-and-space": ("python", "x = [price", " for price in prices]\n", "price", "price for price in prices]"),
    "variable": ("php", "<?php\n$to", "tal = 0;\n", "$to", "$total = 0;"),
    "property": ("css", "a {\n  margin-to", "p: 3px;\n", "margin-to", "margin-top: 3px;"),
    "minus": ("python", "x = y-z", "ero\n", "z", "zero"),
}


@menus
@pytest.mark.parametrize("menu", MENUS)
async def test_the_menu_shows_the_word_whole(editor: Editor, uri: str, fake: FakeVllm, menu: str) -> None:
    """Editors match items against the word before the cursor, and some insert the label in its place."""
    language, text, fake.answer, word, label = MENUS[menu]
    editor.open(uri, f"{text}\n", language)
    answer = await asyncio.wait_for(editor.ask(uri, len(text)), DEADLINE_S)
    (item,) = answer.items
    assert (item.label, item.filter_text) == (label, label)
    assert item.text_edit.new_text == word + fake.answer.rstrip("\n")
    line, column = text.count("\n"), len(text.rpartition("\n")[2])
    assert item.text_edit.range == types.Range(types.Position(line, column - len(word)), types.Position(line, column))


def asked_for(fake: FakeVllm) -> list[str]:
    """The line of the cursor in each prompt."""
    prompts = [one.body["prompt"] for one in fake.received if one.path == "/v1/completions"]
    return [prompt.split("<|fim_suffix|>")[0].rpartition("\n")[2] for prompt in prompts]


async def held(editor: Editor, uri: str, fake: FakeVllm, after: int = 0) -> asyncio.Task[Any]:
    """A request that waits for the engine, which goes on with `release()`; it has written so many tokens."""
    fake.behaviour.trouble, fake.behaviour.trouble_after = "hold", after
    editor.open(uri, TEXT)
    answer = editor.ask(uri, AT, typed=True)
    await fake.until(lambda counts: counts.held == 1)
    return answer


@menus
async def test_a_word_begun_while_the_model_writes_it(editor: Editor, uri: str, fake: FakeVllm) -> None:
    """Some editors wait for the answer about where a word began before they ask again, and take an empty one for the
    last word."""
    answer = await held(editor, uri, fake)
    editor.edit(uri, (AT, AT, "su"))
    await editor.trace(1)  # The server knows of the edit.
    fake.release()
    assert item_of(await asyncio.wait_for(answer, DEADLINE_S)) == ("sum(prices)", "sum(prices)", 11, 11)
    assert asked_for(fake) == ["    return "]


@menus
async def test_a_word_begun_before_the_model_is_asked(editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.answer = lambda body: "um(prices)\n" if "return s<" in body["prompt"] else "sum(prices)\n"
    editor.open(uri, TEXT)
    answer = editor.ask(uri, AT, typed=True)
    await editor.trace(1)  # The server has it when it has answered this.
    editor.edit(uri, (AT, AT, "s"))
    assert item_of(await asyncio.wait_for(answer, DEADLINE_S)) == ("sum(prices)", "sum(prices)", 11, 11)


@menus
async def test_a_word_that_parts_from_what_the_model_writes(editor: Editor, uri: str, fake: FakeVllm) -> None:
    answer = await held(editor, uri, fake, after=2)
    fake.answer = "(prices)\n"
    fake.release()
    editor.edit(uri, (AT, AT, "len"))
    assert item_of(await asyncio.wait_for(answer, DEADLINE_S)) == ("len(prices)", "len(prices)", 11, 11)
    assert asked_for(fake) == ["    return ", "    return len"]


@menus
async def test_an_editor_that_asks_again_gets_one_item(editor: Editor, uri: str, fake: FakeVllm) -> None:
    first = await held(editor, uri, fake)
    editor.edit(uri, (AT, AT, "s"))
    second = editor.ask(uri, AT + 1, typed=True)
    await editor.trace(1)  # The server has both when it has answered this.
    fake.release()
    assert item_of(await asyncio.wait_for(second, DEADLINE_S)) == ("sum(prices)", "sum(prices)", 11, 12)
    assert (await asyncio.wait_for(first, DEADLINE_S)).items == ()
    assert asked_for(fake) == ["    return "]


@menus
@pytest.mark.parametrize(
    "edit", [(AT, AT, "("), (AT, AT, "\n"), (AT - 1, AT, ""), (0, 0, "x"), (AT, AT, "s t"), (AT, AT, "x" * 41)]
)
async def test_other_edits_leave_the_menu_empty(
    editor: Editor, uri: str, fake: FakeVllm, edit: tuple[int, int, str]
) -> None:
    answer = await held(editor, uri, fake)
    editor.edit(uri, edit)
    await editor.trace(1)
    fake.release()
    assert (await asyncio.wait_for(answer, DEADLINE_S)).items == ()
    assert asked_for(fake) == ["    return "]  # Nobody wants to know about the text as it is now.


@menus
async def test_whoever_types_on_and_on_costs_no_request(editor: Editor, uri: str, fake: FakeVllm) -> None:
    """Not all editors say that they do not wait any more. The engine is asked once the user rests."""
    answer = await held(editor, uri, fake, after=2)
    fake.answer = "(prices)\n"
    fake.release()
    for number, letter in enumerate("total_of_all"):
        editor.edit(uri, (AT + number, AT + number, letter))
    assert item_of(await asyncio.wait_for(answer, DEADLINE_S))[:2] == ("total_of_all(prices)", "total_of_all(prices)")
    assert asked_for(fake) == ["    return ", "    return total_of_all"]


@menus
async def test_an_engine_that_fails_is_not_asked_again(editor: Editor, uri: str, fake: FakeVllm) -> None:
    def typed_meanwhile(_body: dict[str, Any]) -> str:
        editor.edit(uri, (len(TEXT) - 1, len(TEXT) - 1, "s"))
        return "s" * 20

    fake.answer, fake.behaviour.trouble = typed_meanwhile, "error-event"
    editor.open(uri, TEXT)
    assert (await asyncio.wait_for(editor.ask(uri, AT, typed=True), DEADLINE_S)).items == ()
    assert editor.texts[uri] != TEXT
    assert set(asked_for(fake)) == {"    return "}
    assert is_failure(str(await editor.last_skip()))


@menus
async def test_a_document_opened_anew_is_another(editor: Editor, uri: str, fake: FakeVllm) -> None:
    answer = await held(editor, uri, fake)
    editor.edit(uri, (AT, AT, "zzz"))
    editor.close(uri)
    editor.open(uri, TEXT)
    await editor.trace(1)
    fake.release()
    assert (await asyncio.wait_for(answer, DEADLINE_S)).items == ()
    assert asked_for(fake) == ["    return "]


async def test_a_menu_keeps_nothing(uri: str, fake: FakeVllm, tmp_path: Path) -> None:
    """Ghost text of Neovim would; a slow engine is waited for all the same."""
    fake.behaviour.token_delay_s = 0.1
    variables = environment(tmp_path, SERVER__URL=fake.base_url)
    async with start("neovim-0.11", variables, roots=[tmp_path], name="Neovim") as editor:
        editor.open(uri, TEXT)
        assert await editor.complete(uri, AT, typed=True) is not None
        fake.answer = "en(prices)\n"
        editor.edit(uri, (AT, AT, "l"))
        assert item_of(await asyncio.wait_for(editor.ask(uri, AT + 1, typed=True), DEADLINE_S))[0] == "len(prices)"


ONE_LINES = {
    "one": ("return {}", "sum(prices)\n", "sum(prices)"),
    "of-several": ("return max({})", "prices,\n        key=len,\n    )\n", "prices,"),
    "beside": ("return max({})", "prices) + 1\n", "prices) + 1"),
    "apart": ("if {}ready:", "not ready:\n", "not "),
    "new-line": ("return max({})", "\n        prices,\n    )\n", None),
    "above": ("{}return total", "total = sum(prices)\n    return total\n", None),
}


@pytest.mark.parametrize("editor", ["sublime"], indirect=True)
@pytest.mark.parametrize("place", ONE_LINES)
async def test_an_editor_that_writes_lines_by_rules_of_its_own(
    editor: Editor, uri: str, fake: FakeVllm, place: str
) -> None:
    """It gets the first line, where that makes sense alone: those below would be indented twice."""
    line, fake.answer, wanted = ONE_LINES[place]
    text, at = cut(f"def total(prices, ready):\n    {line.format(CURSOR)}\n")
    editor.open(uri, text)
    answer = await asyncio.wait_for(editor.ask(uri, at), DEADLINE_S)
    if wanted is None:
        assert answer.items == ()
        assert await editor.last_skip() == "needs-lines"
    else:
        (item,) = answer.items
        assert item.text_edit.new_text == wanted
