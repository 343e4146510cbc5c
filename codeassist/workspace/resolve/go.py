"""Go: the module path of go.mod, `replace` with local folders, the modules of go.work, `vendor/`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial

from codeassist.syntax.tags import Import
from codeassist.workspace.resolve.view import MOST_RESULTS, View, base, folders_up, joined, parent, stem, under

_MODULE = re.compile(r'^[ \t]*module[ \t]+"?([^\s"]+)', re.MULTILINE)
_REPLACE = re.compile(
    r'^[ \t]*(?:replace[ \t]+)?"?([^\s"()]+)"?(?:[ \t]+v\S+)?[ \t]+=>[ \t]+"?(\.\.?(?:/[^\s"]*)?)"?[ \t]*(?://.*)?$',
    re.MULTILINE,
)
_USE = re.compile(r'^[ \t]*(?:use[ \t]+)?"?(\.{1,2}(?:/[^\s"()]*)?)"?[ \t]*(?://.*)?$', re.MULTILINE)
_MOST_MODULES = 64
_MOST_TEXT = 1_000_000
_LAST = re.compile(r"_(?:windows|darwin|linux|unix|js|wasm|plan9|freebsd|openbsd|netbsd|arm64|amd64)\.go$|\.pb\.go$")
"""For one platform, or generated: they tell the least about a package."""


@dataclass(frozen=True, slots=True)
class _Module:
    name: str
    folder: str
    replaced: tuple[tuple[str, str], ...]
    """(module path, folder) of `replace path => ../folder`."""


def resolve(view: View, importer: str, imported: Import) -> list[str]:
    """The package's files: the one of its name first, platforms' and generated ones last, tests only for a test."""
    module = imported.module.strip()
    if module.startswith(("./", "../")):
        return _files(view, importer, joined(parent(importer), module))
    for name, folder in _known(view, importer):
        if module == name or module.startswith(f"{name}/"):
            found = _files(view, importer, joined(folder, module[len(name) + 1 :] or "."))
            if found:
                return found
    if "." not in module.partition("/")[0]:
        return []  # The standard library.
    found = _files(view, importer, joined("vendor", module))
    if found or _nearest(view, importer):
        return found
    # No go.mod to be seen: what follows host, owner and repository is a folder of this one, or of another one.
    return _files(view, importer, joined("", "/".join(module.split("/")[3:]) or "."))


def _known(view: View, importer: str) -> list[tuple[str, str]]:
    """(module path, folder), in the order in which an import is to be compared with them: longest path first."""
    nearest = _nearest(view, importer)
    known = [(nearest.name, nearest.folder), *nearest.replaced] if nearest else []
    known += [(module.name, module.folder) for module in view.once(("go modules",), _all)]
    return sorted(dict.fromkeys(known), key=lambda pair: -len(pair[0]))


def _nearest(view: View, importer: str) -> _Module | None:
    for folder in folders_up(importer):
        found = _module_of(view, folder)
        if found:
            return found
    return None


def _module_of(view: View, folder: str) -> _Module | None:
    return view.once(("go.mod", folder), partial(_parsed, folder=folder))


def _parsed(view: View, folder: str) -> _Module | None:
    text = (view.read(under(folder, "go.mod")) or "")[:_MOST_TEXT]
    name = _MODULE.search(text)
    if not name:
        return None
    local = ((path, joined(folder, target)) for path, target in _REPLACE.findall(text))
    return _Module(name[1], folder, tuple((path, target) for path, target in local if target is not None))


def _all(view: View) -> tuple[_Module, ...]:
    """The modules that go.work uses, and those whose go.mod is found."""
    work = (view.read("go.work") or "")[:_MOST_TEXT]
    folders = [folder for path in _USE.findall(work) if (folder := joined("", path)) is not None]
    folders += [parent(path) for path in view.ending("go.mod", _MOST_MODULES)]
    found = (_module_of(view, folder) for folder in list(dict.fromkeys(folders))[:_MOST_MODULES])
    return tuple(module for module in found if module)


def _files(view: View, importer: str, folder: str | None) -> list[str]:
    paths = [path for path in view.folder(folder) if path.endswith(".go")]
    tests = [path for path in paths if path.endswith("_test.go")]
    package = base(folder or "")
    chosen = sorted(
        (path for path in paths if not path.endswith("_test.go")),
        key=lambda path: (stem(path) != package, bool(_LAST.search(path)), base(path) == "doc.go", path),
    )
    return chosen + sorted(tests)[: MOST_RESULTS // 2] if importer.endswith("_test.go") else chosen
