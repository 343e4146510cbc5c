"""Serving a plan with a fake vLLM: ready, refused, restarted, stopped, and nothing left."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from codeassist.serving.errors import EngineNotStarted
from codeassist.serving.vllm.plan import Address, Argument, NodeCommand, Plan
from codeassist.serving.vllm.running.record import key_for, running, serving_lock, write_serving
from codeassist.serving.vllm.running.restarts import Restarts
from codeassist.serving.vllm.running.supervise import Patience, ServeOptions, serve_plan
from codeassist.settings import Settings
from tests.unit.serving.vllm_run.conftest import Fake

DEADLOCK_S = 300.0
"""Nothing is measured with it: it ends a test that would wait for ever."""


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(DEADLOCK_S) if sys.version_info >= (3, 11) else _no_limit():
        while not true():  # noqa: ASYNC110  What is waited for happens in another process.
            await asyncio.sleep(0.02)


@asynccontextmanager
async def _no_limit() -> AsyncIterator[None]:
    yield


class Run:
    """`serve_plan` under way, and what it said."""

    def __init__(self, fake: Fake, plan: Plan, patience: Patience | None = None, **options: Any) -> None:
        self.said: list[str] = []
        self.progress: list[str] = []
        self.task = asyncio.create_task(
            serve_plan(
                plan,
                ServeOptions(**{"python": fake.python, **options}),
                settings=Settings(),
                say=self.said.append,
                progress=self.progress.append,
                where=fake.where,
                patience=patience or Patience(grace_s=5, poll_s=0.02),
            )
        )

    async def ready(self) -> None:
        await until(lambda: self.task.done() or any("is ready" in line for line in self.said))
        if self.task.done():
            await self.task

    async def stop(self) -> int:
        if self.task.done():  # Nobody listens to the signal any more; it would end the tests.
            return self.task.result()
        os.kill(os.getpid(), signal.SIGTERM)
        return await self.task


async def test_it_starts_says_the_line_for_editors_and_stops_without_a_trace(fake: Fake) -> None:
    run = Run(fake, fake.plan(child=True))
    await run.ready()
    url = f"unix://{fake.socket}"
    assert f"server.url = {json.dumps(url)}" in run.said
    key = key_for(url, fake.where)
    assert key == fake.note("environment")["VLLM_API_KEY"]
    (record,) = running(fake.where)
    assert (record.served_name, record.max_model_len, record.seats, record.vllm_version) == ("coder", 4096, 8, "0.32.0")
    assert fake.socket.stat().st_mode & 0o077 == 0
    assert len(fake.alive) == 2
    assert await run.stop() == 0
    assert fake.alive == set()
    assert key_for(url, fake.where) is None
    assert running(fake.where) == ()
    assert not fake.socket.exists()
    assert key not in " ".join([*run.said, *run.progress, fake.log(), *fake.note("arguments")])
    assert "the key is ***" in fake.log()


async def test_it_says_what_vllm_does_while_it_starts(fake: Fake) -> None:
    bar = "Loading safetensors checkpoint shards:  38% Completed | 3/8 [00:02<00:03,  1.61it/s]"
    run = Run(fake, fake.plan(log=[bar], silent=True), Patience(poll_s=0.01, speak_every_s=0.0))
    await until(lambda: any("loading weights, 3/8 shards" in line for line in run.progress))
    assert await run.stop() == 0


async def test_a_process_that_ignores_the_signal_is_killed(fake: Fake) -> None:
    run = Run(fake, fake.plan(stubborn=True, child=True), Patience(grace_s=0.1, poll_s=0.02))
    await run.ready()
    assert await run.stop() == 0
    assert fake.alive == set()


async def test_cancelling_ends_it_too(fake: Fake) -> None:
    run = Run(fake, fake.plan(child=True))
    await run.ready()
    run.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run.task
    assert fake.alive == set()


async def test_a_server_that_dies_is_started_again_with_the_same_key(fake: Fake) -> None:
    slept: list[float] = []
    die = fake.folder / "die"
    run = Run(fake, fake.plan(die_when=str(die)), _quick(slept))
    for start in (1, 2, 3):
        await until(lambda start=start: run.task.done() or sum("is ready" in line for line in run.said) == start)
        key = key_for(f"unix://{fake.socket}", fake.where)
        assert key == fake.note("environment")["VLLM_API_KEY"]
        if start < 3:
            die.touch()
    assert [wait for wait in slept if wait >= 1] == [1, 2]
    assert await run.stop() == 0


async def test_a_server_that_dies_again_and_again_is_given_up_with_the_reason(fake: Fake) -> None:
    slept: list[float] = []
    die = fake.folder / "die"
    log = ["torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."]
    plan = fake.plan(die_when=str(die), log=log)
    run = Run(fake, plan, _quick(slept, most_quick=3))
    while not run.task.done():
        if not die.exists() and fake.alive and running(fake.where):
            die.touch()
        await asyncio.sleep(0.01)
    with pytest.raises(EngineNotStarted, match=r"ended 4 times .* The GPU's memory is too small.* log is .*\.log$"):
        await run.task
    assert fake.starts == 4


async def test_what_was_never_ready_is_told_at_once_and_not_tried_again(fake: Fake) -> None:
    run = Run(fake, fake.plan(log=["api_server.py: error: unrecognized arguments: --nonsense"], exit=2))
    with pytest.raises(EngineNotStarted, match=r"^This vLLM does not know --nonsense"):
        await run.task
    assert fake.starts == 1


async def test_a_node_that_comes_late_is_waited_for(fake: Fake) -> None:
    slept: list[float] = []
    late = ["torch.distributed.DistStoreError: Timed out after 601 seconds waiting for clients. 1/2 clients joined."]
    run = Run(fake, fake.plan(log=late, exit=1, exit_starts=2), _quick(slept))
    await run.ready()
    assert fake.starts == 3
    assert "1 of 2 processes joined" in " ".join(run.said)
    assert await run.stop() == 0


async def test_a_server_that_says_nothing_for_long_counts_as_hung(fake: Fake) -> None:
    run = Run(fake, fake.plan(silent=True, log=["Warming up model for the compilation..."]), Patience(silence_s=0.0))
    with pytest.raises(EngineNotStarted, match=r"^vLLM hangs: .*see .*\.log$"):
        await run.task
    assert fake.alive == set()


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        ({"open": True}, "wants no key"),
        ({"names": ["other"]}, "serves other, not coder"),
        ({"exit": 0}, "ended with status 0 and its log does not say why"),
        ({"kill": 9}, "killed from outside"),
        ({"kill": 11}, "ended by SIGSEGV"),
    ],
)
async def test_a_start_that_cannot_be_right_ends_in_one_sentence(
    fake: Fake, behaviour: dict[str, Any], sentence: str
) -> None:
    run = Run(fake, fake.plan(**behaviour))
    with pytest.raises(EngineNotStarted, match=sentence):
        await run.task
    assert running(fake.where) == ()


async def test_tcp_is_for_loopback_and_a_second_one_at_the_address_is_refused(fake: Fake) -> None:
    address = Address(port=_free_port())
    run = Run(fake, fake.plan(address=address))
    await run.ready()
    assert f'server.url = "http://127.0.0.1:{address.port}/v1"' in run.said
    assert key_for(f"http://127.0.0.1:{address.port}", fake.where) is not None
    for other in ("https://127.0.0.1:{}/v1", "http://localhost:{}/v1", "http://127.0.0.1:{}/v2", "http://evil:{}/v1"):
        assert key_for(other.format(address.port), fake.where) is None
    with pytest.raises(EngineNotStarted, match=rf"^coder is served at .* already by process {os.getpid()}; stop that"):
        await Run(fake, fake.plan(address=address)).task
    everywhere = Address(host="0.0.0.0", port=address.port)
    with pytest.raises(EngineNotStarted, match="already by process"):
        await Run(fake, fake.plan(address=everywhere)).task
    assert await run.stop() == 0


async def test_an_open_address_tells_what_other_machines_need(fake: Fake) -> None:
    address = Address(host="0.0.0.0", port=_free_port())
    run = Run(fake, fake.plan(address=address))
    await run.ready()
    said = "\n".join(run.said)
    assert f'server.url = "http://127.0.0.1:{address.port}/v1"' in said
    assert f'server.url = "http://{socket.gethostname()}:{address.port}/v1"' in said
    assert "CODEASSIST_API_KEY the key from" in said
    assert "not encrypted" in said
    assert await run.stop() == 0


async def test_a_taken_port_is_refused_before_anything_starts(fake: Fake) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(EngineNotStarted, match=rf"^Port {port} on 127\.0\.0\.1 is taken"):
            await Run(fake, fake.plan(address=Address(port=port))).task
    assert fake.starts == 0


async def test_a_taken_socket_is_refused_and_a_stale_one_removed(fake: Fake) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(fake.socket))
        other.listen()
        with pytest.raises(EngineNotStarted, match="Another process listens at"):
            await Run(fake, fake.plan()).task
    assert fake.socket.exists()
    run = Run(fake, fake.plan())
    await run.ready()
    assert await run.stop() == 0
    fake.socket.write_text("mine")
    with pytest.raises(EngineNotStarted, match="exists and is no socket"):
        await Run(fake, fake.plan()).task
    assert fake.socket.read_text() == "mine"


async def test_what_a_killed_server_left_is_swept(fake: Fake) -> None:
    run = Run(fake, fake.plan())
    await run.ready()
    (record,) = running(fake.where)
    assert await run.stop() == 0
    write_serving(fake.where, record)
    assert running(fake.where) == ()
    assert key_for(record.url, fake.where) is None
    with serving_lock(fake.where, record.url):
        assert running(fake.where) == (record,)
    again = Run(fake, fake.plan(silent=True))
    await until(lambda: fake.starts == 2)
    assert running(fake.where) == (), "a starting server must not be sent keys"
    assert await again.stop() == 0


async def test_places_that_cannot_be_written_are_said_with_the_next_step(fake: Fake) -> None:
    fake.where.logs.write_text("a file where the folder should be")
    with pytest.raises(EngineNotStarted, match=r"^The log .* cannot be written \(.*\); see that .* XDG_STATE_HOME"):
        await Run(fake, fake.plan()).task
    for lock in (fake.where.runtime / "serve").glob("*.lock"):
        lock.unlink()
        lock.mkdir()
    with pytest.raises(EngineNotStarted, match=r"^Nothing can be written to .* \(.*\); see that .* XDG_RUNTIME_DIR"):
        await Run(fake, fake.plan()).task
    assert fake.starts == 0


async def test_a_new_key_replaces_the_old_one(fake: Fake) -> None:
    keys = []
    for new in (False, False, True):
        run = Run(fake, fake.plan(), new_key=new)
        await run.ready()
        keys.append(key_for(f"unix://{fake.socket}", fake.where))
        await run.stop()
    assert keys[0] == keys[1] != keys[2]


async def test_code_of_the_model_needs_the_users_word(fake: Fake) -> None:
    plan = replace(fake.plan(), trust_remote_code=True)
    with pytest.raises(EngineNotStarted, match="start again with --trust-remote-code"):
        await Run(fake, plan).task
    for flag in ("trust-remote-code", "trust_remote_code", "trust-rem"):
        with pytest.raises(EngineNotStarted, match="start again with --trust-remote-code") as told:
            await Run(fake, fake.plan(Argument(flag, None, "sneaked in"))).task
        assert "coder runs" not in str(told.value), "nothing says that this model has code"
    run = Run(fake, plan, trust_remote_code=True)
    await run.ready()
    assert fake.note("arguments").count("--trust-remote-code") == 1
    assert await run.stop() == 0


@pytest.mark.parametrize(
    "flag", ["api-key", "api_key=x", "enable-log-requests", "enable-log-req", "enable_log_outputs", "config"]
)
async def test_flags_that_spill_are_refused(fake: Fake, flag: str) -> None:
    with pytest.raises(EngineNotStarted, match=f"does not start vLLM with --{flag}"):
        await Run(fake, fake.plan(Argument(flag, "x", "wrong"))).task


async def test_the_environment_is_the_plans_without_what_spills(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_SERVER_DEV_MODE", "1")
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "DEBUG")
    monkeypatch.setenv("VLLM_API_KEY", "of the user")
    run = Run(fake, fake.plan())
    await run.ready()
    found = fake.note("environment")
    assert "VLLM_SERVER_DEV_MODE" not in found
    assert found["VLLM_LOGGING_LEVEL"] == "INFO"
    assert found["VLLM_NO_USAGE_STATS"] == "1"
    assert found["VLLM_API_KEY"] != "of the user"
    assert (fake.folder / "umask").read_text() == "0o77"
    assert await run.stop() == 0


async def test_another_node_has_no_key_and_no_record(fake: Fake) -> None:
    first = fake.plan(silent=True)
    other = NodeCommand(1, "org/coder", (Argument("headless", None, "no API"),), first.nodes[0].environment)
    run = Run(fake, replace(first, nodes=(*first.nodes, other)), node_rank=1)
    await until(lambda: (fake.folder / "umask").exists() and run.said[1:])
    assert "VLLM_API_KEY" not in fake.note("environment")
    assert running(fake.where) == ()
    assert "node 0" in run.said[-1]
    assert await run.stop() == 0
    assert fake.starts == 1
    with pytest.raises(EngineNotStarted, match="there is no node 1"):
        await Run(fake, first, node_rank=1).task


async def test_nothing_is_left_when_we_are_killed(fake: Fake) -> None:
    plan = fake.plan(child=True, stubborn=True)
    code = f"""
import asyncio
from pathlib import Path, PosixPath
from codeassist.serving.folders import Folders
from codeassist.serving.vllm.plan import Address, Argument, NodeCommand, Plan
from codeassist.serving.vllm.running.supervise import Patience, ServeOptions, serve_plan
from codeassist.settings import Settings
asyncio.run(serve_plan({plan!r}, ServeOptions(python=Path({str(fake.python)!r})), settings=Settings(),
    say=lambda line: print(line, flush=True), where={fake.where!r}, patience=Patience(grace_s=0.1)))
"""
    ours = subprocess.Popen(  # noqa: ASYNC220  Waiting for it is the test.
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    )
    assert ours.stdout is not None
    with ours.stdout as lines:
        assert any("is ready" in line for line in lines)
        (record,) = running(fake.where)
        assert record.pid == ours.pid
        assert len(fake.alive) == 2
        ours.kill()
        ours.wait()
    await until(lambda: not fake.alive)
    # The record is still there, and worth nothing.
    assert running(fake.where) == ()
    assert key_for(record.url, fake.where) is None


def _quick(slept: list[float], most_quick: int = 8) -> Patience:
    """Waits are noted, not waited."""

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0.01)

    return Patience(grace_s=5, poll_s=0.02, sleep=sleep, restarts=Restarts(most_quick=most_quick))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
