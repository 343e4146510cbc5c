"""The context of the key before, carried on over what was typed since.

What is looked up for a place changes with the names before the cursor, and the word that is being typed does not count
(see `question`). So while a word grows, all that stood in the prompt is what would be chosen again; to choose it again
would cost some milliseconds at each key.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from codeassist.context.cursor import at_block_start
from codeassist.context.limits import ContextLimits
from codeassist.context.pack import Packed
from codeassist.context.tokens import estimate_tokens
from codeassist.text.document import Document, Offset, Span
from codeassist.text.edits import Edit, shift

_MOST_CHARACTERS = 32
"""Then all is looked up again, so that small errors do not add up."""
_PLAIN = re.compile(r"[\w ,=]*")
"""Text that makes no other place of where it is typed: no string, comment, member or call."""
_NAME = re.compile(r"[^\W\d]\w*")
_UNFINISHED = re.compile(r"\w+$")


def carried(
    packed: Packed, edits: Sequence[Sequence[Edit]], document: Document, offset: Offset, limits: ContextLimits
) -> Packed | None:
    """`packed` for `offset` of `document`, to which `edits` lead, step by step, from where it was made within `limits`.

    None where what was typed asks for other context, where more has changed, or where it would need more room.
    """
    view = packed.view
    typed = _typed(edits, view.offset)
    if typed is None or offset != view.offset + len(typed) or not _PLAIN.fullmatch(typed):
        return None
    line_prefix = view.line_prefix + typed
    if len(typed) > _MOST_CHARACTERS or _finished(line_prefix) != _finished(view.line_prefix):
        return None
    if any(span.start <= view.offset <= span.end + 1 for span in view.imports):
        return None
    tokens = estimate_tokens(typed)
    if packed.tokens + tokens > limits.prompt_tokens:
        return None
    edit = Edit(view.offset, view.offset, typed)
    view = replace(
        view,
        document=document,
        offset=offset,
        prefix=view.prefix + typed,
        suffix_end=shift(view.suffix_end, edit),
        scopes=tuple(replace(each, span=_moved(each.span, edit)) for each in view.scopes),
        indent=line_prefix[: len(line_prefix) - len(line_prefix.lstrip())],
        line_prefix=line_prefix,
        block_start=at_block_start(document, document.position_at(offset).line, line_prefix, view.line_suffix),
        imports=tuple(_moved(span, edit) for span in view.imports),
        prefix_tokens=view.prefix_tokens + tokens,
    )
    return replace(packed, prefix=packed.prefix + typed, view=view, tokens=packed.tokens + tokens)


def _typed(edits: Sequence[Sequence[Edit]], at: int) -> str | None:
    """The text that edits put in one behind the other from `at` on; None if they did something else."""
    typed = ""
    for step in edits:
        for edit in step:
            if not edit.start == edit.end == at + len(typed):
                return None
            typed += edit.text
    return typed


def _finished(line_prefix: str) -> list[str]:
    """The names on the line, without the one that is being typed."""
    return _NAME.findall(_UNFINISHED.sub("", line_prefix))


def _moved(span: Span, edit: Edit) -> Span:
    return Span(shift(span.start, edit), shift(span.end, edit))
