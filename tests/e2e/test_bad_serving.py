"""`codeassist serve` in trouble, row by row: one sentence on the command line with the cause and the next step, and an
exit status; and one in the editor that looks for the server at the address where it should be. To add a row, say what
the machine has, how vLLM plays it, and which words the sentences must hold."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.editor import environment, start
from tests.e2e.places import CURSOR, cut
from tests.unit.serving.vllm_run.conftest import install, script

DEADLINE_S = 60.0
TEXT, AT = cut(f"def total(prices):\n    return {CURSOR}\n")
URI = "file:///workspace/total.py"
CUDA_OUT = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.50 GiB. GPU 0 has a total capacity of 23.5"
NODE_LATE = "torch.distributed.DistStoreError: Timed out after 601 seconds waiting for clients. 1/2 clients joined."
PORT = "PORT"
"""In a row: a port of loopback at which somebody else listens."""


@dataclass(frozen=True)
class Row:
    """`arguments` follow `codeassist serve`. `gpus`: what nvidia-smi prints; None: there is no nvidia-smi.

    `cause` and `step`: what the sentence must hold, of what is wrong and of what to do. `leaves`: vLLM was started, so
    that the editor has the same words from its log; it has those of `NOT_THERE` otherwise.
    `version`: of the fake vLLM, None where there is none; `vllm`: how it behaves (see fake_main.py).
    `waits`: it is tried again until somebody stops it.
    """

    arguments: tuple[str, ...]
    cause: tuple[str, ...]
    step: tuple[str, ...]
    status: int = 4
    gpus: str | None = None
    version: str | None = "0.32.0"
    vllm: Mapping[str, Any] = field(default_factory=dict)
    waits: bool = False
    leaves: bool = False


NOT_THERE = ("start it or correct server.url", "`codeassist serve` starts one, or says why it cannot")
ADA = "NVIDIA GeForce RTX 4090, 24564, 8.9, [N/A]\n"
HOPPERS = "NVIDIA H200, 143771, 9.0, Disabled\n" * 8
SMALL = "qwen2.5-coder-1.5b"
FIRST_OF_TWO = ("--nodes", "2", "--node-rank", "0", "--master", "127.0.0.1")

ROWS: dict[str, Row] = {
    "vLLM missing": Row((SMALL,), ("has no vLLM",), ("-m pip install 'vllm>=",), gpus=ADA, version=None),
    "vLLM too old": Row(
        (SMALL,),
        ("vllm 0.21.0", "CVE-2026-48746"),
        ("0.30.0 is the least", "install --upgrade"),
        gpus=ADA,
        version="0.21.0",
    ),
    "GPU too small": Row(("qwen3-coder-480b-a35b",), ("needs", "RTX 4090", "24"), ("codeassist serve",), gpus=ADA),
    "no GPU": Row(("kimi-k2",), ("runs on GPUs only", "There is no nvidia-smi here"), ("codeassist serve",)),
    "out of memory at the start": Row(
        (SMALL,),
        ("The GPU's memory is too small",),
        ("choose a smaller quantisation", "the whole log is"),
        gpus=ADA,
        vllm={"log": [CUDA_OUT], "exit": 1},
        leaves=True,
    ),
    "killed by the system": Row(
        (SMALL,), ("killed", "memory"), ("choose a smaller", "the whole log is"), gpus=ADA, vllm={"kill": 9}
    ),
    "second node unreachable": Row(
        ("qwen3-coder-480b-a35b", *FIRST_OF_TWO),
        ("1 of 2 processes joined",),
        ("start the other nodes",),
        gpus=HOPPERS,
        vllm={"log": [NODE_LATE], "exit": 1},
        waits=True,
        status=0,
        leaves=True,
    ),
    "a flag that vLLM does not know": Row(
        (SMALL, "--", "--nonsense", "3"),
        ("does not know --nonsense",),
        ("take that out", "the whole log is"),
        gpus=ADA,
        vllm={"log": ["vllm serve: error: unrecognized arguments: --nonsense 3"], "exit": 2},
        leaves=True,
    ),
    "another program at the port": Row((SMALL, "--port", PORT), ("Port",), ("--port",), gpus=ADA),
    "a server that wants no key": Row(
        (SMALL,), ("wants no key",), ("--port or --socket",), gpus=ADA, vllm={"open": True}
    ),
    "a server of another name": Row((SMALL,), ("serves other, not",), (SMALL,), gpus=ADA, vllm={"names": ["other"]}),
    "a model of no catalogue": Row(("nonsense",), ("There is no model 'nonsense'",), ("it has",), status=2),
    "code of a stranger": Row(
        ("kimi-k2", *FIRST_OF_TWO), ("runs Python code",), ("--trust-remote-code",), gpus=HOPPERS
    ),
}
IN_THE_EDITOR = (
    "vLLM missing",
    "vLLM too old",
    "GPU too small",
    "no GPU",
    "out of memory at the start",
    "killed by the system",
    "second node unreachable",
    "a flag that vLLM does not know",
)
"""Those after which nobody listens at the address, which is all that an editor can see."""


@contextmanager
def taken_port() -> Iterator[str]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield str(other.getsockname()[1])


@contextmanager
def machine(row: Row, home: Path) -> Iterator[tuple[dict[str, str], list[str]]]:
    """The environment of a user with that hardware and that vLLM, and the command that serves."""
    tools = home / "bin"
    if row.gpus is not None:
        script(tools / "nvidia-smi", f"#!/bin/sh\ncat <<'END'\n{row.gpus}END\n")
    if row.version is not None:
        python = install(home / "vllm", row.version)
    else:
        python = script(home / "vllm" / "python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    with taken_port() as port, tempfile.TemporaryDirectory(prefix="ca-") as runtime:
        arguments = [port if word == PORT else word for word in row.arguments]
        address = f"unix://{runtime}/codeassist/vllm-{arguments[0]}.sock"
        variables = environment(home, known=None, SERVE__PYTHON=str(python), SERVER__URL=address)
        variables["FAKE_VLLM"] = json.dumps({**row.vllm, "notes": str(home)})
        variables["XDG_RUNTIME_DIR"] = runtime  # Sockets need short paths.
        variables["PATH"] = f"{tools}{os.pathsep}{variables['PATH']}"
        yield variables, [sys.executable, "-m", "codeassist", "serve", *arguments]


@contextmanager
def served(row: Row, variables: Mapping[str, str], command: list[str]) -> Iterator[Ended]:
    """Serve until it gives up, or until it says that it tries again; that one is stopped at the end."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=variables, text=True, **pipes) as serving:  # type: ignore[call-overload]
        late = threading.Timer(DEADLINE_S, serving.kill)
        late.start()
        ended = Ended()
        for line in serving.stderr:
            ended.said = line.strip()
            if row.waits and all(word in ended.said for word in row.cause):
                break
        try:
            yield ended
        finally:
            if row.waits:
                serving.terminate()
            ended.out, ended.rest = serving.communicate()
            late.cancel()
        ended.status = serving.returncode


@dataclass
class Ended:
    """What serve said last, what it wrote to stdout, what it said after that, and its exit status."""

    said: str = ""
    out: str = ""
    rest: str = ""
    status: int | None = None


ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="vLLM runs on Linux")


@ON_LINUX
@pytest.mark.parametrize("name", ROWS)
def test_on_the_command_line(name: str, tmp_path: Path) -> None:
    row = ROWS[name]
    with machine(row, tmp_path) as (variables, command), served(row, variables, command) as ended:
        pass
    assert all(word in ended.said for word in (*row.cause, *row.step)), ended.said
    assert ended.status == row.status, ended.said
    assert ("It starts again in" in ended.said) if row.waits else ended.said.startswith("codeassist serve: ")
    assert ended.out == ""
    assert "Traceback" not in ended.rest


@ON_LINUX
@pytest.mark.parametrize("name", IN_THE_EDITOR)
@pytest.mark.asyncio(loop_scope="session")
async def test_in_the_editor(name: str, tmp_path: Path) -> None:
    row = ROWS[name]
    with machine(row, tmp_path) as (variables, command), served(row, variables, command):
        async with start("vscode", variables) as editor:
            editor.open(URI, TEXT)
            for _ in range(2):
                assert await editor.complete(URI, AT) is None
            (message,) = editor.messages
            await editor.until(lambda: editor.statuses[-1]["state"] == "degraded", "the status to say so")
            told = editor.statuses[-1]["message"]
    expected = (*row.cause, *row.step) if row.leaves else NOT_THERE
    for said in (message, told):
        assert f"The model server at {variables['CODEASSIST_SERVER__URL']} is not there (" in said
        assert all(word in said for word in expected), said
        assert "\n" not in said
        assert said.endswith(".")


def test_the_machine_is_told_of_all_that_can_befall_it() -> None:
    """What must be told on both sides, as far as it befalls who serves; test_bad_servers.py has the rest."""
    listed = {
        "vLLM missing",
        "vLLM too old",
        "out of memory at the start",
        "second node unreachable",
        "GPU too small",
    }
    assert listed <= ROWS.keys() & set(IN_THE_EDITOR)
