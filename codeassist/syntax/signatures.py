"""The signature of a definition on one line, cut from the bytes of its file."""

from __future__ import annotations

import re

MAX_CHARACTERS = 400
_MAX_BYTES = 1600
"""What is looked at of a text that is cut at `MAX_CHARACTERS`."""
_MAX_DECORATOR_BYTES = 20_000

_STRING = rb"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
_COMMENTS = {
    "#": re.compile(_STRING + rb"|#[^\n]*"),
    "//": re.compile(_STRING + rb"|//[^\n]*|/\*.*?\*/", re.DOTALL),
    "--": re.compile(_STRING + rb"|--[^\n]*"),
}
_JOIN = re.compile(r"(?<=[(\[])\s*\n\s*|,?\s*\n\s*(?=[)\]])")
"""Line ends at which no blank is wanted: behind what opens and before what closes."""
_DECORATOR = re.compile(rb"@(?!interface\b)[\w.:]+|#?\[")
_BRACKETS = re.compile(rb"""["'`()\[\]\n]""")
_CPP_INITIALIZERS = re.compile(r"(\)[\w\s]*?)\s:\s*[\w:<>]+\s*[({].*", re.DOTALL)


def signature(source: bytes, start: int, stop: int, comment: str) -> tuple[str, int]:
    """What stands from `start` up to `stop`, where the body or the definition ends, and the byte where it ends.

    `comment` is what begins a line comment: comments are taken out where the signature has more than one line.
    """
    text = source[start : min(stop, start + _MAX_BYTES)].rstrip()
    if b"\n" not in text:
        return _without_opening(_one_line(text))[:MAX_CHARACTERS].rstrip(), start + len(text)
    text = _blanked(text, comment).rstrip()
    shown = _JOIN.sub("", text.decode("utf-8", "replace"))
    return _without_opening(" ".join(shown.split()))[:MAX_CHARACTERS].rstrip(), start + len(text)


def value_signature(source: bytes, start: int, stop: int, comment: str) -> tuple[str, int]:
    """The same for a field or a constant with its value: all of it if that is short, else its first line."""
    text = source[start : min(stop, start + _MAX_BYTES)].rstrip()
    if b"\n" not in text:
        return _one_line(text)[:MAX_CHARACTERS].rstrip(), start + len(text)
    if stop - start <= _MAX_BYTES:
        bare = _blanked(text, comment).rstrip().replace(b"\\\n", b"\n")
        shown = _JOIN.sub("", bare.decode("utf-8", "replace"))
        shown = " ".join(shown.split())
        if len(shown) <= MAX_CHARACTERS:
            return shown, start + len(text)
    first = text.split(b"\n", 1)[0].rstrip()
    return _one_line(first)[:MAX_CHARACTERS].rstrip(), start + len(first)


def behind_decorators(source: bytes, start: int, stop: int) -> int:
    """The byte at which a definition begins behind its annotations and attributes: `@A(1) @B class`, `[A] class`."""
    limit = min(stop, start + _MAX_DECORATOR_BYTES)
    at = start
    while found := _DECORATOR.match(source, at, limit):
        at = found.end()
        if found[0].endswith(b"[") or source[at : at + 1] == b"(":
            at = _behind_brackets(source, at - found[0].endswith(b"["), limit)
        while at < limit and source[at : at + 1].isspace():
            at += 1
    return at if at < limit else start


def _blanked(text: bytes, comment: str) -> bytes:
    """With blanks for comments, so that what follows them stays where it is."""
    pattern = _COMMENTS.get(comment)
    if pattern is None or (comment.encode() not in text and b"/*" not in text):
        return text
    return pattern.sub(lambda match: match[1] or b" " * len(match[0]), text)


def without_initializers(shown: str) -> str:
    """A constructor of C++ without `: size_(size)`."""
    return _CPP_INITIALIZERS.sub(r"\1", shown)


def _behind_brackets(source: bytes, start: int, limit: int) -> int:
    """The byte behind the bracket that closes the one at `start`."""
    depth, quote = 0, b""
    for found in _BRACKETS.finditer(source, start, limit):
        sign = found[0]
        if quote:
            if sign == quote and source[found.start() - 1 : found.start()] != b"\\":
                quote = b""
        elif sign in b"\"'`":
            quote = sign
        elif sign in b"([":
            depth += 1
        elif sign in b")]":
            depth -= 1
            if depth <= 0:
                return found.end()
    return limit


def _one_line(text: bytes) -> str:
    """A line with its blanks single. Most have no others, and looking is cheaper than splitting."""
    shown = text.decode("utf-8", "replace")
    return shown if "  " not in shown and shown.isprintable() else " ".join(shown.split())


def _without_opening(shown: str) -> str:
    if shown[-1:] not in ("{", "="):
        return shown
    return shown.removesuffix("{").rstrip().removesuffix(" =").rstrip()
