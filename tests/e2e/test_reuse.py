"""Typing into a suggestion: the rest of it is the answer, at once, and the engine is not asked."""

from __future__ import annotations

import asyncio

import pytest

from tests.e2e.editor import DEADLINE_S, Editor, Offer
from tests.e2e.places import CURSOR, cut
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

everywhere = pytest.mark.parametrize("editor", ["vscode", "neovim-0.11", "neovim-0.12", "plain"], indirect=True)
TEXT, AT = cut(f'é = "😀"\n\n\ndef total(prices):\n    return {CURSOR}\n')
ANSWER = "sum(price for price in prices)\n"


async def typed(editor: Editor, uri: str, at: int, text: str, also: str = "") -> Offer | None:
    """What is shown after the user typed `text`; the editor adds `also` behind the cursor."""
    editor.edit(uri, (at, at, text + also))
    return await editor.complete(uri, at + len(text), typed=True)


def asked(fake: FakeVllm) -> int:
    """How often the engine was asked to complete something."""
    return sum(one.path == "/v1/completions" for one in fake.received)


@everywhere
async def test_the_rest_of_a_suggestion_needs_no_engine(editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.answer = ANSWER
    editor.open(uri, TEXT)
    first = await editor.complete(uri, AT, typed=True)
    assert first is not None
    meant = TEXT[:AT] + first.text + TEXT[AT:]
    at = AT
    for text, also in (("s", ""), ("um", ""), ("(", ")"), ("price", ""), (" for price ", "")):
        shown = await typed(editor, uri, at, text, also)
        at += len(text)
        assert shown is not None
        assert shown.start == at
        assert editor.texts[uri][: shown.start] + shown.text + editor.texts[uri][shown.end :] == meant
    assert asked(fake) == 1
    entries = await editor.trace(6)
    assert [entry["reused"] for entry in entries] == [False] + [True] * 5
    assert entries[-1]["requests"] == 0


@everywhere
async def test_going_back_shows_what_was_shown_there(editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.answer = ANSWER
    editor.open(uri, TEXT)
    first = await editor.complete(uri, AT, typed=True)
    assert await typed(editor, uri, AT, "sum") is not None
    fake.answer = "en(prices)\n"
    editor.edit(uri, (AT, AT + 3, "l"))
    other = await editor.complete(uri, AT + 1, typed=True)  # Something else than suggested.
    assert other is not None
    assert other.text == "en(prices)"
    editor.edit(uri, (AT, AT + 1, ""))
    back = await editor.complete(uri, AT, typed=True)
    assert back is not None
    assert first is not None
    assert (back.text, back.start, back.end) == (first.text, AT, AT)
    assert asked(fake) == 2


async def test_all_of_it_typed_asks_for_what_comes_next(editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.answer = ANSWER
    editor.open(uri, TEXT)
    shown = await editor.complete(uri, AT, typed=True)
    assert shown is not None
    await editor.accept(uri, shown)
    fake.answer = "\n    print(prices)\n"
    await editor.complete(uri, AT + len(shown.text), typed=True)
    assert asked(fake) == 2


async def test_an_explicit_request_asks_the_engine(editor: Editor, uri: str, fake: FakeVllm) -> None:
    editor.open(uri, TEXT)
    await editor.complete(uri, AT, typed=True)
    await editor.complete(uri, AT)
    assert asked(fake) == 2


async def test_other_documents_and_settings_make_it_ask_anew(editor: Editor, uri: str, fake: FakeVllm) -> None:
    editor.open(uri, TEXT)
    other = "file:///elsewhere/rates.py"
    editor.open(other, "RATE = 2\n")
    try:
        await editor.complete(uri, AT, typed=True)
        await editor.complete(uri, AT, typed=True)
        assert asked(fake) == 1
        editor.edit(other, (0, 0, "# "))
        await editor.complete(uri, AT, typed=True)
        assert asked(fake) == 2
    finally:
        editor.close(other)
    await editor.complete(uri, AT, typed=True)
    assert asked(fake) == 3
    await editor.run("codeassist.restartModel")
    await editor.complete(uri, AT, typed=True)
    assert asked(fake) == 4


async def test_a_joined_answer_clears_the_status(editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.answer = ANSWER
    editor.open(uri, TEXT)
    fake.behaviour.status = 500
    assert await editor.complete(uri, AT, typed=True) is None
    assert editor.statuses[-1]["state"] == "degraded"
    fake.behaviour.status = 0
    fake.behaviour.trouble = "hold"
    early = editor.ask(uri, AT, typed=True)
    await fake.until(lambda counts: counts.held == 1)
    editor.edit(uri, (AT, AT, "s"))
    late = editor.ask(uri, AT + 1, typed=True)
    assert editor.offer(TEXT, await asyncio.wait_for(early, DEADLINE_S)) is None
    fake.release()
    assert editor.offer(editor.texts[uri], await asyncio.wait_for(late, DEADLINE_S)) is not None
    await editor.until(lambda: editor.statuses[-1]["state"] == "ready", "a status of an engine that is well")


async def test_what_was_asked_for_by_hand_is_not_replaced_by_an_earlier_one(
    editor: Editor, uri: str, fake: FakeVllm
) -> None:
    editor.open(uri, TEXT)
    await editor.complete(uri, AT, typed=True)
    fake.answer = "other(prices)\n"
    fake.behaviour.trouble = "hold"
    early = editor.ask(uri, AT)
    await fake.until(lambda counts: counts.held == 1)
    late = editor.ask(uri, AT, typed=True)
    assert editor.offer(TEXT, await asyncio.wait_for(early, DEADLINE_S)) is None
    fake.release()
    shown = editor.offer(TEXT, await asyncio.wait_for(late, DEADLINE_S))
    assert shown is not None
    assert shown.text == "other(prices)"


async def test_what_came_too_late_serves_the_next_request(editor: Editor, uri: str, fake: FakeVllm) -> None:
    """An editor that does not ask again by itself: the document moved on while the engine wrote."""
    fake.answer = ANSWER
    editor.open(uri, TEXT)
    fake.behaviour.token_delay_s = 0.05
    early = editor.ask(uri, AT, typed=True)
    await fake.until(lambda counts: counts.running == 1)
    editor.edit(uri, (AT, AT, "s"))
    assert editor.offer(TEXT, await early) is None
    fake.behaviour.token_delay_s = 0.0
    shown = await editor.complete(uri, AT + 1, typed=True)
    assert shown is not None
    assert shown.text == ANSWER.rstrip()[1:]
    assert asked(fake) == 1


@everywhere
async def test_typing_on_joins_what_the_engine_is_writing(editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.answer = ANSWER
    editor.open(uri, TEXT)
    fake.behaviour.trouble = "hold"
    requests = [editor.ask(uri, AT, typed=True)]
    await fake.until(lambda counts: counts.held == 1)
    for number, letter in enumerate("sum("):
        editor.edit(uri, (AT + number, AT + number, letter))
        requests.append(editor.ask(uri, AT + number + 1, typed=True))
        assert editor.offer(TEXT, await asyncio.wait_for(requests[-2], DEADLINE_S)) is None  # At once.
    fake.release()
    shown = editor.offer(editor.texts[uri], await asyncio.wait_for(requests[-1], DEADLINE_S))
    assert shown is not None
    assert (shown.text, shown.start) == (ANSWER.rstrip()[4:], AT + 4)
    assert asked(fake) == 1
    assert fake.counts.running == 0
    last, *_ = reversed(await editor.trace(1))
    assert (last["skip"], last["reused"], last["requests"]) == (None, True, 1)
    assert [entry["skip"] for entry in (await editor.trace(5))[:4]] == ["superseded"] * 4


async def test_enter_between_the_brackets_of_the_editor_keeps_the_suggestion(
    editor: Editor, uri: str, fake: FakeVllm
) -> None:
    """Shown before the bracket on the next line, joined while it is written or taken from what was shown."""
    fake.answer = "(\n        prices,\n        start=1,\n    )\n"
    text, at = cut(f"def total(prices):\n    return sum{CURSOR}\n")
    editor.open(uri, text)
    fake.behaviour.trouble = "hold"
    first = editor.ask(uri, at, typed=True)
    await fake.until(lambda counts: counts.held == 1)
    editor.edit(uri, (at, at, "()"))
    editor.edit(uri, (at + 1, at + 1, "\n        \n    "))
    second = editor.ask(uri, at + 10, typed=True)
    assert editor.offer(text, await asyncio.wait_for(first, DEADLINE_S)) is None
    fake.release()
    shown = editor.offer(editor.texts[uri], await asyncio.wait_for(second, DEADLINE_S))
    assert shown is not None
    assert (shown.text, shown.start, shown.end) == ("prices,\n        start=1,", at + 10, at + 10)
    editor.edit(uri, (at + 10, at + 10, "p"))
    again = await editor.complete(uri, at + 11, typed=True)
    assert again is not None
    assert (again.text, again.start, again.end) == ("rices,\n        start=1,", at + 11, at + 11)
    assert asked(fake) == 1


@everywhere
async def test_typing_something_else_starts_anew(editor: Editor, uri: str, fake: FakeVllm) -> None:
    """As soon as what is written parts from what was typed; not before."""
    fake.answer = ANSWER
    fake.behaviour.token_delay_s = 0.05
    editor.open(uri, TEXT)
    first = editor.ask(uri, AT, typed=True)
    await fake.until(lambda counts: counts.running == 1)
    editor.edit(uri, (AT, AT, "len("))
    fake.answer = "prices)\n"
    second = await asyncio.wait_for(editor.ask(uri, AT + 4, typed=True), DEADLINE_S)
    shown = editor.offer(editor.texts[uri], second)
    assert shown is not None
    assert shown.text == "prices)"
    assert editor.offer(TEXT, await asyncio.wait_for(first, DEADLINE_S)) is None
    assert asked(fake) == 2
    await fake.until(lambda counts: counts.running == 0)


@everywhere
@pytest.mark.parametrize("order", ["edit-first", "cancel-first"])
async def test_a_cancelled_request_goes_on_for_the_next_key(
    editor: Editor, uri: str, order: str, fake: FakeVllm
) -> None:
    """As VS Code does it: the request of the key before is cancelled, and the next one comes a little later."""
    fake.answer = ANSWER
    editor.open(uri, TEXT)
    fake.behaviour.trouble = "hold"
    first = editor.ask(uri, AT, typed=True, request_id="first-" + uri)
    await fake.until(lambda counts: counts.held == 1)
    if order == "cancel-first":
        editor.cancel("first-" + uri)
    editor.edit(uri, (AT, AT, "s"))
    if order == "edit-first":
        editor.cancel("first-" + uri)
    with pytest.raises(Exception, match="cancel"):
        await asyncio.wait_for(first, DEADLINE_S)
    second = editor.ask(uri, AT + 1, typed=True)
    await asyncio.sleep(0)
    fake.release()
    shown = editor.offer(editor.texts[uri], await asyncio.wait_for(second, DEADLINE_S))
    assert shown is not None
    assert shown.text == ANSWER.rstrip()[1:]
    assert asked(fake) == 1


@everywhere
async def test_what_nobody_wants_any_more_is_broken_off(editor: Editor, uri: str, fake: FakeVllm) -> None:
    editor.open(uri, TEXT)
    fake.behaviour.trouble = "hang"
    first = editor.ask(uri, AT, typed=True, request_id="left-" + uri)
    await fake.until(lambda counts: counts.held == 1)
    editor.edit(uri, (AT, AT, "s"))
    editor.cancel("left-" + uri)
    with pytest.raises(Exception, match="cancel"):
        await asyncio.wait_for(first, DEADLINE_S)
    await fake.until(lambda counts: (counts.aborted, counts.running) == (1, 0))


async def test_what_was_rejected_does_not_come_back(editor: Editor, uri: str, fake: FakeVllm) -> None:
    editor.open(uri, TEXT)
    shown = await editor.complete(uri, AT, typed=True)
    assert shown is not None
    assert shown.command is not None
    (item,) = shown.command.arguments or []
    editor.client.protocol.notify("codeassist/didReject", {"itemId": item})
    fake.answer = "other(prices)\n"
    second = await editor.complete(uri, AT, typed=True)
    assert second is not None
    assert second.text == "other(prices)"
