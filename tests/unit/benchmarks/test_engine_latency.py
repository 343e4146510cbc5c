"""The benchmark of engines, against the fake server: what it asks, how often, and what it makes of the answers."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from codeassist.flow import words
from codeassist.prompt.families import family_for_model
from codeassist.serving.catalogue import entry
from tests.fake_vllm import FakeVllm, Received
from tests.fake_vllm_answers import prompt_of, tokens_of

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks" / "engine"
SCRIPTS = ("dummy", "latency", "options", "report", "timing", "workload")
NAME = "qwen3-coder-30b-a3b"
LONG_REVIEW = json.dumps({"findings": ["word " * 200]})
HELD_AFTER = 40
"""Tokens; completions of the fake are shorter, all reviews longer."""


def answers(body: dict[str, Any]) -> str:
    """Lines as a model writes them: others at other cursors. A request for a review gets a long answer."""
    return LONG_REVIEW if "messages" in body else f"total_{len(str(body['prompt']))})\n    return 1"


async def ran(script: dict[str, ModuleType], server: FakeVllm, *more: str) -> int:
    """The exit code. The script has an event loop of its own, in a thread."""
    code: int = await asyncio.to_thread(script["latency"].main, ["--url", server.base_url, *more])
    return code


def measured(server: FakeVllm) -> list[Received]:
    """The completions that a nonce begins, fitted and timed ones; not those of the probe."""
    asked = [one for one in server.received if one.path == "/v1/completions"]
    return [one for one in asked if str(one.body["prompt"]).startswith("<|fim_prefix|># ")]


def reviews(server: FakeVllm) -> list[Received]:
    return [one for one in server.received if one.path == "/v1/chat/completions"]


async def test_every_case_is_asked_as_often_as_wanted(
    script: dict[str, ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with FakeVllm(answers, models=(NAME,), max_model_len=4096) as server:
        server.behaviour.trouble, server.behaviour.trouble_after = "hold", HELD_AFTER
        running: list[tuple[int, int]] = []

        def watched(body: dict[str, Any]) -> str:
            if str(body.get("prompt", "")).startswith("<|fim_prefix|># ") and body["max_tokens"] == 64:
                running.append((len(reviews(server)), server.counts.held))
            return answers(body)

        server.answer = watched
        file = tmp_path / "latency.json"
        assert (
            await ran(script, server, "--prompts", "300,1k", "--beside", "1,3", "--repeat", "2", "--json", str(file))
            == 0
        )
        asked = [one.body for one in measured(server) if one.body["max_tokens"] == 64]
        warm_ups = 2 * script["latency"].WARM_UPS
        assert len(asked) == warm_ups + 2 * 3 * 2 * 3  # Lengths, loads, rounds, caches.
        assert all(body["priority"] == 0 for body in asked)
        # Each held review is one of its load and round: the second round turns the order of the loads.
        assert len(reviews(server)) == 2 * (1 + 3)
        assert {held for _, held in running} >= {0, 1, 3}
    document = json.loads(file.read_text(encoding="utf-8"))
    assert document["server"]["model"] == NAME
    assert document["server"]["version"] == "0.33.0"
    assert document["server"]["abilities"]["engine"] == "vllm"
    assert document["server"]["max_model_len"] == 4096
    assert document["arguments"]["repeat"] == 2
    assert document["line"] == {"ends_with": "newline", "tokens": None}
    assert document["reviews"]["beside"]["3"]["begun"] == 6
    table = {(row["prompt"], row["beside"], row["cache"]): row for row in document["rows"]}
    assert set(table) == {
        (prompt, beside, cache)
        for prompt in ("300", "1k")
        for beside in (0, 1, 3)
        for cache in ("cold", "again", "keystroke")
    }
    for (prompt, _, cache), row in table.items():
        assert row["runs"] == 2
        wanted = 1024 if prompt == "1k" else 300
        assert 0.9 * wanted <= row["prompt_tokens"] <= wanted + 8
        if cache == "cold":
            assert row["cached_tokens"] == 0
        elif cache == "again":
            assert row["prompt_tokens"] - 17 <= row["cached_tokens"] < row["prompt_tokens"]
        else:
            # All before the cursor is cached, the code after it is not.
            assert 0.5 * row["prompt_tokens"] < row["cached_tokens"] < row["prompt_tokens"] - 17
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert [line for line in lines if line.split()[-7:-6] == ["2"]] == lines[4:22]
    assert "first newline after text" in printed.out
    assert "round 2 of 2" in printed.err
    assert len(document["ratios"]) == 2 * (3 * 2 + 2 * 3)
    assert len(document["samples"]) == 36


async def test_cold_again_and_a_keystroke_later(script: dict[str, ModuleType]) -> None:
    async with FakeVllm(answers, models=(NAME,)) as server:
        assert await ran(script, server, "--prompts", "300", "--beside", "0", "--repeat", "3") == 0
        prompts = [str(one.body["prompt"]) for one in measured(server) if one.body["max_tokens"] == 64]
    timed = prompts[script["latency"].WARM_UPS :]
    colds = timed[0::3]
    assert len({prompt[:30] for prompt in colds}) == 3
    for cold, again, later in zip(colds, timed[1::3], timed[2::3], strict=True):
        assert again == cold
        before, after = cold.split("<|fim_suffix|>")
        typed, same = later.split("<|fim_suffix|>")
        assert same == after
        assert typed.startswith(before)
        assert len(typed) == len(before) + script["workload"].TYPED_CHARACTERS
        assert after.startswith("\n")


async def test_reviews_are_those_of_the_product(script: dict[str, ModuleType]) -> None:
    async with FakeVllm(answers, models=(NAME,), max_model_len=4096) as server:
        assert await ran(script, server, "--prompts", "300", "--beside", "1", "--repeat", "1") == 0
        with_schema = reviews(server)
        server.forget()
        assert await ran(script, server, "--prompts", "300", "--beside", "1", "--repeat", "1", "--no-schema") == 0
        without = reviews(server)
    assert with_schema
    assert script["workload"].REVIEW_TOKENS == words._ANSWER_TOKENS
    assert 64 <= with_schema[0].body["max_tokens"] <= 640
    assert all(one.body["max_tokens"] == 640 for one in with_schema[1:])
    for one in with_schema:
        assert one.body["priority"] == 10
        assert one.body["response_format"]["json_schema"]["schema"] == words.FINDINGS_SCHEMA
        assert [message["role"] for message in one.body["messages"]] == ["system", "user"]
    assert without
    assert not any("response_format" in one.body for one in without)
    assert len({json.dumps(one.body["messages"]) for one in with_schema}) == len(with_schema)


def test_reviews_fit_the_context_of_the_server_in_dense_code_too(script: dict[str, ModuleType]) -> None:
    sparse = "    total = price * count\n" * 40
    dense = "    one = two if three in four else five(six) + eight[nine] - ten * (eleven or twelve and a.b.c(d))\n" * 40
    source = script["workload"].Source((sparse + dense) * 10, "bench.py", "python", "#")
    family = family_for_model(NAME)
    assert family is not None
    asked: dict[int | None, list[int]] = {}
    for context_tokens in (None, 4096):
        workload = script["workload"].Workload(SimpleNamespace(family=family), source, context_tokens)
        requests = itertools.islice(workload.reviews(workload.review_limits()), 200)
        bodies = [{"messages": [{"role": m.role, "content": m.content} for m in one.messages]} for one in requests]
        asked[context_tokens] = [len(tokens_of(prompt_of(body))) + 640 for body in bodies]
    assert max(asked[None]) > 4096
    assert max(asked[4096]) <= 4096


@pytest.mark.parametrize("noise", ["noise " * 300, "protocols \n \n" * 100])
async def test_a_model_that_writes_no_lines(
    script: dict[str, ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str], noise: str
) -> None:
    file = tmp_path / "latency.json"
    async with FakeVllm(noise, models=(NAME,)) as server:
        chosen = ("--prompts", "300", "--beside", "0", "--repeat", "2", "--json", str(file))
        assert await ran(script, server, *chosen) == 0
        asked = [one.body["max_tokens"] for one in measured(server)]
    assert asked == [64] * script["latency"].WARM_UPS + [16] * 6
    document = json.loads(file.read_text(encoding="utf-8"))
    assert document["line"] == {"ends_with": "tokens", "tokens": 16}
    assert all(row["unfinished"] == 0 for row in document["rows"])
    out = capsys.readouterr().out
    assert "16 tokens, ms" in out
    assert "the model writes no lines, or the same ones" in out


async def test_what_does_not_fit_is_left_out(script: dict[str, ModuleType], capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeVllm(answers, models=(NAME,), max_model_len=1000) as server:
        assert await ran(script, server, "--prompts", "300,1k", "--repeat", "1") == 0
    out = capsys.readouterr().out
    assert "Prompts of 1k are left out: the server takes 1000 tokens, answer included" in out
    assert "Nothing was measured beside reviews: the server's context is too small" in out
    assert "   300" in out


@pytest.mark.parametrize(
    ("server", "more", "sentence"),
    [
        ({"max_model_len": 200}, (), "No prompt fits the server's context; give shorter --prompts."),
        ({}, ("--model", "other"), "does not serve 'other'; the models that it lists: fake-model."),
        ({"api_key": "sesame"}, (), "asks for a key and there is none; put it into the environment variable BENCH_KEY"),
        ({}, ("--files", "/no/such/file.py"), "/no/such/file.py cannot be read: No such file or directory."),
        ({}, ("--files", "a.py", "b.go"), "The files must be of one language"),
    ],
)
async def test_what_is_wrong_is_said_in_a_sentence(
    script: dict[str, ModuleType],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    server: dict[str, Any],
    more: tuple[str, ...],
    sentence: str,
) -> None:
    monkeypatch.delenv("BENCH_KEY", raising=False)
    async with FakeVllm(answers, **server) as fake:
        assert await ran(script, fake, "--family", "qwen-coder", "--key-env", "BENCH_KEY", *more) == 1
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert printed.out == ""


async def test_an_unreachable_server_and_a_wrong_key(
    script: dict[str, ModuleType], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_KEY", "rhubarb")
    async with FakeVllm(answers, api_key="sesame") as server:
        assert await ran(script, server, "--key-env", "BENCH_KEY") == 1
    assert "refuses the key" in capsys.readouterr().err
    assert await ran(script, server) == 1
    said = capsys.readouterr().err
    assert "is not there (Connection refused); start it or correct --url." in said
    assert "rhubarb" not in said


async def test_a_server_that_cannot_chat_is_measured_alone(
    script: dict[str, ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    async with FakeVllm(answers, models=(NAME,), max_model_len=4096) as server:
        server.behaviour.trouble_after = 0

        def no_chat(body: dict[str, Any]) -> str:
            server.behaviour.trouble = "error-event" if "messages" in body else ""
            return answers(body)

        server.answer = no_chat
        code = await ran(script, server, "--prompts", "300", "--beside", "2", "--repeat", "1")
    out = capsys.readouterr().out
    assert code == 0
    assert "Nothing more was measured beside 2 reviews: The model server at http://127.0.0.1:" in out
    assert "failed while it was answering" in out
    assert "alone" in out


async def test_ctrl_c_prints_what_there_is() -> None:
    async with FakeVllm(answers, models=(NAME,)) as server:
        command = [str(FOLDER / "latency.py"), "--url", server.base_url, "--prompts", "300", "--beside", "0"]
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            "--repeat",
            "100000",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # Whoever runs the tests in the background has it ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        await server.until(lambda counts: counts.finished > 30, deadline_s=60)
        child.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode == 130
    assert b"Broken off by Ctrl-C" in out
    assert b"keystroke" in out
    assert b"Traceback" not in err


def test_the_dummy_has_the_size_of_the_real_one(script: dict[str, ModuleType]) -> None:
    dummy = script["dummy"]
    model = entry(NAME)
    config = dummy.config(model, "fp8")
    assert config["architectures"] == [model.architecture.name]
    assert abs(dummy.parameters(config, 128) - model.total_parameters) < 0.01 * model.total_parameters
    assert config["quantization_config"]["weight_block_size"] == [128, 128]
    assert "quantization_config" not in dummy.config(model, "bf16")
    other = model.model_copy(update={"total_parameters": 29_000_000_000})
    with pytest.raises(ValueError, match="one is wrong"):
        dummy.config(other, "fp8")
    assert dummy.command(Path("/tmp/a b")).endswith("--weights '/tmp/a b' -- --load-format dummy")


def test_figures(script: dict[str, ModuleType]) -> None:
    report, timing = script["report"], script["timing"]
    assert report.spread([7.0]) == report.Spread(7.0, 7.0, 7.0)
    assert report.spread([float(n) for n in range(11)]) == report.Spread(5.0, 1.0, 9.0)

    def sample(first_ms: float) -> Any:
        return timing.Sample(first_ms, 2 * first_ms, 1000, 0, 8, finished=True, stopped=True, answer="x")

    samples = {
        report.Cell(1024, 0, "cold"): [sample(100.0)],
        report.Cell(1024, 0, "again"): [sample(20.0)],
        report.Cell(1024, 4, "cold"): [sample(150.0)],
        report.Cell(1024, 4, "again"): [],
    }
    compared = {(one.what, one.than): one.first_token for one in report.ratios(report.rows(samples))}
    assert compared == {("again, alone", "cold, alone"): 0.2, ("cold, beside 4", "cold, alone"): 1.5}
