"""When a streamed completion holds all that is wanted: statement end, block end, scope end, or a repeat.

`find_cut` looks at the text so far and says where it ends, so that the caller can close the stream; the engine
then stops generating. It is called after each chunk and keeps no state.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from codeassist.context.cursor import LAST_ARGUMENTS
from codeassist.post.scan import Scan, scan
from codeassist.syntax.languages import language as row_of

CutReason = Literal[
    "line-end",
    "statement-end",
    "block-end",
    "scope-end",
    "paragraph-end",
    "suffix",
    "prefix",
    "repetition",
    "max-lines",
    "fence",
    "thought",
    "finish",
]

CLOSERS = ")]}\"'`;,:"
"""What may stand behind the cursor because an editor closed it by itself, or because a statement ends there."""
_KEYWORD_OPENER = re.compile(r"(?:\b(?:do|then|else|begin)|\bdo\s*\|[^|]*\||=>|->|:|\bin)$")
_HEADER = re.compile(
    r"(?:def|class|module|if|unless|elsif|while|until|for|case|when|begin|(?:local\s+)?function)\b|.*\bfunction\s*\([^)]*\)$"
)
"""Lines that open a block without a sign at their end, in languages that close blocks with a word."""
_BLOCK_CLOSER = re.compile(r"(?:[)\]}]|(?:end|fi|done|esac)\b|</)")
_BLOCK_MIDDLE = re.compile(r"(?:else|elif|elsif|elseif|except|rescue|catch|finally|ensure|case|default|when)\b")
_OPENING_TAG = re.compile(r"<[A-Za-z](?:=>|[^<>])*(?<![/=])>$")
_CLOSING_TAGS = re.compile(r"\s*(?:(?:>\s*)?(?:</[\w.:-]*>\s*)+[;,)\]}\s]*|>[;,\s]*)")
_FENCED = frozenset({"markdown", ""})
_MARKUP = frozenset({"html", "tsx", "javascript", "php"})
_SHORT_LOOP = re.compile(r"([^\n]{2,11}?)\1{19,}\Z")
_LONG_LOOP = re.compile(r"([^\n]{12,60}?)\1{4,}\Z")
_LOOP_CHARACTERS = 300
"""The last so many characters of a line show whether one of the two is at its end."""
_LONGEST_PERIOD_LINES = 4
_PERIODS = 3
_TELLING_CHARACTERS = 3
_TAB_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class Shape:
    """What the cut depends on, all of it known before the model is asked.

    `line_prefix` and `line_suffix` are the parts of the cursor's line; `suffix` the text after the cursor;
    `block_start` whether the cursor is at the start of a new block; `max_lines` counts lines of the answer;
    `language` is our name of it, "" if unknown.
    `line_code`: `line_prefix` for `scan`, if that reads otherwise: see `opened`.
    `function_column`: how far the header is indented, in columns, of the function that the answer may go on in, since
    nothing follows there; None if something does. `empty_body`: that function has no statement yet.
    """

    line_prefix: str
    line_suffix: str
    suffix: str
    block_start: bool
    max_lines: int
    language: str = ""
    function_column: int | None = None
    empty_body: bool = False
    line_code: str | None = None

    @property
    def single_line(self) -> bool:
        """Code follows on the cursor's line, or the end of a header whose block follows: the answer may not leave the
        line."""
        opens = self.line_prefix.rstrip().endswith("{") and bool(LAST_ARGUMENTS.match(self.line_suffix))
        return not (opens or only_closes(self.line_suffix)) or self.line_suffix.rstrip().endswith(":")

    @property
    def code_before(self) -> str:
        """The cursor's line before it, for `scan`."""
        return self.line_prefix if self.line_code is None else self.line_code

    @property
    def fresh_line(self) -> bool:
        """The cursor's line is blank so far: a new statement begins here, and others may follow it."""
        return not self.line_prefix.strip()

    @property
    def at_end(self) -> bool:
        """Nothing follows: whatever is open is closed by nobody else."""
        return not self.suffix.strip()


@dataclass(frozen=True, slots=True)
class Cut:
    """The wanted part of the answer, and why it ends there. `whole_lines`: the model ended a line, instead of writing
    a part of one and stopping."""

    text: str
    reason: CutReason
    whole_lines: bool = field(default=True, compare=False)


def find_cut(text: str, shape: Shape) -> Cut | None:
    """Return the wanted text if `text` already holds all of it, else None (read on).

    Only finished lines are judged: a line still growing may turn out to be anything but the end of a loop.
    """
    lines = text.split("\n")
    if shape.single_line and len(lines) > 1:
        return Cut(lines[0], "line-end")
    found = _cut_in_lines(lines[:-1], shape)
    if found is None and _runs_away(lines[-1]):
        return Cut("\n".join(lines[:-1]), "repetition")
    return found


def finish_cut(text: str, shape: Shape, *, complete: bool) -> Cut:
    """The wanted part of an answer whose stream is over. `complete` is False if it was broken off by a token or
    time limit: then a last line that is still growing is dropped, unless it is the only one, and so are headers
    whose block has not come."""
    lines = "\n" in text.lstrip()
    found = find_cut(text + "\n", shape) if complete else find_cut(text, shape)
    if found is not None:
        return replace(found, whole_lines=lines)
    whole_lines = text.rpartition("\n")[0]
    kept = _without_headers(whole_lines, shape) if whole_lines.strip() and not complete else text
    return Cut(kept, "finish", lines)


def _without_headers(text: str, shape: Shape) -> str:
    """`text`, whole lines, less the headers at its end: without a body they are no code. The first line stays."""
    state = scan(shape.code_before, shape.language)
    end = 0
    lines = text.split("\n")
    for number, line in enumerate(lines):
        state = scan(line + "\n", shape.language, state)
        code = state.code.strip()
        if line.strip() and (not end or (not opens_block(code, shape.language) if code else end == number)):
            end = number + 1  # A comment belongs to what stands above it.
    return "\n".join(lines[:end])


def opens_block(code: str, language: str = "") -> bool:
    """Whether a line of code (comments and strings removed) opens a block that its next lines fill."""
    code = code.strip()
    if code.endswith("{") or _KEYWORD_OPENER.search(code):
        return True
    if language in _MARKUP and _OPENING_TAG.search(code):
        return True
    row = row_of(language)
    closes_itself = code.endswith(("end", "fi", "done"))
    return bool(row and row.blocks == "end" and _HEADER.match(code)) and not closes_itself


def only_closes(rest: str) -> bool:
    """Whether the rest of a line, if there is any, holds closing brackets, quotes or tags only; `}()` calls what it
    closes."""
    return not rest.replace("()", "").strip(" \t" + CLOSERS) or bool(_CLOSING_TAGS.fullmatch(rest))


def columns(line: str) -> int:
    """Width of the line's indentation; a tab reaches to the next multiple of four."""
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    return len(indent.expandtabs(_TAB_COLUMNS))


def is_telling(line: str) -> bool:
    """Whether a line says enough for its repetition to mean something; `}` and `else:` repeat everywhere."""
    words = sum(c.isalnum() for c in line) >= _TELLING_CHARACTERS
    return words and not is_closer(line) and line.strip().rstrip(":{ ") not in ("else", "try", "finally")


def is_closer(line: str) -> bool:
    """Whether a line begins by closing a block."""
    return bool(_BLOCK_CLOSER.match(line.strip()))


def next_line(suffix: str) -> str:
    """The first line with text after the cursor's line; "" if there is none."""
    return next((line.rstrip("\r") for line in suffix.split("\n")[1:] if line.strip()), "")


def same_line(one: str, other: str) -> bool:
    """Whether two whole lines are the same, trailing blanks and the kind of indentation aside."""
    return one.strip() == other.strip() and columns(one) == columns(other)


@dataclass(slots=True)
class _Walk:
    """Where the walk down the answer's lines stands: `start` and `state` are what is open at the cursor and now; `base`
    is the indentation of the cursor's line, `opened` whether a block was opened on the way."""

    shape: Shape
    base: int
    start: Scan
    state: Scan
    opened: bool


def _cut_in_lines(finished: Sequence[str], shape: Shape) -> Cut | None:
    start = scan(shape.code_before, shape.language)
    base = columns(_first_line(finished, shape) if shape.fresh_line else shape.line_prefix)
    walk = _Walk(shape, base, start, start, shape.block_start)
    following = next_line(shape.suffix)
    for number, line in enumerate(finished):
        kept, through = "\n".join(finished[:number]), "\n".join(finished[: number + 1])
        whole = shape.line_prefix + line if number == 0 else line
        after = scan(line + "\n", shape.language, walk.state)
        if not walk.state.quote:
            reason = _cut_before(walk, line, finished[:number], after) if number else None
            if reason is not None:
                return Cut(through if reason == "block-end" and columns(line) < base else kept, reason)
            if number and shape.language not in _FENCED and line.lstrip().startswith(("```", "~~~")):
                return Cut(kept, "fence")  # The answer stood in a fence of which only the end came.
            # Models often retype the line after the cursor; showing it would double it.
            if (number > 0 or shape.fresh_line) and is_telling(whole) and same_line(whole, following):
                return Cut(kept, "suffix")
        period = _period_at_end(finished[: number + 1])
        if period:
            # The first time may well be wanted.
            return Cut("\n".join(finished[: number + 1 - period * (_PERIODS - 1)]), "repetition")
        code = after.code if number else scan(shape.code_before + line, shape.language).code
        walk.opened = walk.opened or opens_block(code, shape.language)
        walk.state = after
        reason = _cut_after(walk, line, code, number)
        if reason is not None:
            return Cut(_without_headers(through, shape) if reason == "max-lines" else through, reason)
    return None


def _cut_before(walk: _Walk, line: str, before: Sequence[str], after: Scan) -> CutReason | None:  # noqa: PLR0911  One return for each reason.
    """Why the answer ends before `line` (with it, for a block end left of the base); None if the line belongs to it."""
    shape, base, inside_brackets = walk.shape, walk.base, bool(walk.state.brackets)
    texts = [part for part in before if part.strip()]
    if not line.strip():
        if not texts or inside_brackets:
            return None  # Line breaks at the start lead to the first line.
        if shape.empty_body and before[-1].strip():
            return None  # A whole body is wanted.
        in_block = (walk.opened and (shape.block_start or not shape.fresh_line)) or columns(texts[-1]) > base
        return None if in_block and before[-1].strip() else "paragraph-end"
    if inside_brackets:
        return None  # There indentation says nothing.
    if not texts and not shape.fresh_line and not walk.opened:
        return "statement-end"  # The model ended the line and went on to the next: nothing was missing here.
    column = columns(line)
    if column < base and _goes_on_outside(walk, line, column):
        walk.base = column
        return None
    if column < base:
        # At the end of the file nobody else closes the cursor's block.
        closes = is_closer(line) and shape.block_start and shape.at_end and not after.brackets
        return "block-end" if closes else "scope-end"
    if column > base or not texts:
        return None
    if shape.fresh_line:
        if after.closed and after.brackets:
            return "scope-end"  # `} else {`: the cursor's block is over, another one begins.
        goes_on = shape.block_start or shape.empty_body
        return None if goes_on or before[-1].strip() else "paragraph-end"
    return None if is_closer(line) or _BLOCK_MIDDLE.match(line.strip()) else "block-end"


def _goes_on_outside(walk: _Walk, line: str, column: int) -> bool:
    """Whether a line left of the cursor's block still belongs to what is written there: it stays inside the function,
    and right of all that follows there."""
    shape = walk.shape
    row = row_of(shape.language)
    if row is None or row.blocks != "indent" or not shape.fresh_line:
        return False
    if shape.function_column is not None:
        return column > shape.function_column
    following = next_line(shape.suffix)
    return column > columns(following) if following else bool(_BLOCK_MIDDLE.match(line.strip()))


def _cut_after(walk: _Walk, line: str, code: str, number: int) -> CutReason | None:
    """Why the answer ends with `line`, whose code is `code`; None if it goes on."""
    shape, still_open = walk.shape, len(walk.state.brackets)
    closed_behind = sum(shape.line_suffix.count(closer) for closer in ")]}")
    if 0 < still_open <= closed_behind and still_open < len(walk.start.brackets):
        return (
            "statement-end"  # It has begun to close what stands before the cursor; the rest of the line does the rest.
        )
    if not still_open and not walk.state.quote:
        if number > 0 and walk.opened and is_closer(line) and columns(line) <= walk.base:
            return "block-end"
        if code.strip() and ((not walk.opened and not shape.fresh_line) or walk.state.closed):
            return "statement-end"
    return "max-lines" if number + 1 >= shape.max_lines else None


def _first_line(lines: Sequence[str], shape: Shape) -> str:
    """The first line with text, as it will stand in the document."""
    for number, line in enumerate(lines):
        if line.strip():
            return shape.line_prefix + line if number == 0 else line
    return shape.line_prefix


def _runs_away(line: str) -> bool:
    """Whether a line has become an endless repetition of the same few characters, or of one."""
    if len(line) >= _LOOP_CHARACTERS and len(set(line[-_LOOP_CHARACTERS:])) == 1:
        return True
    for pattern in (_SHORT_LOOP, _LONG_LOOP):
        match = pattern.search(line[-_LOOP_CHARACTERS:])
        if match and len(set(match[1])) > 1 and any(c.isalnum() for c in match[1]):
            return True
    return False


def _period_at_end(lines: Sequence[str]) -> int:
    """How many lines the answer repeats over and over at its end; 0 if it does not."""
    lines = [line.strip() for line in lines]  # The first one may lack its indentation: it stands before the cursor.
    for period in range(1, _LONGEST_PERIOD_LINES + 1):
        last = lines[-period:]
        if len(lines) < period * _PERIODS or not any(is_telling(line) for line in last):
            continue
        if all(lines[-period * n :][:period] == last for n in range(2, _PERIODS + 1)):
            return period
    return 0
