"""A finding: where it is, what it says in plain words, what its fix does, and a name that survives edits."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from codeassist.post.categories import SEVERITIES, Severity
from codeassist.syntax.comments import code_of_line
from codeassist.syntax.outline import Symbol, enclosing, outline
from codeassist.syntax.tree import Syntax, parses_as_well, reparse
from codeassist.text.document import Offset, Span
from codeassist.text.edits import Edit

__all__ = [
    "SEVERITIES",
    "Finding",
    "Severity",
    "clean_message",
    "fix_parses",
    "told_apart",
    "with_fingerprints",
]

_SPACE = re.compile(r"\s+")
_LONGEST_MESSAGE = 600
_LINK = re.compile(r"!?\[([^\[\]\n]{0,200})\]\([a-z][a-z0-9+.-]{1,20}:[^()\s]{0,500}\)", re.IGNORECASE)
_ADDRESS = re.compile(
    r"\b(?:[a-z][a-z0-9+.-]{1,20}://|(?:mailto|command|javascript|vscode|data):(?=\w))[^\s`'\"<>()\]]+", re.IGNORECASE
)
"""Where a message would lead somebody: code under review may have put it there."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that looks wrong at `span` (characters of the reviewed document).

    `score` is comparable within one analyzer only (infill: nats). `fix` holds the edits of the quick fix, all against
    the same text as `span`; it may be empty. `fingerprint` names the finding across edits that only move it;
    `with_fingerprints` fills it in.
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


def fix_parses(fix: Sequence[Edit], syntax: Syntax) -> bool:
    """Whether the document parses no worse with `fix` applied, and is changed by it at all."""
    document = syntax.document
    changed = document.replace(fix, document.version)
    return changed.text != document.text and parses_as_well(syntax, reparse(syntax, fix, changed))


def clean_message(text: str) -> str:
    """Model text as one plain line: no control or invisible characters, no links, bounded length."""
    text = _LINK.sub(r"\1", text[: 4 * _LONGEST_MESSAGE])
    text = _ADDRESS.sub("[address]", text)
    line = _SPACE.sub(" ", "".join(c for c in text if c.isprintable() or c.isspace())).strip()
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 1] + "…"


def with_fingerprints(findings: Sequence[Finding], syntax: Syntax) -> tuple[Finding, ...]:
    """Name findings by what they say and where in the structure, not by line: moved code keeps its findings, and a
    comment behind it changes nothing. Of lines that are the same in one function, or in several with one name
    (overloads, a property and its setter), the first is the first, whichever of them something was found in, and
    when."""
    document = syntax.document
    named: list[Finding] = []
    for finding in findings:
        first, last = document.position_at(finding.span.start).line, document.position_at(finding.span.end).line
        lines = " ".join(code_of_line(syntax, n) for n in range(first, last + 1))
        if not lines.strip():  # It speaks of a comment.
            lines = " ".join(document.line(n) for n in range(first, last + 1))
        around = enclosing(syntax, finding.span.start)
        scope = ".".join(symbol.name for symbol in around)
        inside = around[-1].span.start if around else Offset(0)
        code = _SPACE.sub(" ", lines).strip()
        above = [*_namesakes(syntax, around), Span(inside, document.line_start(first))]
        key = "\0".join([finding.analyzer, finding.category, scope, code, _alike_in(syntax, first, above)])
        named.append(replace(finding, fingerprint=_digest(key)))
    return told_apart(named)


def told_apart(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings of one document, some of which may have the same name: all but the first of them get another. They may
    have been told apart before, in parts."""
    given: set[str] = set()
    named: list[Finding] = []
    for finding in findings:
        name, number = finding.fingerprint, 1
        while name in given:
            number += 1
            name = _digest(f"{finding.fingerprint}\0{number}")
        given.add(name)
        named.append(replace(finding, fingerprint=name))
    return tuple(named)


def _namesakes(syntax: Syntax, around: Sequence[Symbol]) -> list[Span]:
    """What stands above the innermost of the symbols `around` a place and has the same name, inside of the same ones.

    The number of an overload would name it too, but another one before it would rename all findings in it.
    """
    path: list[str] = []
    found: list[Span] = []
    for symbol in outline(syntax) if around else ():
        if symbol.span.start >= around[-1].span.start:
            break
        path[symbol.depth :] = [symbol.name]
        if len(path) == len(around) and all(name == each.name for name, each in zip(path, around, strict=True)):
            found.append(symbol.span)
    return found


def _alike_in(syntax: Syntax, line: int, spans: Iterable[Span]) -> str:
    """How many lines in `spans` say the same as `line`; "" for none."""
    document = syntax.document
    code = code_of_line(syntax, line).strip() or document.line(line).strip()
    begins = re.compile(rf"^[ \t]*{re.escape(code)}(?P<rest>.*)$", re.MULTILINE)
    count = sum(
        1
        for span in spans
        for match in begins.finditer(document.text, span.start, span.end)
        if not match["rest"].strip()
        or code_of_line(syntax, document.position_at(Offset(match.start())).line).strip() == code
    )
    return str(count) if count else ""


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:16]
