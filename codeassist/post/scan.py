"""What stands open after a piece of code: brackets and strings, read without a grammar.

A completion is half a program while it streams, and no grammar parses those. A few rules for each language are
enough to tell code from strings and comments.
"""

from __future__ import annotations

import re
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
_HAVE_JSX = frozenset({"javascript", "tsx"})
_BEFORE_STRING = re.compile(
    r"(?<![\w$])(?:return|typeof|case|in|of|from|import|export|as|default|delete|void|throw|else|yield|await|extends"
    r"|instanceof|require)\Z"
)
"""Words that a string may follow without a blank. Between other letters `'` is an apostrophe: `<p>don't</p>`."""
_HAVE_EXPRESSIONS = frozenset({"javascript", "typescript", "tsx", "ruby"})
"""Where a regular expression stands between two `/`."""
_EXPRESSION = re.compile(r"/(?:[^\\/\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*(?:\]|\Z))*(?P<end>/|\\?\Z)?")
_WANTS_OPERAND = re.compile(
    r"(?:[(,=:\[!&|?]|=>|(?<![\w.$])(?:return|typeof|case|in|of|delete|void|instanceof|throw|do|else|yield|await"
    r"|if|unless|when|while|until|and|or|not|then|elsif))\Z"
)
"""Code behind which nothing can be divided."""
_MAY_WANT_OPERAND = re.compile(r"(?:\A|[{;*%~^]|(?<!\+)\+|(?<!-)-)\Z")
_TAIL_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Scan:
    """`brackets` still open, outermost first; the delimiter of a string or comment still open (`quote`, "" if none).

    `closed`: closers for which nothing was open, each with the index after it; a string that was open before the text
    counts too. `code`: the text without comments and without what stands in strings; a regular expression reads as an
    empty string. `tail`: the last of the code, the lines before included.
    """

    brackets: tuple[str, ...] = ()
    quote: str = ""
    closed: tuple[tuple[str, int], ...] = ()
    code: str = ""
    tail: str = ""


def scan(text: str, language: str = "", before: Scan | None = None) -> Scan:
    """Read `text`, which follows on what left `before` open. `closed` and `code` are those of `text` alone."""
    brackets = list(before.brackets) if before else []
    quote = before.quote if before else ""
    inherited = bool(quote) and quote != "/"  # Nobody closes a regular expression for the user.
    lead = before.tail if before else ""
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
                code.append(_sign(quote))
                if inherited:
                    closed.append((quote, at))
            quote, inherited = "", False
        elif _comment_starts(text, at, language):
            at = (text + "\n").index("\n", at)
        elif opener := _quote_at(text, at, language):
            quote = _COMMENTS.get(opener, opener)
            code.append(quote if quote == opener else "")
            at += len(opener)
        elif character == "/" and (found := _expression_at(text, at, language, lead, code)):
            quote = "" if found["end"] == "/" else "/"
            code.append(_sign("/") * (1 if quote else 2))
            at = found.end()
        else:
            if character in _PAIRS and not _close(brackets, _PAIRS[character]):
                closed.append((character, at + 1))
            elif character in _PAIRS.values():
                brackets.append(character)
            code.append(character)
            at += 1
    written = "".join(code)
    tail = (lead + written)[-_TAIL_CHARACTERS:]
    return Scan(tuple(brackets), quote, tuple(closed), written, tail)


def _read_quoted(text: str, at: int, quote: str, language: str) -> tuple[int, Literal["closed", "line-end", "open"]]:
    """Read on inside a string or comment: where it ends, and how."""
    while at < len(text):
        if text[at] == "\n" and not _spans_lines(quote, language):
            return at, "line-end"
        if text.startswith(quote, at):
            return at + len(quote), "closed"
        at += 2 if text[at] == "\\" and quote not in _COMMENTS.values() else 1
    return at, "open"


def _expression_at(text: str, at: int, language: str, lead: str, code: list[str]) -> re.Match[str] | None:
    """The regular expression that begins at `at`, up to its end or that of the text; None if something is divided.
    `lead` and `code` stand before it."""
    found = _EXPRESSION.match(text, at) if language in _HAVE_EXPRESSIONS else None
    if found is None or found["end"] is None:
        return None
    before = lead + "".join(code[-_TAIL_CHARACTERS:])
    blank = before[-1:].isspace()
    before = before.rpartition("\n")[2].rstrip() if language == "ruby" else before.rstrip()
    if _WANTS_OPERAND.search(before):
        return found
    if found["end"] != "/" or text[at + 1].isspace():
        return None
    argument = language == "ruby" and blank and (before[-1:].isalnum() or before.endswith("_"))  # `split /,/`
    return found if argument or _MAY_WANT_OPERAND.search(before) else None


def _sign(quote: str) -> str:
    return '"' if quote == "/" else quote


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
    if character == "'" and language in _HAVE_JSX and _is_apostrophe(text, at):
        return ""
    return character


def _is_apostrophe(text: str, at: int) -> bool:
    return text[at - 1 : at].isalpha() and text[at + 1 : at + 2].isalpha() and not _BEFORE_STRING.search(text, 0, at)


def _closes_soon(text: str, at: int, language: str) -> bool:
    end = text.find("'", at + 1)
    if end < 0 or "\n" in text[at:end]:
        return False
    if language == "rust":
        inside = text[at + 1 : end]
        return len(inside) == 1 or (inside.startswith("\\") and len(inside) < _LONGEST_CHARACTER_LITERAL)
    return True
