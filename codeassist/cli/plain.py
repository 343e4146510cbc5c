"""Text that others wrote, made harmless for a terminal: file names, code, and what a model says."""

from __future__ import annotations

_TAB = " " * 4
_FIRST_LOST_BYTE, _LAST_LOST_BYTE = 0xDC80, 0xDCFF
"""Bytes of a file name that are no UTF-8 stand in Python's text as these."""


def plain(text: str) -> str:
    """`text` with nothing in it that a terminal obeys or that cannot be seen: control characters, marks that turn the
    direction of writing and invisible ones are spelled out, as in Python's strings."""
    return text if text.isprintable() else "".join(map(plain_character, text))


def one_line(text: str) -> str:
    """What a server says, as one plain line."""
    return plain(" ".join(text.split()))


def plain_character(character: str) -> str:
    """One character as `plain` shows it; a tab as blanks."""
    if character.isprintable():
        return character
    code = ord(character)
    if character == "\t":
        return _TAB
    if _FIRST_LOST_BYTE <= code <= _LAST_LOST_BYTE:
        return f"\\x{code - 0xDC00:02x}"
    if character == "\u3000":
        return character  # A blank of Chinese and Japanese text.
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
