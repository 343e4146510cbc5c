"""The HTTP client against the fake vLLM: what it asks, what it understands, when it lets go."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from codeassist.model import vllm
from codeassist.model.abilities import Abilities
from codeassist.model.api import (
    ChatRequest,
    Chunk,
    CompletionRequest,
    Message,
    ServedModel,
    Usage,
)
from codeassist.model.endpoint import Endpoint
from codeassist.model.errors import ModelNotFound, Unreachable
from codeassist.model.vllm import VllmModel
from tests.fake_vllm import FakeVllm

REQUEST = CompletionRequest("def f(", 64)
VLLM = Abilities(engine="vllm")
Connect = Callable[..., AbstractAsyncContextManager[tuple[FakeVllm, VllmModel]]]


async def read(chunks: AsyncGenerator[Chunk, None]) -> list[Chunk]:
    return [chunk async for chunk in chunks]


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


@asynccontextmanager
async def connected(server: FakeVllm, **options: Any) -> AsyncGenerator[VllmModel, None]:
    model = VllmModel(Endpoint(server.base_url, **{"abilities": VLLM, "read_timeout_s": 10.0, **options}))
    try:
        yield model
    finally:
        await model.aclose()


@pytest.fixture(params=["tcp", "unix"])
def socket_path(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    return None if request.param == "tcp" else str(tmp_path / "s")


async def test_a_completion(socket_path: str | None) -> None:
    async with FakeVllm("return a + b", uds=socket_path) as server, connected(server) as model:
        chunks = await read(model.complete(REQUEST))
    assert [chunk.text for chunk in chunks] == ["return", " a", " ", "+", " b", "", ""]
    assert [chunk.finish for chunk in chunks] == [None] * 5 + ["stop", None]
    so_far = [Usage(prompt=3, generated=count, cached=None) for count in (1, 2, 3, 4, 5, 5)]
    assert [chunk.usage for chunk in chunks] == [*so_far, Usage(prompt=3, generated=5, cached=0)]


async def test_a_chat_with_a_schema_and_without_its_reasoning(socket_path: str | None) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    async with FakeVllm("prose", uds=socket_path) as server, connected(server) as model:
        server.behaviour.reasoning = "Let me think"
        chunks = await read(model.chat(ChatRequest((Message("user", "Hi"),), 64, schema=schema)))
    assert json.loads(text_of(chunks)) == {"n": 0}
    assert Chunk() not in chunks
    assert [chunk.finish for chunk in chunks if chunk.finish] == ["stop"]


async def test_logprobs_of_both_kinds_of_answers() -> None:
    async with FakeVllm("a b") as server, connected(server) as model:
        completion = await read(model.complete(CompletionRequest("x", 8, logprobs=2)))
        chat = await read(model.chat(ChatRequest((Message("user", "x"),), 8, logprobs=2)))
    tokens = [token for chunk in completion for token in chunk.tokens]
    assert [token.text for token in tokens] == ["a", " b"]
    assert [alternative.text for alternative in tokens[1].top] == [" b", " b1"]
    assert [token for chunk in chat for token in chunk.tokens] == tokens


async def test_stop_strings_and_limits() -> None:
    async with FakeVllm("one two\nthree") as server, connected(server) as model:
        stopped = await read(model.complete(CompletionRequest("x", 8, stop=("\n",))))
        limited = await read(model.complete(CompletionRequest("x", 1)))
    assert (text_of(stopped), stopped[-2].finish) == ("one two", "stop")
    assert (text_of(limited), limited[-2].finish) == ("one", "length")


async def test_cached_tokens_are_reported() -> None:
    prompt = "word " * 40
    async with FakeVllm() as server, connected(server) as model:
        first = await read(model.complete(CompletionRequest(prompt, 8)))
        second = await read(model.complete(CompletionRequest(prompt + "more", 8)))
    usages = [chunks[-1].usage for chunks in (first, second)]
    assert [usage and usage.cached for usage in usages] == [0, 32]


@pytest.mark.parametrize("slice_bytes", [0, 1, 2, 3, 7])
async def test_characters_survive_any_cut(slice_bytes: int) -> None:
    answer = "größe = '你好 😀' # \u2028 end"
    async with FakeVllm(answer) as server, connected(server) as model:
        server.behaviour.slice_bytes = slice_bytes
        server.behaviour.comments = True
        assert text_of(await read(model.complete(REQUEST))) == answer


async def test_file_text_that_is_no_unicode_is_sent_with_replacements() -> None:
    async with FakeVllm() as server, connected(server) as model:
        await read(model.complete(CompletionRequest("a\ud800", 8)))
        assert server.received[-1].body["prompt"] == "a\ufffd"


async def test_a_connection_is_used_again(socket_path: str | None) -> None:
    async with FakeVllm(uds=socket_path) as server, connected(server) as model:
        for _ in range(3):
            await read(model.complete(REQUEST))
        await model.served()
        await model.count_tokens("x")
        assert server.counts.connections == 1
        assert server.counts.finished == 3


async def test_headers_and_the_key_are_sent() -> None:
    async with (
        FakeVllm(api_key="sesame") as server,
        connected(server, api_key="sesame", headers={"X-Session-ID": "w1"}) as model,
    ):
        await read(model.complete(REQUEST))
        headers = server.received[-1].headers
    assert headers["authorization"] == "Bearer sesame"
    assert headers["x-session-id"] == "w1"
    assert headers["accept-encoding"] == "identity"


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeVllm() as proxy, FakeVllm() as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.base_url.removesuffix("/v1"))
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        async with connected(server) as model:
            await read(model.complete(REQUEST))
        assert (proxy.counts.connections, server.counts.connections) == (0, 1)


async def test_leaving_early_stops_the_engine(socket_path: str | None) -> None:
    async with FakeVllm("a b c d", uds=socket_path) as server, connected(server) as model:
        server.behaviour.trouble = "hang"
        async with aclosing(model.complete(REQUEST)) as chunks:
            assert (await chunks.__anext__()).text == "a"
            assert server.counts.running == 1
        await server.until(lambda counts: counts.aborted == 1 and counts.running == 0)
        assert server.counts.generated_tokens == 1


@pytest.mark.parametrize("trouble", ["hang", "hang-before-answer"])
async def test_a_cancelled_task_stops_the_engine(trouble: Any) -> None:
    async with FakeVllm("a b c d") as server, connected(server) as model:
        server.behaviour.trouble = trouble
        task = asyncio.create_task(read(model.complete(REQUEST)))
        await server.until(lambda counts: counts.running == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.until(lambda counts: counts.aborted == 1 and counts.running == 0)


async def test_other_streams_go_on_when_one_is_left() -> None:
    async with FakeVllm("a b c") as server, connected(server) as model:
        left, kept = model.complete(REQUEST), model.complete(REQUEST)
        await left.__anext__()
        await kept.__anext__()
        await left.aclose()
        assert text_of(await read(kept)) == " b c"


async def test_a_stream_that_is_never_read_sends_nothing() -> None:
    async with FakeVllm() as server, connected(server) as model:
        await model.complete(REQUEST).aclose()
        assert server.counts.connections == 0


async def test_the_first_model_that_the_server_lists_is_used_and_remembered() -> None:
    async with FakeVllm(models=("first", "second")) as server, connected(server) as model:
        await read(model.complete(REQUEST))
        await read(model.complete(REQUEST))
        assert [request.path for request in server.received].count("/v1/models") == 1
        assert server.received[-1].body["model"] == "first"
        assert await model.served() == (ServedModel("first", 8192), ServedModel("second", 8192))


async def test_a_server_that_changed_its_model_is_asked_again() -> None:
    async with FakeVllm("yes", models=("old",)) as server, connected(server) as model:
        await read(model.complete(REQUEST))
        server.models = ("new",)
        assert text_of(await read(model.complete(REQUEST))) == "yes"
        assert server.received[-1].body["model"] == "new"


async def test_a_named_model_is_not_replaced_by_another() -> None:
    async with FakeVllm(models=("a",)) as server, connected(server, model="b") as model:
        with pytest.raises(ModelNotFound, match="does not serve 'b'"):
            await read(model.complete(REQUEST))
        assert [request.path for request in server.received] == ["/v1/completions"]


async def test_a_server_without_models() -> None:
    async with FakeVllm(models=()) as server, connected(server) as model:
        with pytest.raises(ModelNotFound, match="lists no model"):
            await read(model.complete(REQUEST))


async def test_tokens_are_counted_beside_v1() -> None:
    async with FakeVllm() as server, connected(server) as model:
        assert await model.count_tokens("<|fim_prefix|>x") == 2
        assert server.received[-1].path == "/tokenize"
        assert server.received[-1].body == {"prompt": "<|fim_prefix|>x", "add_special_tokens": False}


async def test_a_server_that_cannot_count_tokens() -> None:
    async with FakeVllm() as server:
        elsewhere = VllmModel(Endpoint(f"{server.base_url}/deeper/v1"))
        assert await elsewhere.count_tokens("x") is None
        await elsewhere.aclose()


async def test_the_end_may_come_without_done_or_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm, "DRAIN_S", 0.01)
    async with FakeVllm("a b") as server, connected(server) as model:
        server.behaviour.trouble = "no-done"
        assert text_of(await read(model.complete(REQUEST))) == "a b"
        server.behaviour.trouble = "hold-after-done"
        assert text_of(await read(model.complete(REQUEST))) == "a b"
        await server.until(lambda counts: counts.aborted == 1)


async def test_a_closed_model_is_unreachable_also_for_streams_under_way() -> None:
    async with FakeVllm("a b") as server, connected(server) as model:
        server.behaviour.trouble = "hang"
        under_way = model.complete(REQUEST)
        await under_way.__anext__()
        waiting = asyncio.create_task(read(under_way))
        await model.aclose()
        with pytest.raises(Unreachable, match="was closed"):
            await waiting
        with pytest.raises(Unreachable, match="was closed"):
            await read(model.complete(REQUEST))
        with pytest.raises(Unreachable, match="was closed"):
            await model.served()
        await model.aclose()
