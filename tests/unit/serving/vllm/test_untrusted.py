"""What a file with models says reaches commands, comments and files as data, and never as more than that."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from codeassist.serving.catalogue import Entry, Serving
from codeassist.serving.catalogue.flags import MODEL_FLAGS
from codeassist.serving.vllm.arguments import NOT_FROM_DATA, CannotServe, WrongOptions, may_mean
from codeassist.serving.vllm.plan import Argument, NodeCommand, Plan
from codeassist.serving.vllm.written.render import render
from codeassist.serving.vllm.written.yamltext import yaml_text
from tests.unit.serving.vllm.making import SOURCE, gpus, model, planned, values

H100 = gpus(1, 80)
NASTY = "a\ntouch PWNED\n'\"$(touch PWNED)`touch PWNED`%h \\x41 \\\n# \x85\u2028ExecStartPre=touch PWNED ${HOME}\t\x7f"


def unchecked(**serving: Any) -> Entry:
    """An entry that the catalogue would have refused."""
    return model().model_copy(update={"serving": Serving(source=SOURCE).model_copy(update=serving)})


def plan(**options: Any) -> Plan:
    return planned(unchecked(flags={"chat-template": NASTY}, environment={"X": NASTY}), H100, **options)


def test_a_shell_runs_nothing_but_the_command(tmp_path: Path) -> None:
    vllm = tmp_path / "vllm"
    vllm.write_text('#!/bin/sh\nprintf "%s\\0" "$X" "$@" > words\n')
    vllm.chmod(0o755)
    text = render(plan(weights=f"/w/{NASTY}"), "shell")
    subprocess.run(["/bin/sh", "-c", text], cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vllm", "words"]
    variable, serve, weights, *rest = (tmp_path / "words").read_text().split("\0")
    assert (variable, serve, weights) == (NASTY, "serve", f"/w/{NASTY}")
    assert rest[rest.index("--chat-template") + 1] == NASTY


def test_names_of_variables_are_names() -> None:
    for name in ("X; touch PWNED; Y", "", "1A", "A-B", "A\n"):
        with pytest.raises(ValueError, match="no name of a variable"):
            NodeCommand(0, "m", (), {name: "1"})


def test_a_value_never_becomes_a_flag() -> None:
    assert Argument("hf-token", "--trust-remote-code", "").words == ("--hf-token=--trust-remote-code",)
    found = planned(unchecked(flags={"tokenizer": "--trust-remote-code"}), H100)
    assert "--trust-remote-code" not in found.nodes[0].argv()
    typed = planned(model(), H100, extra=("--seed=--enable-log-requests",))
    assert "--enable-log-requests" not in typed.nodes[0].argv()


def test_yaml_reads_back_what_was_written() -> None:
    value = {"key": NASTY, "list": [NASTY, {"deep": NASTY}], "#1": NASTY, NASTY: "x"}
    assert yaml.safe_load(yaml_text(value)) == {"key": NASTY, "list": [NASTY, {"deep": NASTY}], NASTY: "x"}


@pytest.mark.parametrize("form", ["compose", "helm", "ray"])
def test_files_hold_the_values_and_nothing_more(form: Any) -> None:
    found = yaml.safe_load(render(plan(), form))
    dollars = NASTY.replace("$", "$$")
    if form == "compose":
        service = found["services"]["vllm"]
        assert service["environment"]["X"] == dollars
        assert f"--chat-template={dollars}" in service["command"]
    elif form == "helm":
        (one,) = found["servingEngineSpec"]["modelSpec"]
        assert {"name": "X", "value": dollars} in one["env"]
        assert f"--chat-template={dollars}" in one["vllmConfig"]["extraArgs"]
    else:
        (one,) = found["applications"][0]["args"]["llm_configs"]
        assert one["runtime_env"]["env_vars"]["X"] == one["engine_kwargs"]["chat_template"] == NASTY


def test_a_unit_has_each_word_on_one_line() -> None:
    options = {
        "levers": {"compile-cache": "/a %h $x \"' \\n"},
        "weights": f"/w/{NASTY}",
        "without": frozenset({"served-name"}),
    }
    text = render(plan(**options), "systemd", ("/opt/bin/code assist",))
    lines = text.split("\n")
    assert [line for line in lines if "PWNED" in line] == [
        line for line in lines if line.startswith(("ExecStart=", "Description="))
    ]
    (start,) = [line.removeprefix("ExecStart=") for line in lines if line.startswith("ExecStart=")]
    assert systemd_words(start) == [
        "/opt/bin/code assist", "serve", "coder", f"--weights=/w/{NASTY}", "--lever=compile-cache=/a %h $x \"' \\n",
        "--without=served-name",
    ]  # fmt: skip
    (description,) = [line for line in lines if line.startswith("Description=")]
    assert "%%h" in description
    assert not description.endswith("\\")


def systemd_words(line: str) -> list[str]:
    """As systemd splits ExecStart: double quotes, C's escapes in them, %% and $$."""
    words = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', line)
    found = []
    for quoted, plain in words:
        escape = rb"\\(?:x([0-9a-f]{2})|(.))"
        raw = re.sub(escape, lambda hit: bytes([int(hit[1], 16)]) if hit[1] else hit[2], (quoted or plain).encode())
        found.append(raw.decode().replace("%%", "%").replace("$$", "$"))
    return found


@pytest.mark.parametrize(
    "flag",
    ["hos", "ud", "api-ke", "api_key", "middlewar", "trust-remote-cod", "trust_remote_code", "config", "por", "h"],
)
def test_flags_of_a_model_that_may_mean_what_is_not_its_to_set(flag: str) -> None:
    with pytest.raises(CannotServe, match=f"^The catalogue's entry of coder sets --{flag}, which no model may set"):
        planned(unchecked(flags={flag: "0.0.0.0"}), H100)
    recipe = {"quantisation": "fp8", "gpus": 1, "gpu_gib": 80, "source": SOURCE}
    entry = model(recipes=[recipe])
    entry = entry.model_copy(update={"recipes": (entry.recipes[0].model_copy(update={"flags": {flag: "x"}}),)})
    with pytest.raises(CannotServe, match="which no model may set"):
        planned(entry, H100)


def test_what_a_model_may_set_is_never_taken_for_what_it_may_not() -> None:
    for meant in NOT_FROM_DATA:
        assert not [flag for flag in MODEL_FLAGS if may_mean(flag, meant)], meant


@pytest.mark.parametrize(("flag", "value"), [("gpu-memory-utilization", 5), ("dtype", "float99"), ("max-logprobs", 5)])
def test_flags_of_a_model_that_are_levers_take_what_the_levers_take(flag: str, value: Any) -> None:
    entry = model(serving={"source": SOURCE, "flags": {flag: value}})
    if flag == "max-logprobs":
        assert values(planned(entry, H100))[flag] == "5"
        return
    with pytest.raises(CannotServe, match=f"entry of coder sets --{flag} to '{value}'; it takes"):
        planned(entry, H100)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("--config=/x", "--config is not for the arguments after --; what such a file says is not checked"),
        ("--conf=/x", "--conf is not for the arguments after --, which vLLM may take for --config; what"),
        ("--api-ke=x", "may take for --api-key; give it in VLLM_API_KEY"),
        (
            "--enable_log_req",
            "--enable_log_req is not for the arguments after --, which vLLM may take for --enable-log-req",
        ),
        ("--hos=0.0.0.0", "use --host of codeassist"),
        ("--trust-remote-cod", "which vLLM may take for --trust-remote-code; use --trust-remote-code of codeassist."),
        ("--#x=1", "'--#x=1' among the arguments after -- is no flag of vLLM"),
    ],
)
def test_shortened_names_among_the_users_own_arguments(word: str, said: str) -> None:
    with pytest.raises(WrongOptions) as told:
        planned(model(), H100, extra=(word,))
    assert said in str(told.value)
    assert "repository" not in str(told.value)


def test_flags_that_only_begin_alike_are_taken() -> None:
    found = values(planned(model(), H100, extra=("--config-format=hf", "--model-impl=vllm", "--enable_lora")))
    assert {"config-format", "model-impl", "enable-lora"} <= set(found)


def test_the_shell_text_is_still_one_command() -> None:
    node = planned(model(), H100).nodes[0]
    assert shlex.split(node.shell().replace("\\\n", " "))[len(node.environment) :] == list(node.argv())
