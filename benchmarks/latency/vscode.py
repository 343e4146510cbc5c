"""From a key to ghost text, in the real VS Code: what is seen, not what the server says of itself.

    python benchmarks/latency/vscode.py [--keys 40] [--engine-ms 60] [--json FILE]

A scripted engine takes the same time for each answer. Keys are typed in code-server in a headless Chromium, one at a
time with a pause between them, at places that were not completed before; the page itself takes the times of the key and
of the suggestion. VS Code waits 50 ms of its own before it asks; how long the server waits for the next key is its
`completion.debounce_ms`. Both are told apart. `make test-editors` installs what this needs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.e2e.editor import environment
from tests.e2e.programs import MODEL
from tests.editors.vscode.code_server import SERVED, code_server
from tests.editors.vscode.workbench import LIMIT_MS, Workbench, workbench
from tests.fake_vllm import Behaviour, FakeVllm

EDITOR_MS = 50.0
"""VS Code's own pause before it asks for a suggestion ("InlineCompletionsDebounce" in its source, from 50 to 50)."""
PAUSE_S = 0.3
NAME = "keys.py"

WATCH = """() => {
    window.keyMs = [];
    let pressed = null;
    addEventListener('keydown', (event) => { if (event.key === ' ') pressed = performance.now(); }, true);
    new MutationObserver(() => {
        if (pressed !== null && document.querySelector('.ghost-text-decoration, .ghost-text')) {
            window.keyMs.push(performance.now() - pressed);
            pressed = null;
        }
    }).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""


def file(places: int) -> str:
    return "".join(f"def total_{number}(first, second):\n    return\n\n\n" for number in range(places))


async def measured(keys: int, engine_ms: float) -> dict[str, Any]:
    """The times of `keys` keys, in milliseconds, and the activation of the extension as VS Code tells it."""
    with tempfile.TemporaryDirectory() as folder:
        home, work = Path(folder) / "home", Path(folder) / "work"
        home.mkdir()
        work.mkdir()
        async with FakeVllm(models=(MODEL,)) as fake:
            # The engine writes one word at once and ends the line after its time: then the answer is complete.
            fake.answer, fake.behaviour = "first\n", Behaviour(token_delay_s=engine_ms / 1000)
            variables = environment(home, SERVER__URL=fake.base_url, COMPLETION__LEAST_PROBABILITY="0")
            async with code_server(home, variables, SERVED) as server, workbench(server, work) as window:
                await window.wake()
                found = await typed(window, keys)
                activation = await activation_ms(window)
        return {"keys": found, "activation_ms": activation}


async def typed(window: Workbench, keys: int) -> list[float]:
    await window.write(NAME, file(keys))
    await window.open(NAME)
    await window.page.evaluate(WATCH)
    for number in range(keys):
        await window.go(4 * number + 2, "return")
        await asyncio.sleep(PAUSE_S)
        await window.type(" ")
        await window.page.wait_for_function("(count) => window.keyMs.length > count", arg=number, timeout=LIMIT_MS)
        await window.press("Escape")
    found: list[float] = await window.page.evaluate("() => window.keyMs")
    return found


async def activation_ms(window: Workbench) -> float:
    """How long VS Code says that it took to load and activate our extension."""
    await window.page.set_viewport_size({"width": 1200, "height": 2400})  # The list has only what can be seen.
    await window.command("Developer: Show Running Extensions")
    row = window.page.locator(".runtime-extensions-editor .monaco-list-row", has_text=re.compile("^codeassist"))
    text = await row.first.locator(".activation-time").inner_text(timeout=LIMIT_MS)
    return float(text.rpartition(":")[2].strip().removesuffix("ms"))


def report(found: Sequence[float], engine_ms: float, activation: float) -> str:
    ordered = sorted(found)
    p50, p95 = statistics.median(ordered), ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    rows = [
        f"{len(ordered)} keys; the engine takes {engine_ms:.0f} ms, VS Code waits {EDITOR_MS:.0f} ms before it asks",
        f"from the key to ghost text: p50 {p50:.0f} ms, p95 {p95:.0f} ms, least {ordered[0]:.0f} ms",
        f"above the engine and VS Code's own wait: p50 {p50 - engine_ms - EDITOR_MS:.0f} ms",
        f"activation of the extension: {activation:.0f} ms",
    ]
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=40)
    parser.add_argument("--engine-ms", type=float, default=60.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = asyncio.run(measured(options.keys, options.engine_ms))
    print(report(found["keys"], options.engine_ms, found["activation_ms"]))
    if options.json:
        options.json.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
