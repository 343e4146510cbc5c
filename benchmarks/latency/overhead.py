"""What the server adds to the engine's own time: keys in a long file of an indexed repository, beside a bare client.

    python benchmarks/latency/overhead.py [--keys 120] [--lines 10000] [--first-ms 30] [--token-ms 8] [--json FILE]
                                          [--untold]

A scripted engine in a process of its own takes the same time for each answer. A real server is asked for a completion
after each key; a bare client sends that engine the very same request and stops reading at the end of the line. They
take turns key by key, and each goes first every other time. Before the first key at a place the cursor rests there, and
the editor tells so, as VS Code does by its requests for code actions; with `--untold` it does not.
Exit code 1 if what the server adds is above a limit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.latency.overhead_work import FILES, KEYS_AT_PLACE, Place, long_file, make_repository, modules, places
from benchmarks.latency.typing_during_scan import at
from tests.e2e.editor import environment
from tests.e2e.programs import MODEL
from tests.e2e.wire import Wire, connected
from tests.fake_vllm import FakeVllm
from tests.fake_vllm_answers import Answer
from tests.fake_vllm_wire import Connection, Received

P50_LIMIT_MS, P95_LIMIT_MS = 3.0, 10.0
PAUSE_S = 0.12
"""Between an answer and the next request of either kind."""
MOST_POLLS = 10
ANSWER = "combined_total(first, second)\n"
NAME = "long_file.py"


@dataclass(frozen=True)
class Key:
    """One key: both round trips in milliseconds, the server's stages of it, and that of a question that it does not
    know: messages there and back, and nothing else."""

    kind: str
    typed: str
    is_first: bool
    server_ms: float
    bare_ms: float
    server_first: bool
    shown: bool
    stages: dict[str, float]
    empty_ms: float = 0.0

    @property
    def added_ms(self) -> float:
        return self.server_ms - self.bare_ms


@dataclass
class Found:
    """`unasked`: keys after which the server did not ask the engine, by its reason. `unread`: places where the server
    did not read ahead although it was told."""

    keys: list[Key] = field(default_factory=list)
    unasked: Counter[str] = field(default_factory=Counter)
    unread: int = 0


class ScriptedVllm(FakeVllm):
    """Takes the same time for every prompt, and says at /recorded what it was asked last."""

    first_s = 0.03
    token_s = 0.008
    asked = 0
    last: dict[str, Any] = {}  # noqa: RUF012  Replaced, never changed.

    def _plain(self, request: Received) -> tuple[Any, int]:
        if request.path == "/recorded":
            return {"asked": self.asked, "body": self.last}, 200
        return super()._plain(request)

    async def _stream(self, connection: Connection, body: dict[str, Any], prompt: list[str]) -> bool:
        self.asked, self.last = self.asked + 1, body
        answer = Answer(body, ANSWER)
        await asyncio.sleep(self.first_s)
        await connection.start_stream()
        text = ""
        for event in answer.events():
            # Nothing is slow after the line's end: whoever reads on, as at the start of a statement, has it at once.
            if text and "\n" not in text:
                await asyncio.sleep(self.token_s)
            await connection.send_event(event, 0)
            text += event["choices"][0]["text"]
        await connection.send_event(answer.usage_event(len(prompt), 0), 0)
        await connection.send(b"data: [DONE]\n\n")
        await connection.end_stream()
        return True


def be_engine(pipe: Pipe, first_s: float, token_s: float) -> None:
    """The engine's process: tells its address, and works until it is ended."""

    async def work() -> None:
        engine = ScriptedVllm(models=(MODEL,))
        engine.first_s, engine.token_s = first_s, token_s
        async with engine:
            pipe.send(engine.base_url)
            await asyncio.Event().wait()

    asyncio.run(work())


@contextmanager
def engine_process(first_s: float, token_s: float) -> Iterator[str]:
    """The address of an engine that lives as long as the body."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=be_engine, args=(theirs, first_s, token_s), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


class BareClient:
    """Asks the engine with nothing in between."""

    def __init__(self, url: str, asking: httpx.AsyncClient, looking: httpx.AsyncClient) -> None:
        self._url, self._asking, self._looking = url, asking, looking

    async def round_trip(self, content: bytes) -> float:
        """From sending the request to having left at the end of the line, in milliseconds."""
        text = ""
        begun = time.perf_counter()
        async with self._asking.stream("POST", f"{self._url}/completions", content=content) as response:
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    text += "".join(choice["text"] for choice in json.loads(line[6:])["choices"])
                if "\n" in text:
                    break
        taken = (time.perf_counter() - begun) * 1000
        assert text == ANSWER
        return taken

    async def recorded(self) -> tuple[int, bytes]:
        """How many requests the engine has had, and the last one's body."""
        document = (await self._looking.get(f"{self._url.removesuffix('/v1')}/recorded")).json()
        return document["asked"], json.dumps(document["body"], ensure_ascii=False).encode()


@asynccontextmanager
async def bare_client(url: str) -> AsyncIterator[BareClient]:
    """With a client of its own for what is not measured, so that no open connection of that is used."""
    async with httpx.AsyncClient(trust_env=False) as asking, httpx.AsyncClient(trust_env=False) as looking:
        yield BareClient(url, asking, looking)


class Typist:
    """Types keys at places of one document, and has both ways measured at each."""

    def __init__(self, wire: Wire, uri: str, text: str, bare: BareClient, *, tells: bool) -> None:
        """`tells`: the editor says where the cursor rests."""
        self._wire, self._uri, self._text, self._bare = wire, uri, text, bare
        self._tells = tells
        self._version = 1
        self._content: bytes | None = None
        self._count = 0

    async def type_at(self, place: Place, found: Found) -> None:
        self._replace(place.start, self._text[place.start : place.end], "")
        if self._tells:
            await self._rest(place.start, found)
        typed = ""
        for key in place.keys:
            await self._key(place, typed, key, found)
            typed += key
        self._replace(place.start, typed, self._text[place.start : place.end])

    async def _key(self, place: Place, typed: str, key: str, found: Found) -> None:
        self._count += 1
        bare_ms: float | None = None
        if self._count % 2 and self._content is not None:
            # What the server will ask is not known yet; what it asked at the key before differs by a character.
            await asyncio.sleep(PAUSE_S)
            bare_ms = await self._bare.round_trip(self._content)
        asked_before, _ = await self._bare.recorded()
        await asyncio.sleep(PAUSE_S)
        server_ms, shown = await self._round_trip(place.start, typed, key)
        (trace,) = (await self._wire.answer(self._wire.request("codeassist/trace", {"limit": 1})))["result"]
        asked, content = await self._bare.recorded()
        if asked == asked_before:
            found.unasked[str(trace["skip"])] += 1
            return
        server_first = bare_ms is None
        self._content = content
        if bare_ms is None:
            await asyncio.sleep(PAUSE_S)
            bare_ms = await self._bare.round_trip(content)
        await asyncio.sleep(PAUSE_S)
        begun = time.perf_counter()
        await self._wire.answer(self._wire.request("codeassist/nothing", {}))
        empty_ms = (time.perf_counter() - begun) * 1000
        stages = trace["timings"]
        found.keys.append(Key(place.kind, key, not typed, server_ms, bare_ms, server_first, shown, stages, empty_ms))

    async def _round_trip(self, start: int, typed: str, key: str) -> tuple[float, bool]:
        """From telling of a key to having the answer, in milliseconds, and whether it holds something."""
        line, column = line_and_column(self._text[:start] + typed)
        new_line, new_column = line_and_column(self._text[:start] + typed + key)
        self._version += 1
        begun = time.perf_counter()
        self._wire.insert(self._uri, line, column, key, self._version)
        answer = await self._wire.answer(self._wire.ask(self._uri, new_line, new_column, typed=True))
        return (time.perf_counter() - begun) * 1000, bool(answer["result"]["items"])

    async def _rest(self, start: int, found: Found) -> None:
        """Tell of the cursor, and wait as long as the server takes to get ready."""
        line, column = line_and_column(self._text[:start])
        place = {"textDocument": {"uri": self._uri}, "position": {"line": line, "character": column}}
        self._wire.notify("codeassist/didRest", place)
        for _ in range(MOST_POLLS):
            await asyncio.sleep(PAUSE_S)
            records = (await self._wire.answer(self._wire.request("codeassist/trace", {"limit": 8})))["result"]
            kinds = [record["kind"] for record in records if record["kind"] in ("completion", "warm-up")]
            if kinds and kinds[-1] == "warm-up":
                return
        found.unread += 1

    def _replace(self, start: int, old: str, new: str) -> None:
        self._version += 1
        ends = [line_and_column(text) for text in (self._text[:start], self._text[:start] + old)]
        begin, end = ({"line": line, "character": column} for line, column in ends)
        change = {"range": {"start": begin, "end": end}, "text": new}
        document = {"uri": self._uri, "version": self._version}
        self._wire.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})


def line_and_column(text: str) -> tuple[int, int]:
    """Where a text ends, both from 0; the column in characters."""
    return text.count("\n"), len(text) - text.rfind("\n") - 1


async def measure(url: str, folder: Path, home: Path, text: str, chosen: Sequence[Place], *, tells: bool) -> Found:
    """Types at all places; the first one twice, of which the first time is not counted: it loads and connects."""
    found = Found()
    warm_up = "true" if tells else "false"
    variables = environment(home, SERVER__URL=url, COMPLETION__DEBOUNCE_MS="0", COMPLETION__WARM_UP=warm_up)
    async with bare_client(url) as bare, connected(variables, initialize=False) as wire:
        await wire.initialize(rootUri=folder.as_uri(), workspaceFolders=[{"uri": folder.as_uri(), "name": folder.name}])
        uri = (folder / NAME).as_uri()
        wire.open(uri, text)
        print(f"{await indexed(wire)} files indexed", file=sys.stderr)
        typist = Typist(wire, uri, text, bare, tells=tells)
        await typist.type_at(chosen[0], Found())
        for number, place in enumerate(chosen):
            await typist.type_at(place, found)
            print(f"\r{number + 1} of {len(chosen)} places", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        await wire.answer(wire.request("shutdown"))
        wire.notify("exit")
        await wire.ended()
    return found


async def indexed(wire: Wire) -> int:
    """Wait for the index; how many files it holds."""
    while True:
        answer = await wire.answer(wire.request("workspace/executeCommand", {"command": "codeassist.showStatus"}))
        (index,) = answer["result"]["index"]
        if index["state"] == "ready":
            return int(index["files"])
        await asyncio.sleep(0.2)


def report(found: Found) -> Iterator[str]:
    """The lines that are printed. `found` has at least one key."""
    keys = found.keys
    columns = {
        "server": [key.server_ms for key in keys],
        "bare client": [key.bare_ms for key in keys],
        "the server adds": [key.added_ms for key in keys],
    }
    for kind in dict.fromkeys(key.kind for key in keys):
        columns[f"  {kind}"] = [key.added_ms for key in keys if key.kind == kind]
    for name, looks in (("  first at its place", True), ("  the others", False)):
        columns[name] = [key.added_ms for key in keys if key.is_first == looks]
    looked_up = [key.added_ms for key in keys if "question" in key.stages]
    columns["  looked up anew"] = looked_up
    columns["messages alone"] = [key.empty_ms for key in keys]
    yield f"{'milliseconds':24}{'keys':>7}{'p50':>9}{'p95':>9}{'max':>9}"
    for name, values in columns.items():
        if values:
            yield f"{name:24}{len(values):7}{at(values, 0.5):9.1f}{at(values, 0.95):9.1f}{max(values):9.1f}"
    yield f"\nwith a suggestion: {sum(key.shown for key in keys)} of {len(keys)} keys"
    if found.unread:
        yield f"nothing was read ahead at {found.unread} places, although the editor told of them"
    for reason, count in found.unasked.items():
        yield f"the engine was not asked after {count} other keys: {reason}"
    yield f"\n{'stage':24}{'keys':>7}{'mean':>9}{'p50':>9}{'p95':>9}"
    for name, values in stages_of(keys).items():
        yield f"{name:24}{len(values):7}{statistics.mean(values):9.2f}{at(values, 0.5):9.2f}{at(values, 0.95):9.2f}"


def stages_of(keys: Sequence[Key]) -> dict[str, list[float]]:
    """Milliseconds by stage, as the server counts them, in the order of the first; and what is in none of them.

    `model` is all of the engine's answer, its `first-token` included.
    """
    found: dict[str, list[float]] = {}
    for key in keys:
        for name, value in key.stages.items():
            found.setdefault(name, []).append(value)
        found.setdefault("model, beside bare", []).append(key.stages.get("model", 0.0) - key.bare_ms)
        found.setdefault("outside of the total", []).append(key.server_ms - key.stages["total"])
    return found


def verdict(added_ms: Sequence[float]) -> tuple[bool, str]:
    """Whether what the server adds keeps both limits, and a sentence on it."""
    p50, p95 = at(list(added_ms), 0.5), at(list(added_ms), 0.95)
    kept = p50 <= P50_LIMIT_MS and p95 <= P95_LIMIT_MS
    limits = f"limits {P50_LIMIT_MS:g} and {P95_LIMIT_MS:g} ms"
    return kept, f"the server adds {p50:.1f} ms, p95 {p95:.1f} ms; {limits}: {'kept' if kept else 'broken'}"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--keys", type=int, default=120)
    options.add_argument("--lines", type=int, default=10_000)
    options.add_argument("--first-ms", type=float, default=30.0, help="the engine's time to its first token")
    options.add_argument("--token-ms", type=float, default=8.0, help="and between tokens")
    options.add_argument("--untold", action="store_true", help="the editor does not tell where the cursor rests")
    options.add_argument("--json", type=Path, help="where every key is written")
    given = options.parse_args()
    files = modules()
    text = long_file((file.read_text(encoding="utf-8", errors="replace") for file in files[FILES:]), given.lines)
    chosen = places(text, -(-given.keys // KEYS_AT_PLACE))
    with (
        tempfile.TemporaryDirectory(prefix="codeassist-overhead-") as temporary,
        engine_process(given.first_ms / 1000, given.token_ms / 1000) as url,
    ):
        folder, home = Path(temporary).resolve() / "repository", Path(temporary).resolve() / "home"
        folder.mkdir()
        home.mkdir()
        make_repository(folder, files[:FILES], text, NAME)
        found = asyncio.run(measure(url, folder, home, text, chosen, tells=not given.untold))
    if given.json:
        document = {"keys": [asdict(key) for key in found.keys], "unasked": found.unasked}
        given.json.write_text(json.dumps(document, indent=1), encoding="utf-8")
    if not found.keys:
        print("the engine was asked after no key", file=sys.stderr)
        return 2
    kept, sentence = verdict([key.added_ms for key in found.keys])
    print(f"{text.count(chr(10)):,} lines of Python, engine {given.first_ms:g} ms and {given.token_ms:g} ms a token\n")
    print("\n".join([*report(found), "", sentence]))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
