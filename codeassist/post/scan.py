"""What stands open after a piece of code: brackets and strings, read without a grammar.

A completion is half a program while it streams, and no grammar parses those. A few rules for each language are
enough to tell code from strings and comments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from codeassist.syntax.languages import language as row_of

_COMMENTS = {"/*": "*/", "<!--": "-->"}
_PAIRS = {")": "(", "]": "[", "}": "{"}
_BACKTICK_SPANS_LINES = frozenset({"javascript", "typescript", "tsx", "go"})
_TRIPLE = frozenset({"python", "toml", "java", "kotlin", "swift", "scala", "csharp"})
_APOSTROPHES = frozenset({"rust", ""})
"""Where a lone `'` is more often an apostrophe or a lifetime than the beginning of a string."""
_LONGEST_CHARACTER_LITERAL = 12


@dataclass(frozen=True, slots=True)
class Scan:
    """`brackets` still open, outermost first; the delimiter of a string or comment still open (`quote`, "" if none).

    `closed`: closers for which nothing was open, each with the index after it; a string that was open before the text
    counts too. `code`: the text without comments and without what stands in strings.
    """

    brackets: tuple[str, ...] = ()
    quote: str = ""
    closed: tuple[tuple[str, int], ...] = ()
    code: str = ""


def scan(text: str, language: str = "", before: Scan | None = None) -> Scan:
    """Read `text`, which follows on what left `before` open. `closed` and `code` are those of `text` alone."""
    brackets = list(before.brackets) if before else []
    quote = before.quote if before else ""
    inherited = bool(quote)
    closed: list[tuple[str, int]] = []
    code: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        if quote:
            at, ended = _read_quoted(text, at, quote, language)
            if ended == "open":
                break
            if ended == "closed":
                code.append(quote)
                if inherited:
                    closed.append((quote, at))
            quote, inherited = "", False
        elif _comment_starts(text, at, language):
            at = (text + "\n").index("\n", at)
        elif opener := _quote_at(text, at, language):
            quote = _COMMENTS.get(opener, opener)
            code.append(quote if quote == opener else "")
            at += len(opener)
        else:
            if character in _PAIRS and not _close(brackets, _PAIRS[character]):
                closed.append((character, at + 1))
            elif character in _PAIRS.values():
                brackets.append(character)
            code.append(character)
            at += 1
    return Scan(tuple(brackets), quote, tuple(closed), "".join(code))


def _read_quoted(text: str, at: int, quote: str, language: str) -> tuple[int, Literal["closed", "line-end", "open"]]:
    """Read on inside a string or comment: where it ends, and how."""
    while at < len(text):
        if text[at] == "\n" and not _spans_lines(quote, language):
            return at, "line-end"
        if text.startswith(quote, at):
            return at + len(quote), "closed"
        at += 2 if text[at] == "\\" and quote not in _COMMENTS.values() else 1
    return at, "open"


def _close(brackets: list[str], opener: str) -> bool:
    """Close the last open `opener`, and what was left open inside it; False if there is none."""
    if opener not in brackets:
        return False
    while brackets.pop() != opener:
        pass
    return True


def _spans_lines(quote: str, language: str) -> bool:
    return len(quote) > 1 or (quote == "`" and language in _BACKTICK_SPANS_LINES)


def _comment_starts(text: str, at: int, language: str) -> bool:
    row = row_of(language)
    signs = (row.line_comment,) if row else ("#", "//")
    for sign in signs:
        if sign and text.startswith(sign, at):
            # Elsewhere `#` and `//` are part of a value: `${#list}`, `https://`.
            before = text[at - 1] if at else " "
            return before.isspace() if sign == "#" else before != ":"
    return False


def _quote_at(text: str, at: int, language: str) -> str:
    """What opens a string or a block comment at `at`; "" if nothing does."""
    character = text[at]
    markup = language in ("html", "markdown")
    if character == "<":
        return "<!--" if markup and text.startswith("<!--", at) else ""
    if character == "/":
        row = row_of(language)
        return "/*" if row and row.blocks == "braces" and text.startswith("/*", at) else ""
    if character not in "\"'`" or markup:
        return ""
    if language in _TRIPLE and text.startswith(character * 3, at):
        return character * 3
    if character == "'" and language in _APOSTROPHES and not _closes_soon(text, at, language):
        return ""
    return character


def _closes_soon(text: str, at: int, language: str) -> bool:
    end = text.find("'", at + 1)
    if end < 0 or "\n" in text[at:end]:
        return False
    if language == "rust":
        inside = text[at + 1 : end]
        return len(inside) == 1 or (inside.startswith("\\") and len(inside) < _LONGEST_CHARACTER_LITERAL)
    return True
