"""What a cold scan of a big folder costs those who type meanwhile: round trips of inlineCompletion over stdio.

    python benchmarks/latency/typing_during_scan.py [FOLDER] [--rounds 3] [--keys 60]

FOLDER: this Python's site-packages by default. In each round a language server with an empty cache is started on the
folder; keys are typed in a document of it while it is scanned, and as many when that is done. A fake model server
answers at once, so that what is measured is ours. Exit code 1 if the 95th percentile grows by more than the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.e2e.editor import environment
from tests.e2e.programs import COMPLETION, MODEL
from tests.e2e.wire import Wire, connected
from tests.fake_vllm import FakeVllm

LIMIT_MS = 5.0
KEY_S = 0.08
"""Between an answer and the next key."""
SHARE = 0.95
TEXT = "import json\nfrom pathlib import Path\n\n\ndef total(prices: list[int]) -> int:\n    \n    return 0\n"
LINE_NUMBER, LINE = 5, "total = prices + sum"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", nargs="?", type=Path, default=Path(sysconfig.get_path("purelib")))
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--keys", type=int, default=60)
    arguments = options.parse_args()
    busy, idle = asyncio.run(measure(arguments.folder.resolve(), arguments.rounds, arguments.keys))
    print(f"\n{'ms':24}{'count':>8}{'median':>9}{'p95':>9}{'max':>9}")
    for name, values in (("idle", idle), ("while scanning", busy)):
        print(f"{name:24}{len(values):8}{at(values, 0.5):9.1f}{at(values, SHARE):9.1f}{max(values):9.1f}")
    more = at(busy, SHARE) - at(idle, SHARE)
    print(f"\np95 grows by {more:.1f} ms, limit {LIMIT_MS} ms: {'kept' if more <= LIMIT_MS else 'broken'}")
    return 0 if more <= LIMIT_MS else 1


async def measure(folder: Path, rounds: int, keys: int) -> tuple[list[float], list[float]]:
    """Round trips in milliseconds: while scanning, and idle."""
    busy: list[float] = []
    idle: list[float] = []
    async with FakeVllm(answer=COMPLETION, models=(MODEL,)) as fake:
        for number in range(rounds):
            with tempfile.TemporaryDirectory() as home:
                variables = environment(Path(home), SERVER__URL=fake.base_url)
                async with connected(variables, initialize=False) as wire:
                    typist = Typist(wire, folder)
                    found, seconds = await typist.while_scanning()
                    rest = [await typist.key() for _ in range(keys)]
                    index = await typist.index()
                    await wire.answer(wire.request("shutdown"))
                    wire.notify("exit")
                    await wire.ended()
            print(
                f"round {number + 1}: {index['files']:,} files in {seconds:.1f} s; p95 {at(found, SHARE):.1f} ms while "
                f"scanning ({len(found)}), {at(rest, SHARE):.1f} ms idle ({len(rest)})"
            )
            busy += found
            idle += rest
    return busy, idle


class Typist:
    """Types one line of a document again and again."""

    def __init__(self, wire: Wire, folder: Path) -> None:
        self._wire, self._folder = wire, folder
        self._uri = (folder / "typed_here.py").as_uri()
        self._keys = 0

    async def while_scanning(self) -> tuple[list[float], float]:
        """Start the server on the folder and type until it is scanned. Round trips, and the seconds that took."""
        began = time.perf_counter()
        await self._wire.initialize(workspaceFolders=[{"uri": self._folder.as_uri(), "name": self._folder.name}])
        self._wire.open(self._uri, TEXT)
        await self.key()  # The first one connects and loads the grammar.
        found: list[float] = []
        while (await self.index())["state"] != "ready":
            found += [await self.key() for _ in range(3)]
        return found, time.perf_counter() - began

    async def key(self) -> float:
        """One key and the completion after it, in milliseconds."""
        await asyncio.sleep(KEY_S)
        column = self._keys % len(LINE)
        self._keys += 1
        if column == 0:
            document = {"uri": self._uri, "version": 2 * self._keys}
            change = {"textDocument": document, "contentChanges": [{"text": TEXT}]}
            self._wire.notify("textDocument/didChange", change)
        self._wire.insert(self._uri, LINE_NUMBER, 4 + column, LINE[column], version=2 * self._keys + 1)
        begun = time.perf_counter()
        await self._wire.answer(self._wire.ask(self._uri, LINE_NUMBER, 5 + column))
        return (time.perf_counter() - begun) * 1000

    async def index(self) -> dict[str, Any]:
        """What the server says of its index."""
        command = {"command": "codeassist.showStatus"}
        answer = await self._wire.answer(self._wire.request("workspace/executeCommand", command))
        found: dict[str, Any] = answer["result"]["index"][0]
        return found


def at(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


if __name__ == "__main__":
    sys.exit(main())
