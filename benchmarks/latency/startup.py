"""How long until something happens: `codeassist --version`, and process start to the answer to `initialize`.

    python benchmarks/latency/startup.py [--runs 10]

Each run starts a new process; the files are in the system's cache after the first, which is not counted. Prints
seconds by the clock and, in the last column, the median of the processor's seconds, which other programs lengthen
less. A bare Python is measured too: what it takes is no fault of ours. Exit code 1 if a median is above its limit.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

VERSION_LIMIT_S = 0.3
INITIALIZE_LIMIT_S = 0.8

PYTHON = (sys.executable, "-c", "pass")
VERSION = (sys.executable, "-m", "codeassist", "--version")
SERVER = (sys.executable, "-m", "codeassist", "lsp", "--stdio")

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"processId": None, "rootUri": None, "capabilities": {"textDocument": {"inlineCompletion": {}}}},
}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=10)
    runs = options.parse_args().runs

    print(f"{runs} runs, Python {sys.version.split()[0]}\n")
    print(f"{'seconds':32}{'min':>8}{'median':>8}{'max':>8}{'processor':>12}")
    bare = row("python -c pass", runs, lambda: ended(PYTHON))
    version = row("codeassist --version", runs, lambda: ended(VERSION))
    initialize = row("lsp: initialize answered", runs, initialize_answered)
    print(f"\n--version takes {version / bare:.1f} times, initialize {initialize / bare:.1f} times a bare Python")
    kept = verdict("--version", version, VERSION_LIMIT_S) & verdict("initialize", initialize, INITIALIZE_LIMIT_S)
    return 0 if kept else 1


def row(name: str, runs: int, run: Callable[[], float]) -> float:
    """Print the figures of one line; its median."""
    run()
    clock, processor = [], []
    for _ in range(runs):
        before = children_s()
        clock.append(run())
        processor.append(children_s() - before)
    median = statistics.median(clock)
    print(f"{name:32}{min(clock):8.3f}{median:8.3f}{max(clock):8.3f}{statistics.median(processor):12.3f}")
    return median


def children_s() -> float:
    """Processor seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ended(command: tuple[str, ...]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def initialize_answered() -> float:
    """Seconds until the answer is there; the server is ended after that."""
    body = json.dumps(INITIALIZE).encode()
    began = time.perf_counter()
    with subprocess.Popen(SERVER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        server.stdin.flush()
        length = 0
        while header := server.stdout.readline().strip():
            if header.startswith(b"Content-Length:"):
                length = int(header.partition(b":")[2])
        answer = json.loads(server.stdout.read(length))
        answered = time.perf_counter() - began
        assert "result" in answer, answer
        server.stdin.close()
        server.wait()
    return answered


def verdict(name: str, median: float, limit: float) -> bool:
    print(f"{name}: median {median:.3f} s, limit {limit} s: {'kept' if median <= limit else 'broken'}")
    return median <= limit


if __name__ == "__main__":
    sys.exit(main())
