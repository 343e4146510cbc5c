"""Reviews of functions that were looked at before: what is back as it was is known again, and costs no token.

A function is known by its fingerprint, wherever it stands: after an undo, when its file is closed and opened again,
renamed, or when it is moved. The memory is bounded in bytes and ends with the server.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from codeassist.post.findings import Finding
from codeassist.text.document import Offset, Span
from codeassist.text.edits import Edit

_MOST_BYTES = 4_000_000
_OWN_BYTES = 200
"""What an entry, and each of its findings, takes besides its texts, about."""


@dataclass(frozen=True, slots=True)
class _Looked:
    """`text` is the function as it was reviewed; it has findings, so it is kept. Places count from its beginning."""

    text: str
    findings: tuple[Finding, ...]

    @property
    def bytes(self) -> int:
        texts = sum(len(each.message) + sum(len(edit.text) for edit in each.fix) for each in self.findings)
        return _OWN_BYTES * (1 + len(self.findings)) + 2 * (len(self.text) + texts)


@dataclass(slots=True)
class Remembered:
    """`most_bytes`: what it may take, about; what was not wanted for the longest time is let go of first."""

    most_bytes: int = _MOST_BYTES
    _known: OrderedDict[tuple[str, str], _Looked] = field(default_factory=OrderedDict)
    bytes: int = 0

    def add(self, language: str, fingerprint: str, text: str, start: Offset, findings: Sequence[Finding]) -> None:
        """A function with this text, at `start` of its document, was reviewed to its end."""
        own = tuple(_moved(each, -start) for each in findings)
        looked = _Looked(text if own else "", own)
        self._drop((language, fingerprint))
        self._known[(language, fingerprint)] = looked
        self.bytes += looked.bytes
        while self.bytes > self.most_bytes:
            self._drop(next(iter(self._known)))

    def recall(self, language: str, fingerprint: str, text: str, start: Offset) -> tuple[Finding, ...] | None:
        """What was found in a function, at its places now; None if it was not reviewed. Other comments, blank lines and
        indentation do not matter; what is not found again is left out."""
        looked = self._known.get((language, fingerprint))
        if looked is None:
            return None
        self._known.move_to_end((language, fingerprint))
        if not looked.findings or looked.text == text:
            return tuple(_moved(each, start) for each in looked.findings)
        again = (_found_again(each, looked.text, text) for each in looked.findings)
        return tuple(_moved(each, start) for each in again if each is not None)

    def functions_with(self, language: str, name: str) -> dict[str, str]:
        """The texts of the functions in which a finding of this name was found, by fingerprint, those wanted last at
        the end."""
        return {
            fingerprint: looked.text
            for (spoken, fingerprint), looked in self._known.items()
            if spoken == language and any(each.fingerprint == name for each in looked.findings)
        }

    def text_of(self, language: str, fingerprint: str) -> str:
        """A function as it was reviewed; "" if nothing is known that was found in it."""
        looked = self._known.get((language, fingerprint))
        return looked.text if looked is not None else ""

    def forget(self) -> None:
        """Other models or settings would find other things."""
        self._known.clear()
        self.bytes = 0

    def _drop(self, key: tuple[str, str]) -> None:
        looked = self._known.pop(key, None)
        if looked is not None:
            self.bytes -= looked.bytes


def _moved(finding: Finding, by: int) -> Finding:
    span = Span(Offset(finding.span.start + by), Offset(finding.span.end + by))
    fix = tuple(Edit(Offset(edit.start + by), Offset(edit.end + by), edit.text) for edit in finding.fix)
    return replace(finding, span=span, fix=fix)


def _found_again(finding: Finding, old: str, new: str) -> Finding | None:
    """A finding in a text that says the same otherwise; None where that cannot be told."""
    span = _place_in(new, old, finding.span)
    places = [_place_in(new, old, Span(edit.start, edit.end)) for edit in finding.fix]
    if span is None or None in places or any("\n" in edit.text for edit in finding.fix):
        return None  # What was indented to fit may do so no more.
    fix = tuple(Edit(at.start, at.end, edit.text) for at, edit in zip(places, finding.fix, strict=True) if at)
    return replace(finding, span=span, fix=fix)


def _place_in(new: str, old: str, span: Span) -> Span | None:
    """Where a part of one text is in the other: in the line that begins in the same way, the first, second and so on of
    those that do, if there are as many."""
    line = old.rfind("\n", 0, span.start) + 1
    parts = (old[line : span.start].lstrip(), old[span.start : span.end])
    before, inside = (r"\n[ \t]*".join(map(re.escape, re.split(r"\n[ \t]*", part))) for part in parts)
    begins = re.compile(rf"^[ \t]*{before}({inside})", re.MULTILINE)
    ours = [match.start(1) for match in begins.finditer(old)]
    theirs = list(begins.finditer(new))
    if span.start not in ours or len(ours) != len(theirs):
        return None
    found = theirs[ours.index(span.start)]
    return Span(Offset(found.start(1)), Offset(found.end(1)))
