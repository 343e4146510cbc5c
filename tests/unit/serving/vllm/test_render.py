"""Plans as text. That the files are right for their tools is checked where those are: tests/unit/deploy, tests/vllm."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from codeassist.serving.vllm.arguments import CannotServe
from codeassist.serving.vllm.written.render import FORMATS, render
from codeassist.serving.vllm.written.yamltext import yaml_text
from tests.unit.serving.vllm.making import SOURCE, gpus, model, planned, processor, weights

H100 = gpus(1, 80)


def test_shell_has_a_reason_for_each_argument() -> None:
    plan = planned(model(), H100)
    text = render(plan, "shell")
    for argument in plan.nodes[0].arguments:
        assert f"#   {shlex.join(argument.words)}: {argument.why}" in text
    commands = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert shlex.split(" ".join(line.removesuffix("\\") for line in commands))[3:] == list(plan.nodes[0].argv())


def test_variables_have_reasons_and_the_version_that_brings_them() -> None:
    plan = planned(model(serving={"source": SOURCE, "environment": {"VLLM_MINE": "a b"}}), H100)
    text = render(plan, "shell")
    limit = "VLLM_HTTP_MAX_REQUEST_BODY_SIZE"
    assert f"#   {limit}=4194304: a request is code, not megabytes; vLLM's own limit is 32 MiB (vLLM 0.33)\n" in text
    assert "#   VLLM_MINE='a b': this model asks for it\n" in text
    assert json.loads(render(plan, "json"))["nodes"][0]["reasons"][limit]["since"] == "0.33"
    assert f"# {limit} needs vLLM 0.33.\n" in render(plan, "ray")


def test_json_is_the_whole_plan() -> None:
    plan = planned(model(), H100, port=8001)
    found = json.loads(render(plan, "json"))
    assert found["address"] == {"socket": None, "host": "127.0.0.1", "port": 8001, "url": "http://127.0.0.1:8001/v1"}
    assert tuple(found["nodes"][0]["argv"]) == plan.nodes[0].argv()
    assert found["nodes"][0]["environment"] == dict(plan.nodes[0].environment)


@pytest.mark.parametrize("form", [form for form in FORMATS if form not in ("shell", "json")])
def test_files_hold_no_address_of_this_machine_and_every_lever(form: Any) -> None:
    plan = planned(model(), H100)
    text = render(plan, form)
    assert "/run/user" not in text
    assert text.endswith("\n")
    assert "\n\n\n" not in text
    if form != "systemd":
        assert "long" in text
        assert "VLLM_NO_USAGE_STATS" in text
        assert "o/m-fp8" in text


def test_compose() -> None:
    text = render(planned(model(), gpus(8, 24)), "compose")
    assert "      - --host=0.0.0.0\n" in text
    assert "count: 2\n" in text
    assert "--uds" not in text
    odd = render(planned(model(), H100, extra=("--seed=$HOME",)), "compose")
    assert "--seed=$$HOME" in odd, "compose would put a variable there"


def test_systemd_repeats_the_options() -> None:
    plan = planned(model(), H100, levers={"compile-cache": "/var/50%/$x y"}, developers=3)
    text = render(plan, "systemd", ("/opt/bin/codeassist",))
    assert 'ExecStart=/opt/bin/codeassist serve coder --developers=3 "--lever=compile-cache=/var/50%%/$$x y"\n' in text


def test_helm() -> None:
    text = render(planned(model(name="coder-1.5b"), gpus(1, 140), developers=1_000), "helm")
    assert "- name: coder-1-5b\n" in text
    assert "replicaCount: 10\n" in text
    assert "enablePrefixCaching: true\n" in text
    assert "--host" not in text
    off = render(planned(model(), H100, levers={"prefix-caching": "off"}), "helm")
    assert "enablePrefixCaching: false\n" in off
    assert "no-enable-prefix-caching" not in off


def test_ray() -> None:
    entry = model(weights=[weights("fp8", 900.0, capability=8.9)])
    text = render(planned(entry, gpus(8, 80), nodes=2, speculate="ngram"), "ray")
    assert "pipeline_parallel_size: 2\n" in text
    assert "distributed_executor_backend: ray\n" in text
    assert "speculative_config:\n" in text
    for flag in ("nnodes", "uds", "served_model_name", "disable_fastapi_docs", "max_num_queued_reqs"):
        assert flag not in text


@pytest.mark.parametrize("form", ["compose", "systemd", "helm"])
def test_forms_for_one_machine(form: Any) -> None:
    entry = model(weights=[weights("fp8", 900.0, capability=8.9)])
    with pytest.raises(CannotServe, match="take --format shell or --format ray"):
        render(planned(entry, gpus(8, 80), nodes=2), form)


@pytest.mark.parametrize("form", ["compose", "helm", "ray"])
def test_forms_for_gpus(form: Any) -> None:
    with pytest.raises(CannotServe, match="take --format systemd"):
        render(planned(model(), processor(128.0)), form)
    assert "ExecStart=" in render(planned(model(), processor(128.0)), "systemd")


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        (True, "true"),
        (None, "null"),
        (0.9, "0.9"),
        ("plain", "plain"),
        ("--flag=a-b", "--flag=a-b"),
        ("o/m:latest", "o/m:latest"),
        ("8Gi", "8Gi"),
        ("v0.33.0", "v0.33.0"),
        ("", '""'),
        ("no", '"no"'),
        ("0.33", '"0.33"'),
        ("1e3", '"1e3"'),
        ("12:30:45", '"12:30:45"'),
        ("2026-01-01", '"2026-01-01"'),
        ("-", '"-"'),
        ("a: b", '"a: b"'),
        ("a #b", '"a #b"'),
        ('{"a":1}', '"{\\"a\\":1}"'),
        ("* x", '"* x"'),
        (" x", '" x"'),
        ("x ", '"x "'),
        ("a\nb", '"a\\nb"'),
        ([], "[]"),
        ({}, "{}"),
    ],
)
def test_yaml_scalars(item: Any, shown: str) -> None:
    assert yaml_text({"key": item}) == f"key: {shown}\n"


def test_yaml_nests() -> None:
    assert yaml_text({"a": [{"b": 1, "c": [2]}, "x"], "#1": "said", "d": {"e": {}}}) == (
        "a:\n  - b: 1\n    c:\n      - 2\n  - x\n# said\nd:\n  e: {}\n"
    )
