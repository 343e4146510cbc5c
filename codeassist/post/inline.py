"""From the wanted part of a model's answer to the text that is shown, and the range that it replaces."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from codeassist.context.cursor import CursorView
from codeassist.post.skip import Skip
from codeassist.syntax.tree import Syntax, error_count, reparse
from codeassist.text.document import Offset, Span
from codeassist.text.edits import Edit

_CLOSERS = ")]}>\"'`;,:"
_MARKUP = re.compile(r"^\s*(?:```|~~~|<COMPLETION>|Here (?:is|are) |Sure[,!])", re.IGNORECASE)
_SHORTEST_OVERLAP = 3
_ECHO_LINES = 8


@dataclass(frozen=True, slots=True)
class Inline:
    """Text to show, and the characters of the document that it replaces: from the cursor to at most the line end."""

    text: str
    span: Span


def finish_inline(text: str, view: CursorView, syntax: Syntax | None) -> Inline | Skip:
    """Decide what of `text` is shown at the cursor of `view`, or why nothing is.

    `syntax` is the parse of the document as it stands; without it brackets are counted, not parsed.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").rstrip()
    if not text:
        return Skip("empty")
    if not text.strip():
        return Skip("blank")
    if _MARKUP.match(text):
        return Skip("markup")
    reason = _repeats(text, view)
    if reason is not None:
        return Skip(reason)
    candidates = [
        _with_newlines(candidate, view.document.newline) for candidate in _candidates(text, view) if candidate.text.strip()
    ]
    if not candidates:
        return Skip("repeats-suffix")
    if syntax is None:
        return candidates[0]
    return _parses_best(candidates, syntax)


def _repeats(text: str, view: CursorView) -> str | None:
    """Which part of the document the answer merely repeats, if it does."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    after = [line.strip() for line in view.suffix.split("\n")[1:] if line.strip()]
    before = [line.strip() for line in view.prefix.split("\n")[:-1] if line.strip()]
    fresh = not view.line_prefix.strip()
    if fresh and after and lines[0] == after[0] and _is_telling(lines[0]) and lines == after[: len(lines)]:
        return "repeats-suffix"
    if view.line_suffix.strip() and text.strip() == view.line_suffix.strip():
        return "repeats-suffix"
    if fresh and _is_telling(lines[0]) and before[-len(lines) :] == lines:
        return "repeats-prefix"
    if len(lines) > 2 and lines == before[-_ECHO_LINES:][: len(lines)]:
        return "repeats-prefix"
    return None


def _candidates(text: str, view: CursorView) -> list[Inline]:
    """The ways in which `text` may meet what follows the cursor, most plausible first."""
    here = view.offset
    rest = view.line_suffix.rstrip()
    shown: list[Inline] = []
    if rest:
        first, newline, others = text.partition("\n")
        overlap = _overlap(first, rest)
        if first.endswith(rest) and not others:
            shown.append(_at(first[: -len(rest)], here))
        elif rest.strip(_CLOSERS + " \t") == "" and _holds_in_order(first, rest.replace(" ", "")):
            # The editor closed these brackets by itself; the answer brings its own.
            shown.append(Inline(text, Span(here, Offset(here + len(view.line_suffix)))))
        elif overlap >= _SHORTEST_OVERLAP and not others:
            shown.append(_at(first[:-overlap], here))
        shown.append(Inline(text if newline else first, Span(here, here)))
    else:
        shown.append(_at(_without_following(text, view), here))
    balanced = [_balanced(candidate, view) for candidate in shown]
    unique: dict[tuple[str, int], Inline] = {}
    for candidate in [*shown, *balanced]:
        unique.setdefault((candidate.text, candidate.span.end), candidate)
    return list(unique.values())


def _at(text: str, here: Offset) -> Inline:
    return Inline(text, Span(here, here))


def _without_following(text: str, view: CursorView) -> str:
    """Drop the last lines of `text` if the document goes on with the very same lines."""
    after = [line.strip() for line in view.suffix.split("\n")[1:]]
    while after and not after[0]:
        after = after[1:]
    lines = text.split("\n")
    for count in range(min(len(lines) - 1, len(after)), 0, -1):
        tail = [line.strip() for line in lines[-count:]]
        if tail == after[:count] and any(tail):
            bare = not any(_is_telling(line) for line in tail)
            same_depth = _indent(lines[-count]) == _indent(_first_line_after(view))
            if not bare or same_depth:
                return "\n".join(lines[:-count]).rstrip()
    return text


def _first_line_after(view: CursorView) -> str:
    for line in view.suffix.split("\n")[1:]:
        if line.strip():
            return line
    return ""


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _balanced(candidate: Inline, view: CursorView) -> Inline:
    """`candidate` without closers that nothing before it opened and that the rest of the line supplies."""
    kept = candidate.text
    supplied = "" if candidate.span.end > candidate.span.start else view.line_suffix
    surplus = _unopened_closers(view.line_prefix + kept)
    while surplus and kept and kept[-1] in ")]}" and kept[-1] in supplied:
        kept = kept[:-1]
        surplus -= 1
    return Inline(kept, candidate.span)


def _unopened_closers(text: str) -> int:
    depth = surplus = 0
    for character in text:
        if character in "([{":
            depth += 1
        elif character in ")]}":
            if depth:
                depth -= 1
            else:
                surplus += 1
    return surplus


def _parses_best(candidates: Sequence[Inline], syntax: Syntax) -> Inline | Skip:
    """The candidate that leaves the fewest syntax errors; the earlier one where they are equal."""
    document = syntax.document
    best: Inline | None = None
    fewest = -1
    for candidate in candidates:
        edit = Edit(candidate.span.start, candidate.span.end, candidate.text)
        errors = error_count(reparse(syntax, [edit], document.replace([edit], document.version)))
        if best is None or errors < fewest:
            best, fewest = candidate, errors
    assert best is not None, "called with at least one candidate"  # noqa: S101  States the contract for mypy.
    return best


def _with_newlines(inline: Inline, newline: str) -> Inline:
    return inline if newline == "\n" else Inline(inline.text.replace("\n", newline), inline.span)


def _overlap(text: str, suffix: str) -> int:
    """Length of the longest end of `text` that `suffix` starts with."""
    for size in range(min(len(text), len(suffix)), 0, -1):
        if text.endswith(suffix[:size]):
            return size
    return 0


def _holds_in_order(text: str, wanted: str) -> bool:
    position = 0
    for character in wanted:
        position = text.find(character, position) + 1
        if position == 0:
            return False
    return True


def _is_telling(line: str) -> bool:
    """Whether a line says enough for its repetition to mean something; `}` and `else:` repeat everywhere."""
    return sum(c.isalnum() for c in line) >= _SHORTEST_OVERLAP and line.rstrip(":{ ") not in ("else", "try", "finally", "end")
