"""From the wanted part of a model's answer to the text that is shown, and the range that it replaces."""

from __future__ import annotations

import re

from codeassist.context.cursor import CursorView
from codeassist.post.cut import CLOSERS, CutReason, columns, only_closes
from codeassist.post.echo import repeats, without_begun_item, without_begun_word, without_echoed_comments
from codeassist.post.indentation import fit_indentation, without_trailing_blanks
from codeassist.post.meeting import Inline, candidates
from codeassist.post.opened import line_code
from codeassist.post.prose import is_prose
from codeassist.post.scan import scan
from codeassist.post.secrets import inside_private_key, secret_like
from codeassist.post.skip import Skip
from codeassist.post.soundness import soundest
from codeassist.post.torn import kept_whole
from codeassist.syntax.tree import Syntax
from codeassist.text.lines import plain_ends

__all__ = ["Inline", "finish_inline"]

_FENCE = re.compile(r"\s*(?:```|~~~)")
_PROSE = re.compile(r"\s*(?:</?(?:insert|completion)>|(?:here (?:is|are) |sure[,!] |certainly[,!] )\S)", re.IGNORECASE)
_QUOTES = ("'", '"', "`")
_TEXT_LANGUAGES = frozenset({"markdown", "html", ""})


def finish_inline(
    text: str, view: CursorView, syntax: Syntax | None, reason: CutReason | None = None, *, above: str = ""
) -> Inline | Skip:
    """Decide what of `text` is shown at the cursor of `view`, or why nothing is.

    `syntax` is the parse of the document as it stands; without it brackets are counted, not parsed. `reason` is why the
    text ends where it does. `above`: the code of the cursor's line, where the text is whole lines above it; `view` and
    `syntax` have it on the next line.
    """
    text = plain_ends(text)
    if not text:
        return Skip("empty")
    if not text.strip():
        return Skip("blank")
    if _is_markup(text, view.document.language) or is_prose(text, view, syntax):
        return Skip("markup")
    text = _joined(_without_end(text, view), view)
    if inside_private_key(view.prefix) or secret_like(view.line_prefix + text, len(view.line_prefix)):
        return Skip("secret-like")
    text = without_trailing_blanks(fit_indentation(text, view), view)
    text = without_echoed_comments(without_begun_word(without_begun_item(text, view), view), view)
    repeated = repeats(text, view) if text.strip() else "repeats-prefix"
    if repeated is not None:
        return Skip(repeated)
    ways = [way for way in candidates(text, view) if way.text.strip()]
    if not ways:
        return Skip("repeats-suffix")
    whole = [way for each in ways if (way := kept_whole(each, view, above)) is not None]
    kept = [_with_newlines(way, view) for way in whole if way.text.strip()]
    if not kept:
        return Skip("tears-line")
    return kept[0] if syntax is None else soundest(kept, view, syntax, reason, whole=bool(above))


def _is_markup(text: str, language: str) -> bool:
    if _FENCE.match(text):
        return language != "markdown"
    return language not in _TEXT_LANGUAGES and bool(_PROSE.match(text))


def _without_end(text: str, view: CursorView) -> str:
    """`text` without white space at its end, unless that keeps it apart from code right behind the cursor."""
    apart = view.line_suffix[:1].strip(CLOSERS + "> \t") or _begins_string(view.line_suffix, view)
    return text if apart and "\n" not in text else text.rstrip()


def _begins_string(rest: str, view: CursorView) -> bool:
    """Whether `rest`, from the cursor on, begins with a string that has something in it."""
    if rest[:1] not in _QUOTES or only_closes(rest):
        return False
    return not scan(line_code(view.document, view.offset), view.document.language).quote


def _joined(text: str, view: CursorView) -> str:
    """`text` without white space at its beginning that stands before the cursor already."""
    before = view.line_prefix
    if not before or text.startswith("\n"):
        return text
    if not before.strip():
        above = next((line for line in reversed(view.prefix.split("\n")[:-1]) if line.strip()), "")
        # Below a block's header the cursor may not be indented yet; anywhere else it stands where the line begins.
        indented = not view.block_start or columns(before) > columns(above)
        return text.lstrip(" \t") if indented else text
    return text[1:] if before[-1] == " " and text[0] == " " and text[1:2] != " " else text


def _with_newlines(inline: Inline, view: CursorView) -> Inline:
    newline = view.document.newline
    return inline if newline == "\n" else Inline(inline.text.replace("\n", newline), inline.span)
