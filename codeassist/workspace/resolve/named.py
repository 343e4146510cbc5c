"""Languages whose names follow folders more or less: C#, PHP, Lua; and any other by its last name."""

from __future__ import annotations

import re

from codeassist.syntax.tags import Import
from codeassist.workspace.resolve.view import MOST_RESULTS, View, base, folders_up, joined, parent, under

_MOST_PARTS = 32
_PHP_FILE = re.compile(r"\.(?:php\d?|inc|phtml)$")
_SEPARATOR = re.compile(r"::|[./\\:]+")
_NAME = re.compile(r"[^/\\\s]{2,100}")


def nothing(_view: View, _importer: str, _imported: Import) -> list[str]:
    """For languages whose imports name a whole product and no file, as in Swift."""
    return []


def csharp(view: View, importer: str, imported: Import) -> list[str]:
    """A class by its file; a namespace by a folder near the importer that is called like its last names."""
    module = imported.module.strip().removeprefix("global::")
    parts = _parts(module, ".")
    if not parts or parts[0] in {"System", "Microsoft", "Windows"}:
        return []
    is_namespace = any(name == "*" for name, _ in imported.names)  # Or a static class, which has no folder.
    found = _namespace(view, importer, parts) if is_namespace else []
    return (
        found
        or _by_shrinking(view, importer, parts, ".cs", least=min(2, len(parts)))[:2]
        or ([] if is_namespace else _namespace(view, importer, parts))
    )


def _namespace(view: View, importer: str, parts: list[str]) -> list[str]:
    tails = [".".join(parts), *("/".join(parts[place:]) for place in range(len(parts)))]
    for folder in list(folders_up(importer))[:4]:
        for tail in dict.fromkeys((tails[0], *tails[-3:])):
            files = [path for path in view.folder(joined(folder, tail)) if path.endswith(".cs")]
            if files:
                return sorted(files)
    return []


def php(view: View, importer: str, imported: Import) -> list[str]:
    """A class by its file, whatever the namespace's first names are mapped to; `require` by its path."""
    module = imported.module.strip()
    if _PHP_FILE.search(module):
        path = module.removeprefix("/")  # Of `__DIR__ . '/x.php'` the path begins with a slash.
        beside = joined(parent(importer), path)
        if beside and view.exists(beside):
            return [beside]
        while path.startswith(("../", "./")):
            path = path.partition("/")[2]
        return view.nearest(importer, path)[:3]
    parts = _parts(module, "\\")
    names = [name for name, _ in imported.names if name != "*" and "\\" not in name]
    if not parts:
        return []
    found = [
        path
        for name in names
        if name != parts[-1]
        for path in _by_shrinking(view, importer, [*parts, name], ".php", least=2)[:1]
    ]
    return found or _by_shrinking(view, importer, parts, ".php", least=min(2, len(parts)))[:2]


def lua(view: View, importer: str, imported: Import) -> list[str]:
    """`a.b` is a/b.lua or a/b/init.lua, under any folder of the search path."""
    module = imported.module.strip().removesuffix(".lua")
    path = module if "/" in module else module.replace(".", "/")
    if path.startswith(("./", "../")):
        beside = joined(parent(importer), path)
        return view.first([f"{beside}.lua", f"{beside}/init.lua"]) if beside else []
    path = path.strip("/")
    return view.nearest(importer, f"{path}.lua", f"{path}/init.lua")[:2] if path else []


def by_last_name(view: View, importer: str, imported: Import) -> list[str]:
    """The nearest files that are called like the last name of the module, or like a path, as it is written."""
    module = imported.module.strip().strip("\"'<>")
    beside = joined(parent(importer), module)
    if beside and view.exists(beside):
        return [beside]
    dot, extension = base(importer).rpartition(".")[1:]
    last = _SEPARATOR.split(module)[-1]
    if not _NAME.fullmatch(last):
        return []
    return view.nearest(importer, module.lstrip("./"), *([f"{last}.{extension}"] if dot else []))[:3]


def _parts(module: str, separator: str) -> list[str]:
    parts = [part.strip() for part in module.split(separator) if part.strip()]
    return [] if any("/" in part or part == ".." for part in parts) else parts[:_MOST_PARTS]


def _by_shrinking(view: View, importer: str, parts: list[str], extension: str, least: int) -> list[str]:
    """The files that end with the most of `parts`: the first ones may be mapped to folders of other names."""
    wholes = ["/".join(parts[place:]) + extension for place in range(max(len(parts) - least, 0) + 1)]
    shortest = view.nearest(importer, wholes[-1])
    for whole in wholes:
        found = [path for path in shortest if path == whole or path.endswith(f"/{whole}")]
        if found:
            return found[:MOST_RESULTS]
    # A class of the same name without its folder counts if it is the only one.
    alone = view.nearest(importer, parts[-1] + extension)
    return alone if len(alone) == 1 and under("", parts[-1])[:1].isupper() else []
