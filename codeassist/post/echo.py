"""What of an answer the document has already said: lines above, the line below, comments."""

from __future__ import annotations

import re

from codeassist.context.cursor import CursorView
from codeassist.post.cut import is_telling, next_line, opens_block, same_line
from codeassist.post.opened import line_code
from codeassist.post.scan import scan
from codeassist.syntax.languages import line_comment

_ECHO_LINES = 8
_COMMENT_LINES = 12
"""How far up a comment is looked for that the answer says again, in lines with text."""
_FEWEST_WORDS = 3
"""Shorter comments stand in every test and every section: `# Arrange`, `// given`."""
_BEGUN = re.compile(r"(?:[^\W\d]\w*(?:\.|::|->))*(?<!\w)(?P<word>[^\W\d]\w*)\Z")
"""The word before the cursor, and what it is a member of. A number that goes on with its own digits is no echo."""
_WORD = re.compile(r"\w+")
_SHORTEST_WORD, _SHORTEST_CHAIN = 2, 4
_WITH_ITEMS = frozenset({"yaml", "markdown"})
_ITEM_SIGNS = frozenset({"-", "*", "+"})
_DIRECTIVE = re.compile(
    r"\W*(?:eslint|prettier|biome|ts-|tslint|jshint|istanbul|c8 |v8 |noqa|pylint|pyright|mypy|type:|ruff|flake8|fmt:"
    r"|isort|pragma|nolint|go:|\+build|rubocop|clang-|noinspection|sonar|spdx|safety:|shellcheck|region|endregion)",
    re.IGNORECASE,
)
"""Comments for tools. They are repeated wherever the tool has to be told."""


def repeats(text: str, view: CursorView) -> str | None:
    """Which part of the document the answer merely repeats, if it does: the reason of a Skip."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    before = [line.strip() for line in view.prefix.split("\n")[:-1] if line.strip()]
    fresh = not view.line_prefix.strip()
    if view.line_suffix.strip() and text.strip() == view.line_suffix.strip():
        return "repeats-suffix"
    first = view.line_prefix + text.split("\n", 1)[0] if not text.startswith("\n") else text.lstrip("\n").split("\n")[0]
    if fresh and is_telling(first) and same_line(first, next_line(view.suffix)):
        return "repeats-suffix"
    if fresh and is_telling(lines[0]) and before[-len(lines) :] == lines:
        return "repeats-prefix"
    header = lines[0]
    if not fresh and before[-1:] == [header] and is_telling(header) and opens_block(header, view.document.language):
        return "repeats-prefix"  # The header of the cursor's own block: the model begins to write the file anew.
    near = before[-_ECHO_LINES:]
    if len(lines) > 2 and any(near[start : start + len(lines)] == lines for start in range(len(near))):
        return "repeats-prefix"
    return None


def without_begun_item(text: str, view: CursorView) -> str:
    """`text` without the sign of a list's item at its beginning, if the cursor stands behind it: `name: Test`, not
    `- name: Test`, behind `- `. Lists right inside of items are rare, and this is what small models write."""
    sign = view.line_prefix.strip()
    if view.document.language not in _WITH_ITEMS or sign not in _ITEM_SIGNS or not text.startswith(f"{sign} "):
        return text
    return text[len(sign) :].lstrip(" ")


def without_begun_word(text: str, view: CursorView) -> str:
    """`text` without the word in which the cursor stands, and what hangs on it, if it begins with them: `sum(prices)`
    behind `su`, `self.price` behind `self.pri`. "" if nothing else is in it.

    Words may well begin twice with the same letters, as `rerender` does: where else they stand tells, and must tell of
    single letters and in strings.
    """
    begun = _BEGUN.search(view.line_prefix)
    if begun is None:
        return text
    chain, word, language = begun[0], begun["word"], view.document.language
    if chain != word and len(chain) >= _SHORTEST_CHAIN and text.startswith(chain):
        return text[len(chain) :]
    own = _WORD.match(text)
    if own is None or not own[0].startswith(word):
        return text
    around = view.prefix[: -len(word)] + view.suffix
    if _stands_in(around, word + own[0]):
        return text
    telling = len(word) >= _SHORTEST_WORD and not scan(line_code(view.document, view.offset), language).quote
    return text[len(word) :] if telling or _stands_in(around, own[0]) else text


def without_echoed_comments(text: str, view: CursorView) -> str:
    """`text` without the comments at its beginning that stand above the cursor already; "" if nothing else is in it.

    Models begin with the comment that says what is to be written, which the user has just typed.
    """
    sign = line_comment(view.document.language)
    if not sign or sign not in view.line_prefix + text[: len(view.line_prefix) + 200]:
        return text
    above = [line.strip() for line in view.prefix.split("\n")[:-1] if line.strip()][-_COMMENT_LINES:]
    block = _comments_at_end(above, sign)
    typed = view.line_prefix.strip()
    if typed and not typed.startswith(sign):
        return text
    lines = text.split("\n")
    run: list[str] = []
    for number, line in enumerate(lines):
        whole = (view.line_prefix + line if number == 0 else line).strip()
        if whole and not whole.startswith(sign):
            break
        run.append(whole)
    echoed = next(
        (number for number, comment in enumerate(run) if comment and not _is_echo(comment, block, 1)), len(run)
    )
    doc = any(comment.startswith(("///", "//!")) for comment in run)
    if echoed < len(run) and not doc and all(not c or _is_echo(c, above, _FEWEST_WORDS) for c in run):
        echoed = len(run)  # Part of a comment may be said again in another one; all of it is an echo.
    if not any(run[:echoed]):
        echoed = 0
    if not echoed:
        return text
    if typed:
        # The sign of the comment stays: what comes behind the echo would stand in a comment of its own.
        return ""
    rest = "\n".join(lines[echoed:])
    return rest.lstrip() if view.line_prefix else rest.lstrip("\n")


def _stands_in(code: str, word: str) -> bool:
    return re.search(rf"\b{re.escape(word)}\b", code) is not None


def _comments_at_end(above: list[str], sign: str) -> list[str]:
    """The comment lines right above the cursor."""
    start = len(above)
    while start and above[start - 1].startswith(sign):
        start -= 1
    return above[start:]


def _is_echo(comment: str, above: list[str], fewest_words: int) -> bool:
    telling = is_telling(comment) and not _DIRECTIVE.match(comment)
    return telling and comment in above and len(re.findall(r"\w{2,}", comment)) >= fewest_words
