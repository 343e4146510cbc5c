"""A completion asks once, for the right thing, and stops the engine as soon as it has what it wants."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from codeassist.flow.asking import FAST, SLOW, Bound
from codeassist.flow.complete import complete
from codeassist.flow.prepare import prepare
from codeassist.flow.speed import Speed
from codeassist.flow.trace import Trace
from codeassist.model.api import ChatRequest, CompletionRequest, Priority
from codeassist.model.scripted import ScriptedModel
from codeassist.post.skip import Skip
from codeassist.prompt.families import FAMILIES, family
from codeassist.settings import CompletionSettings
from tests.unit.flow.making import bound, snapshot, until

SETTINGS = CompletionSettings()
HALF = "def half(n):\n    return <CURSOR>\n"


async def test_the_stream_is_left_with_the_chunk_that_ends_the_statement() -> None:
    model = ScriptedModel("n¦ / 2¦\n¦\n¦def never¦(read):\n")
    answer = await complete(snapshot(HALF), bound(model), SETTINGS, Trace("completion"))
    assert answer.item is not None
    assert answer.item.text == "n / 2"
    assert model.calls[0].outcome == "closed"
    assert model.calls[0].text == "n / 2\n", "not a chunk more than needed"


@pytest.mark.parametrize(
    ("marked", "script", "read"),
    [
        ("f(<CURSOR>, b)\n", "a¦, c\n¦more\n", "a, c\n"),
        ("if <CURSOR>\n", "a:\n¦    b\n¦c\n¦d\n", "a:\n    b\nc\n"),
        ("<CURSOR>\n", "a = 1\n¦\n¦b = 2\n", "a = 1\n\n"),
        ("<CURSOR>\ntotal = 1\n", "total = 1\n¦more\n", "total = 1\n"),
        ("x = [<CURSOR>\n", "0, " * 19 + "¦0, ¦0, ¦0, ", "0, " * 20),
    ],
)
async def test_the_engine_stops_with_the_chunk_that_decides(marked: str, script: str, read: str) -> None:
    model = ScriptedModel(script)
    await complete(snapshot(marked), bound(model), SETTINGS, Trace("completion"))
    assert (model.calls[0].outcome, model.calls[0].text) == ("closed", read)


async def test_cancelling_closes_the_stream() -> None:
    model = ScriptedModel("n¦\n!hang\n")
    task = asyncio.ensure_future(complete(snapshot(HALF), bound(model), SETTINGS, Trace("completion")))
    await until(lambda: model.calls and model.calls[0].text)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.calls[0].outcome == "closed"


async def test_the_request_of_a_fill_in_the_middle_model() -> None:
    model = ScriptedModel("n")
    await complete(snapshot(HALF), bound(model), SETTINGS, Trace("completion"))
    (request,) = model.requests
    assert isinstance(request, CompletionRequest)
    assert (request.priority, request.lane, request.max_tokens) == (Priority.COMPLETION, "completion", 128)
    assert request.stop_token_ids == family("qwen-coder").stop_token_ids
    assert request.sampling.temperature == 0.0
    assert request.sampling.repetition_penalty == 1.0


async def test_the_request_of_a_chat_model() -> None:
    model = ScriptedModel("n</insert>")
    await complete(snapshot(HALF), bound(model, "kimi"), SETTINGS, Trace("completion"))
    (request,) = model.requests
    assert isinstance(request, ChatRequest)
    assert (request.priority, request.lane) == (Priority.COMPLETION, "completion")
    assert request.stop == ("</insert>",), "the tag that the prompt asks the model to close"
    assert request.template_options == {"thinking": False}
    assert request.messages[-1].role == "assistant"


@pytest.mark.parametrize("name", FAMILIES)
async def test_every_family_completes(name: str) -> None:
    model = ScriptedModel("n / 2" if FAMILIES[name].kind == "fim" else "<insert>n / 2</insert>")
    answer = await complete(snapshot(HALF), bound(model, name), SETTINGS, Trace("completion"))
    assert answer.item is not None
    assert answer.item.text == "n / 2"


async def test_a_failure_keeps_what_was_prepared_and_tells_why() -> None:
    trace = Trace("completion")
    answer = await complete(snapshot(HALF), bound(ScriptedModel("!status 503")), SETTINGS, trace)
    assert answer.item is None
    assert answer.skip is not None
    assert answer.skip.reason == trace.skip == "model-overloaded"
    assert "overloaded" in trace.detail
    assert answer.prepared is not None
    assert set(trace.stages) >= {"context", "prompt", "model"}


async def test_the_trace_of_an_answer() -> None:
    trace = Trace("completion")
    await complete(snapshot(HALF), bound(ScriptedModel("n")), SETTINGS, trace)
    assert set(trace.stages) == {"context", "prompt", "first-token", "model", "post"}
    assert trace.skip is None
    assert trace.requests == 1


def test_nothing_is_asked_inside_a_word() -> None:
    assert prepare(snapshot("ab<CURSOR>cd"), bound(ScriptedModel()), SETTINGS, Trace("completion")) == Skip("mid-word")


@pytest.mark.parametrize("budget", [64, 200, 768])
def test_the_prompt_keeps_to_its_budget(budget: int) -> None:
    marked = "".join(f"value_{n} = {n}\n" for n in range(2_000)) + "x = <CURSOR>\n"
    settings = CompletionSettings(prompt_tokens=budget)
    prepared = prepare(snapshot(marked), bound(ScriptedModel()), settings, Trace("completion"))
    assert not isinstance(prepared, Skip)
    assert prepared.packed.tokens <= budget


def test_without_a_setting_the_engine_says_how_much_it_reads() -> None:
    marked = "".join(f"value_{n} = {n}\n" for n in range(2_000)) + "x = <CURSOR>\n"
    fast = bound(ScriptedModel())
    slow = Bound(fast.model, fast.family, fast.name, cost=SLOW)
    sizes = []
    for used in (slow, fast):
        prepared = prepare(snapshot(marked), used, SETTINGS, Trace("completion"))
        assert not isinstance(prepared, Skip)
        sizes.append(prepared.packed.tokens)
    assert sizes[0] <= SLOW.prompt_tokens < sizes[1]


async def test_prompts_are_as_long_as_the_engine_counts_them() -> None:
    code = "shipment_parcel = courier_weight\n" * 2_000
    model = ScriptedModel(lambda _: "n")
    asked = replace(bound(model), speed=Speed(FAST))
    settings = SETTINGS.model_copy(update={"prompt_tokens": 1_000})
    for _ in range(12):
        await complete(snapshot(code + "return <CURSOR>"), asked, settings, Trace("completion"))
    tokens = [len(request.prompt) / 4 for request in model.requests if isinstance(request, CompletionRequest)]
    assert tokens[0] > 1_000  # The estimate alone is off.
    assert 700 < tokens[-1] <= 1_000
