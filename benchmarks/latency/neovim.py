"""From a key to ghost text, in the real Neovim 0.11 and 0.12: what each redraw of the screen has.

    python benchmarks/latency/neovim.py [--keys 30] [--engine-ms 60] [--json FILE]

A scripted engine takes the same time for each answer. Keys are pressed one at a time, and a second connection is a
screen of its own, which sees each frame as a terminal does. Three ways of drawing are compared: codeassist's own in
0.11 and 0.12, and the one that is built into 0.12, which waits 200 ms before it asks.

- first: from a key at a place that was not completed before to its ghost text.
- typed through: of the frames after keys that agree with the ghost text, how many show anything else than what was
  typed and the rest of it, and how often the server was asked.
- word: from the key that takes a word to the frame with the cursor behind it and the rest of the ghost text.
- parted: from a key that does not agree to the first frame without the wrong ghost text.

`make test-editors` installs what this needs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.e2e.editor import environment
from tests.e2e.programs import MODEL
from tests.editors.terminal.neovim import PROGRAMS, SERVED, Neovim, neovim
from tests.fake_vllm import Behaviour, FakeVllm
from tests.fake_vllm_answers import tokens_of

PAUSE_S = 0.3
"""Between keys, where nothing else is waited for."""
TYPING_S = 0.12
"""From key to key while typing through."""
WAYS = {
    "0.11, codeassist's own": ("0.11", "own"),
    "0.12, built in": ("0.12", "neovim"),
    "0.12, codeassist's own": ("0.12", "own"),
}
HEAD = "    return "
GHOST = "first_and_more(second)"
TYPED, WORD = "first_", "first_and_more"
PLACE_LINES = 4


def file(places: int) -> str:
    return "".join(f"def total_{number}(first, second):\n    return\n\n\n" for number in range(places))


def measured(program: str, drawn: str, keys: int, engine_ms: float) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as folder, engine(engine_ms) as fake:
        work = Path(folder) / "work"
        work.mkdir()
        options = f"vim.g.codeassist = {{ ghost_text = '{drawn}', keys = {{}} }}"
        init = f"{SERVED}\n{options}\nvim.lsp.enable('codeassist')"
        variables = environment(Path(folder) / "home", SERVER__URL=fake.base_url, COMPLETION__LEAST_PROBABILITY="0")
        with neovim(PROGRAMS[program], work, variables, init) as nvim:
            nvim.open("keys.py", file(keys))
            nvim.attached()
            return typed(nvim, fake, keys)


def typed(nvim: Neovim, fake: FakeVllm, keys: int) -> dict[str, list[float]]:
    """Milliseconds of each kind; of "typed through" 1.0 for a wrong frame, 0.0 for a right one."""
    found: dict[str, list[float]] = {kind: [] for kind in ("first", "typed through", "requests", "word", "parted")}

    seen = nvim.screen

    def press(key: str) -> None:
        seen.begin()
        nvim.keys(key)

    for number in range(keys):
        fake.answer = GHOST + "\n"
        nvim.keys(f"<Esc>{PLACE_LINES * number + 2}GA")
        time.sleep(PAUSE_S)
        press("<Space>")
        found["first"].append(seen.until(lambda frame: frame.line == HEAD + GHOST))
        time.sleep(PAUSE_S)
        asked = completions(nvim)
        for key in TYPED:
            press(key)
            time.sleep(TYPING_S)
            found["typed through"] += [float(frame.line != HEAD + GHOST) for frame in seen.frames]
        time.sleep(PAUSE_S)
        found["requests"].append(completions(nvim) - asked)
        press("<M-Right>")
        found["word"].append(seen.until(lambda frame: (frame.line, frame.column) == (HEAD + GHOST, len(HEAD + WORD))))
        time.sleep(PAUSE_S)
        fake.answer = "0]\n"
        press("[")
        found["parted"].append(seen.until(lambda frame: "second" not in frame.line))
        time.sleep(PAUSE_S)
    return found


def completions(nvim: Neovim) -> int:
    """How many requests for completions the server has had."""
    code = """
        local client = vim.lsp.get_clients({ name = 'codeassist' })[1]
        local answer = client:request_sync('codeassist/trace', { limit = 100000 }, 10000, 0)
        return #vim.tbl_filter(function(entry) return entry.kind == 'completion' end, answer.result)
    """
    return int(nvim.lua(code))


@contextmanager
def engine(engine_ms: float) -> Iterator[FakeVllm]:
    """It writes one token at once and ends the line after its time: then the answer is complete."""
    started, ended = threading.Event(), asyncio.Event()
    delay_s = engine_ms / 1000 / (len(tokens_of(GHOST + "\n")) - 1)
    made = FakeVllm(models=(MODEL,), behaviour=Behaviour(token_delay_s=delay_s))
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with made:
            started.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    started.wait()
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


def report(found: dict[str, dict[str, list[float]]], engine_ms: float) -> str:
    rows = [
        f"the engine takes {engine_ms:.0f} ms; milliseconds from the key to the frame, p50 (p95)",
        f"{'':24}{'first':>12}{'word':>12}{'parted':>12}   typed through",
    ]
    for way, kinds in found.items():
        frames, keys = kinds["typed through"], len(TYPED) * len(kinds["requests"])
        through = (
            f"{sum(frames):.0f} of {len(frames)} frames wrong, {sum(kinds['requests']):.0f} requests for {keys} keys"
        )
        cells = "".join(f"{percentiles(kinds[kind]):>12}" for kind in ("first", "word", "parted"))
        rows.append(f"{way:24}{cells}   {through}")
    return "\n".join(rows)


def percentiles(found: Sequence[float]) -> str:
    ordered = sorted(found)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    return f"{statistics.median(ordered):.0f} ({p95:.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=30)
    parser.add_argument("--engine-ms", type=float, default=60.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: dict[str, Any] = {}
    for way, (program, drawn) in WAYS.items():
        found[way] = measured(program, drawn, options.keys, options.engine_ms)
    print(report(found, options.engine_ms))
    if options.json:
        options.json.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
