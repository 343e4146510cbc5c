"""From what analyzers suspect to what is shown: anchored in the text, verified, deduplicated, ranked."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from codeassist.syntax.scopes import enclosing
from codeassist.syntax.tree import Syntax, parses_as_well, reparse
from codeassist.text.document import Document, Offset, Span
from codeassist.text.edits import Edit

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")

_SPACE = re.compile(r"\s+")
_LONGEST_MESSAGE = 600
_LINK = re.compile(r"!?\[([^\[\]\n]{0,200})\]\([^()\s]{0,500}\)")
_ADDRESS = re.compile(
    r"\b(?:[a-z][a-z0-9+.-]{1,20}://|(?:mailto|command|javascript|data|file|vscode):)[^\s`'\"<>)\]]+", re.IGNORECASE
)
"""Where a message would lead somebody: code under review may have put it there."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that looks wrong at `span` (characters of the reviewed document).

    `score` is comparable within one analyzer only (infill: nats). `fix` holds the edits of the quick fix, all against
    the same text as `span`; it may be empty. `fingerprint` names the finding across edits that only move it;
    `settle` fills it in.
    """

    span: Span
    severity: Severity
    category: str
    message: str
    analyzer: str
    score: float
    fix: tuple[Edit, ...] = ()
    fix_title: str = ""
    fingerprint: str = ""


def settle(found: Iterable[Finding], syntax: Syntax, *, most: int, least: Severity = "info") -> tuple[Finding, ...]:
    """The findings worth showing, in document order: at most `most`, no milder than `least`, no two on the same code.

    A fix that would make the document parse worse takes its finding with it: where the alternative is not even
    syntax, it is no evidence either. Findings without a fix stay.
    """
    kept: list[Finding] = []
    for finding in sorted(found, key=lambda finding: -finding.score):
        if SEVERITIES.index(finding.severity) > SEVERITIES.index(least) or len(kept) >= most:
            continue
        if any(_overlap(finding.span, other.span) for other in kept):
            continue
        if finding.fix and not fix_parses(finding.fix, syntax):
            continue
        kept.append(finding)
    kept.sort(key=lambda finding: finding.span.start)
    return with_fingerprints(kept, syntax)


def fix_parses(fix: Sequence[Edit], syntax: Syntax) -> bool:
    """Whether the document parses no worse with `fix` applied, and is changed by it at all."""
    document = syntax.document
    changed = document.replace(fix, document.version)
    return changed.text != document.text and parses_as_well(syntax, reparse(syntax, fix, changed))


def anchor(quote: str, document: Document, within: Span) -> Span | None:
    """Where `quote` stands inside `within`, white space aside; None if nowhere or in more than one place.

    Line numbers that a model gives are not believed; code that it quotes can be found.
    """
    words = [re.escape(word) for word in _SPACE.split(quote.strip()) if word]
    if not words:
        return None
    pattern = re.compile(r"\s+".join(words))
    matches = list(pattern.finditer(document.text, within.start, within.end))
    if len(matches) != 1:
        return None
    return Span(Offset(matches[0].start()), Offset(matches[0].end()))


def clean_message(text: str) -> str:
    """Model text as one plain line: no control or invisible characters, no links, bounded length."""
    text = _LINK.sub(r"\1", text[: 4 * _LONGEST_MESSAGE])
    text = _ADDRESS.sub("[address]", text)
    line = _SPACE.sub(" ", "".join(c for c in text if c.isprintable() or c.isspace())).strip()
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 1] + "…"


def with_fingerprints(findings: Sequence[Finding], syntax: Syntax) -> tuple[Finding, ...]:
    """Name findings by what they say and where in the structure, not by line: moved code keeps its findings."""
    seen: dict[str, int] = {}
    named: list[Finding] = []
    document = syntax.document
    for finding in findings:
        first, last = document.position_at(finding.span.start).line, document.position_at(finding.span.end).line
        lines = _SPACE.sub(" ", " ".join(document.line(n) for n in range(first, last + 1))).strip()
        scope = ".".join(symbol.name for symbol in enclosing(syntax, finding.span.start))
        key = "\0".join([finding.analyzer, finding.category, scope, lines])
        seen[key] = seen.get(key, 0) + 1
        digest = hashlib.sha256(f"{key}\0{seen[key]}".encode("utf-8", "replace")).hexdigest()
        named.append(replace(finding, fingerprint=digest[:16]))
    return tuple(named)


def _overlap(one: Span, other: Span) -> bool:
    return (one.start < other.end and other.start < one.end) or one.start == other.start
