"""The embedded engine for real: its process, its key, its seats, and what happens when things end."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from codeassist.model.api import Chunk, CompletionRequest, Lane, Usage
from codeassist.model.errors import TruncatedStream, Unreachable
from codeassist.serving.connect import embedded_engines
from codeassist.serving.embedded.model import EmbeddedModel, Engines
from codeassist.serving.embedded.patience import parse_metrics
from codeassist.serving.embedded.record import EngineRecord, read_record, record_path, records, runs
from codeassist.serving.embedded.supervise import find_or_start, stop_engine
from codeassist.serving.folders import Folders
from codeassist.settings import Settings

pytestmark = pytest.mark.engine

DEADLINE_S = 30.0
COUNTING = "".join(f"{n}\n" for n in range(1, 10))
"""A text that the model goes on with until it is stopped."""


def counting(max_tokens: int, lane: Lane = "completion") -> CompletionRequest:
    return CompletionRequest(COUNTING, max_tokens=max_tokens, lane=lane)


async def answer(model: EmbeddedModel, request: CompletionRequest) -> tuple[str, Usage]:
    chunks: list[Chunk] = []
    async with aclosing(model.complete(request)) as stream:
        chunks = [chunk async for chunk in stream]
    usage = next(chunk.usage for chunk in reversed(chunks) if chunk.usage)
    return "".join(chunk.text for chunk in chunks), usage


async def rest(stream: AsyncIterator[Chunk]) -> None:
    async for _ in stream:
        pass


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.05)


@asynccontextmanager
async def client_of(record: EngineRecord, key: str | None = "") -> AsyncIterator[httpx.AsyncClient]:
    """HTTP to an engine past our own client; `key` None sends none, "" the right one."""
    headers = {} if key is None else {"Authorization": f"Bearer {key or record.token}"}
    transport = httpx.AsyncHTTPTransport(uds=str(socket_path(record)))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost", headers=headers, timeout=60
    ) as client:
        yield client


async def metrics(client: httpx.AsyncClient) -> dict[str, float]:
    return parse_metrics((await client.get("/metrics")).text)


async def free_seats(client: httpx.AsyncClient) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while any(slot["is_processing"] for slot in (await client.get("/slots")).json()):
        assert time.monotonic() < deadline, "a seat is still busy"
        await asyncio.sleep(0.05)


async def busy_seat(client: httpx.AsyncClient) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not any(slot["is_processing"] for slot in (await client.get("/slots")).json()):
        assert time.monotonic() < deadline, "no seat became busy"
        await asyncio.sleep(0.01)


def socket_path(record: EngineRecord) -> Path:
    return Path(record.url.removeprefix("unix://"))


def modes(*paths: Path) -> list[str]:
    return [stat.filemode(path.stat().st_mode) for path in paths]


def gone(path: Path) -> bool:
    return not path.exists()


def engine_command(model_file: Path, where: Folders, *options: str) -> list[str]:
    return [
        *(sys.executable, "-m", "codeassist", "engine", "--model", str(model_file)),
        *("--runtime-folder", str(where.runtime), "--logs-folder", str(where.logs), "--context-tokens", "1024"),
        *options,
    ]


async def test_only_the_owner_can_reach_an_engine_and_only_with_its_key(
    model: EmbeddedModel, engines: Engines, where: Folders
) -> None:
    assert [served.max_tokens for served in await model.served()] == [1024]
    record = (await engines.connection()).record
    assert modes(where.runtime, record_path(where.runtime, record.key), socket_path(record)) == [
        "drwx------",
        "-rw-------",
        "srwx------",
    ]
    body = {"prompt": "x", "max_tokens": 1}
    for key in (None, "wrong"):
        async with client_of(record, key) as client:
            assert (await client.post("/v1/completions", json=body)).status_code == 401
            assert (await client.get("/slots")).status_code == 401
    async with client_of(record) as client:
        answered = await client.post("/v1/completions", json=body, headers={"Origin": "http://example.org"})
        assert answered.status_code == 200
        assert not answered.headers.get("access-control-allow-origin")
        assert [slot["n_ctx"] for slot in (await client.get("/slots")).json()] == [1024, 1024]
    log = await asyncio.to_thread(Path(record.log).read_text, encoding="utf-8")
    assert record.token not in log
    assert "7\n8\n9" not in log


async def test_completion_and_review_keep_their_own_caches(model: EmbeddedModel) -> None:
    text, first = await answer(model, counting(4))
    assert text.startswith("10")
    other = CompletionRequest("def add(a, b):\n    return", max_tokens=4, lane="review")
    await answer(model, other)
    _, again = await answer(model, counting(4))
    assert again.cached is not None
    assert again.cached >= first.prompt - 1
    _, review_again = await answer(model, other)
    assert review_again.cached is not None
    assert review_again.cached > 0


async def test_requests_in_quick_succession_are_all_answered(model: EmbeddedModel) -> None:
    lanes: list[Lane] = ["completion", "review"] * 5
    answers = [await answer(model, counting(2, lane)) for lane in lanes]
    assert {text for text, _ in answers} == {"10"}


async def test_dropping_a_request_stops_generation_by_the_engines_own_metrics(
    model: EmbeddedModel, engines: Engines
) -> None:
    asked = 800
    async with client_of((await engines.connection()).record) as client:
        before = await metrics(client)
        async with aclosing(model.complete(counting(asked))) as stream:
            seen = 0
            async for _ in stream:
                seen += 1
                if seen == 5:
                    break
        await free_seats(client)
        dropped = await metrics(client)
        generated = dropped["tokens_predicted_total"] - before["tokens_predicted_total"]
        assert 1 <= generated < asked / 4
        # Work on the other seat takes engine steps; none of them may grow the dropped answer.
        _, usage = await answer(model, counting(8, "review"))
        after = await metrics(client)
        assert after["tokens_predicted_total"] - dropped["tokens_predicted_total"] <= usage.generated
        assert after["n_decode_total"] > dropped["n_decode_total"]


async def test_a_prompt_dropped_while_it_is_read_is_not_read_to_its_end(model: EmbeddedModel, engines: Engines) -> None:
    long_prompt = CompletionRequest("some words of a long prompt " * 150, max_tokens=64)
    async with client_of((await engines.connection()).record) as client:
        asking = asyncio.create_task(answer(model, long_prompt))
        await busy_seat(client)
        asking.cancel()
        await asyncio.wait([asking])
        assert asking.cancelled()
        await free_seats(client)
        counted = await metrics(client)
        assert counted["prompt_tokens_total"] < 700
        assert counted["tokens_predicted_total"] == 0


async def test_a_second_engine_for_the_same_model_is_refused(
    model: EmbeddedModel, engines: Engines, model_file: Path, where: Folders
) -> None:
    await model.served()
    record = (await engines.connection()).record
    second = await asyncio.to_thread(
        subprocess.run, engine_command(model_file, where), capture_output=True, text=True, timeout=DEADLINE_S
    )
    assert second.returncode == 0
    assert f"already running at {record.url} (process {record.pid})" in second.stderr
    assert [other.pid for other in records(where.runtime)] == [record.pid]


async def test_two_editors_that_start_at_once_end_with_one_engine(settings: Settings, where: Folders) -> None:
    first, second = await asyncio.gather(
        *(find_or_start(settings, lambda _: None, where=where, orphan_s=DEADLINE_S) for _ in range(2))
    )
    assert first == second
    assert runs(where.runtime, first.key)


async def test_after_a_kill_in_the_middle_of_an_answer_the_next_request_works(
    model: EmbeddedModel, engines: Engines
) -> None:
    killed = (await engines.connection()).record
    async with aclosing(model.complete(counting(800))) as stream:
        await anext(stream)
        os.kill(killed.pid, signal.SIGKILL)
        with pytest.raises((TruncatedStream, Unreachable)):
            await rest(stream)
    text, _ = await answer(model, counting(4))
    assert text.startswith("10")
    assert (await engines.connection()).record.pid != killed.pid


async def test_an_idle_engine_stops_and_comes_back_with_the_next_request(model_file: Path, where: Folders) -> None:
    settings = Settings.model_validate(
        {"engine": {"model": str(model_file), "context_tokens": 1024, "threads": 1, "idle_minutes": 0.05}}
    )
    engines = embedded_engines(settings, where=where)
    model = EmbeddedModel(engines)
    await answer(model, counting(2))
    first = (await engines.connection()).record
    await until(lambda: not runs(where.runtime, first.key))
    assert read_record(where.runtime, first.key) is None
    assert gone(socket_path(first))
    text, _ = await answer(model, counting(2))
    assert text.startswith("1")
    assert (await engines.connection()).record.pid != first.pid
    await engines.aclose()


async def test_an_engine_ends_when_its_last_client_is_gone(
    model: EmbeddedModel, engines: Engines, where: Folders
) -> None:
    await model.served()
    record = (await engines.connection()).record
    await engines.aclose()
    await until(lambda: not runs(where.runtime, record.key))
    assert read_record(where.runtime, record.key) is None
    with pytest.raises(Unreachable):
        await model.served()


async def test_stopping_an_engine_that_answers_leaves_nothing_behind(
    model: EmbeddedModel, engines: Engines, where: Folders
) -> None:
    record = (await engines.connection()).record
    async with aclosing(model.complete(counting(900))) as stream:
        await anext(stream)
        assert await asyncio.to_thread(stop_engine, where.runtime, record.key)
        with pytest.raises((TruncatedStream, Unreachable)):
            await rest(stream)
    assert not runs(where.runtime, record.key)
    assert gone(socket_path(record))


async def test_what_a_killed_engine_left_is_swept_away(model: EmbeddedModel, engines: Engines, where: Folders) -> None:
    await model.served()
    record = (await engines.connection()).record
    os.kill(record.pid, signal.SIGKILL)
    await until(lambda: not runs(where.runtime, record.key))
    assert read_record(where.runtime, record.key) is not None
    text, _ = await answer(model, counting(2))
    assert text.startswith("1")


async def test_a_file_that_is_no_model_is_explained_by_the_engine(tmp_path: Path, where: Folders) -> None:
    from codeassist.serving.errors import EngineError

    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\0" * 4096)
    engines = embedded_engines(Settings.model_validate({"engine": {"model": str(broken)}}), where=where)
    with pytest.raises(EngineError, match=r"cannot load .*broken\.gguf.*its log is"):
        await EmbeddedModel(engines).served()
    await engines.aclose()
