"""Memory of the language server after a cold scan of a big folder and some completions in it.

    python benchmarks/index/server_memory.py [FOLDER] [--completions 50]

FOLDER: the standard library of this Python, with its site-packages, by default. The real server is started over stdio
with an empty cache and a fake model; when the scan's progress has ended, completions are asked in documents spread over
the folder. RSS counts pages that several processes share in each of them, PSS in parts. Exit code 1 above the limit, or
if a completion is answered with an error. Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.e2e.editor import environment
from tests.e2e.programs import COMPLETION, MODEL
from tests.e2e.wire import Wire, connected
from tests.fake_vllm import FakeVllm

LIMIT_MIB = 400.0
EVERY_S = 0.1
MOST_SCAN_S = 600.0
MOST_BYTES = 100_000
Memory = tuple[float, float]
"""RSS and PSS, in MiB."""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", nargs="?", type=Path, default=Path(sysconfig.get_path("stdlib")))
    options.add_argument("--completions", type=int, default=50)
    arguments = options.parse_args()
    return asyncio.run(measure(arguments.folder.resolve(), arguments.completions))


async def measure(folder: Path, completions: int) -> int:
    with tempfile.TemporaryDirectory() as home:
        async with FakeVllm(answer=COMPLETION, models=(MODEL,)) as fake:
            variables = environment(Path(home), SERVER__URL=fake.base_url)
            async with connected(variables, initialize=False) as wire:
                watch = Watch(wire.process.pid)
                watching = asyncio.ensure_future(watch.run())
                begun = time.perf_counter()
                capabilities = {"window": {"workDoneProgress": True}, "textDocument": {"inlineCompletion": {}}}
                folders = [{"uri": folder.as_uri(), "name": folder.name}]
                await wire.initialize(workspaceFolders=folders, capabilities=capabilities)
                index = await scanned(wire)
                seconds = time.perf_counter() - begun
                after_scan = memory(wire.process.pid)
                answered = await complete(wire, folder, completions)
                watching.cancel()
                watch.look()
                at_end, children = memory(wire.process.pid), [memory(child) for child in below(wire.process.pid)]
                await wire.answer(wire.request("shutdown"))
                wire.notify("exit")
                await wire.ended()
    print(f"{folder}: {index['files']:,} files in {seconds:.1f} s, {answered} of {completions} completions answered\n")
    print(f"{'MiB':32}{'RSS':>9}{'PSS':>9}")
    both = tuple(sum(child[kind] for child in children) for kind in (0, 1))
    for name, value in (
        ("server, after the scan", after_scan),
        ("server, at the end", at_end),
        ("server, peak", watch.server),
        (f"its {len(children)} children, at the end", both),
        ("its children, peak", watch.children),
    ):
        print(f"{name:32}{value[0]:9.0f}{value[1]:9.0f}")
    kept = watch.server[0] <= LIMIT_MIB and answered == completions
    print(f"\npeak of the server {watch.server[0]:.0f} MiB, limit {LIMIT_MIB:.0f} MiB: {'kept' if kept else 'broken'}")
    return 0 if kept else 1


async def scanned(wire: Wire) -> dict[str, Any]:
    """Wait for the end of the scan, and say what the server says of its index."""
    end = time.monotonic() + MOST_SCAN_S
    while time.monotonic() < end:
        ended = any(note["method"] == "$/progress" and note["params"]["value"]["kind"] == "end" for note in wire.notes)
        answer = await wire.answer(wire.request("workspace/executeCommand", {"command": "codeassist.showStatus"}))
        found: dict[str, Any] = (answer["result"]["index"] or [{"state": "none"}])[0]
        if found["state"] == "ready":
            if not ended:
                print("(the scan showed no progress: it took too little)")
            return found
        if found["state"] not in ("none", "starting", "scanning"):
            break
        await asyncio.sleep(EVERY_S)
    raise SystemExit(f"the scan did not end well: {found}")


async def complete(wire: Wire, folder: Path, count: int) -> int:
    """Ask in the middle of documents spread over the folder. How many requests were answered without an error."""
    files = await asyncio.to_thread(documents, folder)
    answered = 0
    for path in files[:: max(1, len(files) // count)][:count]:
        lines = (await asyncio.to_thread(path.read_text, "utf-8", "replace")).split("\n")
        wire.open(path.as_uri(), "\n".join(lines))
        line = len(lines) // 2
        answer = await wire.answer(wire.ask(path.as_uri(), line, len(lines[line])))
        answered += "result" in answer
        wire.notify("textDocument/didClose", {"textDocument": {"uri": path.as_uri()}})
    return answered


def documents(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if 1_000 < path.stat().st_size < MOST_BYTES)


class Watch:
    """The most that was seen of the server, and of its children together."""

    def __init__(self, server: int) -> None:
        self._server = server
        self.server: Memory = (0.0, 0.0)
        self.children: Memory = (0.0, 0.0)

    async def run(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(EVERY_S)

    def look(self) -> None:
        self.server = _most(self.server, memory(self._server))
        seen = [memory(child) for child in below(self._server)]
        self.children = _most(self.children, (sum(each[0] for each in seen), sum(each[1] for each in seen)))


def _most(one: Memory, other: Memory) -> Memory:
    return max(one[0], other[0]), max(one[1], other[1])


def memory(process: int) -> Memory:
    """Nothing for a process that is gone."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0.0, 0.0
    found = {line.split()[0]: int(line.split()[1]) for line in text.splitlines()[1:]}
    return found["Rss:"] / 1024, found["Pss:"] / 1024


def below(parent: int) -> Iterator[int]:
    """The processes that a process started, and theirs."""
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        try:
            children = [int(child) for child in task.read_text(encoding="ascii").split()]
        except OSError:
            continue
        for child in children:
            yield child
            yield from below(child)


if __name__ == "__main__":
    sys.exit(main())
