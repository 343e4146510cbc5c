"""The scripted model does what its script says, in the way of an engine."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from codeassist.model import errors
from codeassist.model.api import (
    Alternative,
    ChatRequest,
    Chunk,
    CompletionRequest,
    Message,
    Model,
    ServedModel,
    Token,
    Usage,
)
from codeassist.model.script import parse_script
from codeassist.model.scripted import ScriptedModel

REQUEST = CompletionRequest("abcdef", 64)


async def read(model: Model, request: CompletionRequest = REQUEST) -> list[Chunk]:
    return [chunk async for chunk in model.complete(request)]


async def texts(model: Model, request: CompletionRequest = REQUEST) -> list[str]:
    return [chunk.text for chunk in await read(model, request) if chunk.text]


async def test_the_sample_of_the_case_format() -> None:
    model = ScriptedModel("sum(¦items, Price(0))\n¦\ndef next\n")
    assert await texts(model) == ["sum(", "items, Price(0))\n", "\ndef next"]


async def test_the_end_of_a_stream_is_that_of_vllm() -> None:
    assert await read(ScriptedModel("a¦b")) == [
        Chunk("a"),
        Chunk("b"),
        Chunk(finish="stop"),
        Chunk(usage=Usage(prompt=2, generated=2)),
    ]


async def test_an_empty_script_is_an_empty_answer() -> None:
    assert [chunk.finish for chunk in await read(ScriptedModel(""))] == ["stop", None]


async def test_replies_come_in_order_and_end() -> None:
    model = ScriptedModel("one\n!next\ntwo\n")
    assert [await texts(model), await texts(model)] == [["one"], ["two"]]
    with pytest.raises(AssertionError, match=r"no reply for request 3.*abcdef"):
        model.complete(REQUEST)


async def test_replies_by_prompt() -> None:
    model = ScriptedModel('!when "price"\n100\n!next\nfirst\n!next\n!repeat\nrest\n')
    asked = [await texts(model, CompletionRequest(prompt, 8)) for prompt in ("a", "a price", "b", "c", "prices")]
    assert asked == [["first"], ["100"], ["rest"], ["rest"], ["100"]]


async def test_replies_from_a_function_and_from_a_sequence() -> None:
    def by_prompt(request: object) -> str:
        assert isinstance(request, CompletionRequest)
        return request.prompt.upper()

    always = ScriptedModel(by_prompt)
    assert [await texts(always), await texts(always)] == [["ABCDEF"], ["ABCDEF"]]
    sequence = ScriptedModel(["x", by_prompt, "y"])
    assert [await texts(sequence) for _ in range(3)] == [["x"], ["ABCDEF"], ["y"]]


async def test_chats_are_answered_too() -> None:
    model = ScriptedModel('!when "Hi"\nHello\n')
    request = ChatRequest((Message("system", "s"), Message("user", "Hi")), 8)
    assert "".join([chunk.text async for chunk in model.chat(request)]) == "Hello"
    assert model.requests == [request]


async def test_a_stop_string_ends_the_answer_before_it_wherever_chunks_are_cut() -> None:
    model = ScriptedModel("a\n¦\n¦b!\n!repeat\n")
    chunks = await read(model, CompletionRequest("p", 64, stop=("\n\n",)))
    assert [chunk.text for chunk in chunks] == ["a", "", ""]
    assert [chunk.finish for chunk in chunks] == [None, "stop", None]
    assert await texts(model, CompletionRequest("p", 64, stop=("\nb", "zz"))) == ["a", "\n"]
    assert await texts(model, CompletionRequest("p", 64, stop=("q",))) == ["a\n", "\n", "b!"]


async def test_text_that_only_looked_like_a_stop_string_arrives() -> None:
    model = ScriptedModel("a\n¦ b\n¦")
    assert await texts(model, CompletionRequest("p", 64, stop=("\n\n",))) == ["a", "\n b", "\n"]


async def test_tokens_are_limited() -> None:
    chunks = await read(ScriptedModel("a¦b¦c"), CompletionRequest("p", 2))
    assert [(chunk.text, chunk.finish) for chunk in chunks[:-1]] == [("a", None), ("b", "length")]
    assert chunks[-1].usage == Usage(prompt=1, generated=2)


async def test_alternatives_of_tokens() -> None:
    script = '    x\n!token "abs" -3.5 " elem" -0.25\n!token "(\\n" -0.5\n'
    chunks = await read(ScriptedModel(script), CompletionRequest("p", 8, logprobs=2))
    assert [chunk.text for chunk in chunks[:3]] == ["    x\n", "abs", "(\n"]
    assert chunks[1].tokens == (Token("abs", -3.5, (Alternative(" elem", -0.25), Alternative("abs", -3.5))),)
    assert chunks[0].tokens[0].top == (Alternative("    x\n", chunks[0].tokens[0].logprob),)
    fewer = await read(ScriptedModel(script), CompletionRequest("p", 8, logprobs=1))
    assert fewer[1].tokens == (Token("abs", -3.5, (Alternative(" elem", -0.25),)),)
    unasked = await read(ScriptedModel(script))
    assert [chunk.tokens for chunk in unasked] == [()] * len(unasked)


async def test_tokens_are_not_lost_while_text_is_held_back() -> None:
    script = '!token "a\\n" -1.0\n!token "b" -2.0\n'
    chunks = await read(ScriptedModel(script), CompletionRequest("p", 8, stop=("\n\n",), logprobs=1))
    assert [token.text for chunk in chunks for token in chunk.tokens] == ["a\n", "b"]
    assert "".join(chunk.text for chunk in chunks) == "a\nb"


async def test_delays_are_slept() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    assert await texts(ScriptedModel("a\n!delay 80ms\nb\n!delay 1.5s\n", sleep=sleep)) == ["a\n", "b"]
    assert slept == [0.08, 1.5]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("!status 400", errors.BadRequest),
        ("!status 401", errors.Unauthorised),
        ("!status 404", errors.ModelNotFound),
        ("!status 503", errors.Overloaded),
        ("!status 500", errors.ServerFailed),
        ("!cut", errors.TruncatedStream),
        ("!malformed", errors.MalformedEvent),
        ("!unreachable", errors.Unreachable),
    ],
)
async def test_failures(line: str, kind: type[errors.ModelError]) -> None:
    model = ScriptedModel(f"{line}\n!next\nabc\n{line}\n")
    with pytest.raises(kind):
        await read(model)
    with pytest.raises(errors.ServerFailed if line.startswith("!status") else kind):
        await read(model)
    assert [(call.outcome, call.text) for call in model.calls] == [("failed", ""), ("failed", "abc")]


async def test_an_answer_may_end_for_another_reason() -> None:
    assert [chunk.finish for chunk in await read(ScriptedModel("a\n!finish length\n"))] == [
        None,
        "length",
        None,
    ]


async def test_what_became_of_each_stream() -> None:
    model = ScriptedModel("!repeat\na¦b")
    await read(model)
    async with aclosing(model.complete(REQUEST)) as chunks:
        await chunks.__anext__()
    async with aclosing(model.complete(REQUEST)) as chunks:
        async for chunk in chunks:
            if chunk.finish:
                break
    model.complete(REQUEST)
    outcomes = [(call.outcome, call.text) for call in model.calls]
    assert outcomes == [("finished", "ab"), ("closed", "a"), ("finished", "ab"), ("unread", "")]


async def test_a_hanging_stream_can_be_cancelled() -> None:
    model = ScriptedModel("a\n!hang\nb")
    got_first = asyncio.Event()

    async def consume() -> None:
        async for _ in model.complete(REQUEST):
            got_first.set()

    task = asyncio.create_task(consume())
    await asyncio.wait_for(got_first.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.calls[0].outcome == "closed"


async def test_the_rest_of_the_protocol() -> None:
    model = ScriptedModel(served=[ServedModel("m", 4096)], count_tokens=len)
    assert await model.served() == (ServedModel("m", 4096),)
    assert await model.count_tokens("abc") == 3
    assert await ScriptedModel().count_tokens("abc") is None


async def test_a_closed_model_is_unreachable() -> None:
    model = ScriptedModel("a")
    await model.aclose()
    with pytest.raises(errors.Unreachable):
        await read(model)
    with pytest.raises(errors.Unreachable):
        await model.served()
    with pytest.raises(errors.Unreachable):
        await model.count_tokens("a")


async def test_an_exclamation_mark_is_doubled_and_other_line_ends_are_text() -> None:
    assert await texts(ScriptedModel("!!ready &&\n!!done = 1\n")) == ["!ready &&\n!done = 1"]
    assert await texts(ScriptedModel("a\x0c!hang\u2028!cut\r\n")) == ["a\x0c!hang\u2028!cut"]


@pytest.mark.parametrize(
    "script",
    [
        "!dleay 80ms",
        "!delay fast",
        "!status",
        "!status 200",
        "!token",
        "!token abs -1",
        '!token "a"',
        "!when x",
    ],
)
def test_mistakes_in_a_script(script: str) -> None:
    with pytest.raises(ValueError, match=r"script line|duration|JSON string"):
        parse_script(script)
