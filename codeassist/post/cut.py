"""When a streamed completion holds all that is wanted: statement end, block end, scope end, or a repeat.

`find_cut` looks at the text so far and says where it ends, so that the caller can close the stream; the engine
then stops generating. It is called after each chunk and keeps no state.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

CutReason = Literal[
    "line-end", "statement-end", "block-end", "scope-end", "paragraph-end", "suffix", "repetition", "max-lines", "finish"
]

_OPENERS = "([{"
_CLOSERS = ")]}"
_PAIR = dict(zip(_CLOSERS, _OPENERS, strict=True))
_STRING = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\\n])*`")
_LINE_COMMENT = re.compile(r"(?:^|\s)(?:#|//|--\s).*$")
_KEYWORD_OPENER = re.compile(r"(?:\b(?:do|then|else|begin)|\bdo\s*\|[^|]*\||=>|:|\bin)\s*$")
_BLOCK_CLOSER = re.compile(r"^(?:[)\]}]|end\b|fi\b|done\b|esac\b|</)")
_BLOCK_MIDDLE = re.compile(r"^(?:else|elif|elsif|except|rescue|catch|finally|ensure|case|default|when|\} ?else)\b")
_MAX_LINE_REPEATS = 2
_TAB_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class Shape:
    """What the cut depends on, all of it known before the model is asked.

    `line_prefix` and `line_suffix` are the parts of the cursor's line; `suffix` the text after the cursor;
    `block_start` whether the cursor is at the start of a new block; `max_lines` counts lines of the answer.
    """

    line_prefix: str
    line_suffix: str
    suffix: str
    block_start: bool
    max_lines: int

    @property
    def single_line(self) -> bool:
        """Code follows on the cursor's line: the answer may not leave the line."""
        return bool(self.line_suffix.strip(" \t" + _CLOSERS + "\"'`;,:"))

    @property
    def fresh_line(self) -> bool:
        """The cursor's line is blank so far: a new statement begins here, and others may follow it."""
        return not self.line_prefix.strip()


@dataclass(frozen=True, slots=True)
class Cut:
    """The wanted part of the answer, and why it ends there."""

    text: str
    reason: CutReason


def find_cut(text: str, shape: Shape) -> Cut | None:
    """Return the wanted text if `text` already holds all of it, else None (read on).

    Only finished lines are judged: a line still growing may turn out to be anything.
    """
    lines = text.split("\n")
    finished = lines[:-1]
    if not finished:
        return None
    if shape.single_line:
        return Cut(finished[0], "line-end")
    following = _following_lines(shape.suffix)
    base = _columns(shape.line_prefix)
    seen: dict[str, int] = {}
    depth_before = 0
    opened = shape.block_start
    for number, line in enumerate(finished):
        whole = shape.line_prefix + line if number == 0 else line
        kept = "\n".join(lines[:number])
        if number > 0:
            cut = _cut_before(line, lines[:number], shape, base, depth_before, opened)
            if cut is not None:
                return Cut(kept, cut)
            if _repeats_following(line, following):
                return Cut(kept, "suffix")
        stripped = line.strip()
        if len(stripped) > 3:
            seen[stripped] = seen.get(stripped, 0) + 1
            if seen[stripped] > _MAX_LINE_REPEATS:
                return Cut(_without_tail_repeats(lines[:number], stripped), "repetition")
        depth_before = bracket_depth(whole if number == 0 else line, start=depth_before)
        code = _code_of(whole)
        if code:
            opened = opened or opens_block(code)
        through = "\n".join(lines[: number + 1])
        if number > 0 and opened and _is_closer(line) and _columns(line) <= base and depth_before <= 0:
            return Cut(through, "block-end")
        if code and depth_before <= 0 and not opened and not shape.fresh_line:
            return Cut(through, "statement-end")
        if number + 1 >= shape.max_lines:
            return Cut(through, "max-lines")
    return None


def finish_cut(text: str, shape: Shape, *, complete: bool) -> Cut:
    """The wanted part of an answer whose stream is over. `complete` is False if it was broken off by a token or
    time limit: then a last line that is still growing is dropped, unless it is the only one."""
    found = find_cut(text + "\n", shape) if complete else find_cut(text, shape)
    if found is not None:
        return found
    if not complete and "\n" in text.strip("\n"):
        text = text.rstrip("\n") if text.endswith("\n") else text[: text.rindex("\n")]
    return Cut(text, "finish")


def bracket_depth(line: str, start: int = 0) -> int:
    """Open brackets after `line`, strings and line comments left out, counted from `start`."""
    code = _code_of(line)
    return start + sum(code.count(c) for c in _OPENERS) - sum(code.count(c) for c in _CLOSERS)


def opens_block(code: str) -> bool:
    """Whether a line of code (comments removed) opens a block that its next lines fill."""
    code = code.rstrip()
    return code.endswith("{") or bool(_KEYWORD_OPENER.search(code))


def _cut_before(
    line: str, before: list[str], shape: Shape, base: int, depth: int, opened: bool
) -> CutReason | None:
    """Why the answer ends before `line`, or None if the line belongs to it."""
    stripped = line.strip()
    has_text = any(part.strip() for part in before)
    if not stripped:
        if not has_text:
            return None  # The answer starts with line breaks: they lead to its first line.
        if len(before) > 1 and not before[-1].strip():
            return "paragraph-end"
        return "paragraph-end" if depth <= 0 and not opened else None
    columns = _columns(line)
    if not has_text and not shape.fresh_line and not shape.block_start and depth <= 0:
        return "statement-end"  # The model ended the line and went on to the next: nothing was missing here.
    if depth > 0:
        return None  # Inside brackets that the answer opened, indentation says nothing.
    if columns < base and not (_is_closer(line) and opened and columns == base):
        return "scope-end"
    if columns == base and not shape.fresh_line and has_text:
        if _is_closer(line) or _BLOCK_MIDDLE.match(stripped):
            return None
        return "block-end"
    return None


def _is_closer(line: str) -> bool:
    return bool(_BLOCK_CLOSER.match(line.strip()))


def _columns(line: str) -> int:
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    return len(indent.expandtabs(_TAB_COLUMNS))


def _code_of(line: str) -> str:
    """The line without strings (left as empty quotes) and without a trailing line comment."""
    return _LINE_COMMENT.sub("", _STRING.sub('""', line)).strip()


def _following_lines(suffix: str) -> tuple[str, ...]:
    """The next non-blank lines after the cursor's line, stripped; three are enough to tell a repeat."""
    lines = [line.strip() for line in suffix.split("\n")[1:]]
    return tuple([line for line in lines if line][:3])


def _repeats_following(line: str, following: tuple[str, ...]) -> bool:
    """Models often retype the line after the cursor; showing it would double it. Bare closers prove nothing."""
    stripped = line.strip()
    return bool(following) and stripped == following[0] and any(c.isalnum() for c in stripped)


def _without_tail_repeats(lines: list[str], repeated: str) -> str:
    """Drop repeats at the end, but keep one of them: the first may well be wanted."""
    while len(lines) > 1 and lines[-1].strip() == lines[-2].strip() == repeated:
        lines = lines[:-1]
    return "\n".join(lines)
