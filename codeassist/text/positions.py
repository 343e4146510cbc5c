"""Columns in the unit that an editor counts in: UTF-8 bytes, UTF-16 code units, or characters (UTF-32).

A lone surrogate, which JSON can carry and Python strings can hold, counts one UTF-16 unit and three UTF-8
bytes, so a broken character never shifts the rest of its line.
"""

from __future__ import annotations

import re
from typing import Literal

Encoding = Literal["utf-8", "utf-16", "utf-32"]
"""The position encodings of the Language Server Protocol, by its names."""

_TWO_UNITS = re.compile("[\U00010000-\U0010ffff]")


def to_units(line: str, column: int, encoding: Encoding) -> int:
    """A column of characters in units of `encoding`. A column outside the line is moved to its nearer end."""
    column = min(max(column, 0), len(line))
    if encoding == "utf-32" or line.isascii():
        return column
    before = line[:column]
    if encoding == "utf-8":
        return len(before.encode("utf-8", "surrogatepass"))
    return column + len(_TWO_UNITS.findall(before))


def from_units(line: str, units: int, encoding: Encoding) -> int:
    """The column in characters of a place given in units of `encoding`.

    A place inside a character (between the halves of a UTF-16 pair or the bytes of a UTF-8 sequence) is the
    start of that character; a place outside the line is moved to its nearer end.
    """
    units = max(units, 0)
    if encoding == "utf-32" or line.isascii():
        return min(units, len(line))
    if encoding == "utf-8":
        return _from_bytes(line, units)
    return _from_utf16(line, units)


def _from_bytes(line: str, units: int) -> int:
    data = line.encode("utf-8", "surrogatepass")
    if units >= len(data):
        return len(line)
    while data[units] & 0xC0 == 0x80:  # A continuation byte: step back to the first byte of the character.
        units -= 1
    return len(data[:units].decode("utf-8", "surrogatepass"))


def _from_utf16(line: str, units: int) -> int:
    # Counted by hand: decoding UTF-16 would join two lone surrogates that are neighbours into one character.
    pairs = 0
    for match in _TWO_UNITS.finditer(line):
        start = match.start() + pairs
        if units <= start:
            break
        if units == start + 1:
            return match.start()
        pairs += 1
    return min(units - pairs, len(line))
