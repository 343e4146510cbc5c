"""From samples to medians, ratios, a table for people and a document for machines. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from timing import LINE_TOKENS, LineEnd, Sample

Cache = Literal["cold", "again", "keystroke"]
CACHES: tuple[Cache, ...] = ("cold", "again", "keystroke")
"""A prompt never seen; the same one again; the same with a few characters more before the cursor."""


@dataclass(frozen=True, order=True)
class Cell:
    """One line of the table. `size`: the prompt's length that was asked for; `beside`: reviews in flight."""

    size: int
    beside: int
    cache: Cache


Samples = Mapping[Cell, Sequence[Sample]]


@dataclass(frozen=True)
class Spread:
    """Milliseconds."""

    median: float
    p10: float
    p90: float


@dataclass(frozen=True)
class Row:
    """`prompt_tokens` and `cached_tokens` are medians of what the server counted; None where it does not tell.

    `unfinished`: answers that were cut short before their line ended; their time counts to the cut.
    """

    prompt: str
    beside: int
    cache: Cache
    runs: int
    prompt_tokens: int
    cached_tokens: int | None
    first_token_ms: Spread
    line_ms: Spread
    unfinished: int


@dataclass(frozen=True)
class Ratio:
    """How many times as long `what` takes as `than`, medians of one run divided. Below 1 is faster."""

    prompt: str
    what: str
    than: str
    first_token: float
    line: float


def size_name(tokens: int) -> str:
    """1024 -> "1k"; other sizes as they are."""
    return f"{tokens // 1024}k" if tokens % 1024 == 0 else str(tokens)


def spread(values: Sequence[float]) -> Spread:
    """Median, 10th and 90th percentile, the latter two between the nearest values."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    tenths = statistics.quantiles(values, n=10, method="inclusive")
    return Spread(statistics.median(values), tenths[0], tenths[-1])


def rows(samples: Samples) -> list[Row]:
    """One row for each cell that has samples, by size and load, in the order of CACHES."""
    cells = sorted((cell for cell in samples if samples[cell]), key=_order)
    return [_row(cell, samples[cell]) for cell in cells]


def _order(cell: Cell) -> tuple[int, int, int]:
    return cell.size, cell.beside, CACHES.index(cell.cache)


def _row(cell: Cell, found: Sequence[Sample]) -> Row:
    cached = [sample.cached_tokens for sample in found if sample.cached_tokens is not None]
    return Row(
        prompt=size_name(cell.size),
        beside=cell.beside,
        cache=cell.cache,
        runs=len(found),
        prompt_tokens=round(statistics.median(sample.prompt_tokens for sample in found)),
        cached_tokens=round(statistics.median(cached)) if cached else None,
        first_token_ms=spread([sample.first_ms for sample in found]),
        line_ms=spread([sample.line_ms for sample in found]),
        unfinished=sum(not sample.finished for sample in found),
    )


def ratios(table: Sequence[Row]) -> list[Ratio]:
    """Cached against cold under the same load, and beside reviews against alone with the same cache."""
    by_cell = {(row.prompt, row.beside, row.cache): row for row in table}
    found = []
    for row in table:
        cold = by_cell.get((row.prompt, row.beside, "cold"))
        if row.cache != "cold" and cold is not None:
            found.append(_ratio(row, cold, f"{row.cache}, {_load(row)}", f"cold, {_load(row)}"))
    for row in table:
        alone = by_cell.get((row.prompt, 0, row.cache))
        if row.beside and alone is not None:
            found.append(_ratio(row, alone, f"{row.cache}, {_load(row)}", f"{row.cache}, alone"))
    return found


def _ratio(row: Row, base: Row, what: str, than: str) -> Ratio:
    return Ratio(
        prompt=row.prompt,
        what=what,
        than=than,
        first_token=row.first_token_ms.median / max(base.first_token_ms.median, 1e-6),
        line=row.line_ms.median / max(base.line_ms.median, 1e-6),
    )


def _load(row: Row) -> str:
    return f"beside {row.beside}" if row.beside else "alone"


def notes(table: Sequence[Row], line_end: LineEnd, *, fill_in_middle: bool) -> list[str]:
    """Sentences without which the table would mislead."""
    if line_end == "tokens":
        said = [
            f"A finished line here is {LINE_TOKENS} tokens: the model writes no lines, or the same ones whatever it is "
            "asked, as one with random weights does."
        ]
    else:
        said = ["A finished line here is the first newline after text, or the end of the answer."]
    if cut := sum(row.unfinished for row in table):
        said.append(f"{cut} of {sum(row.runs for row in table)} answers were cut before their line was finished.")
    if any(row.cached_tokens is None for row in table):
        said.append(
            "The server does not say how many tokens were cached: serve vLLM with --enable-prompt-tokens-details."
        )
    elif fill_in_middle and any(row.cached_tokens for row in table if row.cache == "cold"):
        said.append("Some cold prompts were found in the cache: their rows are not cold.")
    if any(row.cached_tokens == 0 for row in table if row.cache == "again"):
        said.append("A repeated prompt was not found in the cache: prefix caching is off, or its blocks are larger.")
    return said


def text(table: Sequence[Row], line_end: LineEnd) -> str:
    """The table and the ratios, for a terminal."""
    line = "finished line" if line_end == "newline" else f"{LINE_TOKENS} tokens"
    head = (
        f"{'prompt':>6} {'tokens':>7} {'cached':>7}  {'reviews':>7} {'prompt is':10} {'runs':>4}"
        f"  {'first token, ms':>26}  {line + ', ms':>26}"
    )
    under = f"{'':48}" + f"  {'median':>8} {'p10':>8} {'p90':>8}" * 2
    lines = [head, under]
    for row in table:
        cached = "?" if row.cached_tokens is None else str(row.cached_tokens)
        times = "".join(
            f"  {one.median:8.1f} {one.p10:8.1f} {one.p90:8.1f}" for one in (row.first_token_ms, row.line_ms)
        )
        lines.append(
            f"{row.prompt:>6} {row.prompt_tokens:>7} {cached:>7}  {row.beside or '-':>7} {row.cache:10}"
            f" {row.runs:>4}{times}"
        )
    compared = ratios(table)
    if compared:
        lines += ["", f"{'prompt':>6}  {'time of':24} {'divided by that of':24} {'first token':>12} {line:>14}"]
        lines += [
            f"{one.prompt:>6}  {one.what:24} {one.than:24} {one.first_token:12.2f} {one.line:14.2f}" for one in compared
        ]
    return "\n".join(lines)


def title(about: Mapping[str, Any]) -> str:
    """What was measured, and when."""
    server = about.get("server", {})
    engine = server.get("abilities", {}).get("engine", "unknown")
    return (
        f"{server.get('model')} at {server.get('url')}, {engine} {server.get('version') or '(version unknown)'}, "
        f"max_model_len {server.get('max_model_len') or 'unknown'}, {about.get('began')}"
    )


def loads(about: Mapping[str, Any]) -> list[str]:
    """What ran beside the completions, one sentence for each number of reviews."""
    reviews = about.get("reviews", {})
    return [
        f"Reviews, {level} at once{'' if reviews['schema'] else ', without schema'}: {load['begun']} begun, "
        f"{load['ended']} ended by themselves, {load['prompt_tokens']} tokens of prompt, "
        f"{load['generated_tokens'] / max(1, load['begun']):.0f} of answer on average."
        for level, load in reviews.get("beside", {}).items()
    ]


def document(samples: Samples, about: Mapping[str, Any]) -> dict[str, Any]:
    """All of it as plain data: `about` the run, the table, the ratios, and each sample but for its code."""
    table = rows(samples)
    return {
        **about,
        "rows": [asdict(row) for row in table],
        "ratios": [asdict(ratio) for ratio in ratios(table)],
        "samples": [
            {**asdict(cell), **{name: value for name, value in asdict(sample).items() if name != "answer"}}
            for cell in sorted(samples, key=_order)
            for sample in samples[cell]
        ],
    }
