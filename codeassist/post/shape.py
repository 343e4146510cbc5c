"""What is wanted at a cursor: one line or many, and how far an answer may go."""

from __future__ import annotations

import re
from collections.abc import Iterator

from codeassist.context.cursor import CursorView
from codeassist.post.cut import Shape, columns, next_line
from codeassist.post.opened import line_code
from codeassist.post.scan import scan
from codeassist.syntax.languages import language as row_of
from codeassist.text.lines import with_line_feeds

_DEFINES = re.compile(r"\s*(?:(?:async\s+)?def|class)\b")
_LINES_ABOVE = 400
_QUOTES = "\"'rRuU \t\n"


def shape_of(view: CursorView, max_lines: int) -> Shape:
    """The shape of an answer at the cursor of `view`, of `max_lines` lines at most."""
    row = row_of(view.document.language)
    floor, empty = _open_function(view) if row is not None and row.blocks == "indent" else (None, False)
    return Shape(
        view.line_prefix,
        view.line_suffix,
        view.suffix,
        view.block_start,
        max_lines,
        view.document.language,
        floor,
        empty,
        line_code(view.document, view.offset),
    )


def _open_function(view: CursorView) -> tuple[int | None, bool]:
    """How far the header is indented, in columns, of the outermost function around the cursor in which nothing follows;
    None if something follows in the innermost one, or there is none. And whether its body is still empty: nothing but
    comments and a docstring.

    By indentation, not from the tree: a function without a body is none for a parser.
    """
    following = next_line(view.suffix)
    depth = columns(following) if following else -1
    floor: int | None = None
    empty = False
    for number, line in _headers_above(view):
        if line.lstrip().startswith("class") or depth > columns(line):
            break
        if floor is None:
            document = view.document
            header = with_line_feeds(document.text[document.line_start(number) : view.offset])
            code = scan(header, document.language).code
            empty = _is_header(code.rstrip(_QUOTES))
        floor = columns(line)
    return floor, empty


def _headers_above(view: CursorView) -> Iterator[tuple[int, str]]:
    """The lines that define the functions and classes around the cursor, innermost first, with their numbers."""
    document = view.document
    cursor = document.position_at(view.offset).line
    # Behind an indentation the cursor says where it belongs; at the start of a line it may belong anywhere.
    column = columns(view.line_prefix) if view.line_prefix else None
    for number in range(cursor - 1, max(-1, cursor - _LINES_ABOVE), -1):
        line = document.line(number)
        bare = line.strip()
        if not bare or bare[0] in "#)]}" or (column is not None and columns(line) >= column):
            continue
        column = columns(line)
        if _DEFINES.match(line):
            yield number, line
        if not column:
            return


def _is_header(code: str) -> bool:
    """Whether `code` is one line that opens a body, be it broken inside brackets."""
    depth = 0
    for character in code:
        depth += (character in "([") - (character in ")]")
        if character == "\n" and depth <= 0:
            return False
    return code.endswith(":")
