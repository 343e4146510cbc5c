"""Results of reviews, made by hand."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from codeassist.cli.reviewing.known import Known
from codeassist.cli.reviewing.opening import Opened
from codeassist.cli.reviewing.results import Results
from codeassist.cli.reviewing.targets import Target
from codeassist.cli.source import source_of
from codeassist.flow.regions import regions_of
from codeassist.flow.review import Review
from codeassist.flow.trace import Trace
from codeassist.post.findings import Finding, Severity, with_fingerprints
from codeassist.post.ignored import ignored
from codeassist.settings import Settings
from codeassist.text.document import Offset, Span
from codeassist.text.edits import Edit

ROOT = Path("/project")


def finding(
    text: str,
    quote: str,
    better: str | None = None,
    *,
    severity: Severity = "warning",
    category: str = "wrong-name",
    message: str = "Said.",
) -> Finding:
    """About the first place of `quote` in `text`; `better` is what the fix puts there."""
    start = text.index(quote)
    span = Span(Offset(start), Offset(start + len(quote)))
    fix = () if better is None else (Edit(span.start, span.end, better),)
    title = "" if better is None else f"Replace with `{better}`"
    return Finding(span, severity, category, message, "infill", 5.0, fix, title)


def results_of(files: Sequence[tuple[str, str, Sequence[Finding]]], known: Known | None = None) -> Results:
    """Of files by name, with their text and what was found, as if the files had been reviewed in this order."""
    results = Results(known or Known(None))
    for path, text, findings in files:
        add(results, path, text, findings)
    results.settle()
    return results


def add(results: Results, path: str, text: str, findings: Sequence[Finding], *, functions: int = 1) -> None:
    """One more file of so many functions, whose findings come with its first one."""
    source = source_of(ROOT / path, ROOT, text.encode("utf-8", "surrogatepass"), Settings())
    assert source.syntax is not None
    regions = regions_of(source.syntax)[:functions]
    opened = Opened(Target(source.file, os.fspath(path)), source, regions, None, True, ignored(source.syntax))
    number = results.begin(opened)
    named = findings if any(each.fingerprint for each in findings) else with_fingerprints(findings, source.syntax)
    results.add(number, regions[:1], Review(tuple(named), regions[:1]), Trace("review"))
