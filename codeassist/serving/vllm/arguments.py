"""The arguments of a plan's commands, each with its reason: levers, the model's own, the recipe's and the user's."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from codeassist.serving.errors import ServingError
from codeassist.serving.vllm.allowed import Value
from codeassist.serving.vllm.levers import LEVERS, Lever, Situation
from codeassist.serving.vllm.plan import Address, Argument, Reason

MASTER_PLACEHOLDER = "ADDRESS-OF-NODE-0"
_SIZED_HERE = frozenset({"max-model-len", "max-num-seqs", "max-num-batched-tokens"})
"""Values for these in the catalogue were for another load; a fit keeps to a recipe's limit of context."""
FORBIDDEN: Mapping[str, str] = {
    "api-key": "give it in VLLM_API_KEY, since everybody on this machine can read arguments",
    "enable-log-requests": "prompts hold your code and belong in no log",
    "enable-log-outputs": "answers hold your code and belong in no log",
    "config": "what such a file says is not checked here, so give the arguments themselves",
}
"""Flags that no command of ours may have, and why."""
_OWN_OPTIONS: Mapping[str, str] = {
    **FORBIDDEN,
    "host": "use --host of codeassist",
    "port": "use --port of codeassist",
    "uds": "use --socket of codeassist",
    "model": "use MODEL or --weights of codeassist",
    "served-model-name": "use --lever served-name=NAME of codeassist",
    "trust-remote-code": "use --trust-remote-code of codeassist",
    "nnodes": "use --nodes of codeassist",
    "node-rank": "use --node-rank of codeassist",
    "master-addr": "use --master of codeassist",
    "headless": "use --node-rank of codeassist",
}
NOT_FROM_DATA = frozenset({*_OWN_OPTIONS, "middleware"})
"""What no model's entry may set, also in a shortened form."""
_MOST_OF_A_NAME = 253
"""Characters of a machine's name (RFC 1035)."""
_FLAG = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")


class CannotServe(ServingError):
    """The model does not fit the hardware, or the plan does not fit the form that was asked for."""


class WrongOptions(CannotServe):
    """The options contradict each other or the model: wrong usage."""


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What the user chose. `runtime_folder`: where the default socket lies. `extra`: words for vLLM, as typed.

    `master`: the address of node 0 for the others. `levers`: values by lever name; `without`: levers left out.
    """

    runtime_folder: Path
    nodes: int = 1
    master: str | None = None
    executor: Literal["mp", "ray"] = "mp"
    developers: int = 1
    quantisation: str | None = None
    context_tokens: int | None = None
    socket: Path | None = None
    host: str | None = None
    port: int | None = None
    speculate: str = "off"
    levers: Mapping[str, str] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    trust_remote_code: bool = False
    weights: str | None = None
    extra: tuple[str, ...] = ()


def may_mean(flag: str, meant: str) -> bool:
    """Whether vLLM takes `--flag` for `--meant`: it allows underscores, a value behind = and shortened names."""
    plain = flag.partition("=")[0].replace("_", "-")
    return bool(plain) and meant.startswith(plain)


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_host(host: str) -> bool:
    """Whether `host` is an IP address or could be a machine's name."""
    try:
        ipaddress.ip_address(host)
        return re.fullmatch(r"[0-9A-Fa-f:.]+(%[A-Za-z0-9_.-]+)?", host) is not None
    except ValueError:
        labels = host.removesuffix(".").split(".")
        right = all(re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", label) for label in labels)
        return right and len(host) <= _MOST_OF_A_NAME and not labels[-1].isdecimal()


def place(address: Address, rank: int, options: PlanOptions) -> list[Argument]:
    """Where the server listens, and the node's own place among the nodes."""
    found = []
    if rank > 0:
        found.append(Argument("headless", None, "this node computes; node 0 answers"))
    elif address.socket is not None:
        found.append(
            Argument("uds", str(address.socket), "a socket that only you can open; nothing listens on the net")
        )
    else:
        why = (
            "this machine only" if is_loopback(address.host) else "you asked for it; vLLM itself would take all of them"
        )
        found += [Argument("host", address.host, why), Argument("port", str(address.port), "the port for editors")]
    if options.nodes > 1 and options.executor == "mp":
        found += [
            Argument("distributed-executor-backend", "mp", "vLLM's own processes on each node; Ray is not needed"),
            Argument("nnodes", str(options.nodes), "machines that hold the model together"),
            Argument("node-rank", str(rank), "this machine's number"),
            Argument("master-addr", options.master or MASTER_PLACEHOLDER, "node 0, as all nodes reach it"),
        ]
    elif options.executor == "ray":
        found.append(Argument("distributed-executor-backend", "ray", "the processes are started through a Ray cluster"))
    return found


@dataclass(frozen=True, slots=True)
class Shared:
    argument: Argument
    front: bool = False


def for_node(shared: Sequence[Shared], rank: int) -> list[Argument]:
    """A node without HTTP server has no use for the server's arguments."""
    return [one.argument for one in shared if rank == 0 or not one.front]


def shared_arguments(
    now: Situation, given: Mapping[str, Value], options: PlanOptions
) -> tuple[list[Shared], dict[str, str], dict[str, Reason]]:
    """The arguments that all nodes have, the environment, and the reasons of its variables. Later sources win: levers
    as computed, the entry's flags, its recipe's, the user's levers, the user's own arguments."""
    data = _data(now)
    found = [Shared(argument) for argument in _layout(now, options)]
    environment: dict[str, str] = {}
    reasons: dict[str, Reason] = {}
    for lever in LEVERS:
        value, why = lever.value(now), lever.reason
        if lever.flag in data:
            value, why = data.pop(lever.flag)
        if lever.name in given:
            value, why = given[lever.name], f"set by --lever {lever.name}"
        if lever.name in options.without or value is None:
            continue
        if lever.variable:
            environment[lever.variable] = str(value)
            reasons[lever.variable] = Reason(why, lever.since)
        else:
            found.append(Shared(_argument(lever.flag, value, why, lever.since), lever.front))
    for variables, why in _data_variables(now):
        environment |= variables
        reasons |= {name: Reason(why) for name in variables}
    taken = {one.argument.flag for one in found}
    found += [Shared(_argument(flag, *how)) for flag, how in data.items() if flag not in taken]
    if options.trust_remote_code:
        found.append(Shared(Argument("trust-remote-code", None, "you gave your word for the code in its repository")))
    extra = _extra(options.extra)
    replaced = {argument.flag.removeprefix("no-") for argument in extra}
    kept = [one for one in found if one.argument.flag.removeprefix("no-") not in replaced]
    return [*kept, *(Shared(argument) for argument in extra)], environment, reasons


def _data(now: Situation) -> dict[str, tuple[Value, str]]:
    """The flags of the entry and its recipe, with their reasons. Raises CannotServe for those that no model may set.

    The catalogue refuses them too, when it is read; here they would reach a command.
    """
    serving, recipe = now.entry.serving, now.fit.recipe
    by_flag = {lever.flag: lever for lever in LEVERS if lever.flag}
    found: dict[str, tuple[Value, str]] = {}
    for flags, why in (
        (serving.flags if serving else {}, "this model"),
        (recipe.flags if recipe else {}, "the recipe"),
    ):
        for flag, raw in flags.items():
            name = flag.replace("_", "-")
            if any(may_mean(name, meant) for meant in NOT_FROM_DATA):
                raise CannotServe(f"The catalogue's entry of {now.entry.name} sets --{flag}, which no model may set.")
            if name not in _SIZED_HERE:
                value = raw if isinstance(raw, bool) else str(raw)
                _check_data(now.entry.name, by_flag.get(name), value)
                found[name] = (value, f"{why} asks for it")
    return found


def _check_data(entry_name: str, lever: Lever | None, value: bool | str) -> None:
    text = value if isinstance(value, str) else "on" if value else "off"
    if lever is not None and lever.allowed.read(text) is None:
        raise CannotServe(
            f"The catalogue's entry of {entry_name} sets --{lever.flag} to {text!a}; it takes {lever.allowed.said}."
        )


def _data_variables(now: Situation) -> Iterator[tuple[dict[str, str], str]]:
    if now.entry.serving:
        yield now.entry.serving.environment, "this model asks for it"
    if now.fit.recipe:
        yield now.fit.recipe.environment, "the recipe asks for it"


def _layout(now: Situation, options: PlanOptions) -> list[Argument]:
    fit, found = now.fit, []
    for flag, size, why in (
        ("tensor-parallel-size", fit.tensor_parallel, "GPUs that compute each layer together"),
        ("pipeline-parallel-size", fit.pipeline_parallel, "groups of layers, one after the other"),
        ("data-parallel-size", fit.data_parallel, "copies of what is not an expert, each with its own requests"),
    ):
        if size > 1:
            found.append(Argument(flag, str(size), why))
    if fit.data_parallel > 1 and options.executor == "ray":
        found.append(Argument("data-parallel-backend", "ray", "the copies are started through Ray too"))
    if fit.expert_parallel:
        found.append(Argument("enable-expert-parallel", None, "each expert is whole on one GPU, none is cut in slices"))
    return found


def _argument(flag: str, value: Value, why: str, since: str = "") -> Argument:
    if value is True:
        return Argument(flag, None, why, since)
    if value is False:
        return Argument(f"no-{flag}", None, why, since)
    return Argument(flag, str(value), why, since)


def _extra(words: Sequence[str]) -> list[Argument]:
    """`--flag`, `--flag value` or `--flag=value`. Raises WrongOptions for what is ours to set."""
    found: list[Argument] = []
    for word in words:
        if word.startswith("--") and len(word) > 2:
            typed, equals, value = word[2:].partition("=")
            if not _FLAG.fullmatch(typed):
                raise WrongOptions(f"{word!a} among the arguments after -- is no flag of vLLM.")
            flag = typed.replace("_", "-")
            for meant, instead in _OWN_OPTIONS.items():
                if may_mean(flag, meant):
                    other = "" if flag == meant else f", which vLLM may take for --{meant}"
                    raise WrongOptions(f"--{typed} is not for the arguments after --{other}; {instead}.")
            found.append(Argument(flag, value if equals else None, "your own"))
        elif found and found[-1].value is None and not word.startswith("-"):
            found[-1] = Argument(found[-1].flag, word, "your own")
        else:
            raise WrongOptions(
                f"{word!a} among the arguments after -- is no --flag or value; write it as --flag=value."
            )
    return found
