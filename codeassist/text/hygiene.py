"""Which texts are not worth reading as code, and how broken characters are sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Unreadable = Literal["binary", "too-large", "one-long-line"]

_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd]")
_LONGEST_LINE = re.compile(r"[^\r\n]*")


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What still counts as source code."""

    max_bytes: int = 2_000_000
    max_line_characters: int = 20_000
    """Generated and minified files have longer ones; nobody completes in them."""
    head_characters: int = 65_536
    """How much of a text is searched for signs of binary data."""
    max_control_share: float = 0.1
    """The share of control and replacement characters in the head from which it is binary data."""


def why_unreadable(text_or_head: str, size_bytes: int, limits: ReadLimits) -> Unreadable | None:
    """Why a file is neither parsed nor completed in, or None if it can be.

    `text_or_head` is the whole text or the first part of it, `size_bytes` the size of the whole file.
    """
    if size_bytes > limits.max_bytes:
        return "too-large"
    head = text_or_head[: limits.head_characters]
    if "\0" in head or len(_CONTROL.findall(head)) > limits.max_control_share * len(head):
        return "binary"
    if any(match.end() - match.start() > limits.max_line_characters for match in _LONGEST_LINE.finditer(text_or_head)):
        return "one-long-line"
    return None


def printable(text: str) -> str:
    """The text with each lone surrogate replaced by U+FFFD, so that it can be encoded and sent."""
    if text.isascii():
        return text
    return _SURROGATE.sub("\ufffd", text)
