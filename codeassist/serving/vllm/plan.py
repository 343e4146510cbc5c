"""A plan: the commands that serve a model on some hardware, and what was decided on the way. Values only."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103
"""Longest path of a UNIX socket: what the system takes, less the zero at its end."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of vLLM, and why it is there. `flag` has no dashes; `value` is None for a flag alone.

    `since`: the version of vLLM that brings the flag, "" for those that the least supported version has.
    """

    flag: str
    value: str | None
    why: str
    since: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        if self.value is None:
            return (f"--{self.flag}",)
        # As a word of its own, a value that begins with a dash would be read as a flag.
        return (f"--{self.flag}={self.value}",) if self.value.startswith("-") else (f"--{self.flag}", self.value)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a variable is set. `since`: the version of vLLM that reads it, as in Argument."""

    why: str
    since: str = ""


@dataclass(frozen=True, slots=True)
class NodeCommand:
    """What runs on one node. `arguments` follow the model; `environment` is added to that of the caller.

    `reasons`: for names of `environment`. The key is never among them: the launcher puts it into VLLM_API_KEY of the
    process. Raises ValueError for a name that no shell takes as one.
    """

    rank: int
    model: str
    arguments: tuple[Argument, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, Reason] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.environment:
            if not _VARIABLE.fullmatch(name):
                raise ValueError(f"{name!a} is no name of a variable")

    def argv(self) -> tuple[str, ...]:
        """The command as a user types it: `vllm serve MODEL --flag value ...`."""
        return ("vllm", "serve", self.model, *(word for argument in self.arguments for word in argument.words))

    def shell(self) -> str:
        """The command for a POSIX shell, one argument a line."""
        names = [f"{name}={shlex.quote(value)}" for name, value in self.environment.items()]
        rest = [shlex.join(argument.words) for argument in self.arguments]
        return " \\\n  ".join([" ".join([*names, "vllm", "serve", shlex.quote(self.model)]), *rest])


@dataclass(frozen=True, slots=True)
class Address:
    """Where the first node listens: a UNIX socket, or a host and port."""

    socket: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000

    @property
    def url(self) -> str:
        """The base URL as `server.url` takes it."""
        if self.socket is not None:
            return f"unix://{self.socket}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/v1"


@dataclass(frozen=True, slots=True)
class Plan:
    """How `entry_name` is served. `nodes` has one command for each node, rank 0 first; with Ray only one.

    `seats`: --max-num-seqs; `developers` for how many people it was sized, and `servers` how many such servers they
    need; `notes`: sentences for the user, such as what did not fit. `trust_remote_code`: the model needs the user's
    word before it may be started. `least_vllm`: the first version that runs it. `gpus_per_node` is 0 on a processor;
    `node_count` counts machines, also where Ray starts the processes. `download_gib`: what the first start fetches from
    the model hub, 0 where the weights are named by path. `options`: those of `codeassist serve` that gave this plan.
    """

    entry_name: str
    served_name: str
    address: Address
    nodes: tuple[NodeCommand, ...]
    hardware: str
    quantisation: str
    seats: int
    developers: int
    context_tokens: int
    notes: tuple[str, ...] = ()
    trust_remote_code: bool = False
    servers: int = 1
    least_vllm: str = "0.30"
    gpus_per_node: int = 0
    node_count: int = 1
    download_gib: float = 0.0
    options: tuple[str, ...] = ()
