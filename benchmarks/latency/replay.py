"""Edits of real commits, typed again as keystrokes with a person's timing, through a real language server.

    python benchmarks/latency/replay.py [--repository FOLDER] [--blocks 6] [--right 0.6] [--editor vscode|neovim]

Blocks of lines that commits added are taken out of the file and typed again, key by key. An engine that knows the text
answers at the speeds that are given: right in a share of the lines, otherwise with something else. Each block is typed
twice in turn: as an editor asks while somebody types, and by requests that stand for themselves (`alone`), which are
never answered from earlier ones. What is right and has been seen for long enough is accepted.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.latency.typing_during_scan import at
from tests.e2e.editor import environment
from tests.e2e.programs import MODEL
from tests.e2e.wire import Wire, connected
from tests.fake_vllm import FakeVllm

ROOT = Path(__file__).resolve().parents[2]
LEAST_LINES, MOST_LINES = 3, 10
KEY_S, SPREAD, LINE_FACTOR = 0.14, 0.4, 3.0
"""Between keys: a log-normal time of this median; longer at the start of a line."""
NOTICED_S, LEAST_WORTH = 0.35, 6
"""A suggestion is accepted if it was there so long and saves so many characters."""
ANSWER_LINES = 4
TAILS = (120, 60, 30, 15)
_HUNK = re.compile(r"^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_KEY = re.compile(r"\n[ \t]*|.", re.DOTALL)
"""What a key inserts: editors indent a new line by themselves."""


@dataclass(frozen=True)
class Block:
    """`text` is to be typed between `before` and `after`."""

    path: str
    before: str
    text: str
    after: str


@dataclass
class Figures:
    keys: int = 0
    characters: int = 0
    accepted: int = 0
    shown: int = 0
    reused: int = 0
    new_ms: list[float] = field(default_factory=list)
    all_ms: list[float] = field(default_factory=list)
    requests: int = 0
    read: int = 0
    cached: int = 0
    generated: int = 0
    seconds: float = 0.0
    right_s: float = 0.0
    wrong_s: float = 0.0


class PacedVllm(FakeVllm):
    """A fake server that takes the time of a real one: a step, and what it has to read anew."""

    step_s = 0.03
    tokens_per_s = 20_000.0

    async def _look_up(self, prompt: list[str]) -> int:
        cached = await super()._look_up(prompt)
        await asyncio.sleep(self.step_s + (len(prompt) - cached) / self.tokens_per_s)
        return cached


class Oracle:
    """Knows the text that is being typed, and says it in a share of the lines."""

    def __init__(self, right: float) -> None:
        self.right = right
        self.goal = ""

    def __call__(self, body: dict[str, Any]) -> str:
        before = str(body["prompt"]).partition("<|fim_suffix|>")[0]
        # Of a short file other files stand before the beginning.
        tails = (before[-length:] for length in TAILS)
        at = next((self.goal.find(tail) + len(tail) for tail in tails if tail in self.goal), -1)
        if at < 0:
            return ""
        rest, line = self.goal[at:], self.goal.count("\n", 0, at)
        if random.Random(f"{line} {len(self.goal)}").random() < self.right:
            return "\n".join(rest.split("\n")[:ANSWER_LINES])
        return f"{rest[:2]}_other(value)\n"


def blocks_of(repository: Path, most: int) -> Iterator[Block]:
    """Blocks of lines that the latest commits added to Python files, one of each file at most."""
    seen: set[str] = set()
    for commit in _git(repository, "log", "-n", "200", "--format=%H", "--no-merges").split():
        path, found = "", 0
        for line in _git(repository, "show", "--format=", "-U0", commit, "--", "*.py").split("\n"):
            if line.startswith("+++ b/"):
                path = line[6:]
            hunk = _HUNK.match(line)
            if hunk is None or path in seen or hunk[1] != "0":
                continue
            start, count = int(hunk[2]), int(hunk[3] or 1)
            block = block_at(path, _git(repository, "show", f"{commit}:{path}"), start - 1, count)
            if block is not None:
                seen.add(path)
                found += 1
                yield block
            if len(seen) == most:
                return
            if found == 2:
                break  # Of many commits, not of one.


def block_at(path: str, text: str, first: int, count: int) -> Block | None:
    """The lines from `first` on as a block, None if they are too few, too many, or not plain text."""
    lines = text.split("\n")[first : first + count]
    while lines and not lines[0].strip():
        lines, first = lines[1:], first + 1
    while lines and not lines[-1].strip():
        lines.pop()
    if not LEAST_LINES <= len(lines) <= MOST_LINES or not text.isascii():
        return None
    whole = text.split("\n")
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    before = "".join(f"{line}\n" for line in whole[:first]) + indent
    typed = "\n".join(lines)[len(indent) :]
    return Block(path, before, typed, "\n" + "\n".join(whole[first + len(lines) :]))


class Typist:
    """Types a block as somebody would, in an editor that shows what the server sends."""

    def __init__(self, wire: Wire, uri: str, block: Block, typed: bool, cancels: bool, figures: Figures) -> None:
        self._wire, self._uri, self._block = wire, uri, block
        self._typed, self._cancels, self._figures = typed, cancels, figures
        self._version = 1
        self._done = ""
        self._shown = ""
        self._since = 0.0
        self._right = False
        self._waiting: list[Any] = []
        self._showing: set[asyncio.Future[None]] = set()

    async def type(self, chance: random.Random) -> None:
        self._wire.open(self._uri, self._block.before + self._block.after)
        begun = time.perf_counter()
        while rest := self._block.text[len(self._done) :]:
            worth = len(self._shown) >= LEAST_WORTH and time.perf_counter() - self._since >= NOTICED_S
            if worth and rest.startswith(self._shown):
                self._figures.accepted += len(self._shown)
                self._insert(self._shown)
            else:
                match = _KEY.match(rest)
                self._insert(match[0] if match else rest[0])
                self._figures.keys += 1
            pause_s = chance.lognormvariate(0.0, SPREAD) * KEY_S * (LINE_FACTOR if self._done.endswith("\n") else 1.0)
            self._ask()
            await asyncio.sleep(pause_s)
        self._figures.seconds += time.perf_counter() - begun
        self._figures.characters += len(self._block.text)
        await asyncio.gather(*self._showing)
        self._wire.notify("textDocument/didClose", {"textDocument": {"uri": self._uri}})

    def _insert(self, text: str) -> None:
        line, column = self._place()
        self._version += 1
        self._wire.insert(self._uri, line, column, text, self._version)
        self._done += text
        now = time.perf_counter()
        if self._shown and self._shown != text and self._shown.startswith(text):
            self._shown = self._shown[len(text) :]
        else:
            self._note(now)
            self._shown = ""

    def _note(self, now: float) -> None:
        """What was shown until now was right or wrong for so long."""
        if self._shown:
            self._figures.right_s += (now - self._since) * self._right
            self._figures.wrong_s += (now - self._since) * (not self._right)

    def _place(self) -> tuple[int, int]:
        text = self._block.before + self._done
        return text.count("\n"), len(text) - text.rfind("\n") - 1

    def _ask(self) -> None:
        """Ask as the editor does; what comes is shown unless something else was typed meanwhile."""
        line, column = self._place()
        if self._cancels:
            for waiting in self._waiting:
                self._wire.notify("$/cancelRequest", {"id": waiting})
        self._waiting = []
        begun, version = time.perf_counter(), self._version
        asked = self._wire.ask(self._uri, line, column, typed=self._typed)
        self._waiting.append(asked)
        self._showing.add(task := asyncio.ensure_future(self._show(asked, begun, version)))
        task.add_done_callback(self._showing.discard)

    async def _show(self, asked: Any, begun: float, version: int) -> None:
        answer = await self._wire.answer(asked)
        if asked in self._waiting:
            self._waiting.remove(asked)
        items = (answer.get("result") or {}).get("items") or []
        if version != self._version:
            return
        if not items:
            self._note(time.perf_counter())
            self._shown = ""
            return
        now = time.perf_counter()
        if items[0]["insertText"] != self._shown:
            self._note(now)
            self._shown, self._since = items[0]["insertText"], now
            rest = self._block.text[len(self._done) :]
            self._right = rest.startswith(self._shown) or self._shown.startswith(rest)
            self._figures.new_ms.append((now - begun) * 1000)
        self._figures.all_ms.append((now - begun) * 1000)


async def replay(blocks: list[Block], arguments: argparse.Namespace) -> dict[str, Figures]:
    found = {"typing": Figures(), "alone": Figures()}
    oracle = Oracle(arguments.right)
    async with PacedVllm(answer=oracle, models=(MODEL,)) as fake:
        fake.step_s, fake.tokens_per_s = arguments.step_ms / 1000, arguments.prefill
        fake.behaviour.token_delay_s = arguments.token_ms / 1000
        with tempfile.TemporaryDirectory() as home:
            variables = environment(Path(home), SERVER__URL=fake.base_url)
            async with connected(variables) as wire:
                for number, block in enumerate(blocks):
                    for name in sorted(found, reverse=bool(number % 2)):
                        await _one(wire, block, f"file:///replay/{number}/{name}/{block.path}", name, fake, oracle,
                                   found[name], arguments.editor == "vscode", number)  # fmt: skip
                        print(f"\r{number + 1} of {len(blocks)} blocks", end="", file=sys.stderr, flush=True)
                await wire.answer(wire.request("shutdown"))
                wire.notify("exit")
                await wire.ended()
    print(file=sys.stderr)
    return found


async def _one(
    wire: Wire, block: Block, uri: str, name: str, fake: FakeVllm, oracle: Oracle, figures: Figures, cancels: bool,
    seed: int,
) -> None:  # fmt: skip
    oracle.goal = block.before + block.text + block.after
    counts = fake.counts
    before = counts.prefix_queries, counts.prefix_hits, counts.generated_tokens, len(fake.received)
    await Typist(wire, uri, block, name == "typing", cancels, figures).type(random.Random(seed))
    await fake.until(lambda counts: counts.running == 0)
    figures.read += counts.prefix_queries - before[0]
    figures.cached += counts.prefix_hits - before[1]
    figures.generated += counts.generated_tokens - before[2]
    figures.requests += sum(one.path == "/v1/completions" for one in fake.received[before[3] :])
    traces = (await wire.answer(wire.request("codeassist/trace", {"limit": 200})))["result"]
    mine = [one for one in traces if one.get("uri") == uri and one["kind"] == "completion" and one["skip"] is None]
    figures.shown += len(mine)
    figures.reused += sum(one["reused"] for one in mine)


def rows(figures: Figures) -> Iterator[tuple[str, str]]:
    """What is printed of one way to type."""
    accepted = max(1, figures.accepted)
    yield "keys", f"{figures.keys}"
    yield "characters accepted", f"{figures.accepted / figures.characters:.0%}"
    yield "engine requests for each key", f"{figures.requests / figures.keys:.2f}"
    yield "keys with a suggestion, without a new request", f"{figures.reused / max(1, figures.shown):.0%}"
    for name, values in (("new suggestion", figures.new_ms), ("any suggestion", figures.all_ms)):
        for share in (0.5, 0.95):
            yield f"key to {name}, p{share * 100:.0f}", f"{at(values or [0.0], share):.0f} ms"
    yield "prompt tokens cached", f"{figures.cached / max(1, figures.read):.0%}"
    yield "tokens read anew for a character accepted", f"{(figures.read - figures.cached) / accepted:.1f}"
    yield "tokens generated for a character accepted", f"{figures.generated / accepted:.2f}"
    yield "time with a right suggestion", f"{figures.right_s / figures.seconds:.0%}"
    yield "time with a wrong one", f"{figures.wrong_s / figures.seconds:.0%}"


def _git(repository: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(repository), *arguments],
        check=True, capture_output=True, text=True, errors="replace",
    ).stdout  # fmt: skip


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--repository", type=Path, default=ROOT)
    options.add_argument("--blocks", type=int, default=6)
    options.add_argument("--right", type=float, default=0.6, help="share of the lines that the engine knows")
    options.add_argument("--editor", choices=("vscode", "neovim"), default="vscode", help="whether it cancels")
    options.add_argument("--step-ms", type=float, default=30.0)
    options.add_argument("--prefill", type=float, default=20_000.0, help="tokens a second")
    options.add_argument("--token-ms", type=float, default=8.0)
    arguments = options.parse_args()
    blocks = list(blocks_of(arguments.repository, arguments.blocks))
    if not blocks:
        print("no commit of this repository adds a block of lines to a Python file", file=sys.stderr)
        return 2
    found = asyncio.run(replay(blocks, arguments))
    print(f"{len(blocks)} blocks of {arguments.repository.resolve().name}, as {arguments.editor} asks")
    print(f"\n{'':48}{'typing':>10}{'alone':>10}")
    for (name, one), (_, other) in zip(rows(found["typing"]), rows(found["alone"]), strict=True):
        print(f"{name:48}{one:>10}{other:>10}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
