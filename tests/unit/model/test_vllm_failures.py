"""Every way in which a server fails ends in one typed error with one clear sentence."""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codeassist.model import vllm
from codeassist.model.abilities import Abilities
from codeassist.model.api import Chunk, CompletionRequest
from codeassist.model.endpoint import Endpoint
from codeassist.model.errors import (
    BadRequest,
    MalformedEvent,
    ModelError,
    ModelNotFound,
    Overloaded,
    ServerFailed,
    TruncatedStream,
    Unauthorised,
    Unreachable,
)
from codeassist.model.vllm import VllmModel
from tests.fake_vllm import Behaviour, FakeVllm

VLLM = Abilities(engine="vllm")
REQUEST = CompletionRequest("def charge(customer_account):", 64)


async def ask(endpoint: Endpoint, request: CompletionRequest = REQUEST) -> tuple[list[Chunk], ModelError | None]:
    """What arrived, and the error that ended it."""
    model = VllmModel(endpoint)
    got: list[Chunk] = []
    try:
        async for chunk in model.complete(request):
            got.append(chunk)  # noqa: PERF401  What came before the error counts.
    except ModelError as error:
        return got, error
    finally:
        await model.aclose()
    return got, None


async def failure(server: FakeVllm, request: CompletionRequest = REQUEST, **options: Any) -> ModelError:
    defaults = {"model": "fake-model", "abilities": VLLM, "read_timeout_s": 10.0}
    _, error = await ask(Endpoint(server.base_url, **{**defaults, **options}), request)
    assert error is not None
    assert str(error).startswith("The model server")
    assert str(error).endswith(".")
    assert request.prompt not in str(error)
    return error


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (401, Unauthorised),
        (403, Unauthorised),
        (404, ModelNotFound),
        (422, BadRequest),
        (429, Overloaded),
        (500, ServerFailed),
        (502, ServerFailed),
        (503, Overloaded),
    ],
)
async def test_statuses(status: int, kind: type[ModelError]) -> None:
    async with FakeVllm(behaviour=Behaviour(status=status)) as server:
        error = await failure(server)
        assert type(error) is kind
        assert str(status) in str(error)


async def test_an_overloaded_server_says_when_to_come_back() -> None:
    async with FakeVllm(behaviour=Behaviour(status=503, retry_after="7", message="queue is full")) as server:
        error = await failure(server)
    assert isinstance(error, Overloaded)
    assert error.retry_after_s == 7.0
    assert "queue is full" in str(error)


async def test_a_date_to_come_back_at_is_not_a_number_of_seconds() -> None:
    behaviour = Behaviour(status=429, retry_after="Wed, 21 Oct 2026 07:28:00 GMT")
    async with FakeVllm(behaviour=behaviour) as server:
        error = await failure(server)
    assert isinstance(error, Overloaded)
    assert error.retry_after_s is None


@pytest.mark.parametrize(("key", "words"), [("wrong-key", "refuses the key"), (None, "asks for a key")])
async def test_keys(key: str | None, words: str) -> None:
    async with FakeVllm(api_key="sesame") as server:
        error = await failure(server, api_key=key)
    assert isinstance(error, Unauthorised)
    assert words in str(error)
    assert "wrong-key" not in str(error)


async def test_a_prompt_that_is_too_long() -> None:
    async with FakeVllm(max_model_len=64) as server:
        error = await failure(server, CompletionRequest("word " * 100, 8))
    assert isinstance(error, BadRequest)
    assert "maximum context length is 64 tokens" in str(error)
    assert "lower completion.prompt_tokens and review.prompt_tokens, or serve it with a longer context." in str(error)


async def test_explanations_that_quote_the_prompt_are_left_out() -> None:
    quoting = Behaviour(status=400, message=f"cannot read {REQUEST.prompt!r}")
    async with FakeVllm(behaviour=quoting) as server:
        error = await failure(server)
    assert "customer_account" not in str(error)
    assert "(400)" in str(error)


async def test_explanations_that_quote_the_key_are_left_out() -> None:
    quoting = Behaviour(status=400, message="header 'Bearer sesame-open-now' is odd")
    async with FakeVllm(behaviour=quoting) as server:
        error = await failure(server, api_key="sesame-open-now")
    assert "sesame" not in str(error)


async def test_a_long_explanation_is_cut() -> None:
    async with FakeVllm(behaviour=Behaviour(status=500, message="x" * 10_000)) as server:
        error = await failure(server)
    assert isinstance(error, ServerFailed)
    assert "xxx" in str(error)
    assert len(str(error)) < 500


async def test_only_the_beginning_of_an_endless_explanation_is_read() -> None:
    async with FakeVllm(behaviour=Behaviour(trouble="endless-error")) as server:
        error = await asyncio.wait_for(failure(server), 10)
    assert isinstance(error, ServerFailed)


@pytest.mark.parametrize(
    ("trouble", "kind", "words", "received"),
    [
        ("close-before-answer", TruncatedStream, "in the middle of its answer", ""),
        ("not-http", MalformedEvent, "does not speak HTTP", ""),
        ("html", MalformedEvent, "'text/html' instead of an event stream", ""),
        ("redirect", ModelNotFound, "redirects elsewhere", ""),
        ("json-error-200", ServerFailed, "no worker is free", ""),
        ("truncate", TruncatedStream, "in the middle of its answer", "a"),
        ("cut-body", TruncatedStream, "in the middle of its answer", "a"),
        ("error-event", ServerFailed, "EngineCore encountered an issue", "a"),
        ("not-json", MalformedEvent, "is not JSON", "a"),
        ("wrong-types", MalformedEvent, "is not a string", "a"),
        ("endless-line", MalformedEvent, "more than 1048576 bytes", "a"),
    ],
)
async def test_troubles(trouble: Any, kind: type[ModelError], words: str, received: str) -> None:
    async with FakeVllm("a b c", behaviour=Behaviour(trouble=trouble)) as server:
        chunks, error = await ask(Endpoint(server.base_url, model="fake-model", abilities=VLLM))
    assert "".join(chunk.text for chunk in chunks) == received
    assert type(error) is kind
    assert words in str(error)
    assert str(error).startswith(f"The model server at {server.base_url} ")
    assert re.search(r"[;:] ?.*(?:check|see|set|log|start)", str(error)), "no next step"
    assert str(error).endswith(".")


@pytest.mark.parametrize(("trouble", "received"), [("hang-before-answer", ""), ("hang", "a")])
async def test_silence_ends(trouble: Any, received: str) -> None:
    async with FakeVllm("a b c", behaviour=Behaviour(trouble=trouble)) as server:
        endpoint = Endpoint(server.base_url, model="fake-model", abilities=VLLM, read_timeout_s=0.1)
        chunks, error = await ask(endpoint)
        await server.until(lambda counts: counts.aborted == 1)
    assert "".join(chunk.text for chunk in chunks) == received
    assert type(error) is Unreachable
    assert "was silent for 0.1 s" in str(error)


@pytest.mark.parametrize("trouble", ["pings", "empty-events", "drip"])
@pytest.mark.parametrize(("after", "received"), [(0, ""), (2, "a b")])
async def test_what_is_no_token_does_not_buy_time(trouble: Any, after: int, received: str) -> None:
    """Comments and single bytes for ever: each of them resets the clock of the silence."""
    async with FakeVllm("a b c", behaviour=Behaviour(trouble=trouble, trouble_after=after)) as server:
        endpoint = Endpoint(server.base_url, model="fake-model", abilities=VLLM)
        limits = {"token_timeout_s": 0.2} if after else {"first_token_timeout_s": 0.3}
        chunks, error = await ask(replace(endpoint, **limits))
        await server.until(lambda counts: counts.aborted == 1)
        limit = "0.2" if after else "0.3"
        assert str(error) == (
            f"The model server at {server.base_url} wrote no token for {limit} s although it kept the connection open; "
            "see in its log what holds it up, or start it anew."
        )
    assert type(error) is Unreachable
    assert error.silent
    assert "".join(chunk.text for chunk in chunks) == received


async def test_a_head_that_drips_ends() -> None:
    async with FakeVllm("a", behaviour=Behaviour(trouble="drip-head")) as server:
        error = await failure(server, first_token_timeout_s=0.2)
    assert "wrote no token for 0.2 s" in str(error)


async def test_words_of_a_refusal_that_drip_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm, "ERROR_BODY_S", 0.05)
    async with FakeVllm("a", behaviour=Behaviour(trouble="drip-error")) as server:
        error = await failure(server)
    assert type(error) is ServerFailed
    assert "failed (500)" in str(error)


async def test_token_counts_that_never_come_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm, "AFTER_FINISH_S", 0.05)
    async with FakeVllm("a b", behaviour=Behaviour(trouble="pings", trouble_after=3)) as server:
        chunks, error = await ask(Endpoint(server.base_url, model="fake-model", abilities=VLLM))
    assert ["".join(chunk.text for chunk in chunks), error] == ["a b", None]


async def test_an_answer_that_the_engine_gave_up() -> None:
    async with FakeVllm("a b", behaviour=Behaviour(finish_reason="error")) as server:
        assert type(await failure(server)) is ServerFailed


async def test_a_connection_cut_after_the_finish_reason_is_no_failure() -> None:
    async with FakeVllm("a b", behaviour=Behaviour(trouble="cut-body", trouble_after=3)) as server:
        chunks, error = await ask(Endpoint(server.base_url, abilities=VLLM))
    assert ["".join(chunk.text for chunk in chunks), chunks[-1].finish, error] == ["a b", "stop", None]


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    _, error = await ask(Endpoint(f"http://127.0.0.1:{port}/v1"))
    assert type(error) is Unreachable
    assert "is not there (Connection refused)" in str(error)


async def test_a_host_with_several_addresses_and_nobody_listening() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    _, error = await ask(Endpoint(f"http://localhost:{port}/v1"))
    assert type(error) is Unreachable
    assert "is not there (" in str(error)


@pytest.mark.parametrize("name", ["gone.sock", "x" * 200])
async def test_a_socket_that_is_not_there(name: str, tmp_path: Path) -> None:
    _, error = await ask(Endpoint(f"unix://{tmp_path / name}"))
    assert type(error) is Unreachable
    assert "is not there" in str(error)


async def test_a_list_of_models_that_is_none_names_the_address() -> None:
    async with FakeVllm(models=(7,)) as server:  # type: ignore[arg-type]
        error = await failure(server, model=None)
    assert type(error) is MalformedEvent
    assert server.base_url in str(error)


async def test_a_list_of_models_without_end() -> None:
    async with FakeVllm(models=("m" * 1_000_000,) * 5) as server:
        assert type(await failure(server, model=None)) is MalformedEvent


async def test_tls_where_there_is_none() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        _, error = await ask(Endpoint(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"))
    assert type(error) is Unreachable
    assert "is not there ([SSL" in str(error)
