"""What an editor can show of a suggestion that it cannot show as it is."""

from __future__ import annotations

import re

from codeassist.post.cut import CLOSERS
from codeassist.post.inline import Inline
from codeassist.post.skip import Skip
from codeassist.text.document import Document
from codeassist.text.spans import Span

_LINE_END = re.compile(r"[\r\n]")
_HARMLESS = CLOSERS + ",; \t"
"""What may follow the first line of several, on its line."""


def inserted(shown: Inline, document: Document) -> Inline | Skip:
    """For an editor whose ghost text takes the place of nothing: without the end that stands behind the cursor already,
    as the brackets do that it closed by itself."""
    stands = document.text[shown.span.start : shown.span.end]
    text = shown.text.removesuffix(stands)
    if stands and (text == shown.text or not text.strip()):
        return Skip("needs-replacing")
    return Inline(text, Span(shown.span.start, shown.span.start), shown.probability)


def first_line(shown: Inline, document: Document) -> Inline | Skip:
    """For an editor that would indent lines below the first as they do not belong, or not begin them at all. Where the
    last line brings back what it has replaced, such as a bracket, the first leaves it where it is."""
    end = _LINE_END.search(shown.text)
    if end is None:
        return shown
    text = shown.text[: end.start()].rstrip()
    line_end = _LINE_END.search(document.text, shown.span.start)
    behind = document.text[shown.span.start : line_end.start() if line_end is not None else None]
    if not text.strip() or behind.strip(_HARMLESS):
        return Skip("needs-lines")
    return Inline(text, Span(shown.span.start, shown.span.start), shown.probability)
