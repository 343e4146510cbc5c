"""What `serve --print` shows for every servable model of the catalogue, on the hardware that the goldens are for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from codeassist.serving.catalogue import Entry, built_in
from codeassist.serving.vllm.arguments import CannotServe, PlanOptions
from codeassist.serving.vllm.hardware import named
from codeassist.serving.vllm.plan import Plan
from codeassist.serving.vllm.planning import make_plan
from codeassist.serving.vllm.written.render import render

GOLDENS = Path(__file__).parent / "goldens"
RUNTIME = Path("/run/user/1000/codeassist")
PROFILES = ("rtx-4090", "h200x8", "cpu-16")
ON_SEVERAL_NODES = {"kimi-k2": ("h200x8", 2)}


def servable() -> list[Entry]:
    return [entry for entry in built_in() if entry.servable]


def asked(entry: Entry) -> Iterator[tuple[str, str, PlanOptions]]:
    """The heading, the profile and the options of each part of an entry's golden file."""
    for profile in PROFILES:
        yield f"--hardware {profile}", profile, PlanOptions(RUNTIME)
    if entry.name in ON_SEVERAL_NODES:
        profile, nodes = ON_SEVERAL_NODES[entry.name]
        yield f"--hardware {profile} --nodes {nodes}", profile, PlanOptions(RUNTIME, nodes=nodes)


def plan_for(entry: Entry, profile: str, options: PlanOptions) -> Plan | str:
    """The plan, or the sentence that says why there is none."""
    try:
        return make_plan(entry, named(profile), options, built_in())
    except CannotServe as error:
        return str(error)


def printed(entry: Entry) -> str:
    """The text of an entry's golden file."""
    parts = []
    for heading, profile, options in asked(entry):
        plan = plan_for(entry, profile, options)
        shown = f"{plan}\n" if isinstance(plan, str) else render(plan, "shell")
        parts.append(f"$ codeassist serve {entry.name} --print {heading}\n\n{shown}")
    return "\n".join(parts)


def commands() -> dict[str, list[str]]:
    """The words after `vllm serve` of every command in the goldens, but for flags that a later vLLM brings."""
    found = {}
    for entry in servable():
        for heading, profile, options in asked(entry):
            plan = plan_for(entry, profile, options)
            for node in () if isinstance(plan, str) else plan.nodes:
                words = [word for one in node.arguments if not one.since for word in one.words]
                found[f"{entry.name} {heading} node {node.rank}"] = [node.model, *words]
    return found
