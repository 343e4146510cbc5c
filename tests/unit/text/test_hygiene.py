"""What is not read as code, and what broken characters become."""

from __future__ import annotations

import pytest

from codeassist.text.hygiene import ReadLimits, printable, why_unreadable

LIMITS = ReadLimits(max_bytes=1000, max_line_characters=100)


@pytest.mark.parametrize(
    ("text", "size", "reason"),
    [
        ("", 0, None),
        ("def f():\n    return 1\n", 22, None),
        ("\ufeff# Grüße 😀\r\n\tx = '\x1b[0m'\f\n", 40, None),
        ("x\n" * 501, 1002, "too-large"),
        ("head of a large file", 50_000_000, "too-large"),
        ("\x7fELF\0\0", 6, "binary"),
        ("x = 1\nnul\0\n", 11, "binary"),
        ("\x01\x02\x03abc", 6, "binary"),
        ("\ufffd\ufffdPNG", 9, "binary"),
        ("a" * 100, 100, None),
        ("a" * 101, 101, "one-long-line"),
        ("short\n" + "a" * 101 + "\nshort", 113, "one-long-line"),
    ],
)
def test_why_unreadable(text: str, size: int, reason: str | None) -> None:
    assert why_unreadable(text, size, LIMITS) == reason


def test_only_the_head_is_searched_for_binary_data() -> None:
    text = "x\n" * 100 + "\0"
    assert why_unreadable(text, 201, ReadLimits(head_characters=200)) is None
    assert why_unreadable(text, 201, ReadLimits(head_characters=201)) == "binary"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("abc", "abc"), ("é😀", "é😀"), ("a\ud83db\ude00", "a\ufffdb\ufffd"), ("\ud83d\ude00", "\ufffd\ufffd")],
)
def test_printable(text: str, expected: str) -> None:
    assert printable(text) == expected
    assert printable(text).encode()
