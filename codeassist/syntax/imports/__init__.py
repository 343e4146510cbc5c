"""What import statements say, read from their text: the tree tells where one begins and ends.

Each reader takes the text of one statement and the line it begins on, counted from 0.
"""

from __future__ import annotations

from collections.abc import Callable

from codeassist.syntax.imports import clauses, dotted, javascript, paths, python, rust
from codeassist.syntax.imports.values import Import

__all__ = ["Import", "imports_in"]

_Reader = Callable[[str, int], list[Import]]

_READERS: dict[str, _Reader] = {
    "python": python.read,
    "javascript": javascript.read,
    "typescript": javascript.read,
    "tsx": javascript.read,
    "rust": rust.read,
    "go": paths.read_go,
    "c": paths.read_c,
    "cpp": paths.read_c,
    "lua": paths.read_lua,
    "bash": paths.read_bash,
    "ruby": paths.read_ruby,
    "css": paths.read_css,
    "html": paths.read_html,
    "java": dotted.read_java,
    "kotlin": dotted.read_kotlin,
    "swift": dotted.read_swift,
    "csharp": dotted.read_csharp,
    "scala": clauses.read_scala,
    "php": clauses.read_php,
}


def imports_in(language: str, statement: str, line: int) -> list[Import]:
    """The modules that one statement of a language imports; none if it says nothing that we can read."""
    reader = _READERS.get(language)
    return reader(statement, line) if reader else []
