"""From an import to the files that it means, by language. Pure: what is on the disk is asked of a `Paths`."""

from __future__ import annotations

from collections.abc import Callable

from codeassist.syntax.tags import Import
from codeassist.workspace.resolve import go, headers, jvm, named, python, rust, script, sourced
from codeassist.workspace.resolve.view import MOST_RESULTS, Memory, Paths, View, inside

__all__ = ["Paths", "Resolver", "resolve"]

_MOST_MODULE_CHARACTERS = 1024

Rule = Callable[[View, str, Import], list[str]]

_RULES: dict[str, Rule] = {
    "python": python.resolve,
    "javascript": script.resolve,
    "typescript": script.resolve,
    "tsx": script.resolve,
    "go": go.resolve,
    "rust": rust.resolve,
    "java": jvm.resolve,
    "kotlin": jvm.resolve,
    "scala": jvm.resolve,
    "c": headers.resolve,
    "cpp": headers.resolve,
    "csharp": named.csharp,
    "php": named.php,
    "ruby": sourced.ruby,
    "lua": named.lua,
    "bash": sourced.shell,
    "css": sourced.styles,
    "html": sourced.styles,
    "swift": named.nothing,
}


class Resolver:
    """Resolves the imports of one workspace folder and remembers what its configuration files say.

    `forget` is for when one of those has changed, or files came or went; a lost answer costs a few reads.
    """

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._memory = Memory()

    def resolve(self, language: str, importer: str, imported: Import) -> tuple[str, ...]:
        """The files that `imported`, written in the file `importer`, may mean; best first, at most 8.

        () if it is none of this folder. For `from pkg import name` where name is a submodule: that module's file
        first, then pkg's own.
        """
        if (
            not importer
            or inside(importer) != importer
            or not imported.module
            or len(imported.module) > _MOST_MODULE_CHARACTERS
        ):
            return ()
        rule = _RULES.get(language, named.by_last_name)
        found = rule(View(self._paths, self._memory), importer, imported)
        return tuple(path for path in dict.fromkeys(found) if path != importer)[:MOST_RESULTS]

    def forget(self) -> None:
        """Read the configuration files again when they are next needed."""
        self._memory.forget()


def resolve(paths: Paths, language: str, importer: str, imported: Import) -> tuple[str, ...]:
    """As `Resolver.resolve`, for one import: it reads the configuration files anew."""
    return Resolver(paths).resolve(language, importer, imported)
