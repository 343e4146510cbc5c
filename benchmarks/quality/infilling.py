"""Infilling with tests: the same answers of the model, ended by the product and ended at the first blank line.

Each case is asked once, with the product's own prompt and no repository, and the stream is recorded. From the recording
come two texts: `raw`, up to the first blank line, as a client without rules shows it; and `ours`, what the product's
flow makes of the stream. A case with a unit test is right if its program passes; another one if its first line is.

It runs programs that a model wrote. Use a container that is thrown away.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fim_cases import Case, read_cases
from infilling_check import check
from infilling_figures import Result, figures, groups, table, worse_cases
from infilling_record import Recording, read_recordings, record
from infilling_replay import Answer, ours, raw
from infilling_silence import report

from codeassist.cli.model import bound_model
from codeassist.flow.asking import FAST
from codeassist.model.errors import ModelError
from codeassist.settings import CompletionSettings, Settings, load

_INTERRUPTED = 130


async def ask(cases: Sequence[Case], settings: Settings, arguments: argparse.Namespace) -> None:
    """Record what is missing. Nothing is started or asked if nothing is."""
    done = read_recordings(arguments.raw, arguments.cursor)
    missing = [case for case in cases if case.id not in done]
    if not missing:
        return
    recorded = 0

    def tell() -> None:
        nonlocal recorded
        recorded += 1
        if sys.stderr.isatty() or recorded == len(missing) or recorded % 20 == 0:
            end = "\n" if recorded == len(missing) else ""
            print(f"\r{recorded} of {len(missing)} cases recorded", end=end, file=sys.stderr, flush=True)

    async with bound_model(settings, "completion") as connected:
        bound = replace(connected, speed=None, cost=FAST)  # The same prompts on every machine and engine.
        await record(missing, arguments.raw, bound, settings.completion, arguments.cursor, arguments.parallel, tell)


async def judge(
    cases: Sequence[Case], recordings: Mapping[str, Recording], settings: CompletionSettings
) -> list[Result]:
    """The answers of each case that was recorded, and whether they are right."""
    recorded = [case for case in cases if case.id in recordings]
    raws = [raw(case, recordings[case.id]) for case in recorded]
    shown = [await ours(case, recordings[case.id], settings) for case in recorded]
    typed = [await ours(case, recordings[case.id], settings, typed=True) for case in recorded]
    asked: list[tuple[Case, Answer]] = [*zip(recorded, raws, strict=True), *zip(recorded, shown, strict=True)]
    right = check(asked)
    return [
        Result(case, recordings[case.id], raw_answer, our_answer, typed_answer, raw_right, ours_right)
        for case, raw_answer, our_answer, typed_answer, raw_right, ours_right in zip(
            recorded, raws, shown, typed, right[: len(recorded)], right[len(recorded) :], strict=True
        )
    ]


def _settings(prompt_tokens: int) -> Settings:
    settings, _ = load()
    changed = {"prompt_tokens": prompt_tokens, "latency_target_ms": 60_000}
    return settings.model_copy(update={"completion": settings.completion.model_copy(update=changed)})


def _read(paths: Sequence[Path], limit: int | None) -> dict[Path, list[Case]]:
    """The cases by file. Raises ValueError if two of them have one id, by which recordings are found."""
    by_file = {path: read_cases(path, limit) for path in paths}
    seen: set[str] = set()
    for path, cases in by_file.items():
        for case in cases:
            if case.id in seen:
                raise ValueError(f"{path}: a second case of the name {case.id}")
            seen.add(case.id)
    return by_file


def _prediction(result: Result) -> dict[str, Any]:
    return {
        "id": result.case.id,
        "completion": result.ours.inserted,
        "raw": result.raw.inserted,
        "skip": result.ours.skip or None,
        "skip_typed": result.typed.skip or None,
        "tokens": result.ours.tokens,
        "tokens_raw": result.raw.tokens,
        "right": result.ours_right,
        "raw_right": result.raw_right,
        "latency_ms": result.recording.total_ms,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Infilling: the product's answers against the model's raw ones.")
    parser.add_argument("cases", type=Path, nargs="+")
    parser.add_argument("--raw", type=Path, required=True, help="the recorded answers; what is missing is asked")
    parser.add_argument("--limit", type=int, help="only the first cases of each file")
    parser.add_argument("--parallel", type=int, default=4, help="requests at a time (default: 4)")
    parser.add_argument("--prompt-tokens", type=int, default=2000, help="budget of the whole prompt (default: 2000)")
    parser.add_argument(
        "--cursor",
        choices=("as-is", "own-line"),
        default="as-is",
        help="own-line: between two lines of code the cursor gets a blank line (default: as-is)",
    )
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--predictions", type=Path, help="write both answers of each case to this file")
    parser.add_argument("--show", type=int, default=0, help="print so many cases that only raw gets right")
    arguments = parser.parse_args()
    if arguments.parallel < 1:
        parser.error("--parallel: at least one request at a time")
    return arguments


def main() -> int:
    arguments = _arguments()
    settings = _settings(arguments.prompt_tokens)
    try:
        by_file = _read(arguments.cases, arguments.limit)
        asyncio.run(ask([case for cases in by_file.values() for case in cases], settings, arguments))
        recordings = read_recordings(arguments.raw, arguments.cursor)
        results = {path: asyncio.run(judge(cases, recordings, settings.completion)) for path, cases in by_file.items()}
    except (OSError, ValueError, ModelError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            f"\nStopped; {arguments.raw} holds what was answered, and the next run goes on from there.", file=sys.stderr
        )
        return _INTERRUPTED
    numbers = {
        str(path): {name: figures(group) for name, group in groups(each).items()} for path, each in results.items()
    }
    for path, by_group in numbers.items():
        print(table(Path(path).name, by_group))
    print(report(by_file, recordings))
    if arguments.json:
        arguments.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    flat = [result for each in results.values() for result in each]
    if arguments.predictions:
        rows = "".join(json.dumps(_prediction(result)) + "\n" for result in flat)
        arguments.predictions.write_text(rows, encoding="utf-8")
    if arguments.show:
        print(worse_cases(flat, arguments.show))
    return 0


if __name__ == "__main__":
    sys.exit(main())
