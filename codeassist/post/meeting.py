"""How an answer meets what stands around the cursor: brackets and quotes that the editor has closed, code on the same
line, the lines below."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from codeassist.context.cursor import LAST_ARGUMENTS, CursorView
from codeassist.post.angles import meeting_angles
from codeassist.post.cut import CLOSERS, columns, is_telling, next_line, only_closes
from codeassist.post.opened import line_code
from codeassist.post.scan import Scan, scan
from codeassist.text.document import Offset, Span

CLOSERS_ONLY = CLOSERS + "> \t"
_STATEMENT_SIGNS = str.maketrans("", "", ";,: \t")
_OWN_CALL = re.compile(
    r"(?<=\w)(?P<arguments>\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)(?P<closed>\))?[)\]}]*(?P<sign>[;,]?)\s*\Z"
)
"""At the end of an answer: the arguments of a call, or their beginning."""
_NO_ARGUMENTS = re.compile(r"\([ \t]*\)")
_Closed: TypeAlias = tuple[tuple[str, int], ...]
"""Closers and the index behind each, as `scan` gives them."""
_SHORTEST_OVERLAP = 3
_SHORTEST_ECHO = 4


@dataclass(frozen=True, slots=True)
class Inline:
    """Text to show, and the characters of the document that it replaces: from the cursor to at most the line end.
    `probability`: of its first line, by the model; None where that is not known."""

    text: str
    span: Span
    probability: float | None = field(default=None, compare=False)


def candidates(text: str, view: CursorView) -> list[Inline]:
    """The ways in which `text` may meet what stands around the cursor, most plausible first."""
    rest = view.line_suffix.rstrip()
    shown: list[Inline] = []
    for version in _versions(text, view, at_line_end=not rest):
        if not version.strip():
            return []  # All of it stands there already.
        shown += _ways(version, rest, view)
        closed = scan(line_code(view.document, view.offset) + version, view.document.language).closed
        if closed:
            # The answer goes on to close what the document closes further down.
            short = version[: max(0, closed[0][1] - 1 - len(view.line_prefix))].rstrip()
            shown.append(_replacing(short, view, 0))
            shown += _ways(short, rest, view) if short else []
    return list({(candidate.text, candidate.span.end): candidate for candidate in shown}.values())


def _versions(text: str, view: CursorView, *, at_line_end: bool) -> Iterator[str]:
    """`text` without what stands before the cursor and below its line already, and as it is."""
    for written in (_without_echo(text, view), text):
        short = _without_following(written, view)
        yield short
        if not at_line_end and short != written:
            yield written  # What is the same below may be meant behind the rest of the line.


def _ways(text: str, rest: str, view: CursorView) -> list[Inline]:
    """The ways in which `text` may go before the rest of the line."""
    if not rest:
        return [_replacing(text, view, 0)]
    angles = meeting_angles(text, rest, view.line_prefix, view.document.language)
    shown = [_replacing(way, view, length) for way, length in angles]
    call = _OWN_CALL.search(text) if rest[0] == "(" else None
    overlap = _overlap(text, rest)
    if call is not None and "\n" not in text[: call.start()]:
        whole = [_replacing(text[: len(text) - overlap], view, 0)] if overlap == len(rest) else []
        begun = [] if call["closed"] else [_replacing(text, view, 0)]  # `(a, f` before `(b))` calls `f` inside.
        return [*shown, *whole, _meeting_call(text, call, rest, view), *begun]
    if only_closes(rest) or not rest.strip(CLOSERS_ONLY) or ("\n" in text and LAST_ARGUMENTS.match(rest)):
        shown += [_meeting_closers(text, rest, view, way) for way in _closings(text, rest, view)]
    else:
        text = text.split("\n", 1)[0]
        shown += _before_code(text, rest, view)
        overlap = _overlap(text, rest)
    # What the answer opened itself may be closed by the rest: the bracket before it is gone.
    return [*shown, _replacing(text[: len(text) - overlap], view, 0)] if overlap else shown


def _meeting_call(text: str, call: re.Match[str], rest: str, view: CursorView) -> Inline:
    """`text` that ends in a call, before a rest of the line that begins with the arguments of one: there is one call.
    Those of `text` give way, unless the others are empty."""
    empty = _NO_ARGUMENTS.match(rest)
    if empty is None or call["closed"] is None:
        return _replacing(text[: call.start()], view, 0)
    behind = rest[empty.end() :].strip()
    return _replacing(text[: call.end("closed")] + ("" if behind else call["sign"]), view, empty.end())


def _before_code(text: str, rest: str, view: CursorView) -> list[Inline]:
    """The ways in which one line of `text` may go before code."""
    overlap = _overlap(text, rest)
    shown = []
    signs = text[-1:] in (";", ",") and text[-1:] == rest[:1]  # Some grammars read two of them.
    if overlap == len(rest) or overlap >= _SHORTEST_OVERLAP or signs:
        shown.append(_replacing(text[: len(text) - overlap], view, 0))
    first, behind = rest.lstrip()[:1], rest.lstrip()[1:].strip()
    ways = [way for way in reversed(_closings(text, rest, view)) if way]
    ends = [end for (closer, end), *_ in ways if closer == first]
    ends += [text.index(">") + 1] if first == ">" and ">" in text else []  # Of a tag.
    if behind and any(text[end:].endswith(behind) for end in ends):
        # It closes what the rest closes and goes on to the rest's end, with something between: `): number {`.
        shown.append(_replacing(text, view, len(rest)))
    shown.append(_replacing(text, view, 0))
    # The bracket that it closes may hold the rest of the line as well.
    shown += [_replacing(text[: end - 1], view, 0) for (closer, end), *_ in ways if closer in rest]
    return shown


def _without_echo(text: str, view: CursorView) -> str:
    """`text` without the beginning of its line, which models retype: it stands before the cursor already."""
    typed = view.line_prefix.lstrip()
    bare = text.lstrip(" \t")
    echoed = len(typed) >= _SHORTEST_ECHO and bare.startswith(typed) and not typed.isidentifier()
    return bare[len(typed) :] if echoed and bare[len(typed) :].strip() else text


def _meeting_closers(text: str, rest: str, view: CursorView, closed: _Closed) -> Inline:
    """`text` before a rest of the line that only closes: as much of the rest is replaced as the answer brings itself.

    Editors close brackets and quotes on their own as they are opened; models close them again. `closed`: what `text`
    closes of what stands before it.
    """
    brought, after = _brought(text, rest, closed)
    matched = end = 0
    for index, character in enumerate(rest):
        if character.isspace():
            continue
        found = brought.find(character, matched)  # Not all that is closed has been closed by the editor, too.
        if found < 0:
            break
        matched, end, after_match = found + 1, index + 1, after[found]
    if not matched:
        signs = rest.translate(_STATEMENT_SIGNS)
        retyped = bool(set("\"'`<") & set(rest)) or not signs or (signs != rest and signs == brought)
        if text.endswith(rest) and retyped and text[: -len(rest)].strip():
            return _replacing(text[: -len(rest)], view, 0)  # A tag, brackets in a string, `; }`, the end of `);`.
        opens_lines = text.startswith("\n") and rest[0] in ")]}<"
        return _replacing(text + "\n" + view.indent if opens_lines else text, view, 0)
    tail, remaining = text[after_match:], rest[end:]
    while tail and remaining and tail[0] == remaining[0]:  # A statement's end goes with it: `);`, `):`.
        tail, remaining, end = tail[1:], remaining[1:], end + 1
    if remaining and tail.endswith(remaining):  # `) -> int:` before `):`.
        end = len(rest)
    if not tail and text.endswith(rest[:end]) and text[:-end].strip():
        return _replacing(text[:-end], view, 0)
    return _replacing(text, view, end)


def _brought(text: str, rest: str, closed: _Closed) -> tuple[str, list[int]]:
    """The closers in `text` of what was opened before it, one character each, and the index after each."""
    characters: list[tuple[str, int]] = []
    for closer, index in closed:
        characters += [(character, index - len(closer) + 1 + n) for n, character in enumerate(closer)]
    if not characters and text[-1] in ";,:>" and rest.startswith(text[-1]):
        characters = [(text[-1], len(text))]
    return "".join(character for character, _ in characters), [index for _, index in characters]


def _closings(text: str, rest: str, view: CursorView) -> list[_Closed]:
    """What `text` closes of what stands before it, and `rest` may close again, for each way to read the cursor's place:
    in a string's hole, in a string or regular expression, in neither, since what looks like the beginning of a string
    may be an apostrophe. Most plausible first."""
    language, line = view.document.language, line_code(view.document, view.offset)
    read = scan(line, language)
    quoted, bare = Scan(quote=read.quote, tail=read.tail), Scan(tail=read.tail)
    in_string, outside = scan(text, language, quoted).closed, scan(text, language, bare).closed
    if not read.quote:
        return [outside]
    ended = read.quote[0] in rest or any(closer == read.quote for closer, _ in in_string)
    in_string = tuple(each for each in in_string if each[0] != read.quote or each[0][0] in rest)
    if read.quote == "/":
        return [in_string]
    ways = [in_string, outside] if ended else [outside]
    content = line[line.rfind(read.quote) + len(read.quote) :]
    if content.count("{") > content.count("}"):
        inner = scan(content[content.rfind("{") + 1 :], language).quote  # `f"{name.strip('` has a string in the hole.
        inside = scan(text, language, Scan(quote=inner)).closed if inner else outside
        ways.insert(0, _closed_from_hole(text, inside, read.quote, language))
    return ways


def _closed_from_hole(text: str, inside: _Closed, quote: str, language: str) -> _Closed:
    """`inside` up to the end of the hole, and what is closed behind that, in its string at first."""
    for number, (closer, end) in enumerate(inside):
        if closer == "}":
            behind = scan(text[end:], language, Scan(quote=quote)).closed
            return (*inside[: number + 1], *((closer, end + index) for closer, index in behind))
    return inside


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


def _replacing(text: str, view: CursorView, length: int) -> Inline:
    return Inline(text, Span(view.offset, Offset(view.offset + length)))


def _overlap(text: str, suffix: str) -> int:
    """Length of the longest end of `text` that `suffix` starts with."""
    for size in range(min(len(text), len(suffix)), 0, -1):
        if text.endswith(suffix[:size]):
            return size
    return 0
