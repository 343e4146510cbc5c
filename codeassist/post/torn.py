"""What becomes of the code behind the cursor once an answer stands before it: it must not be torn out of its place.

    kept_whole(shown, view)          as much of the answer as leaves the rest of the line where it can be read

Three things tear it: a bracket that the answer leaves open on an earlier line, a block's header without its block, and
a comment or a word that it would become a part of.
"""

from __future__ import annotations

import re
from dataclasses import replace

from codeassist.context.cursor import CursorView
from codeassist.post.cut import columns
from codeassist.post.meeting import Inline
from codeassist.post.opened import line_code
from codeassist.post.scan import Scan, scan
from codeassist.post.soundness import GOES_ON
from codeassist.syntax.languages import language as row_of
from codeassist.syntax.languages import line_comment

_HEADER = re.compile(
    r"\s*(?:(?:async\s+)?(?:def|for|with)|class|if|elif|else|while|try|except|finally|match|case)\b.*:\s*\Z"
)
_LAST_WORD = re.compile(r"[^\W\d]\w*\Z")
_FIRST_WORD = re.compile(r"\w+")
_MARK = "\N{OBJECT REPLACEMENT CHARACTER}"


def kept_whole(shown: Inline, view: CursorView, above: str = "") -> Inline | None:
    """`shown` without the last lines, or the last comment, that would tear the code behind the cursor apart; None if
    nothing is left then.

    `above`: the code of the cursor's line where it goes to the next line, so that the answer is whole lines above it;
    `view` is that of the line without it.
    """
    rest = above or view.line_suffix[shown.span.end - view.offset :]
    sign = line_comment(view.document.language)
    if not rest.strip() or (sign and rest.lstrip().startswith(sign)):
        return shown
    body = shown.text.rstrip(" \t\n")
    tail = shown.text[len(body) :]
    own_line = bool(above) or "\n" in tail
    several_lines = own_line or "\n" in body
    while body:
        if not own_line:
            kept = _without_comment(body, sign, view)
            body, tail = kept, tail if kept == body else ""
        if body and not _tears(body + tail, rest, above, view, own_line=own_line, several_lines=several_lines):
            return shown if body + tail == shown.text else replace(shown, text=body + tail)
        if "\n" not in body or shown.span.end > shown.span.start:
            return None  # What is replaced stands in the lines that would have to go.
        body = body.rpartition("\n")[0].rstrip(" \t\n")
    return None


def _tears(text: str, rest: str, above: str, view: CursorView, *, own_line: bool, several_lines: bool) -> bool:
    """`above` as in `kept_whole`. `own_line`: `rest` stands on the line below `text`."""
    language = view.document.language
    before = scan(line_code(view.document, view.offset), language)
    read = scan(text, language, Scan(quote=before.quote, tail=before.tail))
    if several_lines and (read.brackets or (read.quote and read.quote != before.quote and read.quote not in rest)):
        return True
    line = (before.code + read.code).rstrip().rpartition("\n")[2]
    row = row_of(language)
    inside = before.brackets or read.brackets or read.quote
    if not inside and row is not None and row.blocks == "indent":
        deeper = bool(above) and columns(view.line_prefix + above) > columns(line)
        if deeper != bool(_HEADER.match(line)):
            return True  # A block without a header, or a header without its block.
        if deeper:
            return False
    if above and GOES_ON.search(line):
        return True
    return not own_line and _joins_words(text, rest, view)


def _joins_words(text: str, rest: str, view: CursorView) -> bool:
    """Whether a word of `text` and one of `rest` become another one that stands nowhere else. A number may have a
    unit."""
    one, other = _LAST_WORD.search(text), _FIRST_WORD.match(rest)
    if one is None or other is None:
        return False
    return not re.search(rf"\b{one[0]}{other[0]}\b", view.prefix + view.suffix)


def _without_comment(text: str, sign: str, view: CursorView) -> str:
    """`text` without a line comment at its end, in which the rest of the line would disappear."""
    language, line = view.document.language, line_code(view.document, view.offset)
    if not sign or sign not in text or _is_comment(line, language) or not _is_comment(line + text, language):
        return text
    at = text.find(sign, text.rfind("\n") + 1)
    while not _is_comment(line + text[: at + len(sign)], language):
        at = text.find(sign, at + 1)
    return text[:at].rstrip(" \t\n")


def _is_comment(code: str, language: str) -> bool:
    """Whether what is written behind `code` is a part of a line comment."""
    read = scan(code + _MARK, language)
    return not read.quote and not read.code.endswith(_MARK)
