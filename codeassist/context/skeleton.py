"""The lines of a definition that say how to use it."""

from __future__ import annotations

from collections.abc import Sequence

from codeassist.context.tokens import estimate_tokens
from codeassist.syntax.outline import Symbol
from codeassist.text.document import Document

_WHOLE_LINES = 12
_SIGNATURE_LINES = 6
_CALLABLE = frozenset({"function", "method"})


def skeleton(document: Document, symbol: Symbol, members: Sequence[Symbol], budget: int) -> tuple[int, int, str]:
    """First line, end line (exclusive) and text of `symbol` within `budget` tokens.

    A short definition comes whole. Of a longer one the bodies of functions are left out, save the first lines
    of a single function; what is still too long is cut at a line end, the first line excepted.
    """
    start = document.position_at(symbol.span.start).line
    end = document.position_at(symbol.span.end).line + 1
    text = document.text[document.line_start(start) : document.line_start(end)]
    if end - start <= _WHOLE_LINES and estimate_tokens(text) <= budget:
        return start, end, text
    if symbol.kind in _CALLABLE:
        kept = list(range(start, min(end, start + _WHOLE_LINES)))
    else:
        kept = _without_bodies(document, start, end, members)
    lines: list[str] = []
    for number in kept:
        line = document.line(number).rstrip() + "\n"
        budget -= estimate_tokens(line)
        if budget < 0 and lines:
            break
        lines.append(line)
    return start, end, "".join(lines)


def _without_bodies(document: Document, start: int, end: int, members: Sequence[Symbol]) -> list[int]:
    """The lines of a class that are not inside one of its functions' bodies."""
    dropped: set[int] = set()
    for member in members:
        if member.kind not in _CALLABLE:
            continue
        first = document.position_at(member.name_span.start).line
        opened = 0
        for number in range(first, first + _SIGNATURE_LINES):
            line = document.line(number)
            opened += line.count("(") - line.count(")")
            first = number + 1
            if opened <= 0:
                break
        dropped.update(range(first, document.position_at(member.span.end).line + 1))
    return [number for number in range(start, end) if number not in dropped and document.line(number).strip()]
