"""`codeassist serve` in trouble, row by row: one sentence on the command line with the cause and the next step, and an
exit status. To add a row, say what the machine has, how vLLM plays it, and which words the sentence must hold."""

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

from tests.e2e.editor import environment
from tests.unit.serving.vllm_run.conftest import install, script

DEADLINE_S = 60.0
CUDA_OUT = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.50 GiB. GPU 0 has a total capacity of 23.5"
NODE_LATE = "torch.distributed.DistStoreError: Timed out after 601 seconds waiting for clients. 1/2 clients joined."
PORT = "PORT"
"""In a row: a port of loopback at which somebody else listens."""


@dataclass(frozen=True)
class Row:
    """`arguments` follow `codeassist serve`. `gpus`: what nvidia-smi prints; None: there is no nvidia-smi.

    `version`: of the fake vLLM, None where there is none; `vllm`: how it behaves (see fake_main.py).
    `waits`: it is tried again until somebody stops it.
    """

    arguments: tuple[str, ...]
    words: tuple[str, ...]
    status: int = 4
    gpus: str | None = None
    version: str | None = "0.32.0"
    vllm: Mapping[str, Any] = field(default_factory=dict)
    waits: bool = False


ADA = "NVIDIA GeForce RTX 4090, 24564, 8.9, [N/A]\n"
HOPPERS = "NVIDIA H200, 143771, 9.0, Disabled\n" * 8
SMALL = "qwen2.5-coder-1.5b"

ROWS: dict[str, Row] = {
    "vLLM missing": Row((SMALL,), ("has no vLLM", "-m pip install 'vllm>=0.30'"), gpus=ADA, version=None),
    "vLLM too old": Row(
        (SMALL,),
        ("vllm 0.21.0", "CVE-2026-48746", "0.30.0 is the least", "install --upgrade"),
        gpus=ADA,
        version="0.21.0",
    ),
    "GPU too small": Row(("qwen3-coder-480b-a35b",), ("needs", "RTX 4090", "24", "codeassist serve"), gpus=ADA),
    "no GPU": Row(("kimi-k2",), ("runs on GPUs only", "There is no nvidia-smi here", "codeassist serve")),
    "out of memory at the start": Row(
        (SMALL,), ("The GPU's memory is too small", "the whole log is"), gpus=ADA, vllm={"log": [CUDA_OUT], "exit": 1}
    ),
    "killed by the system": Row((SMALL,), ("killed", "memory", "the whole log is"), gpus=ADA, vllm={"kill": 9}),
    "second node unreachable": Row(
        ("qwen3-coder-480b-a35b", "--nodes", "2", "--node-rank", "0", "--master", "127.0.0.1"),
        ("1 of 2 processes joined", "start the other nodes", "It starts again in"),
        gpus=HOPPERS,
        vllm={"log": [NODE_LATE], "exit": 1},
        waits=True,
        status=0,
    ),
    "a flag that vLLM does not know": Row(
        (SMALL, "--", "--nonsense", "3"),
        ("--nonsense", "the whole log is"),
        gpus=ADA,
        vllm={"log": ["vllm serve: error: unrecognized arguments: --nonsense 3"], "exit": 2},
    ),
    "another program at the port": Row((SMALL, "--port", PORT), ("Port", "--port"), gpus=ADA),
    "a server that wants no key": Row((SMALL,), ("wants no key", "--port or --socket"), gpus=ADA, vllm={"open": True}),
    "a server of another name": Row((SMALL,), ("serves other, not", SMALL), gpus=ADA, vllm={"names": ["other"]}),
    "a model of no catalogue": Row(("nonsense",), ("There is no model 'nonsense'", "it has"), status=2),
    "code of a stranger": Row(
        ("kimi-k2", "--nodes", "2", "--node-rank", "0", "--master", "127.0.0.1"),
        ("--trust-remote-code",),
        gpus=HOPPERS,
    ),
}


@contextmanager
def taken_port() -> Iterator[str]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield str(other.getsockname()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="vLLM runs on Linux")
@pytest.mark.parametrize("name", ROWS)
def test_one_sentence_and_a_status(name: str, tmp_path: Path) -> None:
    row = ROWS[name]
    tools = tmp_path / "bin"
    if row.gpus is not None:
        script(tools / "nvidia-smi", f"#!/bin/sh\ncat <<'END'\n{row.gpus}END\n")
    if row.version is not None:
        python = install(tmp_path / "vllm", row.version)
    else:
        python = script(tmp_path / "vllm" / "python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    with taken_port() as port, tempfile.TemporaryDirectory(prefix="ca-") as runtime:
        arguments = [port if word == PORT else word for word in row.arguments]
        variables = environment(tmp_path, SERVE__PYTHON=str(python))
        variables["FAKE_VLLM"] = json.dumps({**row.vllm, "notes": str(tmp_path)})
        variables["XDG_RUNTIME_DIR"] = runtime  # Sockets need short paths.
        variables["PATH"] = f"{tools}{os.pathsep}{variables['PATH']}"
        command = [sys.executable, "-m", "codeassist", "serve", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, env=variables, text=True, **pipes) as serving:  # type: ignore[call-overload]
            late = threading.Timer(DEADLINE_S, serving.kill)
            late.start()
            said = ""
            for line in serving.stderr:
                said = line.strip()
                if row.waits and all(word in said for word in row.words):
                    serving.terminate()
                    break
            out, rest = serving.communicate()
            late.cancel()
    assert all(word in said for word in row.words), said
    assert serving.returncode == row.status, said
    assert row.waits or said.startswith("codeassist serve: ")
    assert out == ""
    assert "Traceback" not in rest
