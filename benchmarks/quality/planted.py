"""The infill check on functions with one planted bug each, and on the same functions without it.

    python benchmarks/quality/planted.py [--limit N] [--json FILE]

Runs the product's own review flow on the configured model (the embedded engine by default) over `planted.toml`, and
prints for each case where the bug came among the findings, and how many findings there were on the right version.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from codeassist.cli.model import bound_model
from codeassist.flow.admission import Admission
from codeassist.flow.asking import Bound
from codeassist.flow.review import regions_of, review
from codeassist.flow.trace import Trace
from codeassist.post.findings import Finding
from codeassist.settings import ReviewSettings, load
from codeassist.syntax.languages import language_of
from codeassist.syntax.tree import parse
from codeassist.text.document import Document

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CASES = Path(__file__).with_name("planted.toml")


@dataclass(frozen=True)
class Case:
    name: str
    path: str
    right: str
    wrong: str
    code: str

    def text(self, *, buggy: bool) -> str:
        code = self.code.lstrip("\n")
        if code.count(self.right) != 1:
            raise ValueError(f"{self.name}: `right` must stand in the code exactly once")
        return code.replace(self.right, self.wrong) if buggy else code

    def bug_line(self) -> int:
        """0-based line of the planted bug."""
        text = self.text(buggy=True)
        return text[: text.index(self.wrong)].count("\n")


@dataclass(frozen=True)
class Result:
    """`rank`: place of the bug among the findings by score, 1-based, None if not found. `fixed`: whether its fix gives
    exactly the right version back. `alarms`: findings on the right version. `seconds`: both reviews."""

    name: str
    rank: int | None
    fixed: bool
    findings: int
    alarms: int
    seconds: float


def cases() -> list[Case]:
    return [Case(**entry) for entry in tomllib.loads(CASES.read_text(encoding="utf-8"))["case"]]


async def run(bound: Bound, settings: ReviewSettings, chosen: list[Case]) -> list[Result]:
    results = []
    for case in chosen:
        begin = time.perf_counter()
        buggy = Document.create("file:///" + case.path, case.text(buggy=True), language_of(case.path))
        right = Document.create("file:///" + case.path, case.text(buggy=False), language_of(case.path))
        found = await findings_in(buggy, case.path, bound, settings)
        alarms = await findings_in(right, case.path, bound, settings)
        ranked = sorted(found, key=lambda finding: -finding.score)
        at_bug = [f for f in ranked if buggy.position_at(f.span.start).line == case.bug_line()]
        fixed = any(buggy.replace(f.fix, 1).text == right.text for f in at_bug if f.fix)
        rank = ranked.index(at_bug[0]) + 1 if at_bug else None
        results.append(Result(case.name, rank, fixed, len(found), len(alarms), time.perf_counter() - begin))
        print(line(results[-1]), flush=True)
    return results


async def findings_in(document: Document, path: str, bound: Bound, settings: ReviewSettings) -> tuple[Finding, ...]:
    syntax = parse(document)
    if syntax is None:
        raise ValueError(f"no grammar for {path}")
    answer = await review(syntax, regions_of(syntax), path, bound, settings, Admission(), Trace("review"))
    failed = [skip for skip in answer.skips.values() if skip.reason != "not-able"]
    if failed:
        raise RuntimeError(str(failed[0]))
    return answer.findings


def line(result: Result) -> str:
    rank = (
        f"bug is number {result.rank} of {result.findings}" if result.rank else f"bug missed, {result.findings} others"
    )
    fix = "exact fix" if result.fixed else ""
    return f"{result.name:16} {rank:28} {fix:10} right version: {result.alarms} findings  {result.seconds:6.1f} s"


def summary(results: list[Result]) -> str:
    top = sum(1 for result in results if result.rank is not None and result.rank <= 3)
    fixed = sum(result.fixed for result in results)
    alarms = sum(result.alarms for result in results)
    return (
        f"{top} of {len(results)} bugs among the first three findings, {fixed} with the exact fix; "
        f"{alarms} findings on the {len(results)} right versions"
    )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--limit", type=int, help="only the first N cases")
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    options = parser.parse_args()
    settings, _problems = load()
    async with bound_model(settings, "review") as bound:
        results = await run(bound, settings.review, cases()[: options.limit])
    print(summary(results))
    if options.json:
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=1), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
