"""LSP to core and back: positions, ranges, edits, diagnostics. The one place where encodings are converted."""

from __future__ import annotations

from collections.abc import Sequence

from lsprotocol import types

from codeassist.post.findings import Finding, Severity
from codeassist.post.inline import Inline
from codeassist.text.document import Document, Offset, Position, Span
from codeassist.text.edits import Edit
from codeassist.text.positions import Encoding, from_units, to_units

SOURCE = "codeassist"

_SEVERITY: dict[Severity, types.DiagnosticSeverity] = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "info": types.DiagnosticSeverity.Information,
}


def offset_of(document: Document, position: types.Position, encoding: Encoding) -> Offset:
    """The offset of an LSP position; lines and columns past the end mean the end."""
    if position.line >= document.line_count:
        return Offset(len(document.text))
    column = from_units(document.line(position.line), position.character, encoding)
    return document.offset_at(Position(position.line, column))


def position_of(document: Document, offset: Offset, encoding: Encoding) -> types.Position:
    position = document.position_at(offset)
    units = to_units(document.line(position.line), position.column, encoding)
    return types.Position(line=position.line, character=units)


def span_of(document: Document, range_: types.Range, encoding: Encoding) -> Span:
    """The span of an LSP range; a range given backwards is turned round."""
    start, end = offset_of(document, range_.start, encoding), offset_of(document, range_.end, encoding)
    return Span(min(start, end), max(start, end))


def range_of(document: Document, span: Span, encoding: Encoding) -> types.Range:
    return types.Range(start=position_of(document, span.start, encoding), end=position_of(document, span.end, encoding))


def apply_changes(
    document: Document,
    changes: Sequence[types.TextDocumentContentChangeEvent],
    version: int,
    encoding: Encoding,
) -> list[tuple[tuple[Edit, ...], Document]]:
    """Apply LSP content changes one after the other: each with its edits and the document after it.

    Only the last document carries `version`; the ones between are steps for the incremental parser.
    """
    if len(changes) > 1 and (at_once := _backwards(document, changes, encoding)) is not None:
        return [(at_once, document.replace(at_once, version))]
    steps: list[tuple[tuple[Edit, ...], Document]] = []
    for number, change in enumerate(changes):
        last = number == len(changes) - 1
        if isinstance(change, types.TextDocumentContentChangePartial):
            span = span_of(document, change.range, encoding)
            edit = Edit(span.start, span.end, change.text)
        else:
            edit = whole_change(document.text, change.text)
        document = document.replace([edit], version if last else document.version)
        steps.append(((edit,), document))
    return steps


def _backwards(
    document: Document, changes: Sequence[types.TextDocumentContentChangeEvent], encoding: Encoding
) -> tuple[Edit, ...] | None:
    """The changes as edits of one text, if each lies before the one that came before it, as a client sends it that
    replaces all occurrences of a word: earlier changes then do not move later ones. None otherwise."""
    edits: list[Edit] = []
    for change in changes:
        if not isinstance(change, types.TextDocumentContentChangePartial):
            return None
        span = span_of(document, change.range, encoding)
        if edits and span.end >= edits[-1].start:
            return None
        edits.append(Edit(span.start, span.end, change.text))
    return tuple(reversed(edits))


def text_edits(document: Document, edits: Sequence[Edit], encoding: Encoding) -> list[types.TextEdit]:
    return [
        types.TextEdit(range=range_of(document, Span(edit.start, edit.end), encoding), new_text=edit.text)
        for edit in edits
    ]


def diagnostic_of(document: Document, finding: Finding, encoding: Encoding) -> types.Diagnostic:
    """A finding as a diagnostic; `data` carries its fingerprint and fix, for clients that send it back."""
    fix = [
        {"range": _plain_range(edit.range), "newText": edit.new_text}
        for edit in text_edits(document, finding.fix, encoding)
    ]
    return types.Diagnostic(
        range=range_of(document, finding.span, encoding),
        severity=_SEVERITY[finding.severity],
        code=finding.category,
        source=SOURCE,
        message=finding.message,
        data={"fingerprint": finding.fingerprint, "fix": fix},
    )


def inline_item(document: Document, shown: Inline, item_id: str, encoding: Encoding) -> types.InlineCompletionItem:
    return types.InlineCompletionItem(
        insert_text=shown.text,
        range=range_of(document, shown.span, encoding),
        command=types.Command(title="Accepted", command="codeassist.didAccept", arguments=[item_id]),
    )


def _plain_range(range_: types.Range) -> dict[str, dict[str, int]]:
    return {
        "start": {"line": range_.start.line, "character": range_.start.character},
        "end": {"line": range_.end.line, "character": range_.end.character},
    }


def whole_change(old: str, new: str) -> Edit:
    """A whole new text as the one edit between what it has in common with the old at both ends."""
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    return Edit(Offset(head), Offset(len(old) - tail), new[head : len(new) - tail])


def _common(one: str, other: str) -> int:
    """Length of the common head, by halving: comparing slices is fast where comparing characters is not."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
