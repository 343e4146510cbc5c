"""Whether a model talks instead of writing code: `The following code adds up all prices.`

Silence on code is worse than a line of prose. So a line counts as prose only if it reads as an English sentence, and
the document has no syntax errors but for it: comments, docstrings and the texts of markup are code.
"""

from __future__ import annotations

import re

from codeassist.context.cursor import CursorView
from codeassist.syntax.tree import Syntax, reparse
from codeassist.text.edits import Edit

_SENTENCE = re.compile(r"[A-Z][a-z]*(?:,? [`\"'(]?[\w'’./-]+[`\"')]*[,;:]?){3,}[.:!]?")
"""Four words and more."""
_OF_ENGLISH = re.compile(r" (?:the|an?|is|are|of|to|that|this|for|which|with|you|it|will|following)[ ,]", re.IGNORECASE)


def is_prose(text: str, view: CursorView, syntax: Syntax | None) -> bool:
    """Whether the first line of `text` is a sentence where `syntax`, the parse of the document as it is, has no place
    for one."""
    body = text.lstrip("\n")
    first = body.split("\n", 1)[0].strip()
    if syntax is None or (body == text and view.line_prefix.strip()):
        return False
    if not _SENTENCE.fullmatch(first) or not _OF_ENGLISH.search(first):
        return False
    if syntax.tree.root_node.has_error:
        return False  # The sentence may be in its place, in a string that was just begun.
    edit = Edit(view.offset, view.offset, text[: len(text) - len(body)] + first)
    document = syntax.document
    return reparse(syntax, [edit], document.replace([edit], document.version)).tree.root_node.has_error
