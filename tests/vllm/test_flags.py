"""Every flag and variable of our plans against the argument parser of a real vLLM."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from codeassist.serving.vllm.arguments import PlanOptions
from codeassist.serving.vllm.levers import LEVERS
from codeassist.serving.vllm.plan import Plan
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


def test_every_variable_is_known_or_comes_later(interpreter: Path) -> None:
    names = [lever.variable for lever in LEVERS if lever.variable.startswith("VLLM_") and not lever.since]
    for entry in servable():
        for environment in (
            entry.serving.environment if entry.serving else {},
            *(r.environment for r in entry.recipes),
        ):
            names += [name for name in environment if name.startswith("VLLM_")]
    script = (
        "import json, sys, vllm.envs as e; print(json.dumps(sorted(set(sys.argv[1:]) - set(e.environment_variables))))"
    )
    done = subprocess.run([str(interpreter), "-c", script, *names], stdout=subprocess.PIPE, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []
