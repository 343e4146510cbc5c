"""A plan as text: commands for a shell, JSON, or a file for what runs servers where you work."""

from __future__ import annotations

import json
import shlex
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal, get_args

from codeassist.serving.vllm.arguments import CannotServe
from codeassist.serving.vllm.plan import Argument, NodeCommand, Plan, Reason
from codeassist.serving.vllm.written.deploy import PROGRAM, compose, helm, ray_serve, systemd

Format = Literal["shell", "json", "compose", "systemd", "helm", "ray"]
FORMATS: tuple[Format, ...] = get_args(Format)


def render(plan: Plan, form: Format, program: Sequence[str] = PROGRAM) -> str:
    """The plan as a file of that form, with a newline at its end. Raises CannotServe where the form cannot hold it.

    `program`: the words that start codeassist, for a unit file.
    """
    if form == "shell":
        return shell(plan)
    if form == "json":
        return json.dumps(as_json(plan), indent=2, ensure_ascii=False) + "\n"
    if plan.gpus_per_node == 0 and form != "systemd":
        raise CannotServe(f"The {form} file is for GPUs, and this plan is for a processor; take --format systemd.")
    if plan.node_count > 1 and form in ("compose", "systemd", "helm"):
        raise CannotServe(
            f"The {form} file is for models that one machine holds, and this plan has {plan.node_count}; "
            "take --format shell or --format ray."
        )
    if form == "compose":
        return compose(plan)
    if form == "systemd":
        return systemd(plan, program)
    return helm(plan) if form == "helm" else ray_serve(plan)


def shell(plan: Plan) -> str:
    """The command of each node, each argument with its reason as a comment before the command."""
    head = [
        f"{plan.entry_name} ({plan.quantisation.upper()} weights) on {plan.hardware}.",
        f"For {plan.developers} developer{'s' * (plan.developers != 1)}: {plan.seats} seats, "
        f"{plan.context_tokens:,} tokens of context. Needs vLLM {plan.least_vllm} or later.",
        f"Editors: server.url = {plan.address.url}",
        "The key is not among the arguments, which everybody on the machine can read: export VLLM_API_KEY first.",
    ]
    if plan.download_gib:
        head.append(f"The first start fetches {plan.download_gib:,.1f} GiB from the model hub, unless they are there.")
    parts = [_comment([*head, *plan.notes])]
    for node in plan.nodes:
        title = [f"Node {node.rank} of {plan.node_count}:"] if len(plan.nodes) > 1 else []
        why = "".join(_reason(words, reason) for words, reason in reasons(node))
        parts.append(f"{_comment(title)}{why}{node.shell()}\n")
    return "\n".join(parts)


def reasons(node: NodeCommand) -> list[tuple[str, str]]:
    """Each argument and variable as typed, and why it is there, with the version of vLLM that brings it."""
    given: list[tuple[str, Argument | Reason]] = [(shlex.join(one.words), one) for one in node.arguments]
    for name, value in node.environment.items():
        if name in node.reasons:
            given.append((f"{name}={shlex.quote(value)}", node.reasons[name]))
    return [(words, f"{one.why}{f' (vLLM {one.since})' if one.since else ''}") for words, one in given]


def as_json(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values; `nodes[].argv` are the words of each command."""
    found = asdict(plan)
    found["address"] = {**found["address"], "url": plan.address.url}
    found["address"]["socket"] = None if plan.address.socket is None else str(plan.address.socket)
    for node, shown in zip(plan.nodes, found["nodes"], strict=True):
        shown["argv"] = list(node.argv())
    return found


def _comment(sentences: list[str]) -> str:
    lines = [
        line
        for sentence in sentences
        for line in textwrap.wrap(sentence, 116, break_long_words=False, break_on_hyphens=False)
    ]
    return "".join(f"# {line}\n" for line in lines)


def _reason(words: str, reason: str) -> str:
    # A newline in a value would end the comment, and what follows it would be a command.
    return "".join(f"#   {line}\n" for line in f"{words}: {reason}".splitlines())
