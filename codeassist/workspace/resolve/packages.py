"""The packages of a JavaScript workspace: by the `name` in their package.json, and what they export.

Packages export what a build puts into `dist/`, which is in no index; so each target is also looked for where its
source would be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from codeassist.workspace.resolve.configs import Table, json_at, strings, table
from codeassist.workspace.resolve.view import View, base, folders_up, joined, nearness, parent, under

_MOST_PACKAGES = 256
_MOST_TARGETS = 12
_MOST_DEPTH = 8
_CONDITIONS = ("source", "development", "types", "import", "module", "default", "require", "node", "browser")
"""Conditions of `exports`, nearest to the source first."""
_FIELDS = ("source", "types", "typings", "module", "main")
_NAME = re.compile(r"(?P<name>(?:@[^/@]+/)?[^/@]+)(?:/(?P<below>.+))?")
_BUILT = re.compile(
    r"(?:\./)?(?:(?:dist|build|out|output|lib|libs|es|esm|cjs|umd|types|typings|bundle|compiled|node|browser)/)+"
)
_EXTENSION = re.compile(r"(?:\.d)?\.[cm]?[jt]sx?$")
_HOMES = frozenset({"packages", "libs", "lib", "modules", "apps", "plugins", "extensions", "shared"})
_ENTRIES = ("src/index", "index", "src/main", "lib/index", "mod")


def targets(view: View, importer: str, module: str) -> Iterator[str]:
    """The workspace paths that a bare module name may mean, if it names a package of this workspace."""
    parts = _NAME.fullmatch(module)
    if not parts:
        return
    name, below = parts["name"], parts["below"] or ""
    known = view.once(("packages",), _packages)
    folders = known.get(name, ())
    if not folders and len(known) >= _MOST_PACKAGES // 2:
        # There may be more than were read; most stand in folders that are called like them.
        likely = view.ending(f"{base(name)}/package.json")
        folders = tuple(parent(path) for path in likely if (json_at(view, path) or {}).get("name") == name)
    for folder in sorted(folders, key=lambda folder: nearness(importer, under(folder, "package.json"))):
        yield from _of_package(view, folder, below)
    if not known:
        found = view.once(("package by folder", name, below), partial(_by_folder, name=name, below=below))
        yield from sorted(found, key=lambda path: nearness(importer, path))


def own_imports(view: View, importer: str, module: str) -> Iterator[str]:
    """The workspace paths of `#name`, by the `imports` of the nearest package.json."""
    for folder in folders_up(importer):
        manifest = json_at(view, under(folder, "package.json"))
        if manifest is None:
            continue
        for target in _targets_of(table(manifest.get("imports")), module):
            if target.startswith("."):
                yield from _built_from(folder, target)
            elif not target.startswith("#"):
                yield from targets(view, importer, target)
        return


def _packages(view: View) -> dict[str, tuple[str, ...]]:
    """Name -> the folders of the packages of that name."""
    found: dict[str, tuple[str, ...]] = {}
    for path in view.ending("package.json", _MOST_PACKAGES):
        if "node_modules/" not in path:
            name = (json_at(view, path) or {}).get("name")
            if isinstance(name, str) and name:
                found[name] = (*found.get(name, ()), parent(path))
    return found


def _of_package(view: View, folder: str, below: str) -> Iterator[str]:
    manifest = json_at(view, under(folder, "package.json")) or {}
    exports = manifest.get("exports")
    entries = table(exports)
    if not any(key.startswith(".") for key in entries):
        entries = {".": exports}
    written = _targets_of(entries, f"./{below}" if below else ".")
    if not below:
        written += [target for field in _FIELDS for target in strings(manifest.get(field))[:1]]
    for target in dict.fromkeys(written):
        yield from _built_from(folder, target)
    for path in (below, f"src/{below}", f"lib/{below}") if below else _ENTRIES:
        yield under(folder, path)


def _targets_of(entries: Table, key: str) -> list[str]:
    """What `exports` or `imports` say of a key, a `*` filled in."""
    if key in entries:
        return _flat(entries[key])[:_MOST_TARGETS]
    best, middle = "", ""
    for pattern in entries:
        before, star, after = pattern.partition("*")
        is_longer = len(before) > len(best.partition("*")[0]) or not best
        if star and is_longer and len(key) >= len(pattern) - 1 and key.startswith(before) and key.endswith(after):
            best, middle = pattern, key[len(before) : len(key) - len(after)]
    return [target.replace("*", middle) for target in _flat(entries[best])[:_MOST_TARGETS]] if best else []


def _flat(value: object, depth: int = 0) -> list[str]:
    if isinstance(value, str):
        return [value]
    if depth >= _MOST_DEPTH:
        return []
    if isinstance(value, list):
        return [target for item in value[:_MOST_TARGETS] for target in _flat(item, depth + 1)]
    conditions = table(value)
    order = [name for name in _CONDITIONS if name in conditions]
    order += [name for name in conditions if name not in _CONDITIONS][:_MOST_TARGETS]
    return [target for name in order for target in _flat(conditions[name], depth + 1)]


def _built_from(folder: str, target: str) -> Iterator[str]:
    """The target, then the source that it was probably built from."""
    path = joined(folder, target)
    if path is not None and (not folder or path.startswith(f"{folder}/")):
        yield path
        built = _BUILT.match(target.removeprefix("./"))
        rest = _EXTENSION.sub("", target.removeprefix("./")[built.end() if built else 0 :])
        for source in (f"src/{rest}", rest) if built else (rest, f"src/{rest}"):
            path = joined(folder, source)
            if path is not None:
                yield path


def _by_folder(view: View, name: str, below: str) -> tuple[str, ...]:
    """Where no package.json is to be seen: packages mostly stand in folders that are called like them."""
    scope, _, last = name.rpartition("/")
    ends = [f"{source}{below}{index}" for source in ("src/", "") for index in ("", "/index")] if below else _ENTRIES[:2]
    for suffix in [f"{last}/{end}{extension}" for end in ends for extension in (".ts", ".tsx", ".js")]:
        found = view.ending(suffix)
        if found:
            return tuple(path for path in found if scope or base(path[: -len(suffix)].rstrip("/")) in _HOMES)
    return ()
