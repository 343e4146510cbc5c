"""Where the user will be after a suggestion was accepted, so that the next one can be made ready.

    after = onward(document, shown)

A finished statement is followed by Enter: what comes next stands on the next line, as the editor will indent it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from codeassist.post.cut import opens_block
from codeassist.post.inline import Inline
from codeassist.post.opened import line_code
from codeassist.post.scan import scan
from codeassist.syntax.languages import language as row_of
from codeassist.text.document import Document, Offset, Span
from codeassist.text.edits import Edit

_UNFINISHED = re.compile(r"(?:[=+\-*/%&|^~<!?.\\@]|(?<![=-])>|\b(?:and|or|not|in|is|new|await|import|from))$")
"""How a line ends that goes on behind the cursor."""
_LEAVES = re.compile(r"\s*(?:return|break|continue|raise|pass)\b")
"""Statements behind which nothing can stand in their block."""
_LINES_ABOVE = 60
_USUAL_UNIT = "    "


@dataclass(frozen=True, slots=True)
class Onward:
    """`accepted` is the document with the suggestion in it, `at` the cursor there. `lead` is what the user types next
    anyway, a line end and its indentation or nothing: `document` has that, too, and `offset` is behind it."""

    accepted: Document
    at: Offset
    lead: str
    document: Document
    offset: Offset
    edits: tuple[Edit, ...]
    """They lead from the document of the suggestion to `document`."""

    def as_shown(self, item: Inline) -> Inline:
        """What is suggested at `offset` of `document`, as it is shown at `at` of `accepted`."""
        length = item.span.end - item.span.start
        return Inline(self.lead + item.text, Span(self.at, Offset(self.at + length)), item.probability)


def onward(document: Document, shown: Inline) -> Onward | None:
    """The place behind `shown` once it is accepted; None if code follows on its line: then it is where the user was
    going, and what is next is anybody's guess."""
    accept = Edit(shown.span.start, shown.span.end, shown.text)
    accepted = document.replace([accept], document.version)
    at = Offset(shown.span.start + len(shown.text))
    place = accepted.position_at(at)
    line = accepted.line(place.line)
    if line[place.column :].strip():
        return None
    lead = _lead(accepted, place.line, line[: place.column])
    if not lead:
        return Onward(accepted, at, "", accepted, at, (accept,))
    edit = Edit(shown.span.start, shown.span.end, shown.text + lead)
    ahead = document.replace([edit], document.version)
    return Onward(accepted, at, lead, ahead, Offset(at + len(lead)), (edit,))


def _lead(document: Document, number: int, line: str) -> str:
    """The line end and indentation that Enter would bring at the end of `line`; "" if the line is not finished."""
    if not line.strip():
        return ""
    read = scan(line_code(document, Offset(document.line_start(number) + len(line))), document.language)
    code = read.code.rstrip()
    if read.quote or _UNFINISHED.search(code):
        return ""
    indent = line[: len(line) - len(line.lstrip())]
    if read.brackets or opens_block(code, document.language):
        indent += _unit(document, number)
    elif _LEAVES.match(line) and _is_indented(document.language):
        indent = indent[: max(0, len(indent) - len(_unit(document, number)))]
    return document.newline + indent


def _is_indented(language: str) -> bool:
    """Whether blocks are made by indentation alone."""
    row = row_of(language)
    return row is not None and row.blocks == "indent"


def _unit(document: Document, number: int) -> str:
    """By what the lines up to `number` are indented: the smallest step between two of them."""
    steps = set()
    before: str | None = None
    for line in range(max(0, number - _LINES_ABOVE), number + 1):
        text = document.line(line)
        if not text.strip():
            continue
        indent = text[: len(text) - len(text.lstrip())]
        if before is not None and indent.startswith(before) and len(indent) > len(before):
            steps.add(indent[len(before) :])
        before = indent
    return min(steps, key=len, default=_USUAL_UNIT)
