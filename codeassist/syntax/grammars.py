"""Grammars, loaded one wheel at a time and only when a file of that language is parsed."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from typing import TYPE_CHECKING

from codeassist.syntax.languages import LANGUAGES, Language, language, language_of, line_comment

if TYPE_CHECKING:
    import tree_sitter

__all__ = ["LANGUAGES", "Grammar", "Language", "grammar", "language_of", "line_comment"]


_IMPORTS = "; -- imports --\n"
"""The line of a query file that parts what defines from what imports."""
_TAGS = "; -- tags --\n"
"""The line behind which a query file has what only the index of a workspace wants to know."""


@dataclass(frozen=True, eq=False)
class Grammar:
    """A loaded grammar. Its queries are compiled when first used: that takes longer than loading the grammar."""

    language: Language
    handle: tree_sitter.Language

    @property
    def name(self) -> str:
        """Our name of the language."""
        return self.language.name

    @cached_property
    def definitions(self) -> tree_sitter.Query:
        """Captures `@definition.<kind>` with `@name`, and `@body` where the node has no field of that name."""
        return self._compiled(query_source(self.language).partition(_TAGS)[0].partition(_IMPORTS)[0])

    @cached_property
    def imports(self) -> tree_sitter.Query:
        """Captures `@import`."""
        return self._compiled(query_source(self.language).partition(_IMPORTS)[2].partition(_TAGS)[0])

    @cached_property
    def tags(self) -> tree_sitter.Query:
        """All of the file, its last part first, so that in doubt the index has its own way.

        Captures also `@outer` with `@inner`: what stands around a definition and belongs to it (decorators,
        `export`); `@promoted`: a parameter that is a field as well; `@require`: a string that names a module.
        """
        common, _, own = query_source(self.language).partition(_TAGS)
        return self._compiled(f"{own}\n{common}")

    def _compiled(self, source: str) -> tree_sitter.Query:
        from tree_sitter import Query

        query: tree_sitter.Query = Query(self.handle, source)
        return query


@cache
def grammar(name: str) -> Grammar | None:
    """The grammar of a language, or None if we do not know it. ImportError if its wheel is not installed."""
    row = language(name)
    if row is None:
        return None
    from tree_sitter import Language as Handle

    with warnings.catch_warnings():
        # Some wheels still hand over a number instead of a capsule; the number works.
        warnings.simplefilter("ignore", DeprecationWarning)
        handle = Handle(getattr(import_module(row.module), row.function)())
    return Grammar(row, handle)


def query_source(row: Language) -> str:
    """The text of the language's file in `queries/`."""
    from importlib.resources import files

    path = f"queries/{row.queries or row.name}.scm"
    return files("codeassist.syntax").joinpath(path).read_text(encoding="utf-8")
