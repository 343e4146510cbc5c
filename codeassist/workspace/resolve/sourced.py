"""Languages that name files: Ruby, shells, style sheets."""

from __future__ import annotations

import re

from codeassist.syntax.tags import Import
from codeassist.workspace.resolve.view import MOST_RESULTS, View, base, joined, parent, under

_VARIABLE = re.compile(r"^.*(?:\$\([^()]*\)|\$\{[^{}]*\}|\$\w+|`[^`]*`|\))[\"']?/")
"""`"$(dirname "$0")"/`, `${HERE}/`: mostly the folder of the script, or of the project."""
_URL = re.compile(r"url\(\s*(.*?)\s*\)", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_RUBY_LOAD_PATH = ("lib", "app", "spec", "test")
_STYLES = (".css", ".scss", ".less")


def ruby(view: View, importer: str, imported: Import) -> list[str]:
    """`./x` (as `require_relative` means it) from the importer's folder; `require` from any folder of a load path."""
    written = imported.module.strip().strip("\"'")
    module = written.removesuffix(".rb")
    beside = joined(parent(importer), module)
    # A bare name is no neighbour: `require "json"` beside a json.rb means the library's.
    if beside and (written != module or module.startswith(("./", "../"))):
        found = view.existing([f"{beside}.rb"])
        if found:
            return found
    if not module or module.startswith((".", "/")):
        return []
    suffixes = [f"{folder}/{module}.rb" for folder in _RUBY_LOAD_PATH] + ([f"{module}.rb"] if "/" in module else [])
    return view.nearest(importer, *suffixes)[:2]


def shell(view: View, importer: str, imported: Import) -> list[str]:
    """`source` from the script's folder, from the workspace folder, from anywhere; variables in front do not count."""
    written = imported.module.strip().strip("\"'")
    module = _VARIABLE.sub("", written).strip("\"'")
    if "$" in module or "`" in module or (module == written and written.startswith("/")):
        return []
    for folder in (parent(importer), ""):
        path = joined(folder, module)
        if path and view.exists(path):
            return [path]
    while module.startswith(("../", "./")):
        module = module.partition("/")[2]
    return view.nearest(importer, module)[:3] if "." in base(module) or "/" in module else []


def styles(view: View, importer: str, imported: Import) -> list[str]:
    """`@import` of a path or of `url(...)`, with or without extension, `_partial`s included."""
    module = imported.module.strip()
    url = _URL.match(module)
    module = (url[1] if url else module).strip("\"' \t").partition("?")[0]
    if not module or _SCHEME.match(module) or module.startswith("//"):
        return []
    module = module.removeprefix("~")
    folder = "" if module.startswith("/") else parent(importer)
    path = joined(folder, module.lstrip("/"))
    if not path:
        return []
    partial = under(parent(path), f"_{base(path)}")
    names = [path, *(name + extension for name in (path, partial) for extension in _STYLES)]
    while module.startswith(("../", "./", "/")):
        module = module.partition("/")[2]
    return view.first(names) or view.nearest(importer, module)[:MOST_RESULTS]
