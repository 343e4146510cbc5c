"""Real vLLM servers for the tests: started as `codeassist serve` starts them, watched by their own metrics."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.editor import environment

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
START_LIMIT_S = 400.0
"""A start takes 40 to 90 s on two cores, most of it Python's imports."""
STOP_LIMIT_S = 60.0
WAIT_LIMIT_S = 240.0
"""How long a test waits for what must happen. Two cores read about a hundred tokens in a second."""
NEEDED_GIB = 8
NO_KEY = "none"
"""For what the key does not guard; there is none while the server is down."""
THREADS = {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 2) - 1))}
"""Not bound to cores, as vLLM has it: where something else runs on the first core, it would wait for that."""


def python() -> Path:
    """The interpreter that has vLLM."""
    named = os.environ.get("CODEASSIST_TEST_VLLM_PYTHON")
    return Path(named) if named else ROOT / ".venv-vllm" / "bin" / "python"


def missing() -> str:
    """Why vLLM cannot run here, as a sentence; "" if it can."""
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "AMD64"):
        return f"vLLM for processors comes for Linux on x86-64, and this is {sys.platform} on {platform.machine()}."
    if "avx2" not in Path("/proc/cpuinfo").read_text(encoding="utf-8").split():
        return "This processor has no AVX2, which vLLM needs."
    kibibytes = re.search(r"MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="utf-8"))
    gib = int(kibibytes[1]) / 2**20 if kibibytes else 0.0
    if gib < NEEDED_GIB - 0.5:  # A machine of 8 GiB shows a little less.
        return f"This machine has {gib:.1f} GiB of memory, and vLLM with the test models needs {NEEDED_GIB}."
    if not python().exists():
        return f"{python()} is not there; run: make vllm-venv"
    return ""


@dataclass(frozen=True)
class Models:
    """The folders that make_models.py made."""

    tiny: Path
    dense: Path
    sliced: Path


def make_models(gguf: Path) -> Models:
    made = subprocess.run(
        [str(python()), str(HERE / "make_models.py"), str(gguf)], stdout=subprocess.PIPE, text=True, check=True
    )
    return Models(**{name: Path(path) for name, path in json.loads(made.stdout).items()})


@dataclass
class Server:
    """One vLLM under `codeassist serve`, for the user whose home is `home`. `name`: the catalogue's and the served one.

    It listens on a port of this machine, or on `socket_path`. `options` are those of `codeassist serve`.
    """

    name: str
    model: Path
    home: Path
    options: tuple[str, ...] = ()
    socket_path: Path | None = None
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.port = self.port or free_port()

    @property
    def url(self) -> str:
        """As `server.url` takes it."""
        return f"unix://{self.socket_path}" if self.socket_path else f"http://127.0.0.1:{self.port}/v1"

    @property
    def said(self) -> str:
        """What `codeassist serve` told its user."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    @property
    def key(self) -> str:
        """The key that `codeassist serve` made. Editors of the same user find it by themselves."""
        return Path(self.record()["key_file"]).read_text(encoding="ascii").strip()

    @property
    def _output(self) -> Path:
        return self.home / f"{self.name}-{self.port}.txt"

    def record(self) -> dict[str, Any]:
        """What editors on this machine read of a running server."""
        records = [json.loads(path.read_text()) for path in self.home.glob("codeassist/serve/*.json")]
        (found,) = [record for record in records if record["served_name"] == self.name]
        return dict(found)

    def start(self) -> None:
        """Start it; `ready` waits for it. `stop` ends it with all its processes."""
        place = ("--socket", str(self.socket_path)) if self.socket_path else ("--port", str(self.port))
        command = [
            *(sys.executable, "-m", "codeassist", "serve", self.name, *place),
            *("--weights", str(self.model), "--python", str(python()), "--max-model-len", "4096", *self.options),
        ]
        with self._output.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                env={**environment(self.home, known=None), **THREADS},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=ROOT,
                start_new_session=True,
            )

    async def ready(self, times: int = 1) -> None:
        """Until it said so for that many times."""
        end = time.monotonic() + START_LIMIT_S
        while self.said.count(" is ready after ") < times:
            assert self.process is not None
            assert self.process.poll() is None, f"codeassist serve ended while vLLM was starting:\n{self.tail()}"
            assert time.monotonic() < end, f"vLLM was not ready after {START_LIMIT_S} s:\n{self.tail()}"
            await asyncio.sleep(0.2)

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    def vllm(self) -> int:
        """vLLM's first process, below the guard that `codeassist serve` puts between."""
        assert self.process is not None
        (guard,) = children(self.process.pid)
        (found,) = children(guard)
        return found

    async def gone(self) -> None:
        """Until nobody answers at its address."""
        end = time.monotonic() + WAIT_LIMIT_S
        async with self.client(NO_KEY) as client:
            while True:
                try:
                    await client.get("/health")
                except httpx.ConnectError:
                    return
                except httpx.TransportError:
                    pass  # It is about to be.
                assert time.monotonic() < end, f"vLLM still answers:\n{self.tail()}"
                await asyncio.sleep(0.05)

    def tail(self, lines: int = 60) -> str:
        """The ends of what was said and of vLLM's log."""
        named = re.findall(r"its log is (\S+)", self.said)
        log = Path(named[-1]).read_text(encoding="utf-8", errors="replace") if named else ""
        return "\n".join([*self.said.splitlines()[-10:], *log.splitlines()[-lines:]])

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        """Plain HTTP to it, with the right key or another one."""
        transport = httpx.AsyncHTTPTransport(uds=str(self.socket_path) if self.socket_path else None)
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {self.key if key is None else key}"},
            transport=transport,
            trust_env=False,
            timeout=WAIT_LIMIT_S,
        )

    async def metrics(self) -> Metrics:
        async with self.client(NO_KEY) as client:
            return Metrics.parse((await client.get("/metrics")).text)

    async def until(self, condition: Callable[[Metrics], bool], what: str) -> Metrics:
        """Wait until its metrics are as wanted; they are the only sign that it gives."""
        end = time.monotonic() + WAIT_LIMIT_S
        async with self.client(NO_KEY) as client:
            while True:
                found = Metrics.parse((await client.get("/metrics")).text)
                if condition(found):
                    return found
                assert time.monotonic() < end, f"waited in vain for {what}: {found}\n{self.tail()}"
                await asyncio.sleep(0.02)


@dataclass(frozen=True)
class Metrics:
    """What vLLM counts. `steps`: forward passes, and `step_tokens` the tokens read or written by them.

    `finished`: requests that came to their end, by whatever reason. One that was dropped is never counted there, also
    not under the reason "abort" that the metric has (seen in 0.32).
    """

    running: int
    waiting: int
    finished: int
    prompt_tokens: int
    generated: int
    cached: int
    steps: int
    step_tokens: int

    @classmethod
    def parse(cls, text: str) -> Metrics:
        def value(name: str) -> int:
            lines = [line for line in text.splitlines() if line.startswith(f"vllm:{name}{{")]
            return int(sum(float(line.rpartition(" ")[2]) for line in lines))

        return cls(
            running=value("num_requests_running"),
            waiting=value("num_requests_waiting"),
            finished=value("request_success_total"),
            prompt_tokens=value("prompt_tokens_total"),
            generated=value("generation_tokens_total"),
            cached=value("prompt_tokens_cached_total"),
            steps=value("iteration_tokens_total_count"),
            step_tokens=value("iteration_tokens_total_sum"),
        )


def children(pid: int) -> list[int]:
    """The processes that a process started, of those that still run."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            # "id (name) state parent ...", and the name may hold anything.
            state, parent = status.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[:2]
        except OSError:
            continue  # It ended meanwhile.
        if int(parent) == pid and state != "Z":
            found.append(int(status.parent.name))
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def events(client: httpx.AsyncClient, path: str, body: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """The events of a streamed answer, up to [DONE]."""
    async with client.stream("POST", path, json={**body, "stream": True}) as response:
        assert response.status_code == 200, (await response.aread()).decode()
        async for line in response.aiter_lines():
            if line.startswith("data: {"):
                yield json.loads(line.removeprefix("data: "))
