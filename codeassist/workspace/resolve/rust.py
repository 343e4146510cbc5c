"""Rust: `mod x;`, paths from `crate`, `self` and `super`, and the crates of the workspace.

A module is known here by the folder that its children stand in: `a/b.rs` and `a/b/mod.rs` both by `a/b`, the root
of a crate by the folder of its `lib.rs` or `main.rs`.
"""

from __future__ import annotations

from functools import partial

from codeassist.syntax.tags import Import
from codeassist.workspace.resolve.configs import table, toml_at
from codeassist.workspace.resolve.view import MOST_RESULTS, View, base, folders_up, joined, parent, stem, under

_ROOT_FILES = ("lib.rs", "main.rs")
_OWN_FOLDER = frozenset({"mod.rs", "lib.rs", "main.rs", "build.rs"})
_LOOSE_ROOTS = frozenset({"bin", "tests", "benches", "examples"})
"""Each file directly in these is a crate of its own."""
_ELSEWHERE = frozenset({"std", "core", "alloc", "proc_macro", "test"})
_DEPENDENCIES = ("dependencies", "dev-dependencies", "build-dependencies")
_MOST_CRATES = 256
_MOST_PARTS = 32


def resolve(view: View, importer: str, imported: Import) -> list[str]:
    """The files of the names that are modules first, then of the module itself: the deepest file on the path."""
    module = imported.module.strip().removeprefix("mod ").removesuffix(";").replace(" ", "")
    parts = [part.removeprefix("r#") for part in module.split("::") if part][:_MOST_PARTS]
    if not parts or parts[0] in _ELSEWHERE or any("/" in part or part == ".." for part in parts):
        return []
    is_absolute = module.startswith("::")
    here = _folder_of(importer)
    if parts[0] == "crate":
        return _walk(view, _root(view, importer), parts[1:], imported)
    if parts[0] in {"self", "super"}:
        while parts and parts[0] in {"self", "super"}:
            if parts[0] == "super":
                if not here:
                    return []
                here = parent(here)
            parts = parts[1:]
        return _walk(view, here, parts, imported)
    if not is_absolute and _file(view, under(here, parts[0])):
        return _walk(view, here, parts, imported)
    root = _crate(view, importer, parts[0])
    return [] if root is None else _walk(view, root, parts[1:], imported)


def _folder_of(path: str) -> str:
    """The folder that the children of a file's module stand in."""
    folder = parent(path)
    if base(path) in _OWN_FOLDER or base(folder) in _LOOSE_ROOTS:
        return folder
    return under(folder, stem(path))


def _file(view: View, module: str) -> list[str]:
    return view.first([f"{module}.rs", f"{module}/mod.rs"]) if module else []


def _own(view: View, module: str) -> list[str]:
    return view.first(under(module, name) for name in _ROOT_FILES) or _file(view, module)


def _walk(view: View, module: str, parts: list[str], imported: Import) -> list[str]:
    """Down from a module as far as files go; what is left of the path are items, or modules within the file."""
    own: list[str] = []
    for place, part in enumerate(parts):
        found = _file(view, under(module, part))
        if not found:
            own = own or _own(view, module)
            # `use a::Item` with the item in `parts`: no names can be modules below it.
            return own if place < len(parts) else []
        own, module = found, under(module, part)
    names = [name.removeprefix("r#") for name, _ in imported.names if name not in {"*", "self"}]
    own = own or _own(view, module)
    # Types have capitals and are no modules.
    below = [path for name in names if name.islower() and "/" not in name for path in _file(view, under(module, name))]
    return below[: MOST_RESULTS - len(own)] + own


def _root(view: View, importer: str) -> str:
    """The folder of the importer's own crate."""
    if base(parent(importer)) in _LOOSE_ROOTS:
        return parent(importer)
    for folder in folders_up(importer):
        if any(view.exists(under(folder, name)) for name in _ROOT_FILES) or base(folder) in {"src", *_LOOSE_ROOTS}:
            return folder
    return parent(importer)


def _crate(view: View, importer: str, name: str) -> str | None:
    """The source folder of a workspace crate, by the dependencies of the importer's crate, or by its name."""
    for folder in folders_up(importer):
        manifest = toml_at(view, under(folder, "Cargo.toml"))
        if manifest is None:
            continue
        for section in _DEPENDENCIES:
            for key, value in table(manifest.get(section)).items():
                if key.replace("-", "_") == name:
                    target = table(value).get("path")
                    found = joined(folder, target) if isinstance(target, str) else None
                    if found is not None:
                        return _sources(view, found)
                    renamed = table(value).get("package")
                    name = renamed.replace("-", "_") if isinstance(renamed, str) else name
        break
    folders = view.once(("crates",), _crates).get(name)
    if folders is not None:
        return _sources(view, folders)
    # No Cargo.toml to be seen, or too many: crates mostly stand in folders that are called like them.
    entry = view.nearest(importer, f"{name}/src/lib.rs", f"{name.replace('_', '-')}/src/lib.rs")
    return parent(entry[0]) if entry else None


def _crates(view: View) -> dict[str, str]:
    """Name in code -> folder."""
    found: dict[str, str] = {}
    for path in view.ending("Cargo.toml", _MOST_CRATES):
        manifest = toml_at(view, path) or {}
        for section in ("package", "lib"):
            name = table(manifest.get(section)).get("name")
            if isinstance(name, str):
                found.setdefault(name.replace("-", "_"), parent(path))
    return found


def _sources(view: View, folder: str) -> str:
    return view.once(("crate sources", folder), partial(_find_sources, folder=folder))


def _find_sources(view: View, folder: str) -> str:
    written = table((toml_at(view, under(folder, "Cargo.toml")) or {}).get("lib")).get("path")
    path = joined(folder, written) if isinstance(written, str) else None
    return parent(path) if path and base(path) in _ROOT_FILES else under(folder, "src")
