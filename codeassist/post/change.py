"""What differs between a line and a better one: the smallest run of whole lexemes."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LEXEME = re.compile(
    r"\s+|\w+|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`"
    r"|[=!]==|[=!<>]=|[-+*/%&|^]=|&&|\|\||\?\?|<<|>>|//|\*\*|->|=>|::|\+\+|--|."
)
_NAMES = r"(\w+(?:\s*,\s*\w+)*)"
_BINDING = re.compile(
    rf"\bfor\s+\(?{_NAMES}\)?\s+in\b|\blambda\s+{_NAMES}\s*:|\({_NAMES}\)\s*=>|\b(\w+)\s*=>|\|{_NAMES}\|"
)
"""Where a line gives names to something for itself alone."""


@dataclass(frozen=True, slots=True)
class Change:
    """The smallest run of whole lexemes that turns one line into another: characters [start, end) of the old line
    become `text`; `old` is what stood there."""

    start: int
    end: int
    old: str
    text: str

    @property
    def size(self) -> int:
        return len(self.old) + len(self.text)


def lexemes(text: str) -> list[str]:
    """Names, numbers, strings, operators and signs, without white space. Joined together they are the text."""
    return [lexeme for lexeme in _LEXEME.findall(text) if lexeme.strip()]


def smallest_change(line: str, better: str) -> Change:
    """Where `line` and `better` differ, on whole lexemes, so that a fix never cuts a name or an operator in two."""
    old, new = _LEXEME.findall(line), _LEXEME.findall(better)
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    start = sum(map(len, old[:head]))
    end = len(line) - sum(map(len, old[len(old) - tail :]))
    text = "".join(new[head : len(new) - tail])
    return Change(start, end, line[start:end], text)


def without_comment(line: str, sign: str) -> str:
    """A line of code without the comment behind it, which begins at `sign` (such as "#") after white space, and without
    white space at its end. For lines that no tree is made of, since no file has them."""
    kept = ""
    for lexeme in _LEXEME.findall(line):
        if lexeme == sign and not kept[-1:].strip():
            break
        kept += lexeme
    return kept.rstrip()


def with_names_of(line: str, better: str) -> str:
    """`better` with the names that it makes up for itself (`x` in `for x in`) replaced by those that `line` has there.

    What a loop variable is called is taste, and would hide what else differs.
    """
    ours, theirs = _bound(line), _bound(better)
    if len(ours) != len(theirs):
        return better
    for name, other in zip(ours, theirs, strict=True):
        if name != other and not _holds(line, other) and not _holds(better, name):
            better = re.sub(rf"\b{other}\b", name, better)
    return better


def _bound(line: str) -> list[str]:
    lists = [next(names for names in match.groups() if names) for match in _BINDING.finditer(line)]
    return [name.strip() for names in lists for name in names.split(",")]


def _holds(line: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", line) is not None
