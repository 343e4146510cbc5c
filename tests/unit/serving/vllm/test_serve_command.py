"""`codeassist serve` as it is typed: what it prints, and how it ends."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from codeassist.cli.serve import FORMATS, QUANTISATIONS, serve
from codeassist.serving.errors import EngineNotStarted
from codeassist.serving.vllm.plan import Plan
from codeassist.serving.vllm.running import supervise
from codeassist.serving.vllm.running.supervise import ServeOptions
from codeassist.serving.vllm.written import render

MODEL = "qwen3-coder-30b-a3b"
H100 = (MODEL, "--print", "--hardware", "h100")


@pytest.fixture(autouse=True)
def _own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PATH", str(tmp_path))  # No nvidia-smi and no vllm, whatever this machine has.
    with tempfile.TemporaryDirectory(prefix="run") as short:  # The name of a socket must not be long.
        monkeypatch.setenv("XDG_RUNTIME_DIR", short)
        yield


def typed(*words: str) -> Result:
    return CliRunner().invoke(serve, words)


def test_print_needs_neither_gpu_nor_vllm() -> None:
    done = typed(MODEL, "--print", "--hardware", "h100")
    assert done.exit_code == 0, done.output
    assert "vllm serve Qwen/Qwen3-Coder-30B-A3B-Instruct-FP8 \\\n" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("form", FORMATS)
def test_every_form(form: str) -> None:
    done = typed(MODEL, "--print", "--hardware", "h100", "--format", form)
    assert done.exit_code == 0, done.output
    assert MODEL in done.stdout
    if form == "json":
        assert json.loads(done.stdout)["entry_name"] == MODEL


def test_choices_are_those_of_the_code_behind() -> None:
    from typing import get_args

    from codeassist.serving.catalogue.schema import Quantisation

    assert FORMATS == render.FORMATS
    assert set(QUANTISATIONS) <= set(get_args(Quantisation))


def test_options_reach_the_command() -> None:
    done = typed(
        MODEL, "--print", "--hardware", "h200x8", "--port", "9001", "--developers", "40", "--quantisation", "bf16",
        "--max-model-len", "20000", "--lever", "queued-tokens=99999", "--without", "docs-pages", "--", "--seed", "7",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    for words in (
        "--host 127.0.0.1", "--port 9001", "--max-num-seqs 50", "--max-model-len 20000",
        "--max-num-queued-tokens 99999",
        "--seed 7", "vllm serve Qwen/Qwen3-Coder-30B-A3B-Instruct ",
    ):  # fmt: skip
        assert words in done.stdout
    assert "fastapi" not in done.stdout


def test_two_nodes() -> None:
    done = typed("kimi-k2", "--nodes", "2", "--print", "--hardware", "h200x8", "--master", "10.0.0.1")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("vllm serve moonshotai/Kimi-K2-Instruct") == 2
    assert done.stdout.count("--master-addr 10.0.0.1 \\") == 2


def test_list() -> None:
    done = typed("--hardware", "h100")
    assert done.exit_code == 0, done.output
    assert MODEL in done.stdout
    assert f"codeassist serve {MODEL}" in done.stderr
    here = typed()
    assert here.exit_code == 0, here.output
    assert "no nvidia-smi" in here.stderr


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("no-such-model", "--print", "--hardware", "h100"), 2, "There is no model 'no-such-model'"),
        ((MODEL, "--print", "--hardware", "abacus"), 2, "There is no hardware profile 'abacus'"),
        ((MODEL, "--hardware", "h100"), 2, "add --print"),
        (("--", "--seed", "7"), 2, "follow a MODEL"),
        ((MODEL, "--weights", "/no/such/folder"), 2, "'/no/such/folder' is no folder"),
        ((MODEL, "--print", "--weights", "/no/such/folder"), 2, "'/no/such/folder' is no folder"),
        ((MODEL, "--print", "--python", "/no/such/python"), 2, "'/no/such/python' is no file; name an interpreter"),
        ((MODEL, "--print", "--hardware", ""), 2, "There is no hardware profile ''"),
        (("--hardware", ""), 2, "There is no hardware profile ''"),
        ((*H100, "--host", "foo bar;rm"), 2, "--host 'foo bar;rm' is no address or name of a machine"),
        ((*H100, "--host", ""), 2, "--host '' is no address"),
        ((*H100, "--host", "300.1.1.1"), 2, "--host '300.1.1.1' is no address"),
        ((*H100, "--nodes", "2", "--master", "a b"), 2, "--master 'a b' is no address"),
        ((*H100, "--lever", "gpu-memory=5"), 2, "The lever gpu-memory takes a number above 0.05, 1 at most, and '5'"),
        ((*H100, "--lever", "dtype=float99"), 2, "The lever dtype takes auto, "),
        ((*H100, "--", "--config=/x"), 2, "--config is not for the arguments after --"),
        ((*H100, "--", "--api-ke=x"), 2, "VLLM_API_KEY"),
        ((*H100, "--", "--enable_log_req"), 2, "belong in no log"),
        ((MODEL, "--format", "json"), 2, "add --print"),
        ((MODEL, "--nodes", "2"), 2, "--node-rank"),
        ((MODEL, "--nodes", "2", "--node-rank", "1"), 2, "--master"),
        ((MODEL, "--nodes", "2", "--node-rank", "2", "--master", "a"), 2, "needs --nodes 3"),
        ((MODEL, "--print", "--hardware", "h100", "--lever", "seats"), 2, "NAME=VALUE"),
        ((MODEL, "--print", "--hardware", "h100", "--lever", "a=1"), 2, "There is no lever 'a'"),
        ((MODEL, "--print", "--hardware", "h100", "--port", "1", "--socket", "/a"), 2, "exclude each other"),
        ((MODEL, "--print", "--quantisation", "int3"), 2, "int3"),
        ((MODEL, "--print", "--port", "0"), 2, "65535"),
        ((MODEL, "--print", "--hardware", "h100", "--", "--api-key", "k"), 2, "VLLM_API_KEY"),
        ((MODEL, "--print", "--hardware", "rtx-4090", "--quantisation", "fp8"), 4, "29.1 GiB for its FP8 weights"),
        (("kimi-k2", "--print", "--hardware", "rtx-4090"), 4, "there is one RTX 4090 with 24 GiB"),
        (("kimi-k2", "--print", "--nodes", "2", "--hardware", "h200x8", "--format", "helm"), 4, "take --format shell"),
        ((MODEL,), 4, "no nvidia-smi"),
    ],
)
def test_ways_to_be_wrong(words: tuple[str, ...], status: int, said: str) -> None:
    done = typed(*words)
    assert (done.exit_code, done.stdout) == (status, ""), done.output
    assert said in done.stderr


class _Supervisor:
    """Stands for the code that runs vLLM; it has tests of its own."""

    def __init__(self, outcome: int | Exception) -> None:
        self.outcome = outcome
        self.calls: list[tuple[Plan, ServeOptions]] = []

    async def __call__(self, plan: Plan, options: ServeOptions, **others: Any) -> int:
        self.calls.append((plan, options))
        others["say"]("It starts.")
        for seconds in range(3):
            others["progress"](f"It still starts ({seconds} s).")
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def test_running(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran = _Supervisor(0)
    monkeypatch.setattr(supervise, "serve_plan", ran)
    name = "qwen2.5-coder-0.5b"
    python = tmp_path / "python"
    python.touch()
    words = [name, "--trust-remote-code", "--python", str(python), "--weights", str(tmp_path)]
    monkeypatch.setattr("codeassist.serving.vllm.hardware.detect", _with_gpu)
    done = typed(*words)
    assert done.exit_code == 0, done.output
    plan, options = ran.calls[0]
    assert plan.nodes[0].model == str(tmp_path)
    assert options == ServeOptions(0, python, True)
    assert done.stderr.endswith("It starts.\nIt still starts (0 s).\n"), "a log gets each phase once"


def test_one_command_starts_all_nodes_through_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = _Supervisor(0)
    monkeypatch.setattr(supervise, "serve_plan", ran)
    monkeypatch.setattr("codeassist.serving.vllm.hardware.detect", _with_gpu)
    done = typed(MODEL, "--nodes", "2", "--executor", "ray")
    assert done.exit_code == 0, done.output
    assert ran.calls[0][0].node_count == 2


def test_a_server_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "serve_plan", _Supervisor(EngineNotStarted("vLLM is missing; install it.")))
    monkeypatch.setattr("codeassist.serving.vllm.hardware.detect", _with_gpu)
    done = typed(MODEL)
    assert done.exit_code == 4
    assert done.stderr.endswith("codeassist serve: vLLM is missing; install it.\n")


def _with_gpu() -> Any:
    from codeassist.serving.vllm.hardware import named

    return named("h100")


def test_every_option_has_help() -> None:
    unsaid = [option.name for option in serve.params if isinstance(option, click.Option) and not option.help]
    assert unsaid == []
