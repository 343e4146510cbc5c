"""Strings and comments over several lines that begin above the cursor's line.

    line_code(document, offset)     the cursor's line up to the cursor, for `scan`, which reads one line at a time
    open_above(document, start)     what is open where a line begins

Read without the tree: half-typed code seldom parses, and a quote that is read the wrong way round turns all of the line
inside out.
"""

from __future__ import annotations

import re
from collections import deque
from functools import cache

from codeassist.syntax.languages import language as row_of
from codeassist.text.document import Document, Offset
from codeassist.text.lines import with_line_feeds

_DELIMITERS = {
    "python": ('"""', "'''"),
    "toml": ('"""', "'''"),
    "java": ('"""',),
    "kotlin": ('"""',),
    "swift": ('"""',),
    "scala": ('"""',),
    "csharp": ('"""',),
    "javascript": ("`",),
    "typescript": ("`",),
    "tsx": ("`",),
    "go": ("`",),
}
"""What begins and ends a string over several lines."""
_RAW = frozenset({"go", "kotlin", "scala", "csharp"})
"""Where a backslash in such a string is a backslash."""
_NESTED = frozenset({"javascript", "typescript", "tsx"})
"""Where such strings stand inside each other's holes."""
_EXPRESSION = r"(?<=[(,=:\[!&|?])[ ]?/(?![/*])(?:[^\\/\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/"
_SHORT = (r'"(?:[^"\\\n]|\\.)*"?', r"'(?:[^'\\\n]|\\.)*'?")
_BLOCK_COMMENT = "*/"


def line_code(document: Document, offset: Offset) -> str:
    """The cursor's line up to the cursor, of the same length: where a string that began above ends in it, that end
    reads as a name, and that of a comment as blanks."""
    start = document.line_start(document.position_at(offset).line)
    line = document.text[start:offset]
    language = document.language
    closers = (*_DELIMITERS.get(language, ()), _BLOCK_COMMENT)
    quote = open_above(document, start) if any(closer in line for closer in closers) else ""
    end = line.find(quote) + len(quote)
    if not quote or quote not in line or (language in _NESTED and quote == "`" and line.count(quote) % 2 == 0):
        return line  # With an even number of them it is the line inside another one's hole.
    bare = line.lstrip(" \t")
    indent = len(line) - len(bare)
    return line[:indent] + (" " if quote == _BLOCK_COMMENT else "_") * (end - indent) + line[end:]


def open_above(document: Document, start: Offset) -> str:
    """What ends the string or comment over several lines in which the line at `start` begins; "" if it is in none."""
    text, delimiters = document.text, _DELIMITERS.get(document.language, ())
    if not any(text.find(sign, 0, start) >= 0 for sign in (*delimiters, "/*")):
        return ""
    pieces = _pieces(document.language).finditer(with_line_feeds(text), 0, start)
    last = deque(pieces, maxlen=1)  # Only the last one may be open.
    if not last or last[0].lastindex is not None:
        return ""
    if last[0][0].startswith("/*"):
        return _BLOCK_COMMENT
    return next((delimiter for delimiter in delimiters if last[0][0].startswith(delimiter)), "")


@cache
def _pieces(language: str) -> re.Pattern[str]:
    """Strings and comments; those over several lines have a group if they are closed."""
    row = row_of(language)
    pieces: list[str] = []
    for delimiter in _DELIMITERS.get(language, ()):
        first, escape = delimiter[0], "" if language in _RAW else r"\\"
        inside = rf"[^{first}{escape}]*"
        inner = rf"(?!{delimiter}){first}" + (r"|\\." if escape else "")
        pieces.append(f"{delimiter}{inside}(?:(?:{inner}){inside})*({delimiter})?")
    if row is not None and row.blocks == "braces":
        pieces.append(r"/\*[^*]*(?:\*(?!/)[^*]*)*(\*/)?")
    if language in _NESTED:
        pieces.append(_EXPRESSION)
    if row is not None and row.line_comment:
        pieces.append(re.escape(row.line_comment) + r"[^\n]*")
    return re.compile("|".join((*pieces, *_SHORT)), re.DOTALL)
