"""How long a completion takes on a served model: to its first token, and to its finished line.

    python benchmarks/engine/latency.py --url http://127.0.0.1:8000/v1
    python benchmarks/engine/latency.py --url unix:///run/vllm.sock --prompts 1k,4k --repeat 20 --json latency.json

Prompts of several lengths, made of real code in the form that the model's family takes, are sent with the product's
own client: one the server has never seen (cold), the same again, and the same a few keystrokes later. All of that
alone and beside reviews in flight. Each round goes through every case, so that a machine that gets slower while it is
measured does so for all of them alike. The key, if the server wants one, is read from an environment variable.
Exit code 1 if nothing could be measured, 130 after Ctrl-C, which prints what there is.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

import report
from options import parser
from report import Cache, Cell
from timing import LINE_TOKENS, MOST_LINE_TOKENS, LineEnd, Reviews, ReviewsFailed, Sample, timed
from workload import REVIEW_TOKENS, TYPED_CHARACTERS, Fitted, Place, Workload, nonce, places, read_source

from codeassist.flow.asking import Bound
from codeassist.model.abilities import Abilities
from codeassist.model.api import Model
from codeassist.model.endpoint import Endpoint
from codeassist.model.errors import BadRequest, ModelError, Unauthorised
from codeassist.model.vllm import VllmModel
from codeassist.prompt.families import FAMILIES, Family, family_for_model
from codeassist.serving.catalogue import entry_for_served
from codeassist.serving.remote.probe import probe

MOST_FAILURES = 3
"""In a row; then the server is not in a state to be measured."""
SILENCE_S = 300.0
"""Longer than an editor would wait: also slow engines are to be measured."""
MOST_PLACES = 20
"""Different cursors; more rounds than that go through them again."""
WARM_UPS = 2
"""Uncounted requests of each length: kernels are compiled and graphs captured with the first of their kind."""


class CannotMeasure(Exception):
    """One sentence for the user: the cause and the next step."""


@dataclass
class Measured:
    """What is there so far; printed also if the run is broken off."""

    about: dict[str, Any]
    samples: dict[Cell, list[Sample]] = field(default_factory=dict)
    line_end: LineEnd = "newline"
    fill_in_middle: bool = True
    said: list[str] = field(default_factory=list)

    def say(self, sentence: str) -> None:
        """A finding that belongs under the table as well as to the progress."""
        if sentence not in self.said:
            self.said.append(sentence)
            progress(sentence)


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = parser(__doc__).parse_args(arguments)
    stated = {name: str(value) if isinstance(value, Path) else value for name, value in vars(chosen).items()}
    stated["files"] = [str(path) for path in chosen.files]
    began = datetime.now(timezone.utc).astimezone().isoformat(timespec="seconds")
    measured = Measured({"benchmark": "engine/latency", "began": began, "arguments": stated})
    code = 0
    try:
        asyncio.run(run(chosen, measured))
    except KeyboardInterrupt:
        measured.say("Broken off by Ctrl-C: not all rounds were run.")
        code = 130
    except (CannotMeasure, ValueError) as error:
        measured.say(str(error))
        code = 1
    except ModelError as error:
        measured.say(sentence_of(error, chosen))
        code = 1
    if any(measured.samples.values()):
        show(measured, chosen.json)
    elif code == 0:
        code = 1
    return code


async def run(chosen: argparse.Namespace, measured: Measured) -> None:
    """Measure as `chosen`, into `measured`. Raises CannotMeasure, ModelError and ValueError."""
    source = read_source(chosen.files)
    cursors = places(source, max(WARM_UPS, min(chosen.repeat, MOST_PLACES)))
    key = os.environ.get(chosen.key_env) or None
    patience = {"read_timeout_s": SILENCE_S, "first_token_timeout_s": SILENCE_S, "token_timeout_s": SILENCE_S}
    endpoint = Endpoint(chosen.url, model=chosen.model, api_key=key, **patience)
    model = VllmModel(endpoint)
    # The reviews have connections of their own, as another editor's would have.
    reviewer = VllmModel(endpoint)
    try:
        name, context_tokens = await served(model, chosen)
        abilities = await probe(model, families=[one for one in FAMILIES.values() if one.kind == "fim"])
        reviewer.abilities = abilities
        family = family_of(name, chosen.family, abilities)
        measured.fill_in_middle = family.kind == "fim"
        measured.about["server"] = {
            "url": chosen.url,
            "model": name,
            "version": abilities.version,
            "max_model_len": context_tokens,
            "family": family.name,
            "abilities": {**asdict(abilities), "refused_fields": sorted(abilities.refused_fields)},
        }
        bound = Bound(model, family, name, can_review=True)
        workload = Workload(bound, source, context_tokens, schema=not chosen.no_schema)
        fitted = await fitting(workload, cursors, chosen.prompts, context_tokens, measured)
        measured.line_end = await warm_up(workload, bound, fitted, chosen.line, measured)
        await rounds(workload, bound, reviewer, fitted, chosen, measured)
    finally:
        await model.aclose()
        await reviewer.aclose()


async def served(model: VllmModel, chosen: argparse.Namespace) -> tuple[str, int | None]:
    """Name and context length of the model to measure."""
    listed = await model.served()
    for one in listed:
        if chosen.model in (None, one.name):
            return one.name, one.max_tokens
    names = ", ".join(one.name for one in listed) or "none"
    raise CannotMeasure(f"{chosen.url} does not serve {chosen.model!a}; the models that it lists: {names}.")


def family_of(name: str, wanted: str | None, abilities: Abilities) -> Family:
    """As wanted, else by the catalogue, the model's name, or the markers that its tokenizer knows."""
    entry = entry_for_served(name)
    named = wanted or (entry.family if entry else "")
    found = FAMILIES.get(named) or family_for_model(name) or FAMILIES.get(abilities.fill_in_middle)
    if found is None:
        raise CannotMeasure(f"Nothing says how the model {name!a} is prompted; give --family, for instance qwen-coder.")
    return found


async def fitting(
    workload: Workload, cursors: Sequence[Place], wanted: Sequence[int], context_tokens: int | None, measured: Measured
) -> dict[int, list[Fitted]]:
    """For each length that the server takes, the prompts of each round."""
    found: dict[int, list[Fitted]] = {}
    for size in wanted:
        name = report.size_name(size)
        if context_tokens is not None and size + MOST_LINE_TOKENS > context_tokens:
            measured.say(
                f"Prompts of {name} are left out: the server takes {context_tokens} tokens, answer included; "
                "serve with a larger --max-model-len to measure them."
            )
            continue
        progress(f"fitting prompts of {name}")
        found[size] = [await workload.fit(cursor, size) for cursor in cursors]
    if not found:
        raise CannotMeasure("No prompt fits the server's context; give shorter --prompts.")
    return found


async def warm_up(
    workload: Workload,
    bound: Bound,
    fitted: dict[int, list[Fitted]],
    line: Literal["auto", "newline", "tokens"],
    measured: Measured,
) -> LineEnd:
    """Ask for each length some times, and see how lines end with this model."""
    answers: list[Sample] = []
    for size in list(fitted):
        progress(f"warming up with {report.size_name(size)}")
        try:
            for number in range(WARM_UPS):
                place = fitted[size][number % len(fitted[size])]
                request = workload.completion(place, nonce(), most_tokens=MOST_LINE_TOKENS)
                answers.append(await timed(bound.model, request, "newline"))
        except BadRequest as error:
            measured.say(f"Prompts of {report.size_name(size)} are left out: {error}")
            del fitted[size]
    if not fitted:
        raise CannotMeasure("The server takes none of the prompts; give shorter --prompts.")
    return line_end_of(answers) if line == "auto" else line


def line_end_of(answers: Sequence[Sample]) -> LineEnd:
    """Random weights write nothing, or one and the same loop at every cursor; by chance it has newlines."""
    loop = len({answer.answer for answer in answers}) == 1 and not any(answer.stopped for answer in answers)
    mostly = 2 * sum(answer.finished for answer in answers) >= len(answers)
    return "newline" if mostly and not loop else "tokens"


async def rounds(
    workload: Workload,
    bound: Bound,
    reviewer: Model,
    fitted: dict[int, list[Fitted]],
    chosen: argparse.Namespace,
    measured: Measured,
) -> None:
    """Every case once in each round. The order of lengths and loads moves on from round to round."""
    limits = workload.review_limits()
    levels = [0, *chosen.beside]
    if limits is None and chosen.beside:
        measured.say(
            "Nothing was measured beside reviews: the server's context is too small for their prompts and "
            f"{REVIEW_TOKENS} tokens of answer; serve with a larger --max-model-len."
        )
        levels = [0]
    beside = {level: Reviews(reviewer, workload.reviews(limits)) for level in levels if level and limits}
    failures = 0
    began = time.monotonic()
    try:
        for number in range(chosen.repeat):
            for level in _turned(levels, number):
                load = f"beside {level} review{'s' if level > 1 else ''}" if level else "alone"
                progress(f"round {number + 1} of {chosen.repeat}, {load}, {time.monotonic() - began:.0f} s")
                cases = {size: fitted[size][number % len(fitted[size])] for size in _turned([*fitted], number)}
                try:
                    await under_load(workload, bound, cases, beside.get(level), level, measured)
                    failures = 0
                except ReviewsFailed as error:
                    measured.say(f"Nothing more was measured {load}: {error}")
                    levels = [one for one in levels if one != level]
                except ModelError as error:
                    failures += 1
                    if not error.retryable or failures == MOST_FAILURES:
                        raise
                    measured.say(f"Some requests failed and are missing: {sentence_of(error, chosen)}")
    finally:
        measured.about["reviews"] = {
            "schema": not chosen.no_schema,
            "most_tokens": REVIEW_TOKENS,
            "beside": {str(level): reviews.record() for level, reviews in beside.items()},
        }


async def under_load(
    workload: Workload,
    bound: Bound,
    cases: dict[int, Fitted],
    reviews: Reviews | None,
    level: int,
    measured: Measured,
) -> None:
    """Each length cold, again and a keystroke later, with `level` reviews in flight."""
    if reviews is None:
        for size, place in cases.items():
            await one_prompt(workload, bound, place, Cell(size, 0, "cold"), None, measured)
        return
    async with reviews.running(level):
        for size, place in cases.items():
            await one_prompt(workload, bound, place, Cell(size, level, "cold"), reviews, measured)
    # Answered when the engine's step is over in which it learns that the reviews were broken off.
    settle = next(iter(cases.values()))
    await timed(bound.model, workload.completion(replace(settle, characters=1), nonce(), most_tokens=1), "tokens")


async def one_prompt(
    workload: Workload, bound: Bound, place: Fitted, first: Cell, reviews: Reviews | None, measured: Measured
) -> None:
    unseen = nonce()
    most = MOST_LINE_TOKENS if measured.line_end == "newline" else LINE_TOKENS
    steps: tuple[tuple[Cache, int], ...] = (("cold", 0), ("again", 0), ("keystroke", TYPED_CHARACTERS))
    for cache, typed in steps:
        request = workload.completion(place, unseen, most_tokens=most, typed=typed)
        sample = await timed(bound.model, request, measured.line_end)
        if reviews is not None:
            reviews.check()
        measured.samples.setdefault(replace(first, cache=cache), []).append(sample)


def _turned(items: list[int], number: int) -> list[int]:
    at = number % len(items)
    return items[at:] + items[:at]


def show(measured: Measured, json_file: Path | None) -> None:
    table = report.rows(measured.samples)
    notes = [*report.notes(table, measured.line_end, fill_in_middle=measured.fill_in_middle), *measured.said]
    parts = [
        report.title(measured.about),
        report.text(table, measured.line_end),
        "\n".join([*report.loads(measured.about), *notes]),
    ]
    print("\n\n".join(parts))
    if json_file is not None:
        line = {"ends_with": measured.line_end, "tokens": LINE_TOKENS if measured.line_end == "tokens" else None}
        whole = report.document(measured.samples, {**measured.about, "line": line, "notes": notes})
        json_file.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


def sentence_of(error: ModelError, chosen: argparse.Namespace) -> str:
    """The client's sentence, with this command's options for the settings that it names."""
    if isinstance(error, Unauthorised):
        sent = "refuses the key" if os.environ.get(chosen.key_env) else "asks for a key and there is none"
        return (
            f"{chosen.url} {sent}; put it into the environment variable {chosen.key_env} (or name it with --key-env)."
        )
    return str(error).replace("server.url", "--url").replace("server.model", "--model")


def progress(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
