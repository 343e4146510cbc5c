"""Which of the ways that an answer can be shown leaves the document sound, and whether any does."""

from __future__ import annotations

import re
from collections.abc import Sequence

from codeassist.context.cursor import CursorView
from codeassist.post.cut import CutReason, opens_block
from codeassist.post.meeting import CLOSERS_ONLY, Inline
from codeassist.post.opened import line_code
from codeassist.post.scan import Scan, scan
from codeassist.post.skip import Skip
from codeassist.syntax.tree import Syntax, reparse
from codeassist.text.document import Offset, Span
from codeassist.text.edits import Edit

_STRICT = frozenset({"python", "javascript", "typescript", "tsx", "go", "rust", "java", "ruby", "lua"})
"""Languages whose grammar reads all that people write. C and C++ have macros, data formats want a comma that the user
is about to type: there an error says little."""
_SLOW = frozenset({"python"})
"""Languages in which all that is behind an edit is parsed anew: 0.2 microseconds a character, 0.006 in others."""
_CHEAP_REST, _CHEAP_TEXT = 10_000, 400_000
"""Characters behind the cursor of a slow language, and of any document, that parse again in less than 3 ms."""
GOES_ON = re.compile(r"(?:[-+*/%&|^=<>!~?:,.\\@]|\b(?:and|or|not|in|is|new|await|return|else|try|do|then|finally))$")
_WANTS_MORE = re.compile(
    r"\s*(?:@|#!?\[|try\b|do\b|(?:export\s+)?default\b|case\b|(?:template|impl|where|type|extern)\b|\.|[?:|&])"
)
"""Lines that mean something with the lines around them only: decorators, attributes, halves of statements."""

_HALVES = re.compile(r"^\s*(?:\}\s*)?(?:try|do|@.*)\b", re.MULTILINE)
"""Blocks that need another one behind them."""
_STATEMENTS = frozenset(
    {
        *("module", "program", "source_file", "chunk", "block", "statement_block", "class_body", "declaration_list"),
        *("function_body", "constructor_body", "compound_statement", "body_statement", "function_definition", "ERROR"),
    }
)
"""Nodes in which statements follow each other. In lists, objects and arguments a comma may be typed next."""
_WHOLE = frozenset({"statement-end", "block-end", "scope-end", "paragraph-end", "suffix", "finish"})
"""Reasons to end with a text that is complete, if nothing is open in it."""


def soundest(
    candidates: Sequence[Inline],
    view: CursorView,
    syntax: Syntax,
    reason: CutReason | None = None,
    *,
    whole: bool = False,
) -> Inline | Skip:
    """The first candidate that leaves no syntax errors, or the first of all; Skip if a sound document would have errors
    and the text is one that has to leave none.

    `reason` is why the answer ends where it does. `whole`: it has to be complete in itself.
    """
    must = [whole or _has_to_parse(candidate, view, syntax, reason) for candidate in candidates]
    if len(candidates) == 1 and not must[0]:
        return candidates[0]  # Nothing to choose: spare the parse, which takes tens of milliseconds in a large file.
    for candidate in candidates:
        if is_sound(candidate, syntax):
            return candidate
    # Among broken ones the number of errors says little: one that is far below may hide the others.
    if must[0] and not syntax.tree.root_node.has_error:
        return Skip("worse-syntax")
    return Skip("tears-line") if _wants_no_rest(candidates[0], view, syntax) else candidates[0]


def is_sound(shown: Inline, syntax: Syntax) -> bool:
    """Whether the document has no syntax errors with what is shown in it."""
    edit = Edit(shown.span.start, shown.span.end, shown.text)
    made = reparse(syntax, [edit], syntax.document.replace([edit], syntax.document.version))
    return not made.tree.root_node.has_error


def _wants_no_rest(shown: Inline, view: CursorView, syntax: Syntax) -> bool:
    """Whether a text that does not go with the code behind it on its line would be right in its place."""
    end = Offset(view.offset + len(view.line_suffix))
    rest = view.document.text[shown.span.end : end]
    return bool(rest.strip(CLOSERS_ONLY)) and is_sound(Inline(shown.text, Span(shown.span.start, end)), syntax)


def _has_to_parse(shown: Inline, view: CursorView, syntax: Syntax, reason: CutReason | None) -> bool:
    """Whether a text has to keep a sound document sound: if code follows on its line, if it closes brackets that the
    document has closed already, or if it is complete in itself. Others may leave things open; people type on."""
    if view.line_suffix.strip(CLOSERS_ONLY):
        return True
    read = scan(line_code(view.document, view.offset) + shown.text, view.document.language)
    if read.closed:
        return True
    return _is_cheap(view, syntax) and _among_statements(view, syntax) and _is_complete(shown, view, read, reason)


def _is_cheap(view: CursorView, syntax: Syntax) -> bool:
    """Whether the document is sound, and parsed again in no time."""
    length = len(view.document.text)
    slow = view.document.language in _SLOW and length - view.offset > _CHEAP_REST
    return length <= _CHEAP_TEXT and not slow and not syntax.tree.root_node.has_error


def _among_statements(view: CursorView, syntax: Syntax) -> bool:
    """Whether the cursor stands where a statement may begin, or in a statement that stands among others."""
    byte = syntax.byte_at(view.offset)
    node = syntax.tree.root_node.descendant_for_byte_range(byte, byte)
    return node is not None and (node.type in _STATEMENTS or bool(view.line_prefix.strip()))


def _is_complete(shown: Inline, view: CursorView, read: Scan, reason: CutReason | None) -> bool:
    """Whether nothing is left to be typed: whole lines with nothing open at their end."""
    language = view.document.language
    whole_line = "\n" not in shown.text and not view.line_prefix.strip() and not view.line_suffix.strip()
    if language not in _STRICT or not (whole_line or reason in _WHOLE):
        return False
    if reason not in ("statement-end", "block-end") and _HALVES.search(shown.text):
        return False
    last = read.code.rstrip().rpartition("\n")[2]
    first = (view.line_prefix + shown.text).lstrip()
    if read.brackets or read.quote or not last.strip() or opens_block(last, language):
        return False
    return not GOES_ON.search(last) and not _WANTS_MORE.match(last) and not _WANTS_MORE.match(first)
