"""The first line of what is written about a definition: a docstring, or the comment above or behind it."""

from __future__ import annotations

import re
from collections.abc import Sequence

MAX_CHARACTERS = 120
_MAX_LINE_BYTES = 400
_MAX_LINES_ABOVE = 200
"""The longest comment whose beginning is looked for."""

_DOCSTRING = re.compile(rb"""\s*[rRuUbB]{0,2}(\"\"\"|'''|"|')\\?\s*([^\n]*)""")
_NEXT_LINE = re.compile(rb"""[ \t]*(?:#[^\n]*|\r)?\n[ \t]*(?=[rRuU]?(?:\"\"\"|'''))""")
_MARKS = re.compile(r"(?:///?<?!?|//!<?|/\*[*!]*<?|\*+/?|#+[!:]?|--+(?:\[=*\[)?!?)\s*")
_CLOSING = re.compile(r"\s*(?:\*+/|\]=*\])\s*$")
_XML_TAG = re.compile(
    r"</?(?:summary|remarks|para|c|code)\s*/?>|<(?:see|paramref|typeparamref)\s[^>]*?\"([^\"]*)\"\s*/>"
)
_BRIEF = re.compile(r"[@\\](?:brief|summary|description|desc|short)\b:?\s*")
_BLOCK_TAG = re.compile(r"\{?[@\\]\w")
_DIRECTIVE = re.compile(
    r"go:\w|nolint|eslint-|prettier-|biome-|tslint:|jshint|istanbul|@ts-|NOLINT|clang-format|noqa|type:|pylint:|mypy:|"
    r"fmt:|isort:|pragma|rubocop:|frozen_string_literal|shellcheck|!|noinspection|region\b|endregion\b|\+build"
)
_ATTRIBUTES = {"rust": (b"#[",), "typescript": (b"@",), "tsx": (b"@",), "javascript": (b"@",)}
"""What begins a line above a definition that belongs to it, though the grammar keeps it apart."""


def docstring(source: bytes, start: int) -> str:
    """The first line of the Python string that begins at a byte, behind blanks; "" if none does."""
    found = _DOCSTRING.match(source, start, start + _MAX_LINE_BYTES) if start >= 0 else None
    if found is None:
        return ""
    text = found[2].partition(found[1])[0]
    return _shortened(text.decode("utf-8", "replace"))


def docstring_below(source: bytes, end: int) -> str:
    """The first line of the docstring on the line below a Python field that ends at a byte."""
    below = _NEXT_LINE.match(source, end, end + _MAX_LINE_BYTES)
    return docstring(source, below.end()) if below else ""


def behind(source: bytes, end: int, mark: str) -> str:
    """The comment that follows on the line of a field that ends at a byte."""
    rest = source[end : end + _MAX_LINE_BYTES].split(b"\n", 1)[0].lstrip(b" \t;,")
    if not rest.startswith(mark.encode()) and not rest.startswith(b"/*"):
        return ""
    return _first([rest.decode("utf-8", "replace")])


def above(source: bytes, starts: Sequence[int], row: int, language: str, mark: str) -> tuple[str, int]:
    """The first line of the comment directly above a row, and the row where attributes above it begin.

    `starts` are the bytes at which the rows begin. `mark` begins a line comment ("" if there are none).
    """
    first = row
    attributes = _ATTRIBUTES.get(language)
    row -= 1
    while attributes and row >= 0 and _line(source, starts, row).startswith(attributes):
        first = row
        row -= 1
    if row < 0:
        return "", first
    line = _line(source, starts, row)
    line_mark = mark.encode()
    if mark and line.startswith(line_mark) and not line.startswith(b"--[["):
        lines = []
        stop = max(-1, row - _MAX_LINES_ABOVE)
        while row > stop and line.startswith(line_mark):
            lines.append(line)
            row -= 1
            line = _line(source, starts, row) if row >= 0 else b""
        return _first([line.decode("utf-8", "replace") for line in reversed(lines)]), first
    closing, opening = (b"]]", b"--[[") if mark == "--" else (b"*/", b"/*")
    if mark == "#" or not line.endswith(closing):
        return "", first
    lines = [line]
    stop = max(-1, row - _MAX_LINES_ABOVE)
    while opening not in line:
        row -= 1
        if row <= stop:
            return "", first
        line = _line(source, starts, row)
        lines.append(line)
    if not line.startswith(opening):  # It begins behind code: a remark about that.
        return "", first
    return _first([line.decode("utf-8", "replace") for line in reversed(lines)]), first


def _line(source: bytes, starts: Sequence[int], row: int) -> bytes:
    start = starts[row]
    end = starts[row + 1] if row + 1 < len(starts) else len(source)
    if end - start > _MAX_LINE_BYTES:
        return b""
    return source[start:end].strip()


def _first(lines: list[str]) -> str:
    """The first line of a comment that says something in words; "" if it begins with the tags of a doc tool."""
    for raw in lines:
        line = _CLOSING.sub("", raw)
        marks = _MARKS.match(line)
        if marks:
            line = line[marks.end() :]
        if raw.startswith(("#!", "//go:")) or _DIRECTIVE.match(line):
            continue
        line = _XML_TAG.sub(lambda tag: tag[1] or "", _BRIEF.sub("", line)).strip()
        if _BLOCK_TAG.match(line):
            return ""
        if any(character.isalnum() for character in line):
            return _shortened(line.rstrip("-=*#/ "))
    return ""


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    if len(text) <= MAX_CHARACTERS:
        return text
    return text[: MAX_CHARACTERS - 1].rstrip() + "…"
