"""From the wanted part of a model's answer to the text that is shown, and the range that it replaces."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from codeassist.context.cursor import CursorView
from codeassist.post.cut import CLOSERS, columns, is_telling, next_line, only_closes, same_line
from codeassist.post.scan import Scan, scan
from codeassist.post.skip import Skip
from codeassist.syntax.tree import Syntax, error_count, reparse
from codeassist.text.document import Offset, Span
from codeassist.text.edits import Edit

_CLOSERS_ONLY = CLOSERS + "> \t"
_FENCE = re.compile(r"\s*(?:```|~~~)")
_PROSE = re.compile(r"\s*(?:</?(?:insert|completion)>|(?:here (?:is|are) |sure[,!] |certainly[,!] )\S)", re.IGNORECASE)
_TEXT_LANGUAGES = frozenset({"markdown", "html", ""})
_SHORTEST_OVERLAP = 3
_SHORTEST_ECHO = 4
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
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text:
        return Skip("empty")
    if not text.strip():
        return Skip("blank")
    if _is_markup(text, view.document.language):
        return Skip("markup")
    text = _joined(_without_end(text, view), view)
    reason = _repeats(text, view)
    if reason is not None:
        return Skip(reason)
    candidates = [candidate for candidate in _candidates(text, view) if candidate.text.strip()]
    if not candidates:
        return Skip("repeats-suffix")
    if syntax is None:
        return _with_newlines(candidates[0], view)
    return _parses_best([_with_newlines(candidate, view) for candidate in candidates], view, syntax)


def _is_markup(text: str, language: str) -> bool:
    if _FENCE.match(text):
        return language != "markdown"
    return language not in _TEXT_LANGUAGES and bool(_PROSE.match(text))


def _without_end(text: str, view: CursorView) -> str:
    """`text` without white space at its end, unless that keeps it apart from code right behind the cursor."""
    apart = view.line_suffix[:1].strip(_CLOSERS_ONLY) and "\n" not in text
    return text if apart else text.rstrip()


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


def _repeats(text: str, view: CursorView) -> str | None:
    """Which part of the document the answer merely repeats, if it does."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    before = [line.strip() for line in view.prefix.split("\n")[:-1] if line.strip()]
    fresh = not view.line_prefix.strip()
    if view.line_suffix.strip() and text.strip() == view.line_suffix.strip():
        return "repeats-suffix"
    first = view.line_prefix + text.split("\n", 1)[0] if not text.startswith("\n") else text.lstrip("\n").split("\n")[0]
    if fresh and is_telling(first) and same_line(first, next_line(view.suffix)):
        return "repeats-suffix"
    if fresh and is_telling(lines[0]) and before[-len(lines) :] == lines:
        return "repeats-prefix"
    near = before[-_ECHO_LINES:]
    if len(lines) > 2 and any(near[start : start + len(lines)] == lines for start in range(len(near))):
        return "repeats-prefix"
    return None


def _candidates(text: str, view: CursorView) -> list[Inline]:
    """The ways in which `text` may meet what stands around the cursor, most plausible first."""
    rest = view.line_suffix.rstrip()
    shown: list[Inline] = []
    for written in (_without_echo(text, view), text):
        version = written if rest else _without_following(written, view)
        if not rest:
            shown.append(_replacing(version, view, 0))
        elif only_closes(rest) or not rest.strip(_CLOSERS_ONLY):
            shown.append(_meeting_closers(version, rest, view))
        else:
            shown += _before_code(version.split("\n", 1)[0], rest, view)
        closed = scan(view.line_prefix + version, view.document.language).closed
        if closed:
            # The answer goes on to close what the document closes further down.
            shown.append(_replacing(version[: max(0, closed[0][1] - 1 - len(view.line_prefix))].rstrip(), view, 0))
    return list({(candidate.text, candidate.span.end): candidate for candidate in shown}.values())


def _before_code(text: str, rest: str, view: CursorView) -> list[Inline]:
    """The ways in which one line of `text` may go before code."""
    overlap = _overlap(text, rest)
    shown = []
    if overlap == len(rest) or overlap >= _SHORTEST_OVERLAP:
        shown.append(_replacing(text[: len(text) - overlap], view, 0))
    shown.append(_replacing(text, view, 0))
    closed = scan(text, view.document.language).closed
    if closed and closed[0][0] in rest:
        # The bracket that it closes holds the rest of the line as well.
        shown.append(_replacing(text[: closed[0][1] - 1], view, 0))
    return shown


def _without_echo(text: str, view: CursorView) -> str:
    """`text` without the beginning of its line, which models retype: it stands before the cursor already."""
    typed = view.line_prefix.lstrip()
    bare = text.lstrip(" \t")
    echoed = len(typed) >= _SHORTEST_ECHO and bare.startswith(typed) and not typed[-1].isalnum()
    return bare[len(typed) :] if echoed and bare[len(typed) :].strip() else text


def _meeting_closers(text: str, rest: str, view: CursorView) -> Inline:
    """`text` before a rest of the line that only closes: as much of the rest is replaced as the answer brings itself.

    Editors close brackets and quotes on their own as they are opened; models close them again.
    """
    brought, after = _brought(text, rest, view)
    matched = end = 0
    for index, character in enumerate(rest):
        if character.isspace():
            continue
        if matched == len(brought) or brought[matched] != character:
            break
        matched, end, after_match = matched + 1, index + 1, after[matched]
    if not matched:
        if text.endswith(rest) and set("\"'`<") & set(rest) and text[: -len(rest)].strip():
            return _replacing(text[: -len(rest)], view, 0)  # A tag, or brackets that stand inside a string.
        opens_lines = text.startswith("\n") and rest[0] in ")]}<"
        return _replacing(text + "\n" + view.indent if opens_lines else text, view, 0)
    tail, remaining = text[after_match:], rest[end:]
    while tail and remaining and tail[0] == remaining[0]:  # A statement's end goes with it: `);`, `):`.
        tail, remaining, end = tail[1:], remaining[1:], end + 1
    if remaining and tail.endswith(remaining):  # `) -> int:` before `):`.
        end = len(rest)
    if text.endswith(rest[:end]) and text[:-end].strip():
        return _replacing(text[:-end], view, 0)
    return _replacing(text, view, end)


def _brought(text: str, rest: str, view: CursorView) -> tuple[str, list[int]]:
    """The closers in `text` of what was opened before it, one character each, and the index after each."""
    language = view.document.language
    quote = scan(view.line_prefix, language).quote
    closed = scan(text, language, Scan(quote=quote if quote and quote[0] in rest else "")).closed
    characters: list[tuple[str, int]] = []
    for closer, index in closed:
        characters += [(character, index - len(closer) + 1 + n) for n, character in enumerate(closer)]
    if not characters and text[-1] in ";,:>" and rest.startswith(text[-1]):
        characters = [(text[-1], len(text))]
    return "".join(character for character, _ in characters), [index for _, index in characters]


def _without_following(text: str, view: CursorView) -> str:
    """Drop the last lines of `text` if the document goes on with the very same lines."""
    after = [line.strip() for line in view.suffix.split("\n")[1:]]
    while after and not after[0]:
        after = after[1:]
    lines = text.split("\n")
    for count in range(min(len(lines) - 1, len(after)), 0, -1):
        tail = [line.strip() for line in lines[-count:]]
        if tail == after[:count] and any(tail):
            same_depth = columns(lines[-count]) == columns(next_line(view.suffix))
            if same_depth or any(is_telling(line) for line in tail):
                return "\n".join(lines[:-count]).rstrip()
    return text


def _parses_best(candidates: Sequence[Inline], view: CursorView, syntax: Syntax) -> Inline | Skip:
    """The candidate that leaves the fewest syntax errors; the earlier one where they are equal."""
    if len(candidates) == 1 and not _should_parse(candidates[0], view):
        return candidates[0]  # Nothing to choose: spare the parse, which takes tens of milliseconds in a large file.
    document = syntax.document
    counts: list[int] = []
    for candidate in candidates:
        edit = Edit(candidate.span.start, candidate.span.end, candidate.text)
        counts.append(error_count(reparse(syntax, [edit], document.replace([edit], document.version))))
    fewest = min(counts)
    best = candidates[counts.index(fewest)]
    if fewest and not error_count(syntax) and _should_parse(best, view):
        return Skip("worse-syntax")
    return best


def _should_parse(shown: Inline, view: CursorView) -> bool:
    """Whether a text has to keep a sound document sound: if code follows on its line, or if it closes brackets that the
    document has closed already. Other texts may leave things open; people type on."""
    rest = view.line_suffix.strip(_CLOSERS_ONLY)
    return bool(rest) or bool(scan(view.line_prefix + shown.text, view.document.language).closed)


def _replacing(text: str, view: CursorView, length: int) -> Inline:
    return Inline(text, Span(view.offset, Offset(view.offset + length)))


def _with_newlines(inline: Inline, view: CursorView) -> Inline:
    newline = view.document.newline
    return inline if newline == "\n" else Inline(inline.text.replace("\n", newline), inline.span)


def _overlap(text: str, suffix: str) -> int:
    """Length of the longest end of `text` that `suffix` starts with."""
    for size in range(min(len(text), len(suffix)), 0, -1):
        if text.endswith(suffix[:size]):
            return size
    return 0
