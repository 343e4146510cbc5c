"""Completions in the editor's own menu, for editors without ghost text: what the item is, and of which text."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from lsprotocol import types

from tests.e2e.editor import DEADLINE_S, Editor
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


@menus
async def test_a_word_begun_while_the_model_writes_it(editor: Editor, uri: str, fake: FakeVllm) -> None:
    """Some editors wait for the answer about where a word began before they ask again, and take an empty one for the
    last word."""
    fake.behaviour.trouble, fake.behaviour.trouble_after = "hold", 0
    editor.open(uri, TEXT)
    answer = editor.ask(uri, AT, typed=True)
    await fake.until(lambda counts: counts.held == 1)
    editor.edit(uri, (AT, AT, "su"))
    await editor.trace(1)  # The server knows of the edit.
    fake.release()
    assert item_of(await asyncio.wait_for(answer, DEADLINE_S)) == ("sum(prices)", "sum(prices)", 11, 11)
    assert asked_for(fake) == ["    return "]


@menus
async def test_a_word_begun_before_the_model_is_asked(editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.answer = "um(prices)\n"
    editor.open(uri, TEXT)
    answer = editor.ask(uri, AT, typed=True)
    await asyncio.sleep(0)  # It is sent.
    editor.edit(uri, (AT, AT, "s"))
    assert item_of(await asyncio.wait_for(answer, DEADLINE_S)) == ("sum(prices)", "sum(prices)", 11, 11)
    assert asked_for(fake)[-1] == "    return s"


@menus
async def test_a_word_that_parts_from_what_the_model_writes(editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.behaviour.trouble, fake.behaviour.trouble_after = "hold", 2
    editor.open(uri, TEXT)
    answer = editor.ask(uri, AT, typed=True)
    await fake.until(lambda counts: counts.held == 1)
    fake.answer = "(prices)\n"
    fake.release()
    editor.edit(uri, (AT, AT, "len"))
    assert item_of(await asyncio.wait_for(answer, DEADLINE_S)) == ("len(prices)", "len(prices)", 11, 11)
    assert asked_for(fake) == ["    return ", "    return len"]


@menus
async def test_an_editor_that_asks_again_gets_one_item(editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.answer = "um(prices)\n"
    editor.open(uri, TEXT)
    first = editor.ask(uri, AT, typed=True)
    await asyncio.sleep(0)
    editor.edit(uri, (AT, AT, "s"))
    second = editor.ask(uri, AT + 1, typed=True)
    assert item_of(await asyncio.wait_for(second, DEADLINE_S)) == ("sum(prices)", "sum(prices)", 11, 12)
    assert (await asyncio.wait_for(first, DEADLINE_S)).items == ()
    assert asked_for(fake).count("    return s") == 1


@menus
@pytest.mark.parametrize("edit", [(AT, AT, "("), (AT, AT, "\n"), (AT - 1, AT, ""), (0, 0, "x"), (AT, AT, "s t")])
async def test_other_edits_leave_the_menu_empty(
    editor: Editor, uri: str, fake: FakeVllm, edit: tuple[int, int, str]
) -> None:
    editor.open(uri, TEXT)
    answer = editor.ask(uri, AT, typed=True)
    await asyncio.sleep(0)
    editor.edit(uri, edit)
    assert (await asyncio.wait_for(answer, DEADLINE_S)).items == ()
    assert set(asked_for(fake)) <= {"    return "}  # Nobody wants to know about the text as it is now.


@pytest.mark.parametrize("editor", ["sublime"], indirect=True)
async def test_an_editor_that_indents_by_rules_of_its_own(editor: Editor, uri: str, fake: FakeVllm) -> None:
    """It gets the first line: those below would be indented twice. What the last one ends with stays where it is."""
    fake.answer = "prices,\n        key=len,\n    )\n"
    text, at = cut(f"def total(prices):\n    return max({CURSOR})\n")
    editor.open(uri, text)
    answer = await asyncio.wait_for(editor.ask(uri, at), DEADLINE_S)
    assert item_of(answer) == ("prices,", "prices,", 15, 15)
    fake.answer = "prices) + 1\n"
    text, at = cut(f"def most(prices):\n    return max({CURSOR})\n")
    editor.set_whole(uri, text)
    answer = await asyncio.wait_for(editor.ask(uri, at), DEADLINE_S)
    assert item_of(answer) == ("prices) + 1", "prices) + 1", 15, 16)
