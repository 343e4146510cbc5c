"""The plan whose files lie in examples/deploy, and what each of those files holds."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import yaml

from codeassist.serving.catalogue import entry
from codeassist.serving.vllm.arguments import PlanOptions
from codeassist.serving.vllm.hardware import named
from codeassist.serving.vllm.plan import Plan
from codeassist.serving.vllm.planning import make_plan
from codeassist.serving.vllm.written.render import Format, render

FOLDER = Path(__file__).parents[3] / "examples/deploy"
FILES: dict[Format, str] = {"compose": "compose.yaml", "helm": "values.yaml", "ray": "ray-serve.yaml"}
COMMAND = "codeassist serve qwen3-coder-30b-a3b --hardware h100 --developers 10 --print --format"


@functools.cache
def plan() -> Plan:
    """What `COMMAND` plans, with the socket of the team's unit."""
    options = PlanOptions(runtime_folder=Path("/run/codeassist"), developers=10)
    return make_plan(entry("qwen3-coder-30b-a3b"), named("h100"), options)


def printed(form: Format) -> str:
    return render(plan(), form)


def loaded(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text())


def with_wide_plan() -> Plan:
    """The same plan over eight servers' worth of people, for what only larger plans show."""
    return dataclasses.replace(plan(), servers=8)
