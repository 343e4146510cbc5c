"""What we take for granted about vLLM's protocol, asked of a real one: a tiny random mixture of experts."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from codeassist.model.api import ChatRequest, CompletionRequest, Message
from codeassist.model.endpoint import Endpoint
from codeassist.model.errors import BadRequest, ModelNotFound, Overloaded, Unauthorised
from codeassist.model.vllm import VllmModel
from codeassist.prompt.families import family
from tests.vllm.servers import Server, events

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG_PROMPT = "some words of a long prompt " * 60
"""More than two blocks of 128 tokens."""


def model_of(server: Server, **changes: Any) -> VllmModel:
    return VllmModel(Endpoint(server.url, **{"model": server.name, "api_key": server.key, **changes}))


async def ask(server: Server, **body: Any) -> tuple[int, dict[str, Any]]:
    async with server.client() as client:
        asked = {"model": server.name, "prompt": "a", "max_tokens": 2, "temperature": 0, "ignore_eos": True, **body}
        answer = await client.post("/v1/completions", json=asked)
        return answer.status_code, answer.json()


async def refused(model: VllmModel, prompt: str, max_tokens: int = 2) -> str:
    try:
        async with aclosing(model.complete(CompletionRequest(prompt, max_tokens=max_tokens))) as chunks:
            async for _ in chunks:
                pass
    except (BadRequest, ModelNotFound, Overloaded, Unauthorised) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        await model.aclose()
    return "answered"


async def test_four_stop_strings_are_the_most(tiny: Server) -> None:
    assert (await ask(tiny, stop=["w", "x", "y", "z"]))[0] == 200
    status, document = await ask(tiny, stop=["v", "w", "x", "y", "z"])
    assert status == 400
    assert "stop" in document["error"]["message"]


async def test_unknown_fields_are_ignored(tiny: Server) -> None:
    assert (await ask(tiny, a_field_of_the_future=True))[0] == 200
    # The old name of structured output: taken and not obeyed.
    status, document = await ask(tiny, guided_regex="7{2}")
    assert status == 200
    assert document["choices"][0]["text"] != "77"


async def test_structured_output_binds_even_a_random_model(tiny: Server) -> None:
    status, document = await ask(tiny, structured_outputs={"regex": "(yes|no)"}, max_tokens=8, ignore_eos=False)
    assert status == 200
    assert document["choices"][0]["text"] in ("yes", "no")


async def test_max_tokens_is_kept_and_a_missing_one_is_sixteen(tiny: Server) -> None:
    assert (await ask(tiny, max_tokens=7))[1]["usage"]["completion_tokens"] == 7
    assert (await ask(tiny, max_tokens=None))[1]["usage"]["completion_tokens"] == 16
    assert (await ask(tiny, max_tokens=0))[0] == 400


async def test_a_cache_salt_keeps_prompts_apart(tiny: Server) -> None:
    async def cached(salt: str) -> int:
        status, document = await ask(tiny, prompt=LONG_PROMPT, cache_salt=salt)
        assert status == 200
        return int(document["usage"]["prompt_tokens_details"]["cached_tokens"])

    assert await cached("one") == 0
    assert await cached("one") >= 128
    assert await cached("two") == 0
    assert (await ask(tiny, cache_salt="a@b"))[0] == 400
    assert (await ask(tiny, cache_salt="x" * 129))[0] == 400


async def test_a_prompt_above_the_context_is_refused_in_a_sentence(tiny: Server) -> None:
    said = await refused(model_of(tiny), "word " * 5000)
    assert said.startswith("PromptTooLong: ")
    assert "4096" in said
    assert "word word" not in said


async def test_a_full_queue_is_an_overload(tiny: Server) -> None:
    """`--max-num-queued-reqs 2` counts those that run too: one runs, one waits, and the third gets 503."""
    endless = {"model": tiny.name, "prompt": "a", "max_tokens": 4000, "ignore_eos": True}

    async def run() -> None:
        async with tiny.client() as client:
            async for _ in events(client, "/v1/completions", endless):
                pass

    tasks = [asyncio.ensure_future(run())]
    try:
        await tiny.until(lambda now: now.running == 1, "one that runs")
        tasks.append(asyncio.ensure_future(run()))
        await tiny.until(lambda now: now.waiting == 1, "one that waits")
        said = await refused(model_of(tiny), "a")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    assert said.startswith(f"Overloaded: The model server at {tiny.url} is overloaded")
    await tiny.until(lambda now: now.running + now.waiting == 0, "an idle server")
    assert await refused(model_of(tiny), "a") == "answered"


async def test_a_name_that_is_not_served_is_named(tiny: Server) -> None:
    assert "does not serve 'another'" in await refused(model_of(tiny, model="another"), "a")


async def test_a_wrong_key_and_none_are_told_apart(tiny: Server) -> None:
    assert "refuses the key that was sent (401)" in await refused(model_of(tiny, api_key="wrong"), "a")
    assert "asks for a key and none was sent (401)" in await refused(model_of(tiny, api_key=None), "a")


async def test_the_documents_of_the_api_are_off(tiny: Server) -> None:
    async with tiny.client() as client:
        for path in ("/docs", "/openapi.json", "/redoc"):
            assert (await client.get(path)).status_code == 404


async def test_fill_in_the_middle_markers_are_single_tokens(tiny: Server) -> None:
    """Of the tokenizer that was written from the embedded model's file."""
    model = model_of(tiny)
    qwen = family("qwen-coder")
    assert [await model.count_tokens(each) for each in (qwen.prefix, qwen.suffix, qwen.middle)] == [1, 1, 1]
    assert (await model.served())[0].max_tokens == 4096
    await model.aclose()


async def test_a_started_answer_is_continued_in_chat(tiny: Server) -> None:
    model = model_of(tiny)
    turns = (Message("user", "Say it."), Message("assistant", "It is"))
    async with aclosing(model.chat(ChatRequest(turns, max_tokens=3))) as chunks:
        found = [chunk async for chunk in chunks]
    assert found[-1].usage is not None
    assert found[-1].usage.cached is not None
    # The template's system prompt, one turn, and the open one; no fresh `<|im_start|>assistant` behind it.
    async with tiny.client() as client:
        rendered = {
            "model": tiny.name,
            "messages": [{"role": turn.role, "content": turn.content} for turn in turns],
            "add_generation_prompt": False,
            "continue_final_message": True,
            "return_token_strs": True,
        }
        document = (await client.post("/tokenize", json=rendered)).json()
    assert document["token_strs"][-2:] == ["It", "Ġis"]
    assert found[-1].usage.prompt == document["count"]
    await model.aclose()
