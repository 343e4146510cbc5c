"""JavaScript and TypeScript: relative paths, the paths of tsconfig.json, packages of the workspace, `#imports`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain

from codeassist.syntax.tags import Import
from codeassist.workspace.resolve import packages, tsconfig
from codeassist.workspace.resolve.view import View, base, joined, parent, under

_WRITTEN_FOR = {
    ".js": (".ts", ".tsx", ".d.ts", ".js", ".jsx"),
    ".jsx": (".tsx", ".d.ts", ".jsx"),
    ".mjs": (".mts", ".d.mts", ".mjs"),
    ".cjs": (".cts", ".d.cts", ".cjs"),
}
"""An extension as written -> those of the files that it means: TypeScript wants the name of what it will emit."""
_EXTENSIONS = (".ts", ".tsx", ".d.ts", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json", ".vue", ".svelte")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_SCRIPT = re.compile(r"\.(?:[cm]?js|jsx)$")
_COMPLETE = re.compile(r"\.(?:[cm]?ts|tsx|json|vue|svelte|css|scss|less|svg|png|md|html|wasm)$")
_DECLARES = (".d.ts", ".d.mts", ".d.cts")


def resolve(view: View, importer: str, imported: Import) -> list[str]:
    """A declaration file (.d.ts) comes with the JavaScript beside it."""
    module = imported.module.strip().partition("?")[0]  # Bundlers take `./icon.svg?url`.
    if not module or module.startswith("/") or _SCHEME.match(module):
        return []
    if module in {".", ".."} or module.startswith(("./", "../")):
        return files(view, joined(parent(importer), module))
    own = packages.own_imports if module.startswith("#") else packages.targets
    tried = set[str]()
    for path in chain(tsconfig.targets(view, importer, module), own(view, importer, module)):
        if path not in tried:
            tried.add(path)
            found = files(view, path)
            if found:
                return found
    return []


def files(view: View, path: str | None) -> list[str]:
    """The files that a path means: itself, with an extension, by the extension that it will have, or its index."""
    if path is None:
        return []
    written = _SCRIPT.search(path)
    if written:
        bare = path[: written.start()]
        return _best(path for extension in _WRITTEN_FOR[written[0]] if view.exists(path := bare + extension))
    if _COMPLETE.search(path):
        return view.existing([path])
    if "." in base(path) and path in view.listed(parent(path)):
        return [path]
    beside = _best(path + extension for extension in _EXTENSIONS if path + extension in view.listed(parent(path)))
    index = under(path, "index")
    return beside or _best(index + extension for extension in _EXTENSIONS if index + extension in view.listed(path))


def _best(found: Iterable[str]) -> list[str]:
    """The first, and what it declares if it does no more than that."""
    best: list[str] = []
    for path in found:
        best.append(path)
        if not path.endswith(_DECLARES):
            break
    return best
