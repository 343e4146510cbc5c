"""What a probe finds out about servers of every kind, and how little it asks of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from codeassist.model.abilities import Abilities
from codeassist.model.api import ChatRequest, CompletionRequest, Message
from codeassist.model.endpoint import Endpoint
from codeassist.model.errors import Unauthorised, Unreachable
from codeassist.model.vllm import VllmModel
from codeassist.prompt.families import FAMILIES, family
from codeassist.serving.remote import observe
from codeassist.serving.remote.load import Load
from codeassist.serving.remote.probe import probe
from tests.fake_vllm import Behaviour, FakeVllm, Nature
from tests.fake_vllm_natures import STRICT


@pytest.fixture(autouse=True)
def _shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake's tokens take 10 ms each."""
    monkeypatch.setattr(observe, "LONG_TOKENS", 120)


FIM = [entry for entry in FAMILIES.values() if entry.kind == "fim"]
QWEN = family("qwen-coder")


@asynccontextmanager
async def connected(server: FakeVllm, **options: Any) -> AsyncGenerator[VllmModel, None]:
    model = VllmModel(Endpoint(server.base_url, **{"read_timeout_s": 10.0, **options}))
    try:
        yield model
    finally:
        await model.aclose()


async def found(nature: Nature, depth: Any = "quick", **options: Any) -> Abilities:
    delay_s = 0.01 if depth == "full" else 0.0
    async with (
        FakeVllm("Hello, reader!", nature=nature, behaviour=Behaviour(token_delay_s=delay_s)) as server,
        connected(server, **options) as model,
    ):
        abilities = await probe(model, depth=depth, families=[QWEN], chat_family=family("qwen"))
        assert model.abilities == abilities
        return abilities


async def test_a_vllm_with_everything_on() -> None:
    assert await found(Nature()) == Abilities(
        engine="vllm",
        version="0.33.0",
        max_model_tokens=8192,
        logprobs="yes",
        cached_tokens="yes",
        tokenizer="yes",
        fill_in_middle="qwen-coder",
        asked="quick",
    )


async def test_a_quick_probe_asks_four_small_things() -> None:
    async with FakeVllm() as server, connected(server) as model:
        await probe(model, families=[QWEN])
        asked = Counter(request.path for request in server.received)
        assert asked == {"/v1/models": 1, "/version": 1, "/v1/completions": 1, "/tokenize": 1}
        assert server.counts.generated_tokens <= 2


async def test_a_server_that_is_remembered_is_asked_twice() -> None:
    async with FakeVllm() as server, connected(server) as model:
        before = await probe(model, families=[QWEN])
        server.received.clear()
        assert await probe(model, replace(before, priority="yes", max_model_tokens=1), families=[QWEN]) == replace(
            before, priority="yes"
        )
        assert {request.path for request in server.received} == {"/v1/models", "/version"}
        assert len(server.received) == 2


async def test_what_is_remembered_of_another_version_is_forgotten() -> None:
    async with FakeVllm() as server, connected(server) as model:
        before = replace(await probe(model, families=[QWEN]), version="0.32.0", priority="yes")
        model.abilities = Abilities()
        assert (await probe(model, before, families=[QWEN])).priority == "unknown"


async def test_a_llama_cpp_server() -> None:
    nature = Nature(engine="llama.cpp", version="b7000-abc")
    assert await found(nature) == Abilities(
        engine="llama.cpp",
        version="b7000-abc",
        max_model_tokens=8192,
        priority="no",
        logprobs="yes",
        cached_tokens="yes",
        tokenizer="yes",
        fill_in_middle="qwen-coder",
        asked="quick",
    )


@pytest.mark.parametrize("refusal", ["openai", "pydantic"])
async def test_a_strict_server_is_learned_field_by_field(refusal: Any) -> None:
    nature = Nature(engine="other", refuses=STRICT, refusal=refusal, tokenizer=False, cached_tokens=False)
    abilities = await found(nature, abilities=Abilities(engine="vllm"))
    assert abilities == Abilities(
        priority="no",
        refused_fields=frozenset(
            {
                *("priority", "cache_salt", "repetition_penalty", "stop_token_ids"),
                "stream_options.continuous_usage_stats",
            }
        ),
        logprobs="yes",
        cached_tokens="no",
        tokenizer="no",
        asked="quick",
    )


async def test_a_server_that_does_not_say_what_it_refuses_gets_nothing_optional() -> None:
    abilities = await found(Nature(engine="other", refuses=STRICT, refusal="unnamed"))
    assert {"priority", "cache_salt", "logprobs", "stream_options"} <= abilities.refused_fields
    assert (abilities.priority, abilities.logprobs, abilities.asked) == ("no", "no", "quick")


async def test_a_server_that_refuses_everything_teaches_nothing() -> None:
    abilities = await found(Nature(refuses=frozenset({"prompt"}), refusal="unnamed"))
    assert (abilities.refused_fields, abilities.logprobs, abilities.asked) == (frozenset(), "unknown", "")
    assert (abilities.tokenizer, abilities.engine) == ("yes", "vllm")


@pytest.mark.parametrize("refusal", ["openai", "pydantic"])
async def test_the_first_keystroke_works_on_a_strict_server(refusal: Any) -> None:
    """Before any probe: the refusal itself is understood, and not met again."""
    async with (
        FakeVllm("return 1", nature=Nature(engine="other", refuses=STRICT, refusal=refusal)) as server,
        connected(server, model="fake-model", abilities=Abilities(engine="vllm")) as model,
    ):
        for _ in range(2):
            request = CompletionRequest("def f(", 8, stop_token_ids=(1,), cache_salt="me")
            assert "".join([chunk.text async for chunk in model.complete(request)]) == "return 1"
        assert len(server.received) == (7 if refusal == "openai" else 3)
        chat = ChatRequest((Message("user", "x"), Message("assistant", "y")), 8, template_options={"a": 1})
        assert "".join([chunk.text async for chunk in model.chat(chat)]) == "return 1"
        assert [message["role"] for message in server.received[-1].body["messages"]] == ["user"]


async def test_what_is_needed_is_never_left_out() -> None:
    nature = Nature(engine="other", refuses=frozenset({"max_tokens"}))
    async with FakeVllm(nature=nature) as server, connected(server, model="fake-model") as model:
        with pytest.raises(Exception, match=r"refuses the request .*max_tokens"):
            [chunk async for chunk in model.complete(CompletionRequest("x", 1))]
        assert len(server.received) == 1


async def test_no_logprobs_no_tokenizer_no_cached_count() -> None:
    async with (
        FakeVllm(nature=Nature(tokenizer=False, cached_tokens=False), behaviour=Behaviour(logprobs=False)) as server,
        connected(server) as model,
    ):
        abilities = await probe(model, families=FIM)
    assert (abilities.logprobs, abilities.tokenizer, abilities.cached_tokens) == ("no", "no", "no")
    assert abilities.fill_in_middle == ""


async def test_markers_are_looked_for_in_the_order_given() -> None:
    async with FakeVllm() as server, connected(server) as model:
        # The fake's tokenizer knows <|...|> as one token, and <fim_prefix> as several.
        assert (await probe(model, families=[family("starcoder2"), family("glm"), QWEN])).fill_in_middle == "glm"
        assert (await probe(model, families=[family("starcoder2")])).fill_in_middle == ""
        assert (await probe(model, families=[family("kimi")])).tokenizer == "yes"


async def test_a_server_that_is_not_there() -> None:
    async with FakeVllm() as server:
        url = server.base_url
    model = VllmModel(Endpoint(url))
    with pytest.raises(Unreachable):
        await probe(model)
    await model.aclose()


async def test_a_key_that_is_wrong() -> None:
    async with FakeVllm(api_key="sesame") as server, connected(server) as model:
        with pytest.raises(Unauthorised):
            await probe(model)


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
async def test_a_server_in_trouble_is_probed_to_the_end(status: int) -> None:
    async with FakeVllm(behaviour=Behaviour(status=status)) as server, connected(server) as model:
        abilities = await probe(model, depth="full", families=[QWEN])
    assert (abilities.logprobs, abilities.asked) == ("unknown", "")


# At length -----------------------------------------------------------------------------------------------------------


async def test_a_full_probe_of_a_vllm_with_priorities() -> None:
    abilities = await found(Nature(seats=4), "full")
    assert (abilities.schema, abilities.cancel, abilities.priority) == ("yes", "yes", "yes")
    assert abilities.asked == "full"


async def test_a_vllm_without_priority_scheduling_says_nothing_and_is_found_out() -> None:
    abilities = await found(Nature(seats=4, by_priority=False), "full")
    assert (abilities.priority, abilities.cancel) == ("no", "yes")


async def test_where_no_queue_forms_there_is_no_telling() -> None:
    assert (await found(Nature(seats=0), "full")).priority == "unknown"


async def test_a_schema_that_is_ignored() -> None:
    assert (await found(Nature(schema=False, watched=False), "full")).schema == "no"


async def test_a_schema_that_is_refused() -> None:
    nature = Nature(engine="other", refuses=frozenset({"response_format"}))
    abilities = await found(nature, "full")
    assert abilities.schema == "no"
    assert "response_format" in abilities.refused_fields


async def test_a_model_that_cannot_chat() -> None:
    abilities = await found(Nature(chat_template=False, watched=False), "full")
    assert (abilities.schema, abilities.asked) == ("unknown", "full")


@pytest.mark.parametrize(
    ("answer", "known"),
    [
        ('{"verdict": "violet-k7"}', "yes"),
        ('{"verdict": "hello"}', "no"),
        ('```json\n{"verdict": "violet-k7"}\n```', "no"),
        ("", "no"),
    ],
)
async def test_only_the_forced_answer_is_proof(answer: str, known: str) -> None:
    async with FakeVllm(answer, nature=Nature(schema=False)) as server, connected(server) as model:
        assert await observe.constrains(model, None) == known


@pytest.mark.parametrize(("answer", "known"), [('{"verdict"' + " " * 2, "yes"), (" " * 2 + "{", "unknown")])
async def test_white_space_without_end_is_what_a_schema_allows(answer: str, known: str) -> None:
    behaviour = Behaviour(finish_reason="length")
    async with FakeVllm(answer, nature=Nature(schema=False), behaviour=behaviour) as server, connected(server) as model:
        assert await observe.constrains(model, None) == known


async def test_thinking_is_switched_off_as_in_a_review() -> None:
    async with FakeVllm() as server, connected(server) as model:
        await observe.constrains(model, family("qwen"))
        assert server.received[-1].body["chat_template_kwargs"] == {"enable_thinking": False}


async def test_a_server_that_goes_on_after_we_left() -> None:
    assert (await found(Nature(seats=4, cancels=False), "full")).cancel == "no"


@pytest.mark.parametrize(
    ("after", "known"),
    [
        (Load(running=1, generated=110), "unknown"),  # What was on its way.
        (Load(running=1, generated=200), "no"),
        (Load(running=0, generated=110), "yes"),
        (Load(running=0, generated=612), "unknown"),  # It may have ended by itself.
        (Load(running=1, aborted=1, generated=110), "yes"),
        (Load(running=0), "yes"),
        (Load(running=1), "unknown"),
    ],
)
def test_a_dropped_request_is_judged_by_what_is_still_written(after: Load, known: str) -> None:
    told = after.generated is not None
    before, during = (Load(generated=100 if told else None), Load(running=1, generated=104 if told else None))
    assert observe._ended_early(before, during, after, 512) == known


async def test_llama_cpp_shows_its_slots() -> None:
    abilities = await found(Nature(engine="llama.cpp", version="b7"), "full")
    assert (abilities.cancel, abilities.priority, abilities.asked) == ("yes", "no", "full")


@pytest.mark.parametrize("nature", [Nature(watched=False), Nature(buffers=True), Nature(engine="other")])
async def test_what_cannot_be_seen_stays_unknown(nature: Nature) -> None:
    abilities = await found(nature, "full")
    assert (abilities.cancel, abilities.priority, abilities.asked) == ("unknown", "unknown", "full")


@pytest.mark.parametrize(
    ("nature", "streams"), [(Nature(), "yes"), (Nature(buffers=True), "no"), (Nature(watched=False), "unknown")]
)
async def test_whether_tokens_arrive_as_they_are_written(nature: Nature, streams: str) -> None:
    assert (await found(nature, "full")).streams == streams


async def test_a_quick_answer_in_one_piece_tells_nothing() -> None:
    async with FakeVllm(nature=Nature(buffers=True)) as server, connected(server) as model:
        assert (await probe(model, depth="full", families=[QWEN])).streams == "unknown"


async def test_a_server_with_other_work_is_left_alone() -> None:
    nature = Nature(seats=2)
    async with FakeVllm("a b c", nature=nature) as server, connected(server) as model, connected(server) as other:
        server.behaviour.trouble = "hold"
        stream = other.complete(CompletionRequest("x", 8, priority=observe.Priority.REVIEW))
        await stream.__anext__()
        server.behaviour = Behaviour()
        abilities = await probe(model, depth="full", families=[QWEN])
        await stream.aclose()
    assert (abilities.cancel, abilities.priority, abilities.schema) == ("unknown", "unknown", "yes")
    assert abilities.asked == "quick"  # To be asked again.
    assert not [request for request in server.received if request.body.get("ignore_eos")]


async def test_what_a_busy_moment_hid_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    nature = Nature(seats=4)
    async with FakeVllm(nature=nature, behaviour=Behaviour(token_delay_s=0.01)) as server, connected(server) as model:
        with monkeypatch.context() as patched:
            patched.setattr(observe, "_who_is_first", hidden)
            first = await probe(model, depth="full", families=[QWEN])
        assert (first.priority, first.asked) == ("unknown", "quick")
        second = await probe(model, first, depth="full", families=[QWEN])
    assert (second.priority, second.asked) == ("yes", "full")


async def hidden(*_: Any) -> str:
    return "unknown"


async def test_the_queue_is_empty_again_after_a_full_probe() -> None:
    async with (
        FakeVllm(nature=Nature(seats=4), behaviour=Behaviour(token_delay_s=0.01)) as server,
        connected(server) as model,
    ):
        await probe(model, depth="full", families=[QWEN])
        await server.until(lambda counts: counts.running == counts.waiting == 0)
        assert max(request.body.get("n", 1) for request in server.received) <= 20
