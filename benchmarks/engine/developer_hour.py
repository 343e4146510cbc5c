"""What one developer asks of a server: requests, tokens and cached share of an hour of writing code.

    python benchmarks/engine/developer_hour.py [FILE ...] [--minutes 10] [--faster 4] [--right 0.5] [--url URL]

A developer types functions of the given files (by default: of this repository) into those files, from which they were
taken out before, through the real language server over stdio: at human pace, with pauses, slips, saves and changes of
file (`typist.py`). Each key cancels the completion asked for the key before and asks for a new one, as VS Code does;
nothing that is offered is accepted, so this is the most that somebody can ask for while typing.

Without --url the server is a fake one that knows what the developer is about to write. It answers with that as often as
--right says and with another line of the file else, streams --token-ms a token, and keeps an ideal prefix cache: blocks
of 16 tokens, nothing is ever evicted. With --url the figures are the differences of that server's own /metrics; let
nobody else use it meanwhile.

--faster N plays N times faster, with the debounce and the stream N times faster too. What is not scaled: the language
server's own work of some milliseconds for each request, and the 400 ms of quiet before a review. Both look N times as
long, so that a few requests are cancelled before they leave which would have left at human pace; --faster 1 tells.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
import tempfile
from contextlib import AsyncExitStack
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.engine.prefix_cache import Chain, PrefixCache, cached_tokens, chain_of  # noqa: E402
from benchmarks.engine.typist import Habits, Step, blocks_of, session  # noqa: E402
from tests.e2e.editor import Editor, environment, start  # noqa: E402
from tests.fake_vllm import FakeVllm  # noqa: E402
from tests.fake_vllm_answers import prompt_of  # noqa: E402

MODEL = "Qwen/Qwen2.5-Coder-7B"
SOURCES = ("codeassist/flow/complete.py", "codeassist/post/inline.py", "codeassist/context/pack.py")
DEBOUNCE_MS = 60
HELD_TOKENS = (2048, 4096, 8192, 16_384, 32_768)
SERVERS = (1, 2, 4, 8, 16)
METRICS = {
    "requests": "vllm:request_success_total",
    "prompt_tokens": "vllm:prompt_tokens_total",
    "cached_tokens": "vllm:prefix_cache_hits_total",
    "generated_tokens": "vllm:generation_tokens_total",
}


@dataclass
class Counted:
    """What arrived, of one kind of request."""

    requests: int = 0
    prompt_tokens: int = 0
    prompt_characters: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0


_counted: ContextVar[Counted] = ContextVar("_counted")
"""Of the request that the current task answers."""


@dataclass
class Mind:
    """What the developer is about to write, and the text of the file that is on the screen."""

    rest: str = ""
    text: str = ""


@dataclass
class CountingVllm(FakeVllm):
    """The fake server with a cache that finds the common blocks of any two prompts at once, and counts by kind.

    `prompts`: where each prompt is written to, a line of JSON each, for counting with a real tokenizer.
    """

    kinds: dict[str, Counted] = field(default_factory=lambda: {"completion": Counted(), "review": Counted()})
    prompts: Any = None
    chains: list[Chain] = field(default_factory=list)
    _cache: PrefixCache = field(default_factory=PrefixCache)

    def start_counting(self) -> None:
        """Forget what came until now: the questions about what the server can do are no part of the hour."""
        self.kinds = {"completion": Counted(), "review": Counted()}
        self.chains, self._cache = [], PrefixCache()

    def _text_for(self, body: dict[str, Any]) -> str:
        prompt = prompt_of(body)
        counted = self.kinds["review" if body.get("priority") or body.get("logprobs", 0) > 1 else "completion"]
        counted.requests += 1
        counted.prompt_characters += len(prompt)
        if self.prompts is not None:
            self.prompts.write(json.dumps(prompt) + "\n")
        _counted.set(counted)
        return super()._text_for(body)

    def _count(self, **changes: int) -> None:
        if "generated_tokens" in changes:
            _counted.get().generated_tokens += changes["generated_tokens"]
        super()._count(**changes)

    async def _look_up(self, prompt: list[str]) -> int:
        chain = chain_of(prompt)
        cached = self._cache.read(chain)
        self.chains.append(chain)
        _counted.get().prompt_tokens += len(prompt)
        _counted.get().cached_tokens += cached
        return cached


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("files", nargs="*", type=Path, help="source files to type")
    options.add_argument("--minutes", type=float, default=10.0, help="time at the keyboard, in the developer's minutes")
    options.add_argument("--faster", type=int, default=4, help="how many times faster it is played")
    options.add_argument("--right", type=float, default=0.5, help="share of answers that are what the developer meant")
    options.add_argument("--token-ms", type=float, default=8.0, help="time of the fake server for a token")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--url", help="a real server, such as http://127.0.0.1:8000/v1, that nobody else uses")
    options.add_argument("--prompts", type=argparse.FileType("w"), help="write the prompts there, as lines of JSON")
    options.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = options.parse_args()
    report = asyncio.run(measure(given))
    print(json.dumps(report) if given.json else table(report, given))
    return 0


async def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Play the session; the figures, as they were counted, and the developer's hours at the keyboard."""
    mind = Mind()
    files = given.files or [ROOT / name for name in SOURCES]
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        fake = CountingVllm(models=(MODEL,), answer=lambda body: answer(body, mind, given.right), prompts=given.prompts)
        fake.behaviour.token_delay_s = given.token_ms / 1000 / given.faster
        if given.url is None:
            await stack.enter_async_context(fake)
        root = home / "project"
        root.mkdir()
        settings = {
            "SERVER__URL": given.url or fake.base_url,
            "COMPLETION__DEBOUNCE_MS": str(max(1, DEBOUNCE_MS // given.faster)),
        }
        editor = await stack.enter_async_context(start("vscode", environment(home, **settings), roots=[root]))
        blocks, uris = [], {}
        for path in files:
            left, found = blocks_of(str(path), path.read_text())
            uris[str(path)] = (root / path.name).as_uri()
            editor.open(uris[str(path)], left)
            blocks += found
        await connect(editor, root)
        fake.start_counting()
        before = await metrics(given.url)
        played = await play(editor, uris, list(session(blocks, Habits(), given.seed)), mind, given)
        after = await metrics(given.url)
        skips = [entry["skip"] or "shown" for entry in await editor.trace(100_000) if entry["kind"] == "completion"]
    if given.url is None:
        kinds = {kind: vars(one) for kind, one in fake.kinds.items()}
    else:
        kinds = {"both": {name: after[name] - before[name] for name in METRICS}}
    whole = sum(one["prompt_tokens"] for one in kinds.values())
    return {
        **played,
        **what_if(fake.chains, whole),
        "kinds": kinds,
        "skips": {name: skips.count(name) for name in set(skips)},
    }


async def connect(editor: Editor, root: Path) -> None:
    """Have the server found and known before the clock runs."""
    uri = (root / "scratch.py").as_uri()
    editor.open(uri, "def total(prices):\n    return \n")
    await editor.complete(uri, 30)
    editor.close(uri)


def what_if(chains: list[Chain], prompt_tokens: float) -> dict[str, Any]:
    """The cached share, had there been less cache, or several servers and no session affinity."""
    if not chains:
        return {}
    share = {held: cached_tokens(chains, tokens_held=held) / prompt_tokens for held in HELD_TOKENS}
    spread = {servers: cached_tokens(chains, servers=servers) / prompt_tokens for servers in SERVERS}
    return {"share_by_held_tokens": share, "share_by_servers": spread}


async def play(
    editor: Editor, uris: dict[str, str], steps: list[Step], mind: Mind, given: argparse.Namespace
) -> dict[str, Any]:
    """Do the steps at their times until the developer's time is over; what was typed, and how late at worst."""
    clock = asyncio.get_running_loop().time
    begun, due, late = clock(), 0.0, 0.0
    counts = {"key": 0, "delete": 0, "save": 0, "move": 0}
    pending: tuple[str, asyncio.Task[Any]] | None = None
    offset, tasks = 0, set()
    for number, step in enumerate(steps):
        due += step.after
        if due > given.minutes * 60:
            break
        await asyncio.sleep(max(0.0, begun + due / given.faster - clock()))
        late = max(late, clock() - begun - due / given.faster)
        counts[step.kind] += 1
        uri = uris[step.block.path]
        mind.rest = step.rest
        if step.kind == "move":
            offset = step.block.start
        elif step.kind == "save":
            editor.save(uri)
        elif step.kind == "delete":
            editor.edit(uri, (offset - 1, offset, ""))
            offset -= 1
        else:
            editor.edit(uri, (offset, offset, step.key))
            offset += len(step.key)
        mind.text = editor.texts[uri]
        if step.kind in ("key", "delete"):
            if pending is not None and not pending[1].done():
                editor.cancel(pending[0])
            pending = (f"key-{number}", editor.ask(uri, offset, typed=True, request_id=f"key-{number}"))
            tasks.add(pending[1])
    await asyncio.sleep(2.0)
    await asyncio.gather(*tasks, return_exceptions=True)
    return {"hours": min(due, given.minutes * 60) / 3600, "steps": counts, "late_s": late * given.faster}


def answer(body: dict[str, Any], mind: Mind, right: float) -> str:
    """What the model says: to a review the line as it is, to a completion what comes next or another line."""
    prompt = prompt_of(body)
    if body.get("priority") or body.get("logprobs", 0) > 1:
        return line_as_it_is(prompt, mind.text)
    # By the line and not by chance: the same model says the same at each key of a line.
    line = prompt.split("<|fim_middle|>")[0].rsplit("\n", 1)[0][-80:] + mind.rest.split("\n", 1)[0][-20:]
    lucky = hashlib.blake2b(line.encode(), digest_size=2).digest()
    if int.from_bytes(lucky, "big") / 65536 < right:
        return mind.rest or "\n"
    lines = [each for each in mind.text.splitlines() if len(each.strip()) > 12]
    return lines[int.from_bytes(lucky, "big") % len(lines)].strip() + "\n\n\n" if lines else "pass\n"


def line_as_it_is(prompt: str, text: str) -> str:
    """The rest of the line that a review asks for, as the file has it: the model finds nothing wrong."""
    before, _, forced = prompt.partition("<|fim_middle|>")
    prefix = before.split("<|fim_prefix|>")[-1].split("<|fim_suffix|>")[0]
    at = text.find(prefix[-200:])
    if at < 0:
        return "\n"
    line = text[at + len(prefix[-200:]) :].split("\n", 1)[0]
    return (line[len(forced) :] if line.startswith(forced) else "") + "\n"


async def metrics(url: str | None) -> dict[str, float]:
    """The server's own counters, added up over their labels."""
    if url is None:
        return {}
    import httpx

    async with httpx.AsyncClient(base_url=url.removesuffix("/v1")) as client:
        page = (await client.get("/metrics")).text
    rows = [line.rsplit(" ", 1) for line in page.splitlines() if line and not line.startswith("#")]
    return {
        name: sum(float(value) for label, value in rows if label.split("{")[0] == metric)
        for name, metric in METRICS.items()
    }


def table(report: dict[str, Any], given: argparse.Namespace) -> str:
    """For people: an hour of writing, by kind of request."""
    hours, steps = report["hours"], report["steps"]
    rows = [
        f"{hours * 60:.1f} minutes at the keyboard, played {given.faster} times faster, at most "
        f"{report['late_s']:.2f} s behind: {steps['key']} keys, {steps['delete']} taken back, {steps['save']} saves, "
        f"{steps['move']} moves",
        "",
        "| in an hour of writing | " + " | ".join(report["kinds"]) + " |",
        "|---|" + "---|" * len(report["kinds"]),
    ]
    for title, figure in (
        ("requests", lambda one: one["requests"] / hours),
        ("characters of its prompt", lambda one: one.get("prompt_characters", 0) / max(1, one["requests"])),
        ("tokens of its prompt", lambda one: one["prompt_tokens"] / max(1, one["requests"])),
        ("of them cached", lambda one: 100 * one["cached_tokens"] / max(1, one["prompt_tokens"])),
        ("tokens to read", lambda one: _fresh(one) / max(1, one["requests"])),
        ("tokens written until we close", lambda one: one["generated_tokens"] / max(1, one["requests"])),
    ):
        unit = " %" if title == "of them cached" else ""
        rows.append(
            f"| {title} | " + " | ".join(f"{figure(one):,.0f}{unit}" for one in report["kinds"].values()) + " |"
        )
    for title, name in (
        ("Cached share where the cache holds that many tokens for this developer", "share_by_held_tokens"),
        ("Cached share where each request goes to any of that many servers", "share_by_servers"),
    ):
        if name in report:
            shares = ", ".join(f"{number:,}: {100 * share:.0f} %" for number, share in report[name].items())
            rows.append(f"\n{title}: {shares}.")
    rows.append("\nCompletions: " + ", ".join(f"{name} {count}" for name, count in sorted(report["skips"].items())))
    return "\n".join(rows)


def _fresh(one: dict[str, Any]) -> float:
    return float(one["prompt_tokens"] - one["cached_tokens"])


if __name__ == "__main__":
    sys.exit(main())
