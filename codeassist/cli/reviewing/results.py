"""What a review of files found and cost, in one order, and what of it is not shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from codeassist.cli.reviewing.dismissed import Dismissed
from codeassist.cli.reviewing.known import Known
from codeassist.cli.reviewing.opening import Opened
from codeassist.cli.source import Source
from codeassist.flow.review import NO_LIMIT, Region, Review
from codeassist.flow.trace import Trace
from codeassist.post.findings import SEVERITIES, Finding, told_apart
from codeassist.post.merging import rank

HIDDEN = {
    "baseline": "hidden by the baseline",
    "dismissed": "dismissed by you",
    "comments": "hidden by comments",
    "limit": "beyond review.max_findings",
}
"""Why a finding is not shown, with the words for it: it is known, the user or a comment in the code says so, or there
are as many graver or surer ones in its file."""


@dataclass(frozen=True, slots=True)
class Located:
    """A finding with its file. `shown`: what the file is called for people, `path`: relative to the root where it lies
    in it."""

    source: Source
    shown: str
    finding: Finding

    @property
    def path(self) -> str:
        return self.source.listed

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
    """What is known of a file whose functions are being reviewed: of those of the `parts` that are done, and of single
    functions of the others."""

    opened: Opened
    is_whole: bool
    findings: list[Finding] = field(default_factory=list)
    done: int = 0
    early: dict[Region, tuple[Finding, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class Results:
    """Filled while the review runs; `settle` makes the final lists, whenever it ended.

    `shown` are the findings to print, of each file `most` at most, `hidden` counts the others. `all_found` are those
    that no comment hides, by path. `wholly_reviewed`: paths of files of which nothing was left out.
    `failure`: what the model server said last, with what to do; `is_partial`: not all was reviewed.
    """

    known: Known
    most: int = NO_LIMIT
    dismissed: Dismissed = field(default_factory=Dismissed)
    shown: list[Located] = field(default_factory=list)
    hidden: Counter[str] = field(default_factory=Counter)
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
            self.skips[opened.source.listed] = opened.skip
        self._begun += 1
        number = self._begun
        self._open[number] = _OfFile(opened, opened.is_whole)
        if not opened.regions:
            self._close(number)
        return number

    def note(self, number: int, region: Region, findings: tuple[Finding, ...]) -> None:
        """Take what is known of one function before its part of the file is done."""
        self._open[number].early[region] = findings

    def add(self, number: int, part: Sequence[Region], answer: Review, trace: Trace) -> None:
        """Take the findings of a part of the functions of a file."""
        file = self._open[number]
        for region in part:
            file.early.pop(region, None)
        file.findings += answer.findings
        file.done += len(part)
        self.functions += len(answer.reviewed)
        if without_room := trace.dropped.get("too-many"):
            self.hidden["limit"] += without_room
        self.count(trace)
        for name, skip in answer.skips.items():
            if skip.is_failure:
                self.failure = self.failure or str(skip)
            if skip.reason != "not-able":
                self.skips[f"{file.opened.source.listed} ({name})"] = skip.reason
                self.silent_analyzers[name] = skip.reason
        file.is_whole = file.is_whole and not self.silent_analyzers
        if file.done == len(file.opened.regions):
            self._close(number)

    def why_hidden(self, opened: Opened, finding: Finding) -> str | None:
        """Why nobody wants to see a finding of a file, whatever room there is: one of HIDDEN, or None."""
        if opened.comments.covers(finding, opened.source.document):
            return "comments"
        if self.known.covers(opened.source, finding):
            return "baseline"
        return "dismissed" if self.dismissed.covers(opened.source, finding) else None

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
        self.functions += len(file.early)
        shown: list[Finding] = []
        for finding in _named([*file.findings, *chain.from_iterable(file.early.values())]):
            why = self.why_hidden(opened, finding)
            if why != "comments":
                self.all_found.append((self.known.path_of(source), finding))
            if why is None:
                shown.append(finding)
            else:
                self.hidden[why] += 1
        shown.sort(key=lambda finding: (rank(finding), finding.span))
        if len(shown) > self.most:
            self.hidden["limit"] += len(shown) - self.most
        self.shown += [Located(source, opened.target.shown, finding) for finding in shown[: self.most]]


def _named(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """In document order, told apart over all functions of the file: two overloads may hold the same line."""
    return told_apart(sorted(findings, key=lambda finding: (finding.span, finding.analyzer, finding.category)))
