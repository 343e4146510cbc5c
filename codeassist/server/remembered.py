"""Reviews of functions that were looked at before: what is back as it was is known again, and costs no token.

A function is known by its fingerprint, wherever it stands: after an undo, when its file is closed and opened again,
renamed, or when it is moved. The memory is bounded in bytes and ends with the server.
"""

from __future__ import annotations

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
        """What was found in a function, at its places now; None if it was not reviewed. One that is indented otherwise
        now has other places, and comes without its findings."""
        looked = self._known.get((language, fingerprint))
        if looked is None:
            return None
        self._known.move_to_end((language, fingerprint))
        return tuple(_moved(each, start) for each in looked.findings) if looked.text == text else ()

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
