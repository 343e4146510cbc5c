"""Fits an answer's white space to the file: tabs or blanks, how deep, and none at the ends of lines.

    fit_indentation(text, view)     the lines after the first, as the lines around the cursor are indented
    without_trailing_blanks(text, view)

What stands inside a string over several lines is content, and stays as it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from codeassist.context.cursor import CursorView
from codeassist.post.cut import is_closer, opens_block
from codeassist.post.opened import open_above
from codeassist.post.scan import Scan, scan
from codeassist.text.document import Offset

_LINES_AROUND = 100
"""How far from the cursor the file's own indentation is looked for, in lines up and down."""
_NEAREST = 24
"""So many lines decide; where a file is mixed, the nearest ones are right."""
_NARROWEST, _WIDEST = 2, 8
_TAB_COLUMNS = 4
_TABS = (4, 8, 2)
"""How many blanks models write for a tab, the usual number first."""
_NOT_CODE = frozenset({"markdown", ""})
"""Where the depth of a line may say anything, and two blanks at its end a line break."""
_UNREAD = {
    "bash": re.compile(r"<<[-~]?\s*[\"'\\]?\w"),
    "ruby": re.compile(r"<<[-~]?[\"'`]?[A-Z_]"),
    "php": re.compile(r"<<<"),
    "cpp": re.compile(r'R"\w*\('),
    "rust": re.compile(r"""\br#*"|^(?:[^"\n]*"[^"\n]*")*[^"\n]*"[^"\n]*$""", re.MULTILINE),
}
"""How strings over several lines begin that `scan` does not read: where one is near, nothing is touched."""
_MAKEFILE = re.compile(r"(?:^|/)(?:GNUm|[Mm])akefile(?:\.[\w.-]+)?$|\.mk$")
_RULE = re.compile(r"[^\s#=:][^#=]*::?(?![=:])")


def fit_indentation(text: str, view: CursorView) -> str:
    """`text` with the indentation of its lines made the file's own; the same text where it fits already, where the file
    says nothing, and wherever there is a doubt."""
    language = view.document.language
    below_header = not view.line_prefix and text[:1] in (" ", "\t") and view.block_start
    if "\n" not in text and not below_header:
        return text
    if _MAKEFILE.search(view.document.uri):
        return _with_recipes(text, view)
    if language in _NOT_CODE:
        return text
    above, below = _lines_around(view)
    if _has_unread_string(text, above, view):
        return text
    unit = indentation_unit(above, below)
    header = next((line for line in reversed(above) if line.strip()), "") if below_header else view.line_prefix
    lines = [header, *text.split("\n")] if below_header else (header + text).split("\n")
    base = _indent(lines[0])  # Of a line that the answer begins the answer says how deep it is.
    if not unit or _fits(lines, base, unit):
        return text
    if language == "yaml":
        spaced = [line if "\t" not in _indent(line) else _indent(line).expandtabs(2) + line.lstrip() for line in lines]
        fitted = [lines[0], *spaced[1:]]
    else:
        fitted = _fitted(lines, base, unit, _open_string(view), language)
    if below_header:
        return "\n".join(fitted[1:])
    return "\n".join(fitted)[len(header) :]


def without_trailing_blanks(text: str, view: CursorView) -> str:
    """`text` without white space at the ends of its lines, but for the last one, which may be typed on."""
    if view.document.language in _NOT_CODE or not re.search(r"[ \t]\n", text):
        return text
    if _has_unread_string(text, _lines_around(view)[0], view):
        return text
    language = view.document.language
    state = scan(view.line_prefix, language, _open_string(view))
    lines = text.split("\n")
    for number, line in enumerate(lines[:-1]):
        state = scan(line + "\n", language, state)
        bare = line.rstrip(" \t")
        # A blank behind a backslash is not a line's end but a character.
        if (not state.quote or state.quote == "*/") and not bare.endswith("\\"):
            lines[number] = bare
    return "\n".join(lines)


def indentation_unit(above: Sequence[str], below: Sequence[str] = ()) -> str:
    """What one level of indentation is around a cursor: a tab, or some blanks; "" where the lines do not say.

    `above` ends and `below` begins with the line nearest to the cursor.
    """
    near: list[tuple[int, bool]] = []
    steps: Counter[int] = Counter()
    for lines, distances in ((above, range(len(above), 0, -1)), (below, range(1, len(below) + 1))):
        before = 0
        for line, distance in zip(lines, distances, strict=True):
            bare = line.lstrip(" \t")
            if not bare or bare[0] == "*":  # The lines of a block comment are one blank off.
                continue
            width = len(line) - len(bare)
            if width:
                near.append((distance, line[0] == "\t"))
            if line[0] != "\t":
                if _NARROWEST <= width - before <= _WIDEST:
                    steps[width - before] += 1
                before = width
    near = sorted(near)[:_NEAREST]
    tabs = sum(is_tab for _, is_tab in near)
    if not near or tabs * 2 >= len(near):
        return "\t" if tabs else ""
    if not steps:
        return ""
    most = max(steps.values())
    return " " * min(width for width, times in steps.items() if times == most)


@dataclass(slots=True)
class _Level:
    """A line that others hang on: its columns in the answer, relative to the cursor's line, and its new indentation."""

    columns: int
    indent: str


def _fits(lines: Sequence[str], base: str, unit: str) -> bool:
    """Whether every line is some whole levels deep, and none more than one deeper than the one before."""
    before = 0
    for line in lines[1:]:
        if not line.strip():
            continue
        indent = _indent(line)
        if not indent.startswith(base):
            if len(indent) < len(base) and base.startswith(indent):
                before = 0
                continue
            return False
        own = len(indent) - len(base)
        if own % len(unit) or indent[len(base) :] != unit * (own // len(unit)) or own - before > len(unit):
            return False
        before = own
    return True


def _fitted(lines: Sequence[str], base: str, unit: str, start: Scan | None, language: str) -> list[str]:
    """The lines with new indentation, the first one as it is."""
    opened = opens_block(scan(lines[0], language, start).code, language)
    tab = len(unit) if unit != "\t" else _tab_columns(lines[1:], base, opened)
    origin = len(base.expandtabs(tab))
    width = _answer_width(lines, origin, tab, start, language)
    foreign = any(character not in unit for line in lines[1:] if line.strip() for character in _indent(line))
    if not width:
        if not foreign:
            return list(lines)
        width = tab if unit == "\t" else len(unit)
    state = scan(lines[0] + "\n", language, start)
    level = _Level(0, base)
    hanging = _Level(0, base) if _hangs(lines[0], state) else None
    fitted = [lines[0]]
    for line in lines[1:]:
        after = scan(line + "\n", language, state)
        own = len(_indent(line).expandtabs(tab)) - origin
        if not line.strip() or (state.quote and state.quote not in ("*/", "-->")):
            fitted.append(line)
            state = after
            continue
        if state.quote or (hanging is not None and state.brackets):
            # Aligned with what stands in the line that began it: moved together with that line.
            under = hanging or level
            indent = under.indent + " " * max(0, own - under.columns)
        elif own < 0:
            indent = _indent(line)
        elif own % width:
            return list(lines)  # No levels of one width: whatever the answer means, guessing makes it worse.
        else:
            indent = base + unit * (own // width)
        if not state.quote:
            level = _Level(own, indent)
            hanging = (hanging or level) if _hangs(line, after) else None
        fitted.append(indent + line.lstrip(" \t"))
        state = after
    return fitted


def _hangs(line: str, after: Scan) -> bool:
    """Whether the next line is one inside round or square brackets that is aligned with text behind the bracket."""
    return bool(after.brackets) and after.brackets[-1] in "([" and line.rstrip()[-1:] not in ("(", "[", "{")


def _answer_width(lines: Sequence[str], origin: int, tab: int, start: Scan | None, language: str) -> int:
    """By how many columns the answer indents a block or what stands in brackets; 0 if it does not say."""
    state = start or Scan()
    before: int | None = None
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        quoted = state.quote
        after = scan(line + "\n", language, state)
        own = len(_indent(line).expandtabs(tab)) - origin if number else 0
        if before is not None and not quoted and own - before >= _NARROWEST:
            return own - before
        opens = opens_block(after.code, language) or line.rstrip().endswith(("(", "[", "{"))
        before = own if opens and not after.quote else None
        state = after
    return 0


def _tab_columns(lines: Sequence[str], base: str, opened: bool) -> int:
    """How many blanks the answer writes for a tab of the file's: such that no line is left of the cursor's, and the
    first one is right of it if that opened a block."""
    told = [line for line in lines if line.strip() and "\t" not in _indent(line)]
    widths = [len(_indent(line)) for line in told]
    if not base or not widths:
        return _TAB_COLUMNS
    deeper = len(base) + 1
    if opened and not is_closer(told[0]):
        for tab in _TABS:
            if widths[0] == deeper * tab:
                return tab
    return next((tab for tab in _TABS if min(widths) in (len(base) * tab, deeper * tab)), _TAB_COLUMNS)


def _with_recipes(text: str, view: CursorView) -> str:
    """Lines below a rule of a Makefile begin with a tab; with blanks they would be no recipe."""
    lines = (view.line_prefix + text).split("\n")
    above, _ = _lines_around(view)
    before = next((line for line in reversed(above) if line.strip()), "") if not view.line_prefix.strip() else ""
    for number, line in enumerate(lines):
        fits = line[:1] != " " or (number == 0 and bool(view.line_prefix)) or before.endswith("\\")
        if not fits and (before.startswith("\t") or _RULE.match(before)):
            lines[number] = "\t" + line.lstrip(" ")
        before = lines[number] or before
    return "\n".join(lines)[len(view.line_prefix) :]


def _lines_around(view: CursorView) -> tuple[list[str], list[str]]:
    document = view.document
    line = document.position_at(view.offset).line
    first, last = max(0, line - _LINES_AROUND), min(document.line_count, line + 1 + _LINES_AROUND)
    return [document.line(n) for n in range(first, line)], [document.line(n) for n in range(line + 1, last)]


def _open_string(view: CursorView) -> Scan | None:
    """What is open where the cursor's line begins, if it is a string over several lines."""
    quote = open_above(view.document, Offset(view.offset - len(view.line_prefix)))
    return Scan(quote=quote) if quote and quote != "*/" else None


def _has_unread_string(text: str, above: Sequence[str], view: CursorView) -> bool:
    sign = _UNREAD.get(view.document.language)
    return sign is not None and any(sign.search(lines) for lines in (view.line_prefix + text, *above[-_NEAREST:]))


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]
