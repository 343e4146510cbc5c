"""Packed contexts for prompt tests, and a tokenizer's view of control tokens that shares no code with the guard."""

from __future__ import annotations

import re

from codeassist.context.cursor import cursor_view
from codeassist.context.limits import ContextLimits
from codeassist.context.pack import Packed, pack
from codeassist.context.related import Snippet
from codeassist.prompt.families import Family
from codeassist.text.document import Document, Offset

LIMITS = ContextLimits(prompt_tokens=4000, suffix_tokens=1000, snippet_tokens=4000)


def packed(
    prefix: str,
    suffix: str = "",
    *,
    path: str = "shop/cart.py",
    language: str = "python",
    snippets: tuple[tuple[str, str], ...] = (),
) -> Packed:
    """What `pack` makes of a file with the cursor between `prefix` and `suffix`, and (path, text) snippets."""
    document = Document.create("file:///project/shop/cart.py", prefix + suffix, language)
    view = cursor_view(document, Offset(len(prefix)), LIMITS)
    found = tuple(Snippet(at, 0, 1, text, "test", 1.0, 1) for at, text in snippets)
    return pack(view, found, LIMITS, path)


def control_tokens_in(text: str, family: Family) -> list[str]:
    """Every control token that starts anywhere in `text`, in order, overlapping ones too."""
    found = []
    patterns = [re.compile(pattern) for pattern in family.control_patterns]
    openers = {token[0] for token in family.control_tokens} | {"<", "["}  # Those of all patterns.
    for start in (number for number, character in enumerate(text) if character in openers):
        literal = [token for token in family.control_tokens if text.startswith(token, start)]
        shaped = [match[0] for pattern in patterns if (match := pattern.match(text, start))]
        if literal or shaped:
            found.append(max((*literal, *shaped), key=len))
    return found
