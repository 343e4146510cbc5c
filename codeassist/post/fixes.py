"""Fixes as people would write them: as small as can be, indented as the file is, safe to apply together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from codeassist.post.findings import Finding, fix_parses
from codeassist.post.indentation import indentation_unit
from codeassist.syntax.tree import Syntax
from codeassist.text.document import Document, Offset, Span
from codeassist.text.edits import Edit

_WORD = re.compile(r"\w")
_LINE_END = re.compile(r"\r\n|\n|\r")
_OPENERS = (":", "{", "(", "[")
_LINES_AROUND = 100
_WIDTHS = (4, 2, 3)
"""How many blanks models write for a tab."""


def fitted(edit: Edit, document: Document) -> Edit:
    """A replacement with the line ends and the indentation of the file, cut to what differs."""
    return smallest(_indented(edit, document), document)


def smallest(edit: Edit, document: Document) -> Edit:
    """An edit without what it has in common with the text that it replaces at both ends. No name, number or line end is
    cut in two; an edit that changes nothing stays as it is."""
    old, new = document.text[edit.start : edit.end], edit.text
    if old == new:
        return edit
    most = min(len(old), len(new))
    head = next((at for at in range(most) if old[at] != new[at]), most)
    while head and (_is_inside_word(old, head) or _is_inside_word(new, head)):
        head -= 1
    most -= head
    tail = next((at for at in range(most) if old[-1 - at] != new[-1 - at]), most)
    while tail and (_is_inside_word(old, len(old) - tail) or _is_inside_word(new, len(new) - tail)):
        tail -= 1
    return Edit(Offset(edit.start + head), Offset(edit.end - tail), new[head : len(new) - tail])


def together(findings: Sequence[Finding], syntax: Syntax) -> tuple[Edit, ...]:
    """The fixes of several findings as one, in order; () if they touch each other or the document would parse worse
    with all of them in it."""
    edits = sorted((edit for each in findings for edit in each.fix), key=lambda edit: (edit.start, edit.end))
    apart = all(one.end < other.start for one, other in pairwise(edits))
    return tuple(edits) if edits and apart and fix_parses(edits, syntax) else ()


def applied(before: Document, after: Document, findings: Sequence[Finding]) -> tuple[Offset, ...]:
    """Where in `after` fixes have been applied that were made for `before`; () if it came from something else. They may
    be those of all findings, or of one."""
    groups = [findings, *([each] for each in findings)] if len(findings) > 1 else [findings]
    for group in groups:
        edits = sorted((edit for each in group for edit in each.fix), key=lambda edit: (edit.start, edit.end))
        if not edits or any(one.end > other.start for one, other in pairwise(edits)):
            continue
        grown = sum(len(edit.text) - (edit.end - edit.start) for edit in edits)
        if len(before.text) + grown == len(after.text) and before.replace(edits, after.version).text == after.text:
            return _places(edits)
    return ()


def with_fitted_fix(finding: Finding, document: Document) -> Finding:
    """A finding whose fix is `fitted`."""
    return replace(finding, fix=tuple(fitted(edit, document) for edit in finding.fix)) if finding.fix else finding


def _places(edits: Sequence[Edit]) -> tuple[Offset, ...]:
    places, grown = [], 0
    for edit in edits:
        places.append(Offset(edit.start + grown))
        grown += len(edit.text) - (edit.end - edit.start)
    return tuple(places)


def _is_inside_word(text: str, at: int) -> bool:
    """Whether the characters on both sides of a place belong together."""
    pair = text[at - 1 : at + 1]
    return pair == "\r\n" or (len(pair) == 2 and all(map(_WORD.match, pair)))


def _indented(edit: Edit, document: Document) -> Edit:
    """A replacement of several lines with the line ends and the tabs or blanks of the file. One that was written as if
    it stood at the beginning of a line is moved to where it stands."""
    lines = _LINE_END.split(edit.text)
    if len(lines) == 1:
        return edit
    line = document.position_at(edit.start).line
    around = [document.line(number) for number in range(max(line - _LINES_AROUND, 0), line + _LINES_AROUND)]
    unit = indentation_unit(around)
    base = _indent(document.line(line))
    rest = [_in_units(each, unit) if each.strip() else "" for each in lines[1:]]
    old = _LINE_END.split(document.slice(Span(edit.start, edit.end)))[1:]
    floor = min((len(_indent(each)) for each in old if each.strip()), default=len(base))
    depths = [len(_indent(each)) for each in rest if each]
    opens = lines[0].rstrip().endswith(_OPENERS)  # So the next line is deeper, if it was meant to stand here.
    if depths and (min(depths) < min(floor, len(base)) or (opens and depths[0] <= len(base) < floor)):
        rest = [base + each if each else "" for each in rest]
    return replace(edit, text=document.newline.join([lines[0], *rest]))


def _in_units(line: str, unit: str) -> str:
    """A line with tabs where the file has tabs, and blanks where it has blanks; others stay as they are."""
    indent = _indent(line)
    if unit == "\t" and indent and not indent.strip(" "):
        width = next((width for width in _WIDTHS if len(indent) % width == 0), 1)
        return "\t" * (len(indent) // width) + line[len(indent) :] if width > 1 else line
    return indent.replace("\t", unit) + line[len(indent) :] if unit.strip("\t") else line


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
