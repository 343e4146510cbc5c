"""Imports of a path with a list of names in braces: Scala and PHP."""

from __future__ import annotations

import re

from codeassist.syntax.imports.values import ALL, Import, pairs, without_comments

_OUTSIDE_BRACES = re.compile(r",(?![^{]*\})")
_SCALA_ALL = frozenset({"_", "*", "given"})
_PHP_USE = re.compile(r"use\s+(?:(function|const)\s+)?(.*)", re.DOTALL)
_PHP_INCLUDE = re.compile(r"""(?:include|require)(?:_once)?\b([^'"]*)["']([^'"\n]+)["']""")


def read_scala(text: str, line: int) -> list[Import]:
    """`a.b.C`, `a.b.{C, D => E}`, `a.b._`, several after commas."""
    found = []
    text = without_comments(text).removeprefix("import")
    for part in _OUTSIDE_BRACES.split(text.replace("=>", " as ").replace("`", "")):
        path, brace, inner = part.strip().partition("{")
        if brace:
            module = path.strip().rstrip(".")
            names = tuple(
                ("*", "") if name in _SCALA_ALL else (name, local)
                for name, local in pairs(inner.partition("}")[0], "as")
                if name in _SCALA_ALL or local != "_"
            )
            found.append(Import(module, names, "", line, exported=False))
            continue
        words = path.split()
        module, _, last = (words[0] if words else "").rpartition(".")
        if last in _SCALA_ALL:
            found.append(Import(module, ALL, "", line, exported=False))
        elif words:
            alias = words[2] if len(words) == 3 else last
            found.append(Import(words[0], (), alias, line, exported=False))
    return found


def read_php(text: str, line: int) -> list[Import]:
    """`use` of classes, functions and constants, and included files."""
    text = without_comments(text)
    used = _PHP_USE.match(text)
    if used is None:
        included = _PHP_INCLUDE.match(text)
        if included is None:
            return []
        # `__DIR__ . '/x.php'` and `dirname(__FILE__) . '/x.php'` are paths beside the file.
        beside = "__DIR__" in included[1] or "__FILE__" in included[1]
        module = f".{included[2]}" if beside and included[2].startswith("/") else included[2]
        return [Import(module, ALL, "", line, exported=False)]
    found = []
    for part in _OUTSIDE_BRACES.split(used[2].strip().rstrip(";")):
        path, brace, inner = part.strip().partition("{")
        if brace:
            bare = re.sub(r"(^|,)\s*(?:function|const)\s+", r"\1", inner.partition("}")[0])
            found.append(Import(path.strip().strip("\\"), pairs(bare, "as"), "", line, exported=False))
            continue
        for name, local in pairs(path, "as"):
            module, _, last = name.strip("\\").rpartition("\\")
            alias = last if local == name else local
            if used[1]:
                found.append(Import(module, ((last, alias),), "", line, exported=False))
            else:
                found.append(Import(name.strip("\\"), (), alias, line, exported=False))
    return found
