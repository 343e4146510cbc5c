"""What is asked ahead of the user: the completion after the one shown, and prompts where the cursor rests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types

from tests.e2e.editor import DEADLINE_S, KNOWN, Editor, environment, start
from tests.e2e.places import CURSOR, cut, position
from tests.e2e.programs import MODEL
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT, AT = cut(f"def total(prices):\n    net = {CURSOR}\n")
FIRST, SECOND = "sum(prices)\n", "    gross = net * 2\n"
WARM_UP, COMPLETION = 5, 0


def next_line(body: dict[str, Any]) -> str:
    """The statement after the first, once that stands in the prompt; right behind it, what may follow on its line."""
    before = str(body["prompt"]).partition("<|fim_suffix|>")[0]
    if before.endswith("sum(prices)"):
        return " * len(prices)\n"
    return SECOND.lstrip() if "sum(prices)" in before else FIRST


@pytest_asyncio.fixture(loop_scope="session")
async def eager(request: pytest.FixtureRequest, fake: FakeVllm, tmp_path: Path) -> AsyncIterator[Editor]:
    """An editor whose server asks ahead."""
    fake.answer = next_line
    switches = {"COMPLETION__SPECULATE": "true", "COMPLETION__WARM_UP": "false", "COMPLETION__DEBOUNCE_MS": "0"}
    switches |= getattr(request, "param", {})
    known = replace(KNOWN, priority=switches.pop("priority", "yes"))
    variables = environment(tmp_path, known=known, SERVER__URL=fake.base_url, **switches)
    async with start("vscode", variables, roots=[tmp_path]) as editor:
        yield editor


warming = pytest.mark.parametrize(
    "eager", [{"COMPLETION__SPECULATE": "false", "COMPLETION__WARM_UP": "true"}], indirect=True
)


def asked(fake: FakeVllm) -> list[dict[str, Any]]:
    """What the engine was asked to complete."""
    return [one.body for one in fake.received if one.path == "/v1/completions"]


def behaves(fake: FakeVllm, request: int, **how: object) -> None:
    """From its answer to that request on, the engine behaves so. What is asked ahead comes in its own time: set later,
    it would come too late."""

    def answer(body: dict[str, Any]) -> str:
        if len(asked(fake)) >= request:
            for name, value in how.items():  # It is what is being answered, too.
                setattr(fake.behaviour, name, value)
        return next_line(body)

    fake.answer = answer


async def looked_at(editor: Editor, uri: str, fake: FakeVllm, requests: int) -> None:
    """Until the engine is asked for what comes next, and has answered."""
    await fake.until(lambda counts: len(asked(fake)) == requests and not counts.running)
    await editor.trace_holds(lambda entry: entry["kind"] == "speculation" and entry["skip"] is None)


async def test_after_an_acceptance_the_next_one_is_there(eager: Editor, uri: str, fake: FakeVllm) -> None:
    eager.open(uri, TEXT)
    shown = await eager.complete(uri, AT, typed=True)
    assert shown is not None
    await looked_at(eager, uri, fake, 2)
    assert [body["priority"] for body in asked(fake)] == [COMPLETION, WARM_UP]
    await eager.accept(uri, shown)
    following = await eager.complete(uri, AT + len(shown.text), typed=True)
    assert following is not None
    assert following.text == "\n" + SECOND.rstrip()
    assert len(asked(fake)) == 2
    assert (await eager.trace(1))[0]["reused"]


async def test_enter_and_typing_go_on_with_it(eager: Editor, uri: str, fake: FakeVllm) -> None:
    eager.open(uri, TEXT)
    shown = await eager.complete(uri, AT, typed=True)
    assert shown is not None
    await looked_at(eager, uri, fake, 2)
    at = AT
    for keys in (*FIRST.rstrip(), "\n    ", "g", "r"):
        eager.edit(uri, (at, at, keys))
        at += len(keys)
        offer = await eager.complete(uri, at, typed=True)
        assert offer is not None
    assert offer.text == SECOND.strip()[2:]
    assert len(asked(fake)) == 2


@pytest.mark.parametrize("eager", [{"priority": "no"}], indirect=True)
async def test_one_that_is_on_its_way_is_waited_for(eager: Editor, uri: str, fake: FakeVllm) -> None:
    behaves(fake, 2, trouble="hold")
    eager.open(uri, TEXT)
    shown = await eager.complete(uri, AT, typed=True)
    assert shown is not None
    await fake.until(lambda counts: counts.held == 1)
    await eager.accept(uri, shown)
    waiting = eager.ask(uri, AT + len(shown.text), typed=True)
    await eager.trace(1)
    assert not waiting.done()
    fake.release()
    following = eager.offer(eager.texts[uri], await asyncio.wait_for(waiting, DEADLINE_S))
    assert following is not None
    assert following.text == "\n" + SECOND.rstrip()
    assert len(asked(fake)) == 2


async def test_what_waits_behind_others_is_asked_anew_ahead_of_them(eager: Editor, uri: str, fake: FakeVllm) -> None:
    """A server that orders its queue has not begun with it: it may stand there for as long as others ask for more."""
    behaves(fake, 2, trouble="hold", trouble_after=0)
    eager.open(uri, TEXT)
    shown = await eager.complete(uri, AT, typed=True)
    assert shown is not None
    await fake.until(lambda counts: counts.held == 1)
    await eager.accept(uri, shown)
    waiting = eager.ask(uri, AT + len(shown.text), typed=True)
    await fake.until(lambda counts: counts.aborted == 1 and len(asked(fake)) == 3)
    fake.release()
    following = eager.offer(eager.texts[uri], await asyncio.wait_for(waiting, DEADLINE_S))
    assert following is not None
    assert [body["priority"] for body in asked(fake)] == [COMPLETION, WARM_UP, COMPLETION]


async def test_whoever_waits_is_not_kept_waiting(eager: Editor, uri: str, fake: FakeVllm) -> None:
    """The engine has one seat and it is taken by what was asked ahead: it is left as soon as something is wanted."""
    fake._seats.limit = 1
    try:
        behaves(fake, 2, trouble="hold")
        eager.open(uri, TEXT)
        assert await eager.complete(uri, AT, typed=True) is not None
        await fake.until(lambda counts: counts.held == 1)
        eager.edit(uri, (AT, AT, "x"))  # Something else than suggested.
        waiting = eager.ask(uri, AT + 1, typed=True)
        await fake.until(lambda counts: counts.aborted == 1 and len(asked(fake)) == 3)
        fake.release()
        assert eager.offer(eager.texts[uri], await asyncio.wait_for(waiting, DEADLINE_S)) is not None
        assert [body["priority"] for body in asked(fake)] == [COMPLETION, WARM_UP, COMPLETION]
    finally:
        fake._seats.limit = 0


async def test_a_request_in_another_document_takes_the_engine(eager: Editor, uri: str, fake: FakeVllm) -> None:
    behaves(fake, 2, trouble="hold")
    eager.open(uri, TEXT)
    other = uri.replace(".py", "_other.py")
    eager.open(other, TEXT)
    assert await eager.complete(uri, AT, typed=True) is not None
    await fake.until(lambda counts: counts.held == 1)
    waiting = eager.ask(other, AT, typed=True)
    await fake.until(lambda counts: counts.aborted == 1)
    fake.release()
    assert eager.offer(eager.texts[other], await asyncio.wait_for(waiting, DEADLINE_S)) is not None
    await eager.trace_holds(lambda entry: entry["skip"] == "gave-way")


async def test_failing_ahead_of_time_troubles_nobody(eager: Editor, uri: str, fake: FakeVllm) -> None:
    behaves(fake, 1, status=500)
    eager.open(uri, TEXT)
    assert await eager.complete(uri, AT, typed=True) is not None
    await eager.trace_holds(lambda entry: entry["kind"] == "speculation" and entry["skip"] == "model-server-error")
    assert eager.statuses[-1]["state"] == "ready"
    assert eager.messages == []


@warming
async def test_the_prompt_is_read_when_a_document_is_opened(eager: Editor, uri: str, fake: FakeVllm) -> None:
    """All that stands before any cursor, so that a request in the middle finds it read."""
    lines = "".join(f"rate_{number} = {number} * base\n" for number in range(40))
    eager.open(uri, lines + TEXT)
    await fake.until(lambda counts: counts.finished == 1)
    (first,) = asked(fake)
    assert (first["max_tokens"], first["priority"]) == (1, WARM_UP)
    hits = fake.counts.prefix_hits
    assert await eager.complete(uri, len(lines) + AT, typed=True) is not None
    second = asked(fake)[-1]["prompt"]
    assert fake.counts.prefix_hits - hits > 0.8 * len(second.partition("<|fim_suffix|>")[0].split())
    assert "warm-up" in {entry["kind"] for entry in await eager.trace()}


@warming
async def test_where_other_code_comes_first_the_cursor_is_waited_for(eager: Editor, uri: str, fake: FakeVllm) -> None:
    """What is chosen for one place is not what another gets, and the document is only read behind it."""
    eager.open(uri.replace(".py", "_rates.py"), "def tax_rate(country):\n    return 0.2\n" * 3)
    await fake.until(lambda counts: counts.finished == 1)
    eager.open(uri, f"def tax(price, country):\n    return price * tax_rate(country)\n\n\n{TEXT}")
    await eager.trace_holds(lambda entry: entry["kind"] == "warm-up" and entry["skip"] == "no-room")
    assert len(asked(fake)) == 1


@warming
async def test_the_prompt_is_read_where_the_cursor_rests(eager: Editor, uri: str, fake: FakeVllm) -> None:
    eager.open(uri, TEXT + "# ...\n" * 30 + TEXT)
    await fake.until(lambda counts: counts.finished == 1)
    text, place = eager.texts[uri], len(eager.texts[uri]) // 2
    for at in (0, place):  # It moved on before it came to rest.
        start = position(text, at, eager.encoding)
        await eager.actions(uri, types.Range(start, start))
    await fake.until(lambda counts: counts.finished == 2)
    prefix = asked(fake)[-1]["prompt"].partition("<|fim_suffix|>")[0]
    assert prefix.endswith(text[place - 40 : place])
    await eager.actions(uri, types.Range(start, start))  # There it is read already.
    assert await eager.complete(uri, place, typed=True) is not None
    assert [body["max_tokens"] == 1 for body in asked(fake)] == [True, True, False]


@warming
async def test_near_the_last_prompt_the_next_one_is_only_made(eager: Editor, uri: str, fake: FakeVllm) -> None:
    eager.open(uri, TEXT)
    await fake.until(lambda counts: counts.finished == 1)
    at = eager.texts[uri].index("\n")
    start = position(eager.texts[uri], at, eager.encoding)
    await eager.actions(uri, types.Range(start, start))
    await eager.trace_holds(lambda entry: entry["kind"] == "warm-up" and not entry["requests"])
    eager.edit(uri, (at, at, "x"))
    assert await eager.complete(uri, at + 1, typed=True) is not None
    assert [body["max_tokens"] == 1 for body in asked(fake)] == [True, False]
    (record,) = await eager.trace(1)
    assert "context" not in record["timings"], "it was made where the cursor rested"


@warming
async def test_a_document_that_is_closed_at_once_is_not_read(eager: Editor, uri: str, fake: FakeVllm) -> None:
    eager.open(uri, TEXT)
    eager.close(uri)
    other = uri.replace(".py", "_other.py")
    eager.open(other, TEXT.replace("prices", "weights"))
    await fake.until(lambda counts: counts.finished == 1)
    assert "weights" in asked(fake)[0]["prompt"]
    assert asked(fake)[0]["model"] == MODEL


async def test_malformed_rests_are_left_alone(eager: Editor, uri: str) -> None:
    eager.open(uri, TEXT)
    malformed: list[Any] = [None, [], {}, {"textDocument": {"uri": uri}, "position": {"line": "x", "character": 1}}]
    malformed += [{"textDocument": {"uri": "file:///not/open"}, "position": {"line": 0, "character": 1}}]
    malformed += [{"textDocument": {"uri": uri}, "position": {"line": -1, "character": 10**12}}]
    for params in malformed:
        eager.client.protocol.notify("codeassist/didRest", params)
    assert await eager.complete(uri, AT, typed=True) is not None
