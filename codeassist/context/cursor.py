"""What the model sees of the file at the cursor."""

from __future__ import annotations

import re
from dataclasses import dataclass

from codeassist.context.limits import ContextLimits
from codeassist.context.tokens import estimate_tokens
from codeassist.context.window import window_start
from codeassist.syntax.grammars import line_comment
from codeassist.syntax.outline import Symbol, enclosing
from codeassist.syntax.outline import imports as import_spans
from codeassist.syntax.tree import Syntax
from codeassist.text.document import Document, Offset, Span
from codeassist.text.edits import Edit
from codeassist.text.lines import with_line_feeds

_SIGNATURE_LINES = 6
_OPENER = re.compile(r"(?:[:{(\[]|=>|->|\b(?:do|then|else|begin|try|repeat|loop|finally|ensure))$")
_HEADER = re.compile(r"\s*(?:def|class|module|function|local function|if|unless|elsif|while|until|for|case|when)\b")
"""Lines that open a block without a sign at their end, in languages that close blocks with a word."""
_END_LANGUAGES = frozenset({"ruby", "lua", "bash"})
_CLOSERS_AFTER = re.compile(r"[\s)\]};,]*$")
LAST_ARGUMENTS = re.compile(r"[ \t]*\}[ \t]*,[ \t]*(?:[\w.]+|\[[\w.,! \t]*\])[ \t]*\)[\s)\]};,]*$")
"""Behind a function that is an argument: its end, and a last argument such as `}, [price]);` or `}, 100)`."""


@dataclass(frozen=True, slots=True)
class CursorView:
    """The code around the cursor, cut to a window. Offsets count characters of the document.

    `prefix` is the text from `prefix_start` to `offset`, `suffix` the text from `offset` to `suffix_end`;
    both with their estimated tokens, and with "\\n" where a line ends in "\\r" alone. `scopes`: enclosing
    symbols, outermost first. `head`: imports and first lines of scopes that lie above the window, to be put
    before `prefix`. `indent`: the white space at the start of the cursor's line, as far as it stands before
    the cursor. `line_prefix`, `line_suffix`: that line before and after the cursor, without its line end.
    `block_start`: the cursor stands right after an opener such as `:` or `{`, or on the blank line below one.
    `imports`: the import statements of the document.
    """

    document: Document
    offset: Offset
    prefix: str
    suffix: str
    prefix_start: Offset
    suffix_end: Offset
    scopes: tuple[Symbol, ...]
    head: str
    indent: str
    line_prefix: str
    line_suffix: str
    block_start: bool
    imports: tuple[Span, ...] = ()
    prefix_tokens: int = 0
    suffix_tokens: int = 0


def cursor_view(source: Syntax | Document, offset: Offset, limits: ContextLimits) -> CursorView:
    """The view at `offset` of a parsed document, or of a plain one where the language is unknown.

    The prefix may take all that the suffix leaves; `pack` cuts it again when related snippets need their
    share. An offset outside the document, or between the two characters of a line end, moves to the nearest
    place inside a line.
    """
    document = source if isinstance(source, Document) else source.document
    position = document.position_at(offset)
    offset = document.offset_at(position)
    suffix_end, suffix_tokens = _suffix_end(document, position.line, offset, limits)
    scopes: tuple[Symbol, ...] = ()
    imports: tuple[Span, ...] = ()
    if isinstance(source, Syntax):
        scopes, imports = enclosing(source, offset), import_spans(source)
    line = document.line(position.line)
    line_prefix, line_suffix = line[: position.column], line[position.column :]
    budget = limits.prompt_tokens - suffix_tokens
    start, head, prefix_tokens = prefix_window(document, offset, budget, limits, scopes=scopes, imports=imports)
    return CursorView(
        document=document,
        offset=offset,
        prefix=with_line_feeds(document.text[start:offset]),
        suffix=with_line_feeds(document.text[offset:suffix_end]),
        prefix_start=start,
        suffix_end=suffix_end,
        scopes=scopes,
        head=head,
        indent=line_prefix[: len(line_prefix) - len(line_prefix.lstrip())],
        line_prefix=line_prefix,
        line_suffix=line_suffix,
        block_start=at_block_start(document, position.line, line_prefix, line_suffix),
        imports=imports,
        prefix_tokens=prefix_tokens,
        suffix_tokens=suffix_tokens,
    )


def above_code(view: CursorView, limits: ContextLimits) -> CursorView | None:
    """The view of a cursor that stands before all code of its line, as if that line were pushed down by a line end: for
    an answer of whole lines. None where the cursor is not at such a place."""
    if view.line_prefix.strip() or not view.line_suffix.strip() or _CLOSERS_AFTER.match(view.line_suffix):
        return None
    push = Edit(view.offset, view.offset, view.document.newline + view.line_prefix)
    return cursor_view(view.document.replace([push], view.document.version), view.offset, limits)


def prefix_window(
    document: Document,
    offset: Offset,
    budget: int,
    limits: ContextLimits,
    *,
    scopes: tuple[Symbol, ...],
    imports: tuple[Span, ...],
) -> tuple[Offset, str, int]:
    """The start of the window, the head that belongs before it, and the estimated tokens of both together."""
    start, tokens = window_start(document, offset, budget, limits)
    if start == 0:
        return start, "", tokens
    head_budget = min(limits.head_budget, budget // 4)
    # The head's whole share is set aside, whatever it uses: the window must not move when an import is added.
    start, tokens = window_start(document, offset, budget - head_budget, limits)
    head = _head(document, start, scopes, imports, head_budget)
    return start, head, tokens + estimate_tokens(head)


def _head(
    document: Document,
    start: Offset,
    scopes: tuple[Symbol, ...],
    imports: tuple[Span, ...],
    budget: int,
) -> str:
    """Imports and first lines of enclosing scopes that lie above `start`, signatures first if not all
    fits."""
    signatures = [_signature(document, scope) for scope in scopes if scope.name_span.start < start]
    sign = line_comment(document.language)
    gap = f"{sign} ...\n" if sign else "\n"
    budget -= 2 * estimate_tokens(gap)
    kept: list[str] = []
    for signature in reversed(signatures):  # The innermost says most.
        if (tokens := estimate_tokens(signature)) <= budget:
            budget -= tokens
            kept.insert(0, signature)
    lines: list[str] = []
    for span in imports:
        text = with_line_feeds(document.slice(span)) + "\n"
        if span.end <= start and (tokens := estimate_tokens(text)) <= budget:
            budget -= tokens
            lines.append(text)
    if not lines and not kept:
        return ""
    return "".join((*lines, *((gap,) if lines and kept else ()), *kept, gap))


def _signature(document: Document, scope: Symbol) -> str:
    """The lines of a scope from its name to where its parentheses close."""
    first = document.position_at(scope.name_span.start).line
    text = ""
    for number in range(first, min(first + _SIGNATURE_LINES, document.line_count)):
        text += document.line(number) + "\n"
        if text.count("(") <= text.count(")"):
            break
    return text


def _suffix_end(document: Document, line: int, offset: Offset, limits: ContextLimits) -> tuple[Offset, int]:
    """Where the suffix ends, at a line end, and its estimated tokens."""
    budget, used, end = limits.suffix_budget, 0, offset
    for number in range(line, min(line + limits.suffix_lines, document.line_count)):
        until = document.line_start(number + 1)
        tokens = estimate_tokens(document.text[end:until])
        if used + tokens > budget:
            break
        used, end = used + tokens, until
    if end == offset and limits.suffix_lines and budget:
        # The rest of the line alone is too long. What stands right after the cursor is the part that matters.
        end = Offset(min(offset + budget * 9 // 10, offset + len(document.line(line)), len(document.text)))
        used = estimate_tokens(document.text[offset:end])
    return end, used


def at_block_start(document: Document, line: int, line_prefix: str, line_suffix: str) -> bool:
    """Whether a block begins at the cursor. Reads text only; half-typed code seldom parses."""
    if not _CLOSERS_AFTER.match(line_suffix) and not (line_prefix.strip() and LAST_ARGUMENTS.match(line_suffix)):
        return False
    opened = line_prefix if line_prefix.strip() else document.line(line - 1) if line else ""
    sign = line_comment(document.language)
    if sign:
        opened = re.split(rf"(?:^|\s){re.escape(sign)}", opened, maxsplit=1)[0]
    opened = opened.rstrip()
    if not opened or (opened[-1] in "([" and line_suffix.strip()):
        return False
    if _OPENER.search(opened):
        return True
    return (
        document.language in _END_LANGUAGES
        and not line_prefix.strip()
        and bool(_HEADER.match(opened))
        and not re.search(r"\bend$", opened)
    )
