"""Completions over case files, by the product's own flow.

    python benchmarks/quality/fim.py CASES.jsonl PREDICTIONS.jsonl [--bundles FOLDER] [--no-model] [--limit N]
        [--context ours|none|bm25|gold] [--prompt-tokens N] [--typed LINES] [--compare OTHER.jsonl]

Writes a line for each case: {"id", "completion", "latency_ms", "context": [{"path", "start_line", "end_line"}],
"tokens": {...}}, lines 1-based, and prints how often the definition that is needed stands in the prompt, exact matches
and edit similarity. `--compare` sets them against another run's, case by case.

With `--typed` the last lines before the cursor are typed first, and what a prompt gave stands in the next, as in an
editor; how much of each prompt is that of the line before, and so in an engine's cache, is printed too.

Contexts: `ours`, the index; `none`, the current file alone; `bm25`, windows of 20 lines that share words with the last
lines; `gold`, the definitions that the case names, as the best that a choice could do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fim_cases import Case, Repository, covered, read_cases
from fim_contexts import Context, context_of
from fim_measure import exact, interval, paired, percentile, similarity

from codeassist.cli.model import bound_model
from codeassist.context.choose import NOTHING_HELD, Held
from codeassist.flow.asking import Bound
from codeassist.flow.complete import Completion, complete
from codeassist.flow.prepare import Prepared, Snapshot, prepare_with_repository
from codeassist.flow.trace import Trace
from codeassist.post.skip import Skip
from codeassist.settings import Settings, load
from codeassist.syntax.languages import language_of
from codeassist.syntax.tree import parse
from codeassist.text.document import Document, Offset


async def run(cases: Sequence[Case], arguments: argparse.Namespace) -> list[dict[str, Any]]:
    settings = _settings(arguments)
    rows: list[dict[str, Any]] = []
    async with bound_model(settings, "completion", connect=not arguments.no_model) as connected:
        bound = replace(connected, speed=None)  # The same prompts on every machine, however busy it is.
        for bundle in dict.fromkeys(case.bundle for case in cases):
            with tempfile.TemporaryDirectory(prefix="codeassist-fim-") as folder:
                repository = _unpacked(bundle, arguments.bundles, Path(folder) / "repository")
                with context_of(arguments.context, repository, Path(folder) / "index", settings) as context:
                    for case in cases:
                        if case.bundle == bundle:
                            rows.append(await _one(case, repository, context, bound, settings, arguments))
                            _tell(len(rows), len(cases))
    order = {case.id: number for number, case in enumerate(cases)}
    return sorted(rows, key=lambda row: order[row["id"]])


async def _one(
    case: Case,
    repository: Repository,
    context: Context,
    bound: Bound,
    settings: Settings,
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    with repository.cut(case) as file:
        context.changed(case)
        before = await _typed(case, file, repository, context, bound, settings, arguments.typed)
        document = Document.create(file.as_uri(), case.prefix + case.suffix, language_of(case.path))
        snapshot = Snapshot(
            document=document,
            syntax=parse(document),
            offset=Offset(len(case.prefix)),
            path=case.path,
            repository=repository.root.name,
            ask=context.ask(case),
            held=before.held if before else NOTHING_HELD,
        )
        trace = Trace("completion")
        begun = time.perf_counter()
        if arguments.no_model:
            prepared = await prepare_with_repository(snapshot, bound, settings.completion, trace)
            skip = prepared if isinstance(prepared, Skip) else None
            answer = Completion(None, skip, None if isinstance(prepared, Skip) else prepared)
        else:
            answer = await complete(snapshot, bound, settings.completion, trace)
        latency_ms = (time.perf_counter() - begun) * 1000
    text = answer.item.text if answer.item else ""
    if answer.item and answer.item.span.start < snapshot.offset:
        text = text[snapshot.offset - answer.item.span.start :]
    return {
        "id": case.id,
        "completion": text,
        "latency_ms": round(latency_ms, 1),
        "skip": answer.skip.reason if answer.skip else None,
        "context": [place for snippet in answer.snippets for place in _places(snippet)],
        "tokens": trace.tokens(),
        "timings": trace.timings(),
        "estimated_tokens": answer.prepared.packed.tokens if answer.prepared else 0,
        "characters": before.counted(answer.prepared) if before and answer.prepared else None,
    }


@dataclass
class _Before:
    """The prompts of the lines before: what stands in them, and how many characters each had, and of these in common
    with the one before it."""

    held: Held = NOTHING_HELD
    prompt: str = ""
    length: int = 0
    same: int = 0

    def counted(self, prepared: Prepared) -> dict[str, int]:
        if self.prompt:
            self.length += len(prepared.prompt)
            self.same += _in_common(self.prompt, prepared.prompt)
        self.held, self.prompt = prepared.held, prepared.prompt
        return {"all": self.length, "as_before": self.same}


def _in_common(one: str, other: str) -> int:
    """How many characters two texts begin with in common."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


async def _typed(
    case: Case, file: Path, repository: Repository, context: Context, bound: Bound, settings: Settings, count: int
) -> _Before | None:
    """Make a prompt at the beginning of each of the last `count` lines, with the lines up to there."""
    if not count:
        return None
    before = _Before()
    ends = [at + 1 for at, letter in enumerate(case.prefix) if letter == "\n"][-count:]
    for end in ends:
        document = Document.create(file.as_uri(), case.prefix[:end] + "\n" + case.suffix, language_of(case.path))
        snapshot = Snapshot(
            document=document,
            syntax=parse(document),
            offset=Offset(end),
            path=case.path,
            repository=repository.root.name,
            ask=context.ask(case),
            held=before.held,
        )
        prepared = await prepare_with_repository(snapshot, bound, settings.completion, Trace("completion"))
        if not isinstance(prepared, Skip):
            before.counted(prepared)
    return before


def _places(snippet: Any) -> list[dict[str, Any]]:
    ranges = snippet.ranges or ((snippet.start_line, snippet.end_line),)
    return [{"path": snippet.path, "start_line": start + 1, "end_line": end} for start, end in ranges]


def _settings(arguments: argparse.Namespace) -> Settings:
    settings, _ = load()
    changed = {"prompt_tokens": arguments.prompt_tokens, "latency_target_ms": 60_000}
    return settings.model_copy(update={"completion": settings.completion.model_copy(update=changed)})


def _unpacked(bundle: str, bundles: Path, root: Path) -> Repository:
    root.mkdir(parents=True)
    return Repository.unpack(bundles / bundle, root) if bundle else Repository(root)


def _tell(done: int, total: int) -> None:
    if sys.stderr.isatty() or done == total or done % 20 == 0:
        print(f"\r{done} of {total} cases", end="\n" if done == total else "", file=sys.stderr, flush=True)


def summary(cases: Sequence[Case], rows: Sequence[dict[str, Any]]) -> str:
    """The figures of a run, over all cases and over the hard ones."""
    by_id = {row["id"]: row for row in rows}
    lines = []
    for name, chosen in (("all", list(cases)), ("hard", [case for case in cases if case.hard])):
        if not chosen:
            continue
        with_gold = [case for case in chosen if case.gold]
        if with_gold:
            lines.append(_share(name, "definition in the prompt", [
                covered(case.gold, by_id[case.id]["context"]) for case in with_gold
            ]))  # fmt: skip
        if any(row["completion"] for row in rows):
            lines.append(_share(name, "exact match", [exact(by_id[case.id]["completion"], case) for case in chosen]))
            alike = [similarity(by_id[case.id]["completion"], case) for case in chosen]
            lines.append(f"{name:5} edit similarity: {100 * sum(alike) / len(alike):.1f} %")
    for stage in ("context", "question", "repository"):
        times = [row["timings"][stage] for row in rows if stage in row["timings"]]
        if times:
            lines.append(f"{stage}: p50 {percentile(times, 0.5):.1f} ms, p95 {percentile(times, 0.95):.1f} ms")
    typed = [row["characters"] for row in rows if row["characters"]]
    if typed:
        same, length = (sum(each[name] for each in typed) for name in ("as_before", "all"))
        lines.append(f"as in the prompt of the line before: {100 * same / max(1, length):.1f} % of the characters")
    lengths = [float(row["estimated_tokens"]) for row in rows]
    lines.append(f"prompt: {percentile(lengths, 0.5):.0f} tokens (estimated, median), at most {max(lengths):.0f}")
    return "\n".join(lines)


def _share(group: str, what: str, values: Sequence[bool]) -> str:
    share = sum(values) / len(values)
    low, high = interval(share, len(values))
    counts = f"{sum(values)} of {len(values)}, {100 * share:.1f} %"
    return f"{group:5} {what}: {counts} (95 %: {100 * low:.0f} to {100 * high:.0f})"


def compared(cases: Sequence[Case], rows: Sequence[dict[str, Any]], other: Sequence[dict[str, Any]]) -> str:
    """Exact matches of two runs, pair by pair."""
    by_id = {case.id: case for case in cases}
    one, two = (
        {row["id"]: exact(row["completion"], by_id[row["id"]]) for row in each if row["id"] in by_id}
        for each in (rows, other)
    )
    better, worse, chance = paired(one, two)
    return f"against the other run: {better} cases only here, {worse} only there (sign test p = {chance:.3f})"


def main() -> int:
    parser = argparse.ArgumentParser(description="Completions over case files, by the product's own flow.")
    parser.add_argument("cases", type=Path)
    parser.add_argument("predictions", type=Path)
    parser.add_argument("--bundles", type=Path, help="the folder of the repositories' files; by default that of CASES")
    parser.add_argument("--no-model", action="store_true", help="context and prompt only")
    parser.add_argument("--limit", type=int, help="only the first cases")
    parser.add_argument("--context", choices=("ours", "none", "bm25", "gold"), default="ours")
    parser.add_argument("--prompt-tokens", type=int, default=2000, help="budget of the whole prompt (default: 2000)")
    parser.add_argument("--typed", type=int, default=0, metavar="LINES", help="lines that are typed first")
    parser.add_argument("--compare", type=Path, help="predictions of another run on the same cases")
    arguments = parser.parse_args()
    arguments.bundles = arguments.bundles or arguments.cases.parent
    try:
        cases = read_cases(arguments.cases, arguments.limit)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    rows = asyncio.run(run(cases, arguments))
    with arguments.predictions.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(row, ensure_ascii=True) + "\n" for row in rows)
    print(summary(cases, rows))
    if arguments.compare:
        other = [json.loads(line) for line in arguments.compare.read_text(encoding="utf-8").splitlines()]
        print(compared(cases, rows, other))
    return 0


if __name__ == "__main__":
    sys.exit(main())
