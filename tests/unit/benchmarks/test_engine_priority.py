"""The benchmark of priorities: its arithmetic, and what it asks of the fake server."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.fake_vllm import Behaviour, FakeVllm, Nature

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks" / "engine"
SCRIPTS = ("options", "priority", "timing", "workload")
NAME = "qwen3-coder-30b-a3b"
SIZES = ("--seats", "4", "--chunk-tokens", "400", "--prompt-tokens", "300", "--review-tokens", "300")
LONG_REVIEW = json.dumps({"findings": ["word " * 200]})


@pytest.fixture
def priority(script: dict[str, ModuleType]) -> ModuleType:
    return script["priority"]


def answers(body: dict[str, Any]) -> str:
    return LONG_REVIEW if "messages" in body else "total)\n"


def engine() -> FakeVllm:
    """Four seats, and a queue before them that is ordered."""
    fake = FakeVllm(answers, models=(NAME,), nature=Nature(seats=4))
    fake.behaviour = Behaviour(token_delay_s=0.005)
    return fake


def test_the_promise_is_twice_idle_and_one_chunk(priority: ModuleType) -> None:
    table = priority.Table(idle_ms=[90.0, 100.0, 150.0], chunk_ms=[300.0, 250.0, 400.0])
    assert table.promised_ms == 500.0
    assert table.kept() is None
    table.ways["ours"] = [priority.Sample(400.0, 2, 0), priority.Sample(500.0, 3, 1), priority.Sample(900.0, 4, 0)]
    assert table.kept() is True
    table.ways["all at once"] = [priority.Sample(2_800.0, 8, 4)]
    assert table.kept() is True
    table.ways["no priority"] = [priority.Sample(450.0, 8, 5)]
    assert table.kept() is False, "the others must be slower, or nothing was shown"
    table.ways["no priority"] = []
    table.ways["ours"] = [priority.Sample(501.0, 2, 0)]
    assert table.kept() is False


def test_the_report(priority: ModuleType) -> None:
    assert [*priority.Table().lines()] == ["Nothing was measured."]
    table = priority.Table(idle_ms=[100.0], chunk_ms=[300.0])
    assert [*table.lines()][-1] == "Our way was not measured."
    table.ways["ours"] = [priority.Sample(400.0, 2, 0)]
    table.ways["all at once"] = [priority.Sample(2_800.0, 8, 4)]
    head, idle, chunk, promised, ours, at_once, _, verdict = table.lines()
    assert head.split()[-1] == "reviews"
    assert (idle.split(), chunk.split()) == (["idle", "100", "100"], ["one", "chunk", "300", "300"])
    assert promised.split()[-3:] == ["500", "5.0", "1.00"]
    assert ours.split() == ["ours", "400", "400", "4.0", "0.80", "2", "begun", "0", "waiting"]
    assert at_once.split()[3:7] == ["2800", "2800", "28.0", "5.60"]
    assert verdict == "kept"


async def test_each_way_asks_as_it_says(priority: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    async with engine() as server:
        code = await asyncio.to_thread(
            priority.main, ["--url", server.base_url, *SIZES, "--reviews", "6", "--runs", "1"]
        )
        reviews = [one.body for one in server.received if one.path == "/v1/chat/completions"]
    out, err = capsys.readouterr()
    assert code in {0, 1}, "which of the two is a matter of time"
    assert out.startswith("6 reviews of 1 editor, 4 seats, 1 runs\n")
    rows = [line.split("  ")[0] for line in out.splitlines()]
    assert {"idle", "one chunk", "promised: 2 idle + 1", "ours", "all at once", "no priority"} <= set(rows)
    assert [line.strip() for line in err.splitlines()] == [f"run 1 of 1: {way}" for way in priority.WAYS]
    assert {body["priority"] for body in reviews} == {0, 10}
    assert len([body for body in reviews if body["priority"] == 0]) == 6, "those of no priority"
    assert all("response_format" in body for body in reviews)


async def test_what_cannot_be_measured_is_one_sentence(
    priority: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    async with FakeVllm(models=("nobody-knows",)) as server:
        assert await asyncio.to_thread(priority.main, ["--url", server.base_url, *SIZES]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "priority.py: Nothing says how the model 'nobody-knows' is prompted; give --family.\n"
    with pytest.raises(SystemExit) as ended:
        priority.main(["--url", "http://127.0.0.1:9/v1", *SIZES, "--runs", "0"])
    assert ended.value.code == 2
    assert "argument --runs: '0' is no whole number of at least 1" in capsys.readouterr().err


async def test_ctrl_c_prints_what_there_is() -> None:
    async with engine() as server:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            str(FOLDER / "priority.py"),
            *("--url", server.base_url, *SIZES, "--reviews", "6", "--runs", "50", "--ways", "ours"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # Whoever runs the tests in the background has it ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        assert child.stderr is not None
        while b"run 3 of 50" not in (line := await asyncio.wait_for(child.stderr.readline(), 60)):
            assert line, "it ended before"
        child.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode == 130
    assert err.decode().strip().endswith("priority.py: Broken off by Ctrl-C: not all runs were made.")
    assert b"Traceback" not in err
    assert b"6 reviews of 1 editor, 4 seats, 3 runs" in out
    assert b"\nours " in out
