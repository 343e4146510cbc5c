"""What a review of files found and cost, in one order, and what of it is not shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from codeassist.cli.reviewing.known import Known
from codeassist.cli.reviewing.opening import Opened
from codeassist.cli.source import Source
from codeassist.flow.review import Review
from codeassist.flow.trace import Trace
from codeassist.post.findings import SEVERITIES, Finding, with_fingerprints

Hidden = Literal["baseline", "comments"]


@dataclass(frozen=True, slots=True)
class Located:
    """A finding with its file. `shown`: what the file is called for people, `path`: relative to the root."""

    source: Source
    shown: str
    finding: Finding

    @property
    def path(self) -> str:
        return self.source.path

    @property
    def place(self) -> dict[str, dict[str, int]]:
        return ends(self.source, self.finding.span.start, self.finding.span.end)


def ends(source: Source, start: Any, end: Any) -> dict[str, dict[str, int]]:
    """From where to where, from 1; columns count characters."""
    first, last = source.document.position_at(start), source.document.position_at(end)
    return {
        "start": {"line": first.line + 1, "column": first.column + 1},
        "end": {"line": last.line + 1, "column": last.column + 1},
    }


@dataclass(slots=True)
class _OfFile:
    """What is known of a file whose functions are being reviewed."""

    opened: Opened
    findings: list[Finding] = field(default_factory=list)
    missing: int = 0
    is_whole: bool = True


@dataclass(slots=True)
class Results:
    """Filled while the review runs; `settle` makes the final lists, whenever it ended.

    `shown` are the findings to print, `hidden` counts those that are known or that comments hide, `all_found` are
    those of both kinds but the latter, by path. `wholly_reviewed`: paths of files of which nothing was left out.
    `failure`: what the model server said last, with what to do; `is_partial`: not all was reviewed.
    """

    known: Known
    shown: list[Located] = field(default_factory=list)
    hidden: Counter[Hidden] = field(default_factory=Counter)
    all_found: list[tuple[str, Finding]] = field(default_factory=list)
    wholly_reviewed: set[str] = field(default_factory=set)
    skips: dict[str, str] = field(default_factory=dict)
    silent_analyzers: dict[str, str] = field(default_factory=dict)
    failure: str = ""
    was_interrupted: bool = False
    files: int = 0
    functions: int = 0
    requests: int = 0
    tokens: dict[str, int] = field(default_factory=lambda: {"prompt": 0, "cached": 0, "generated": 0})
    _begun: int = 0
    _open: dict[int, _OfFile] = field(default_factory=dict)

    @property
    def is_partial(self) -> bool:
        return self.was_interrupted or bool(self.failure)

    def begin(self, opened: Opened) -> int:
        """Take note of a file; the number that its functions are reported with."""
        # Git also names files that were only touched, or changed where nothing is to be reviewed.
        self.files += opened.target.change is None or bool(opened.regions)
        if opened.skip is not None:
            self.skips[opened.source.path] = opened.skip
        self._begun += 1
        number = self._begun
        self._open[number] = _OfFile(opened, missing=len(opened.regions), is_whole=opened.is_whole)
        if not opened.regions:
            self._close(number)
        return number

    def add(self, number: int, answer: Review, trace: Trace) -> None:
        """Take the findings of one function of a file."""
        file = self._open[number]
        file.findings += answer.findings
        file.missing -= 1
        self.functions += len(answer.reviewed)
        self.count(trace)
        for name, skip in answer.skips.items():
            if skip.is_failure:
                self.failure = self.failure or str(skip)
            if skip.reason != "not-able":
                self.skips[f"{file.opened.source.path} ({name})"] = skip.reason
                self.silent_analyzers[name] = skip.reason
        file.is_whole = file.is_whole and not self.silent_analyzers
        if file.missing == 0:
            self._close(number)

    def count(self, trace: Trace) -> None:
        """Add up what requests cost."""
        self.requests += trace.requests
        for name, count in trace.tokens().items():
            self.tokens[name] += count or 0

    def settle(self) -> None:
        """Bring what was found into its order, that of files which are not done included."""
        for number in list(self._open):
            self._open[number].is_whole = False
            self._close(number)
        self.shown.sort(key=lambda each: (each.path, each.finding.span, each.finding.fingerprint))
        self.skips = dict(sorted(self.skips.items()))

    def worst_reaches(self, least: str) -> bool:
        """Whether a finding that is shown is as severe as `least`, or more so."""
        order: tuple[str, ...] = SEVERITIES
        return any(order.index(each.finding.severity) <= order.index(least) for each in self.shown)

    def _close(self, number: int) -> None:
        file = self._open.pop(number)
        opened, source = file.opened, file.opened.source
        if file.is_whole:
            self.wholly_reviewed.add(self.known.path_of(source))
        for finding in _named(file.findings, opened):
            if opened.comments.covers(finding, source.document):
                self.hidden["comments"] += 1
                continue
            self.all_found.append((self.known.path_of(source), finding))
            if self.known.covers(source, finding):
                self.hidden["baseline"] += 1
            else:
                self.shown.append(Located(source, opened.target.shown, finding))


def _named(findings: Iterable[Finding], opened: Opened) -> tuple[Finding, ...]:
    """In document order, numbered over all functions of the file: two overloads may hold the same line."""
    ordered = sorted(findings, key=lambda finding: (finding.span, finding.analyzer, finding.category))
    syntax = opened.source.syntax
    return with_fingerprints(ordered, syntax) if syntax is not None else ()
