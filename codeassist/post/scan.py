"""What stands open after a piece of code: brackets and strings, read without a grammar.

A completion is half a program while it streams, and no grammar parses those. A few rules for each language are
enough to tell code from strings and comments.
"""

from __future__ import annotations

from dataclasses import dataclass

from codeassist.syntax.languages import language as row_of

_PAIRS = {")": "(", "]": "[", "}": "{"}
_BACKTICK_SPANS_LINES = frozenset({"javascript", "typescript", "tsx", "go"})
_TRIPLE = frozenset({"python", "toml", "java", "kotlin", "swift", "scala", "csharp"})
_APOSTROPHES = frozenset({"html", "markdown", "rust", ""})
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
            if character == "\n" and not _spans_lines(quote, language):
                quote, inherited = "", False
            elif character == "\\" and quote not in ("*/", "-->"):
                at += 2
                continue
            elif text.startswith(quote, at):
                at += len(quote)
                code.append(quote)
                if inherited:
                    closed.append((quote, at))
                quote, inherited = "", False
                continue
            else:
                at += 1
                continue
        if _comment_starts(text, at, language):
            at = (text + "\n").index("\n", at)
            continue
        opener, quote = _quote_at(text, at, language)
        if quote:
            code.append("" if quote in ("*/", "-->") else opener)
            at += len(opener)
            continue
        if character in "([{":
            brackets.append(character)
        elif character in _PAIRS:
            if _PAIRS[character] in brackets:
                while brackets.pop() != _PAIRS[character]:
                    pass
            else:
                closed.append((character, at + 1))
        code.append(character)
        at += 1
    return Scan(tuple(brackets), quote, tuple(closed), "".join(code))


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


def _quote_at(text: str, at: int, language: str) -> tuple[str, str]:
    """The opening and the closing delimiter of the string or comment that starts at `at`; "" and "" if none does."""
    character = text[at]
    if character == "/" and text.startswith("/*", at):
        row = row_of(language)
        return ("/*", "*/") if row and row.blocks == "braces" else ("", "")
    if character == "<" and text.startswith("<!--", at):
        return ("<!--", "-->") if language in ("html", "markdown") else ("", "")
    if character not in "\"'`" or language in ("html", "markdown"):
        return "", ""
    if language in _TRIPLE and text.startswith(character * 3, at):
        return character * 3, character * 3
    if character == "'" and language in _APOSTROPHES and not _closes_soon(text, at, language):
        return "", ""
    return character, character


def _closes_soon(text: str, at: int, language: str) -> bool:
    end = text.find("'", at + 1)
    if end < 0 or "\n" in text[at:end]:
        return False
    if language == "rust":
        inside = text[at + 1 : end]
        return len(inside) == 1 or (inside.startswith("\\") and len(inside) < _LONGEST_CHARACTER_LITERAL)
    return True
