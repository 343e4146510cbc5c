"""Findings that went with an edit, and whether their code may be back: asked at each pause, and so without a parse.

A finding belongs to a function that was reviewed, whose text is remembered. As long as that text stands nowhere in the
document, an undo has not brought it back.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from codeassist.post.findings import Finding
from codeassist.server.opened import OpenDocument, moved_findings
from codeassist.server.remembered import Remembered
from codeassist.text.document import Document
from codeassist.text.edits import Edit

_MOST_LOST = 20
"""Functions of a document that are waited for, those that lost findings last."""


def dropped(findings: Sequence[Finding], edits: Sequence[Sequence[Edit]]) -> list[Finding]:
    """Those of `findings` that edits, step by step, did away with. Several may have one name."""

    def is_left(finding: Finding) -> bool:
        left: Sequence[Finding] = (finding,)
        for step in edits:
            left = moved_findings(left, step)
        return bool(left)

    return [finding for finding in findings if not is_left(finding)]


def note_lost(entry: OpenDocument, document: Document, findings: Sequence[Finding], remembered: Remembered) -> None:
    """Findings went, with an edit of `document` or in a review of it. Those that nobody remembers cannot be back."""
    for finding in findings:
        texts = remembered.functions_with(document.language, finding.fingerprint)
        counts = {mark: document.text.count(text) for mark, text in texts.items()}
        standing = {mark: count for mark, count in counts.items() if count}
        for mark, count in (standing or dict.fromkeys(list(texts)[-1:], 1)).items():
            entry.lost.pop(mark, None)
            entry.lost[mark] = count
    for mark in list(entry.lost)[:-_MOST_LOST]:
        del entry.lost[mark]


def may_be_back(entry: OpenDocument, remembered: Remembered) -> bool:
    """Whether the text of a function that lost findings stands in the document, as often as it did."""
    document = entry.document
    texts = {mark: remembered.text_of(document.language, mark) for mark in entry.lost}
    entry.lost = {mark: count for mark, count in entry.lost.items() if texts[mark]}
    return any(document.text.count(texts[mark]) >= count for mark, count in entry.lost.items())


def are_back(entry: OpenDocument, marks: Collection[str], remembered: Remembered) -> None:
    """The findings of functions with these fingerprints are shown again."""
    document = entry.document
    for mark in entry.lost.keys() & marks:
        if document.text.count(remembered.text_of(document.language, mark)) >= entry.lost[mark]:
            del entry.lost[mark]
