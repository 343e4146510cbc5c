"""Python: relative and absolute imports, `src/` layouts, several packages in one folder, namespace packages, stubs."""

from __future__ import annotations

import sys
from functools import partial

from codeassist.syntax.tags import Import
from codeassist.workspace.resolve.view import MOST_RESULTS, View, folders_up, joined, parent, steps, under

_SOURCE_FOLDERS = ("src", "lib", "python")
_STANDARD = sys.stdlib_module_names | {"__future__"}
_MANY = 20
"""As many answers as a search gives: perhaps not all there are."""


def resolve(view: View, importer: str, imported: Import) -> list[str]:
    """Of `from pkg import name`: the file of the module pkg.name first, if there is one, then pkg's own."""
    dots = len(imported.module) - len(imported.module.lstrip("."))
    parts = [part.strip() for part in imported.module[dots:].split(".") if part.strip()]
    if any("/" in part for part in parts):
        return []
    if dots:
        # One dot is the importer's folder, for an `__init__.py` too: it stands in the folder of its package.
        folder = joined(parent(importer), "../" * (dots - 1) + "/".join(parts))
        return [] if folder is None else _files(view, folder, imported)
    return _absolute(view, importer, parts, imported) if parts else []


def _absolute(view: View, importer: str, parts: list[str], imported: Import) -> list[str]:
    for root in _roots(view, importer, parts[0]):
        found = _files(view, under(root, "/".join(parts)), imported)
        if found:
            return found
    if parts[0] in _STANDARD:
        return []
    return _namespace(view, importer, parts, imported)


def _files(view: View, module: str, imported: Import) -> list[str]:
    """The files of the names that are modules of `module` (a path without extension), then its own."""
    own = _own(view, module) if module else view.existing(["__init__.pyi", "__init__.py"])
    names = [name for name, _ in imported.names if name != "*" and name.isidentifier()]
    is_plain_module = bool(own) and not own[-1].rpartition("/")[2].startswith("__init__.")
    if not names or is_plain_module:
        return own
    # Listed once, because an import may name dozens of classes that are no modules.
    here = set(view.folder(module))
    if not own and not here:
        return [path for name in names[:MOST_RESULTS] for path in _package(view, under(module, name))]
    found: list[str] = []
    for name in sorted(names, key=lambda name: not name.islower()):  # Modules have lower-case names, mostly.
        path = under(module, name)
        package = _package(view, path) if name.islower() or not own else []
        found += package or [path + extension for extension in (".pyi", ".py") if path + extension in here]
    return found[: MOST_RESULTS - len(own)] + own


def _own(view: View, module: str) -> list[str]:
    # A package goes before a module of its name, as in the language.
    return _package(view, module) or view.existing([f"{module}.pyi", f"{module}.py"])


def _package(view: View, folder: str) -> list[str]:
    return view.existing([f"{folder}/__init__.pyi", f"{folder}/__init__.py"])


def _roots(view: View, importer: str, top: str) -> list[str]:
    """The folders that hold the top-level package or module `top`, the likeliest for this importer first."""
    found = view.once(("python roots", top), partial(_all_roots, top=top))
    around = {root: place for place, root in enumerate(_around(importer))}
    roots = dict(found)
    if len(found) >= _MANY:
        roots |= _roots_around(view, top, list(around)[:8])
    if top in _STANDARD:
        # A file of this name somewhere is hardly ever meant, unless this is the library's own repository.
        roots = {root: kind for root, kind in roots.items() if root in {"", "src", "lib", "Lib"}}
    chosen = [root for root, is_package in roots.items() if is_package or root in around or _is_project(view, root)]
    return sorted(chosen, key=lambda root: (around.get(root, len(around)), steps(parent(importer), root), root))


def _all_roots(view: View, top: str) -> dict[str, bool]:
    """Folder -> whether `top` is a package there and not a single module. Folders inside of packages are no roots."""
    roots: dict[str, bool] = {}
    for suffix, is_package in ((f"{top}/__init__.py", True), (f"{top}/__init__.pyi", True), (f"{top}.py", False),
                               (f"{top}.pyi", False)):  # fmt: skip
        for path in view.ending(suffix, _MANY):
            root = path[: -len(suffix)].rstrip("/")
            if root not in roots and not (root and view.exists(f"{root}/__init__.py")):
                roots[root] = is_package
    return roots


def _roots_around(view: View, top: str, around: list[str]) -> dict[str, bool]:
    return {
        root: view.exists(under(root, f"{top}/__init__.py"))
        for root in around
        if view.exists(under(root, f"{top}/__init__.py")) or view.exists(under(root, f"{top}.py"))
    }


def _around(importer: str) -> list[str]:
    """The folders from which an importer's absolute imports may start: those above it, each with its `src/`."""
    return [under(folder, below) for folder in folders_up(importer) for below in ("", *_SOURCE_FOLDERS)]


def _is_project(view: View, root: str) -> bool:
    """A single module counts only where modules get installed from: elsewhere it is a script of that name."""
    folders = [root, parent(root)] if root.rpartition("/")[2] in _SOURCE_FOLDERS else [root]
    return any(view.exists(under(folder, name)) for folder in folders for name in ("pyproject.toml", "setup.py"))


def _namespace(view: View, importer: str, parts: list[str], imported: Import) -> list[str]:
    """Packages without `__init__.py` are known by the module that is asked for."""
    names = [name for name, _ in imported.names if name.isidentifier() and name.islower()]
    for wanted in [[*parts, name] for name in names[:4]] + [parts]:
        if len(wanted) > 1:
            module = "/".join(wanted)
            roots = view.once(("python namespace", module), partial(_namespace_roots, module=module))
            for root in sorted(roots, key=lambda root: (steps(parent(importer), root), root)):
                return _files(view, under(root, "/".join(parts)), imported)
    return []


def _namespace_roots(view: View, module: str) -> tuple[str, ...]:
    """The folders that a module of several parts starts from."""
    suffixes = (f"{module}.py", f"{module}/__init__.py", f"{module}.pyi")
    found = {path[: -len(suffix)].rstrip("/") for suffix in suffixes for path in view.ending(suffix)}
    return tuple(root for root in found if not (root and view.exists(f"{root}/__init__.py")))
