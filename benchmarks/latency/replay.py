"""Edits of real commits, typed again as keystrokes with a person's timing, through a real language server.

    python benchmarks/latency/replay.py [--repository FOLDER] [--without PART,...] [--right 1.0,0.6] [--record FILE]
    python benchmarks/latency/replay.py --server COMMAND [--options JSON]
    python benchmarks/latency/replay.py --engine embedded
    python benchmarks/latency/replay.py --events FILE [FILE ...]

Blocks of lines that commits added are taken out of the file and typed again, key by key. An engine that knows the text
answers at the speeds that are given. Each block is typed once for each column: with everything that the server does,
and without one part of it, or `all`: each request stands for itself. What is right and has been seen for long enough is
accepted. All figures come from events; replay_events.py says how these are written down, so that what was recorded
elsewhere can be reported in the same way.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shlex
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.latency.overhead import indexed
from benchmarks.latency.replay_engine import Oracle, PacedVllm
from benchmarks.latency.replay_events import Block as Events
from benchmarks.latency.replay_events import BrokenEvents, Recorder, read_blocks, written
from benchmarks.latency.replay_figures import figures_of, rows
from benchmarks.latency.replay_typist import Block, Typist, blocks_of
from tests.e2e.editor import acquaint, environment
from tests.e2e.programs import MODEL
from tests.e2e.wire import Wire

ROOT = Path(__file__).resolve().parents[2]
SERVER = Path(__file__).with_name("replay_server.py")
PARTS = ("reuse", "join", "speculation", "warm-up", "debounce", "silence")
COLUMNS = ("everything", *PARTS, "all")
DEBOUNCE_MS = 60
_TRACES = 200
_NAME_WIDTH, _WIDTH = 48, 12


@dataclass(frozen=True)
class Column:
    """A server to type at. `command` and the values of `options` and `variables` may name the engine's `{url}`;
    `debounce_ms`: how long it waits before it asks, which is not its own work; None where that
    differs from key to key. `own`: it is codeassist."""

    name: str
    command: tuple[str, ...]
    options: Any = None
    variables: Mapping[str, str] = field(default_factory=dict)
    debounce_ms: int | None = 0
    own: bool = True


def columns_of(arguments: argparse.Namespace) -> list[Column]:
    """What is compared. Raises ValueError for parts that there are not."""
    if arguments.server is not None:
        command = tuple(shlex.split(arguments.server))
        if not command:
            raise ValueError("--server names no command")
        options = json.loads(arguments.options) if arguments.options else None
        return [Column(Path(command[0]).name, command, options, dict(os.environ), own=False)]
    names = [name.strip() for name in arguments.without.split(",") if name.strip()]
    if unknown := [name for name in names if name not in (*PARTS, "all")]:
        raise ValueError(f"no such part: {', '.join(unknown)}; there are {', '.join((*PARTS, 'all'))}")
    return [own_column(name) for name in ("everything", *names)]


def own_column(name: str) -> Column:
    """codeassist without the part of this name."""
    missing = {"everything": (), "all": PARTS}.get(name, (name,))
    waits = "debounce" not in missing
    switches = tuple(part for part in missing if part != "debounce")
    return Column(
        name,
        (sys.executable, str(SERVER), *switches),
        variables={
            "COMPLETION__DEBOUNCE_MS": str(DEBOUNCE_MS if waits else 0),
            "COMPLETION__SPECULATE": "true",
            "COMPLETION__WARM_UP": "true",
        },
        debounce_ms=None if waits else 0,
    )


def with_url(value: Any, url: str) -> Any:
    """`value` with the engine's address for each `{url}` in its texts."""
    if isinstance(value, str):
        return value.replace("{url}", url)
    if isinstance(value, Mapping):
        return {name: with_url(each, url) for name, each in value.items()}
    return [with_url(each, url) for each in value] if isinstance(value, list | tuple) else value


@dataclass
class Place:
    """Where a column types: its server, and its engine if that is watched."""

    column: Column
    wire: Wire
    engine: PacedVllm | None
    seen: int = 0


@asynccontextmanager
async def opened(column: Column, right: float, arguments: argparse.Namespace) -> AsyncIterator[Place]:
    """The column's own engine and server, started and ended."""
    async with AsyncExitStack() as stack:
        engine = None
        if arguments.engine == "paced":
            oracle = Oracle(right, arguments.misjudged)
            speeds = arguments.step_ms / 1000, arguments.prefill, arguments.token_ms / 1000
            engine = await stack.enter_async_context(PacedVllm(oracle, (MODEL,), *speeds))
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = engine.base_url if engine is not None else ""
        variables = dict(column.variables)
        if column.own:
            settings = {**variables, "SERVER__URL": url} if url else variables
            variables = {**environment(home), **{f"CODEASSIST_{name}": value for name, value in settings.items()}}
            if url:
                acquaint(home, url)
            variables["PYTHONPATH"] = str(ROOT)
            if engine is None:  # Its models are where the user keeps them.
                data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
                variables.update(XDG_DATA_HOME=data, CODEASSIST_ENGINE__MODEL=arguments.model)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *with_url(column.command, url), env=with_url(variables, url),
            stdin=pipe, stdout=pipe, stderr=pipe, limit=1 << 28,
        )  # fmt: skip
        wire = Wire(process)
        try:
            root = arguments.repository.resolve()
            folder = {"uri": root.as_uri(), "name": root.name}
            await wire.initialize(
                rootUri=root.as_uri(), workspaceFolders=[folder], initializationOptions=with_url(column.options, url)
            )
            if column.own:
                await indexed(wire)
            await wire.completes("file:///replay/first.py")  # The first one connects, or loads the model.
            yield Place(column, wire, engine)
            await wire.answer(wire.request("shutdown"))
            wire.notify("exit")
            await wire.ended()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            wire.stop_reading()


async def replay(
    blocks: list[Block], columns: list[Column], right: float, arguments: argparse.Namespace
) -> list[Events]:
    """Each block for each column, `at_once` columns side by side; they take turns, a block at a time."""
    free = asyncio.Semaphore(arguments.at_once)
    count = 0

    async def one(column: Column) -> list[Events]:
        nonlocal count
        found: list[Events] = []
        async with AsyncExitStack() as stack:
            async with free:
                place = await stack.enter_async_context(opened(column, right, arguments))
            for number, block in enumerate(blocks):
                async with free:
                    found.append(await typed(place, block, number, right, arguments))
                count += 1
                print(f"\r{count} of {len(blocks) * len(columns)}", end="", file=sys.stderr, flush=True)
        return found

    found = await asyncio.gather(*(one(column) for column in columns))
    print(file=sys.stderr)
    return [block for each in found for block in each]


async def typed(place: Place, block: Block, number: int, right: float, arguments: argparse.Namespace) -> Events:
    """The events of one block at one place."""
    root, cancels = arguments.repository.resolve(), arguments.editor == "vscode"
    engine, column, recorder = place.engine, place.column, Recorder()
    recorder.note(
        "opened", column=column.name, text=block.text, path=block.path, debounce_ms=column.debounce_ms,
        right=None if engine is None else right,
    )  # fmt: skip
    if engine is not None:
        engine.recorder, engine.start = recorder, len(block.before)
        engine.oracle.goal = block.before + block.text + block.after
    uri = (root / block.path).as_uri()
    would = (lambda _: None) if engine is None else engine.would
    await Typist(place.wire, uri, block, recorder, cancels, would).type(random.Random(number))
    if engine is not None:
        await engine.until(lambda counts: counts.running == 0 and counts.waiting == 0)
    elif column.own:
        await note_traces(place, uri, recorder)
    return recorder.block()


async def note_traces(place: Place, uri: str, recorder: Recorder) -> None:
    """What the server itself says that it asked of an engine that cannot be watched."""
    answer = await place.wire.answer(place.wire.request("codeassist/trace", {"limit": _TRACES}))
    for trace in answer["result"]:
        if trace.get("uri") == uri and trace["kind"] == "completion":
            tokens = {name: count or 0 for name, count in trace["tokens"].items()}
            skip = trace["skip"]
            recorder.note(
                "trace",
                requests=trace["requests"],
                reused=trace["reused"],
                skip=skip,
                timings=trace["timings"],
                **tokens,
            )


def print_tables(blocks: list[Events]) -> None:
    """One table for each share of right lines, one column for each who was measured."""
    tables: dict[float | None, dict[str, list[Events]]] = {}
    for block in blocks:
        tables.setdefault(block[0].get("right"), {}).setdefault(block[0]["column"], []).append(block)
    for right, columns in tables.items():
        count = max(len(each) for each in columns.values())
        engine = (
            "what the engine knows is not told" if right is None else f"an engine that knows {right:.0%} of the lines"
        )
        print(f"\n{count} blocks, {engine}\n")
        names = [name if name not in (*PARTS, "all") else f"- {name}" for name in columns]
        print(" " * _NAME_WIDTH + "".join(f"{name[: _WIDTH - 1]:>{_WIDTH}}" for name in names))
        table = [list(rows(figures_of(each))) for each in columns.values()]
        for row in zip(*table, strict=True):
            print(f"{row[0][0]:{_NAME_WIDTH}}" + "".join(f"{value:>{_WIDTH}}" for _, value in row))


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--repository", type=Path, default=ROOT)
    options.add_argument("--blocks", type=int, help="3; 2 with the embedded engine")
    options.add_argument("--without", help=f"columns beside everything, of {','.join((*PARTS, 'all'))} (all of these)")
    options.add_argument(
        "--right", default="1.0,0.6", help="shares of the lines that the engine knows, a table for each"
    )
    options.add_argument(
        "--misjudged", type=float, default=0.1, help="share of the lines of which it is wrongly (un)sure"
    )
    options.add_argument("--editor", choices=("vscode", "neovim"), default="vscode", help="whether it cancels")
    options.add_argument("--engine", choices=("paced", "embedded"), default="paced")
    options.add_argument("--model", default="auto", help="of the embedded engine")
    options.add_argument("--server", metavar="COMMAND", help="another language server; {url}: the engine's address")
    options.add_argument("--options", metavar="JSON", help="its initializationOptions")
    options.add_argument(
        "--at-once", type=int, help="columns that are typed side by side: 4; 1 with the embedded engine"
    )
    options.add_argument("--step-ms", type=float, default=30.0)
    options.add_argument("--prefill", type=float, default=20_000.0, help="tokens a second")
    options.add_argument("--token-ms", type=float, default=8.0)
    options.add_argument("--record", type=Path, metavar="FILE", help="write the events")
    options.add_argument("--events", type=Path, nargs="+", metavar="FILE", help="report these, and run nothing")
    found = options.parse_args(arguments)
    embedded = found.engine == "embedded"
    found.blocks = found.blocks or (2 if embedded else 3)
    found.at_once = found.at_once or (1 if embedded else 4)
    if found.without is None:
        found.without = "all" if embedded else ",".join((*PARTS, "all"))
    return found


def main() -> int:
    arguments = parse()
    try:
        if arguments.events:
            print_tables([block for path in arguments.events for block in read_blocks(path)])
            return 0
        columns = columns_of(arguments)
        shares = [float(share) for share in arguments.right.split(",")]
    except (BrokenEvents, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    blocks = list(blocks_of(arguments.repository, arguments.blocks))
    if not blocks:
        print("no commit of this repository adds a block of lines to a Python file", file=sys.stderr)
        return 2
    found: list[Events] = []
    for share in shares if arguments.engine == "paced" else [1.0]:
        found += asyncio.run(replay(blocks, columns, share, arguments))
    if arguments.record:
        arguments.record.write_text(written(found), encoding="utf-8")
    print(f"{arguments.repository.resolve().name}, as {arguments.editor} asks, {arguments.engine} engine")
    print_tables(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
