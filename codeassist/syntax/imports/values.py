"""One imported module as a plain value, and what the readers of several languages need."""

from __future__ import annotations

import re
from dataclasses import dataclass

ALL = (("*", ""),)
"""The names of an import that brings every name of its module."""

_COMMENT = re.compile(r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|//[^\n]*|/\*.*?\*/""", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Import:
    """The one module of one import statement."""

    module: str
    """As written: "..pkg.mod", "./util", "github.com/a/b", "crate::a::b", "a.b.C", "x/y.h".

    Two kinds of import would read alike without a mark: Rust's `mod x;` is "self::x", and Ruby's
    `require_relative "x"` is "./x".
    """
    names: tuple[tuple[str, str], ...]
    """(name, local name) pairs; ("*", "") for all; () for the module as a whole."""
    alias: str
    """What the file calls the whole module, "" if it has no name for it; dotted for Python's `import a.b`."""
    line: int
    """Where it is written, counted from 0."""
    exported: bool
    """Handed on: `export * from`, `pub use`, `global using`."""


def without_comments(text: str) -> str:
    """The text with `//` and `/* */` comments taken out of it, but not out of its strings."""
    if "//" not in text and "/*" not in text:
        return text
    return _COMMENT.sub(lambda match: match[1] or " ", text)


def pairs(clause: str, between: str) -> tuple[tuple[str, str], ...]:
    """`a, b as c` as (name, local name) pairs; `between` is the word or sign that renames."""
    found = []
    for part in clause.split(","):
        words = part.split()
        if len(words) == 1:
            found.append((words[0], words[0]))
        elif len(words) == 3 and words[1] == between:
            found.append((words[0], words[2]))
    return tuple(found)
