"""What `codeassist models` says of the catalogue on hardware of several kinds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from codeassist.cli.facts import facts, lines
from codeassist.cli.main import cli
from codeassist.serving.catalogue import built_in, entry
from codeassist.serving.vllm import hardware
from codeassist.serving.vllm.hardware import Cpu, Gpu, Hardware

SMALL = Hardware((), Cpu(2, frozenset({"avx2"})), 8.0, "small")
CARD = Hardware((Gpu("RTX 4090", 24.0, 8.9),), Cpu(16, frozenset({"avx2"})), 64.0, "card")
NODE = Hardware((Gpu("H200", 140.4, 9.0),) * 8, Cpu(128, frozenset({"avx2"})), 2048.0, "node")

EMBEDDED = ["qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"]


@pytest.fixture
def on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call it with the hardware that this machine is to have."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("CODEASSIST_MODELS__FOLDER", str(tmp_path / "models"))
    return lambda found: monkeypatch.setattr(hardware, "detect", lambda: found)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["models", *arguments])


def names(*arguments: str) -> list[str]:
    result = run("list", "--json", *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return [one["name"] for one in json.loads(result.stdout)["models"]]


def test_a_small_machine_has_the_embedded_models_and_what_its_processor_runs(on: Any) -> None:
    on(SMALL)
    assert names() == [one.name for one in built_in()]
    fitting = names("--fits")
    assert fitting[:2] == EMBEDDED
    assert "qwen3-coder-30b-a3b" not in fitting


def test_one_gpu_has_the_mixture_that_fits_at_four_bits(on: Any) -> None:
    on(CARD)
    fitting = names("--fits")
    assert {"qwen3-coder-30b-a3b", "gpt-oss-20b"} <= set(fitting)
    assert not {"kimi-k2", "qwen3-coder-480b-a35b"} & set(fitting)
    listed = run("list", "--fits")
    (row,) = [line for line in listed.stdout.splitlines() if line.startswith("qwen3-coder-30b-a3b ")]
    assert "fits: INT4, 1 GPU" in row
    assert listed.stderr == "What fits in vLLM is computed for one RTX 4090 with 24 GiB.\n"


def test_a_node_of_eight_has_nearly_everything(on: Any) -> None:
    on(NODE)
    assert {"kimi-k2.5", "qwen3-coder-480b-a35b", "glm-5.2"} <= set(names("--fits"))
    rows = {line.split()[0]: line for line in run("list").stdout.splitlines()}
    assert "fits: INT4, 8 GPUs" in rows["kimi-k2.5"]


def test_show_says_why_a_model_does_not_fit_and_where_each_fact_is_from(on: Any) -> None:
    on(CARD)
    shown = run("show", "kimi-k2").stdout
    assert "  fits: no\n  why: Kimi K2 Instruct" in shown
    assert "restrictions: A product with more than 100 million monthly users" in shown
    assert "cache friendly: yes\ncache bytes per token: 70,272\n" in shown
    assert "recipes:\n  quantisation: fp8\n  nodes: 2\n" in shown
    assert "sources:\n  parameters: MoonshotAI/Kimi-K2 README" in shown
    assert "    VLLM_USE_DEEP_GEMM: 1\n" in run("show", "qwen3-coder-480b-a35b").stdout


def test_a_document_has_every_fact_of_the_entry(on: Any) -> None:
    on(CARD)
    found = json.loads(run("show", "glm-5.2", "--json").stdout)
    ours = entry("glm-5.2")
    whole = ours.model_dump(mode="json", exclude_none=True)
    # Files and hubs of embedded models stand under names of their own.
    assert set(whole) - {"file", "hub", "wheels"} <= set(found)
    for part in ("architecture", "weights", "recipes", "serving", "sources", "served_names"):
        assert found[part] == whole[part]
    assert (found["fit"]["fits"], found["cache_friendly"], found["state"]) == (False, True, "remote")


def test_the_list_and_show_have_the_same_facts(on: Any) -> None:
    on(NODE)
    listed = json.loads(run("list", "--json").stdout)
    assert listed["hardware"] == "8 x H200 with 140 GiB"
    assert listed["models"][9] == json.loads(run("show", listed["models"][9]["name"], "--json").stdout)


@pytest.mark.parametrize("machine", [SMALL, CARD, NODE], ids=lambda machine: machine.name)
def test_every_entry_can_be_said_on_any_machine(machine: Hardware, tmp_path: Path) -> None:
    for one in built_in():
        found = facts(one, tmp_path, machine)
        text = list(lines(found))
        assert text[0] == f"name: {one.name}"
        assert all(": " in line or line.endswith(":") for line in text)
        assert found["fit"]["fits"] or found["fit"]["why"]
