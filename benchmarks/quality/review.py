"""Reviews over case files, by the product's own flow.

    python benchmarks/quality/review.py CASES.jsonl PREDICTIONS.jsonl [--raw RECORDINGS.jsonl] [--offline] [--limit N]
        [--analyzers infill,words] [--variants buggy,clean] [--curve NAME]

Each case is a file with a bug, and the same file without it. Writes a line for each of the two: {"id", "variant",
"findings": [{"line", "end_line", "message", "score", ...}], "tokens": {...}, "seconds"}, lines 1-based, the best
finding first; and prints how often the bug is on a line of the first findings, false alarms on the files without it,
how often a fix is exactly right, and the cost.

With `--raw` the model's answers are recorded, and only what is not recorded yet is asked: a changed rule is judged
again in seconds. `--offline` asks nothing: what is not recorded whole is left out. `--curve` writes the curve over all
thresholds to NAME.txt and NAME.svg.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from review_cases import VARIANTS, Case, Variant, read_cases
from review_measure import Figures, Found, Reviewed, by_kind, curve, figures, row, summary, table
from review_picture import picture
from review_record import Asked, NotRecorded, Recorder, Recordings, Spent

from codeassist.cli.model import bound_model
from codeassist.flow.admission import Admission
from codeassist.flow.asking import Bound
from codeassist.flow.review import NO_LIMIT, regions_of, review
from codeassist.flow.trace import Trace
from codeassist.model.errors import ModelError
from codeassist.post.findings import Finding
from codeassist.prompt.families import family
from codeassist.settings import ReviewSettings, Settings, load
from codeassist.syntax.languages import language_of
from codeassist.syntax.tree import Syntax, parse
from codeassist.text.document import Document

THRESHOLDS = tuple(step / 2 for step in range(25))
"""Of the curve, in nats."""
_EVERYTHING = 0.01


async def run(
    cases: Sequence[Case], recordings: Recordings, settings: Settings, options: argparse.Namespace
) -> list[Reviewed]:
    """The reviews of all variants, those that are recorded first; without the others if `options.offline`."""
    work = [(case, name) for case in cases for name in VARIANTS if name in options.variants and case.variant(name)]
    found: dict[tuple[str, Variant], Reviewed] = {}
    missing = []
    for case, name in work:
        reviewed = await _from_recordings(case, name, recordings, settings.review)
        if reviewed is None:
            missing.append((case, name))
        else:
            found[case.id, name] = reviewed
    if missing and not options.offline:
        async with bound_model(settings, "review") as bound:
            recordings.begin(Asked.of(bound))
            assert recordings.asked is not None
            recorder = Recorder(recordings, bound.model)
            same = replace(bound, model=recorder, cost=recordings.asked.bound(recorder).cost, speed=None)
            for done, (case, name) in enumerate(missing, 1):
                found[case.id, name] = await _reviewed(case, name, same, settings.review, recorder)
                _tell(done, len(missing))
    return [found[case.id, name] for case, name in work if (case.id, name) in found]


async def _from_recordings(
    case: Case, name: Variant, recordings: Recordings, settings: ReviewSettings
) -> Reviewed | None:
    if recordings.asked is None:
        return None
    recorder = Recorder(recordings)
    try:
        return await _reviewed(case, name, recordings.asked.bound(recorder), settings, recorder)
    except NotRecorded:
        return None


async def _reviewed(case: Case, name: Variant, bound: Bound, settings: ReviewSettings, recorder: Recorder) -> Reviewed:
    """Raises ModelError where the model fails: half a review would count as silence."""
    text = case.variant(name) or ""
    document = Document.create("file:///" + case.path, text, language_of(case.path))
    syntax = parse(document)
    if syntax is None:
        raise ValueError(f"{case.id}: no grammar for {case.path}")
    recorder.spent = spent = Spent()
    regions = regions_of(syntax)
    answer = await review(syntax, regions, case.path, bound, settings, Admission(), Trace("review"))
    if recorder.missed:
        raise NotRecorded(case.id)
    for skip in answer.skips.values():
        if skip.is_failure:
            raise ModelError(str(skip))
    findings = sorted(answer.findings, key=lambda finding: -finding.score)
    return Reviewed(
        case=case,
        variant=name,
        findings=tuple(_found(finding, syntax, case.clean) for finding in findings),
        functions=len(regions),
        requests=spent.requests,
        prompt_tokens=spent.prompt_tokens,
        generated_tokens=spent.generated_tokens,
        seconds=spent.milliseconds / 1000,
    )


def _found(finding: Finding, syntax: Syntax, clean: str | None) -> Found:
    document = syntax.document
    return Found(
        line=document.position_at(finding.span.start).line + 1,
        end_line=document.position_at(finding.span.end).line + 1,
        score=finding.score,
        analyzer=finding.analyzer,
        category=finding.category,
        message=finding.message,
        fixes=bool(finding.fix) and document.replace(finding.fix, document.version + 1).text == clean,
    )


def _tell(done: int, total: int) -> None:
    if sys.stderr.isatty() or done == total or done % 20 == 0:
        print(f"\r{done} of {total} reviews", end="\n" if done == total else "", file=sys.stderr, flush=True)


def curves(reviews: Sequence[Reviewed], title: str, least: float) -> tuple[str, str]:
    """The table and the picture of all analyzers."""
    analyzers = list(dict.fromkeys(found.analyzer for review in reviews for found in review.findings))
    told, lines, marked = [title], {}, {}
    for analyzer in analyzers:
        points = curve(reviews, THRESHOLDS, analyzer)
        told += ["", f"{analyzer}: least score; bug on a line of the first findings; false alarms for each clean file;"]
        told += ["precision of all findings; exact fix", table(list(_changes(points)))]
        lines[analyzer] = [(each.alarms, each.recall[3]) for _, each in points]
        at = figures(reviews, least, analyzer)
        marked[analyzer] = (at.alarms, at.recall[3])
    return "\n".join(told) + "\n", picture(title, lines, marked)


def _changes(points: list[tuple[float, Figures]]) -> Iterator[tuple[float, Figures]]:
    """The points at which something changes."""
    yield from points[:1]
    for (_, before), point in pairwise(points):
        if point[1] != before:
            yield point


def _settings(options: argparse.Namespace) -> Settings:
    """Everything is found; what is shown is decided afterwards."""
    settings, _ = load()
    changed = {
        "analyzers": tuple(options.analyzers),
        "max_lines": NO_LIMIT,
        "max_findings": 100,
        "min_severity": "info",
        "min_score": _EVERYTHING,
    }
    return settings.model_copy(update={"review": settings.review.model_copy(update=changed)})


def main() -> int:
    parser = argparse.ArgumentParser(description="Reviews over case files, by the product's own flow.")
    parser.add_argument("cases", type=Path)
    parser.add_argument("predictions", type=Path)
    parser.add_argument("--raw", type=Path, help="the model's answers; only what is missing is asked")
    parser.add_argument("--offline", action="store_true", help="ask nothing; leave out what is not recorded")
    parser.add_argument("--limit", type=int, help="only the first cases")
    parser.add_argument("--every", help="N/M: of M cases in turn only the Nth, as 1/2 for every other one")
    parser.add_argument("--analyzers", type=lambda text: text.split(","), default=["infill"], help="default: infill")
    parser.add_argument("--variants", type=lambda text: text.split(","), default=list(VARIANTS))
    parser.add_argument("--before", action="store_true", help="as an edit of the other variant, not as a whole file")
    parser.add_argument("--min-score", type=float, help="the threshold; by default that of the settings")
    parser.add_argument("--curve", help="write NAME.txt and NAME.svg")
    options = parser.parse_args()
    try:
        cases = _chosen(read_cases(options.cases, options.limit), options.every)
        recordings = Recordings(options.raw)
        reviews = asyncio.run(run(cases, recordings, _settings(options), options))
    except (OSError, ValueError, ModelError) as error:
        print(error, file=sys.stderr)
        return 2
    recordings.close()
    least = options.min_score or _default(recordings)
    with options.predictions.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(row(each, least)) + "\n" for each in reviews)
    model = recordings.asked.model if recordings.asked else "no model"
    print(f"{options.cases.name}, {model}, findings from {least:g} nats on")
    print(summary(reviews, least))
    print(by_kind(reviews, least))
    if options.curve:
        title = f"{options.cases.stem}, {model}: bugs hit by the first three findings"
        text, drawn = curves(reviews, title, least)
        Path(options.curve + ".txt").write_text(text, encoding="utf-8")
        Path(options.curve + ".svg").write_text(drawn, encoding="utf-8")
    return 0


def _default(recordings: Recordings) -> float:
    """The threshold of the settings, or the model's own."""
    least, asked = load()[0].review.min_score, recordings.asked
    return least or (family(asked.family).least_surprise(asked.model) if asked else 0.0)


def _chosen(cases: Sequence[Case], every: str | None) -> Sequence[Case]:
    if every is None:
        return cases
    turn, _, of = every.partition("/")
    return cases[int(turn) - 1 :: int(of)]


if __name__ == "__main__":
    sys.exit(main())
