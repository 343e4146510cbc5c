"""The fake server keeps its promises; otherwise the tests of the client would prove nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from tests.fake_vllm import FakeVllm, Nature

BODY = {"model": "fake-model", "prompt": "x"}


@pytest.fixture
async def server() -> AsyncGenerator[FakeVllm, None]:
    async with FakeVllm('{"n": 7}', api_key="sesame") as server:
        yield server


@pytest.fixture
async def client(server: FakeVllm) -> AsyncGenerator[httpx.AsyncClient, None]:
    root = server.base_url.removesuffix("/v1")
    headers = {"Authorization": "Bearer sesame"}
    async with httpx.AsyncClient(base_url=root, headers=headers, trust_env=False) as client:
        yield client


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"stop": ["a", "b", "c", "d"]}, 200, ""),
        ({"stop": ["a", "b", "c", "d", "e"]}, 400, "at most 4"),
        ({"suffix": "x"}, 400, "suffix is only supported"),
        ({"model": "other"}, 404, "The model `other` does not exist."),
        ({"cache_salt": "a/b"}, 400, "cache_salt"),
        ({"max_tokens": 10_000}, 400, "maximum context length is 8192 tokens"),
        ({"guided_json": {}, "no_such_field": 1}, 200, ""),
    ],
)
async def test_refusals(client: httpx.AsyncClient, changes: dict[str, Any], status: int, words: str) -> None:
    response = await client.post("/v1/completions", json=BODY | changes)
    assert response.status_code == status
    assert words in response.text
    if status != 200:
        assert response.json()["error"]["code"] == status


async def test_a_whole_answer_and_a_stream(client: httpx.AsyncClient) -> None:
    whole = (await client.post("/v1/completions", json=BODY)).json()
    assert whole["choices"][0] == {"index": 0, "finish_reason": "stop", "text": '{"n": 7}'}
    stream = await client.post("/v1/completions", json=BODY | {"stream": True})
    events = [line.removeprefix("data: ") for line in stream.text.split("\n\n") if line]
    assert events[-1] == "[DONE]"
    texts = [json.loads(event)["choices"][0]["text"] for event in events[:-1]]
    assert "".join(texts) == '{"n": 7}'
    assert whole["usage"]["completion_tokens"] == len(texts) - 1


async def test_usage_comes_alone_and_only_when_asked_for(client: httpx.AsyncClient) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    stream = await client.post("/v1/completions", json=BODY | options)
    last = json.loads(stream.text.split("\n\n")[-3].removeprefix("data: "))
    assert last["choices"] == []
    assert last["usage"]["prompt_tokens"] == 1


async def test_schemas_constrain_and_guided_fields_do_not(client: httpx.AsyncClient, server: FakeVllm) -> None:
    server.answer = "prose"
    chat: dict[str, Any] = {"model": "fake-model", "messages": [{"role": "user", "content": "x"}]}
    guided = (await client.post("/v1/chat/completions", json=chat | {"guided_json": {}})).json()
    assert guided["choices"][0]["message"]["content"] == "prose"
    items = {"type": "array", "minItems": 1, "items": {"enum": ["a", "b"]}}
    schema = {"type": "object", "properties": {"list": items}, "required": ["list"]}
    wanted = {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}}
    bound = (await client.post("/v1/chat/completions", json=chat | wanted)).json()
    assert json.loads(bound["choices"][0]["message"]["content"]) == {"list": ["a"]}


@pytest.mark.parametrize("path", ["/health", "/version", "/metrics", "/tokenize"])
async def test_the_key_guards_v1_only(client: httpx.AsyncClient, path: str) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    assert (await client.get("/v1/models", headers=wrong)).status_code == 401
    assert (await client.get(path, headers=wrong)).status_code == 200


async def test_metrics_count_the_prefix_cache_in_whole_blocks(client: httpx.AsyncClient) -> None:
    for _ in range(2):
        await client.post("/v1/completions", json=BODY | {"prompt": "word " * 40})
    metrics = (await client.get("/metrics")).text
    assert "vllm:prefix_cache_queries_total 82\n" in metrics
    assert "vllm:prefix_cache_hits_total 32\n" in metrics
    assert 'vllm:num_requests_running{engine="0"} 0\n' in metrics


@pytest.mark.parametrize(("by_priority", "order"), [(True, ["urgent", "late"]), (False, ["late", "urgent"])])
async def test_the_queue_for_seats(client: httpx.AsyncClient, by_priority: bool, order: list[str]) -> None:
    ended: list[str] = []

    async def one(fake: FakeVllm, name: str, priority: int) -> None:
        url = fake.base_url + "/completions"
        body = BODY | {"stream": True, "prompt": name, "priority": priority}
        await client.post(url, json=body)
        ended.append(name)

    async with FakeVllm("a b", nature=Nature(seats=1, by_priority=by_priority)) as fake:
        fake.behaviour.trouble = "hold"
        first = asyncio.create_task(one(fake, "first", 0))
        await fake.until(lambda counts: counts.held == 1)
        late = asyncio.create_task(one(fake, "late", 10))
        await fake.until(lambda counts: counts.waiting == 1)
        urgent = asyncio.create_task(one(fake, "urgent", 0))
        await fake.until(lambda counts: (counts.running, counts.waiting) == (1, 2))
        fake.release()
        await asyncio.gather(first, late, urgent)
        assert (fake.counts.running, fake.counts.waiting) == (0, 0)
    assert ended == ["first", *order]


async def test_many_answers_to_one_prompt_have_a_seat_each(client: httpx.AsyncClient, server: FakeVllm) -> None:
    refused = await client.post("/v1/completions", json=BODY | {"n": 2, "temperature": 0})
    assert (refused.status_code, "greedy" in refused.text) == (400, True)
    stream = await client.post("/v1/completions", json=BODY | {"n": 3, "stream": True, "ignore_eos": True})
    events = [line.removeprefix("data: ") for line in stream.text.split("\n\n") if line]
    choices = [json.loads(event)["choices"][0] for event in events[:-1]]
    assert {choice["index"] for choice in choices} == {0, 1, 2}
    assert sum(choice["finish_reason"] == "length" for choice in choices) == 3


async def test_a_proxy_that_buffers_gives_nothing_before_the_end(client: httpx.AsyncClient, server: FakeVllm) -> None:
    server.nature.buffers = True
    server.behaviour.trouble = "hold"
    async with client.stream("POST", "/v1/completions", json=BODY | {"stream": True}) as response:
        await server.until(lambda counts: counts.held == 1 and counts.generated_tokens == 1)
        pieces = response.aiter_text()
        first = asyncio.ensure_future(anext(pieces))
        done, _ = await asyncio.wait({first}, timeout=0.05)
        assert not done
        server.release()
        assert (await first + "".join([piece async for piece in pieces])).endswith("[DONE]\n\n")


async def test_a_server_that_goes_on_without_its_client(client: httpx.AsyncClient, server: FakeVllm) -> None:
    server.nature.cancels = False
    server.behaviour.trouble = "hold"
    async with client.stream("POST", "/v1/completions", json=BODY | {"stream": True}):
        await server.until(lambda counts: counts.held == 1)
    await asyncio.sleep(0)
    assert server.counts.running == 1
    server.release()
    await server.until(lambda counts: counts.running == 0)
    assert server.counts.generated_tokens > 1
