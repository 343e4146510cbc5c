"""Imports of one dotted name: Java, Kotlin, Swift, C#."""

from __future__ import annotations

import re

from codeassist.syntax.imports.values import ALL, Import, without_comments

_SWIFT = re.compile(r"import\s+(?:(?:struct|class|enum|protocol|func|typealias|let|var)\s+)?([\w.]+)")
_CSHARP = re.compile(r"(global\s+)?using\s+(?:(static)\s+)?(?:unsafe\s+)?(?:(\w+)\s*=\s*)?([\w.:]+)")


def read_java(text: str, line: int) -> list[Import]:
    """A class by its whole name, a package's `*`, a static member of a class."""
    path = "".join(without_comments(text).removeprefix("import").split()).rstrip(";")
    if path.endswith(".*"):
        return [Import(path[:-2].removeprefix("static"), ALL, "", line, exported=False)]
    module, _, last = path.rpartition(".")
    if re.match(r"import\s+static\b", text):
        return [Import(module.removeprefix("static"), ((last, last),), "", line, exported=False)]
    return [Import(path, (), last, line, exported=False)] if path else []


def read_kotlin(text: str, line: int) -> list[Import]:
    """A class, function or property by its whole name, or a package's `*`."""
    words = without_comments(text).replace(";", " ").replace("`", "").split()[1:]
    if not words:
        return []
    if words[0].endswith(".*"):
        return [Import(words[0][:-2], ALL, "", line, exported=False)]
    alias = words[2] if len(words) == 3 and words[1] == "as" else words[0].rpartition(".")[2]
    return [Import(words[0], (), alias, line, exported=False)]


def read_swift(text: str, line: int) -> list[Import]:
    """A module, which brings all of its names, or one thing out of it."""
    found = _SWIFT.search(text)
    if found is None:
        return []
    module, _, last = found[1].rpartition(".")
    single = module and re.search(r"import\s+\w+\s+\w", text)
    exported = "@_exported" in text
    if single:
        return [Import(module, ((last, last),), "", line, exported)]
    return [Import(found[1], ALL, "", line, exported)]


def read_csharp(text: str, line: int) -> list[Import]:
    """A namespace or, with `static`, a class, all of whose names it brings; or one name with an alias."""
    found = _CSHARP.match(without_comments(text))
    if found is None:
        return []
    module = found[4].removeprefix("global::")
    alias = found[3] or ""
    return [Import(module, () if alias else ALL, alias, line, exported=found[1] is not None)]
