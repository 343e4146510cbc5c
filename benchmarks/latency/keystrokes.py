"""A piece of code typed key by key, on a real engine: how much of each prompt was in the engine's cache?

    python benchmarks/latency/keystrokes.py [--keys 60] [--file codeassist/post/findings.py] [--no-index] [--json FILE]

Cuts the code behind a cursor in a file of this repository, types it again, and asks for a completion at each key, by
the product's own flow and index, on the configured server (the embedded engine by default). What was cached is the
engine's own report. Nothing is accepted, so each key is a new request: the heaviest way to type.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from codeassist.cli.model import bound_model
from codeassist.context.choose import NOTHING_HELD, Held
from codeassist.context.facts import Facts
from codeassist.context.question import Question
from codeassist.flow.complete import complete
from codeassist.flow.prepare import Ask, Snapshot
from codeassist.flow.trace import Trace
from codeassist.settings import load
from codeassist.syntax.languages import language_of
from codeassist.syntax.tree import parse
from codeassist.text.document import Document, Offset
from codeassist.workspace.index import Index
from codeassist.workspace.lookup import Lookup
from codeassist.workspace.scan import ScanOptions, scan

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Key:
    """What one request cost. `first_token_ms` is None where no token came."""

    typed: str
    prompt: int
    cached: int
    generated: int
    first_token_ms: float | None
    repository_ms: float


def stretch_of(text: str, keys: int) -> tuple[int, int]:
    """From the first statement of a function on, so many keys and up to the end of a line: the one nearest to the
    middle of the file. Raises ValueError if there is none."""
    found = []
    for match in re.finditer(r":\n(?: +\"\"\".*?\"\"\"\n)?(?= +[a-z])", text, re.DOTALL):
        end = text.find("\n", match.end() + keys)
        if end > 0:
            found.append((match.end(), end))
    if not found:
        raise ValueError("the file has no function with enough code behind it")
    return min(found, key=lambda each: abs(each[0] - len(text) // 2))


async def replay(file: str, keys: int, ask: Ask | None) -> list[Key]:
    settings, _ = load()
    text = (ROOT / file).read_text(encoding="utf-8")
    start, end = stretch_of(text, keys)
    before, typing, after = text[:start], text[start:end], text[end:]
    rows: list[Key] = []
    held: Held = NOTHING_HELD
    async with bound_model(settings, "completion") as bound:
        for number in range(1, len(typing) + 1):
            document = Document.create(f"file:///{file}", before + typing[:number] + after, language_of(file), number)
            offset = Offset(start + number)
            snapshot = Snapshot(document, parse(document), offset, file, ROOT.name, ask=ask, held=held)
            trace = Trace("completion")
            answer = await complete(snapshot, bound, settings.completion, trace)
            if answer.prepared is not None:
                held = answer.prepared.held
            if trace.requests:
                rows.append(
                    Key(
                        typing[number - 1],
                        trace.prompt_tokens,
                        trace.cached_tokens or 0,
                        trace.generated_tokens,
                        trace.stages.get("first-token"),
                        trace.stages.get("repository", 0.0),
                    )
                )
    return rows


def report(rows: list[Key]) -> str:
    later = rows[1:]
    prompt, cached = sum(row.prompt for row in later), sum(row.cached for row in later)
    read = sorted(row.prompt - row.cached for row in later)
    first = sorted(row.first_token_ms for row in later if row.first_token_ms is not None)
    whole = sum(row.cached < row.prompt / 2 for row in later)
    return "\n".join(
        (
            f"requests: {len(rows)}; prompt tokens of those after the first: {prompt}, cached: {cached}"
            f" ({100 * cached / max(1, prompt):.1f} %)",
            f"tokens read anew: median {read[len(read) // 2]}, p95 {read[int(len(read) * 0.95)]}, most {read[-1]};"
            f" more than half of the prompt: {whole} times",
            f"first token: median {first[len(first) // 2]:.0f} ms, p95 {first[int(len(first) * 0.95)]:.0f} ms",
        )
    )


async def main() -> int:
    parser = argparse.ArgumentParser(description="A piece of code typed key by key, on a real engine.")
    parser.add_argument("--keys", type=int, default=60)
    parser.add_argument("--file", default="codeassist/post/findings.py", help="a file of this repository")
    parser.add_argument("--no-index", action="store_true", help="the current file alone")
    parser.add_argument("--json", type=Path, help="where every request is written")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="codeassist-keys-") as folder:
        ask: Ask | None = None
        if not arguments.no_index:
            scan(ROOT, ScanOptions(folder=Path(folder)))
            lookup = Lookup(Index(ROOT, Path(folder)))

            async def answer(question: Question) -> Facts:
                return lookup.answer(question)

            ask = answer
        rows = await replay(arguments.file, arguments.keys, ask)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")
    print(report(rows))
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
