"""`paths` and `baseUrl` of tsconfig.json and jsconfig.json, through their `extends`.

As TypeScript has it: a pattern has at most one `*`; an exact one goes before the longest prefix; targets are
relative to `baseUrl`, without it to the file that declares them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from codeassist.workspace.resolve.configs import Table, json_at, strings, table
from codeassist.workspace.resolve.view import View, folders_up, joined, parent, under

_NAMES = ("tsconfig.json", "jsconfig.json")
_MOST_FILES = 16
_MOST_PATTERNS = 512
_MOST_TARGETS = 8


@dataclass(frozen=True, slots=True)
class _Mapping:
    """What a configuration says about modules. `patterns`: pattern -> targets as workspace paths, with their `*`."""

    patterns: tuple[tuple[str, tuple[str, ...]], ...]
    base: str | None


def targets(view: View, importer: str, module: str) -> Iterator[str]:
    """The workspace paths, without extension mostly, that `module` may mean; the nearest configuration's first.

    TypeScript asks the nearest configuration alone. The ones above it follow here: a nested one that only checks
    tests would hide what its folder inherits by way of a bundler's aliases.
    """
    for folder in folders_up(importer):
        for mapping in view.once(("tsconfig of", folder), partial(_of_folder, folder=folder)):
            yield from _matches(mapping, module)


def _of_folder(view: View, folder: str) -> tuple[_Mapping, ...]:
    """The mapping of a folder's own configuration, or those of the ones that it only refers to."""
    for name in _NAMES:
        path = under(folder, name)
        config = json_at(view, path)
        if config is None:
            continue
        found = [_of_file(view, path)]
        references = config.get("references")
        for reference in references[:_MOST_FILES] if isinstance(references, list) else ():
            target = table(reference).get("path")
            named = joined(folder, target) if isinstance(target, str) else None
            # Only files beside it, which share its sources; a reference to a folder is another project.
            if named and named.endswith(".json") and parent(named) == folder:
                found.append(_of_file(view, named))
        return tuple(mapping for mapping in found if mapping.patterns or mapping.base is not None)
    return ()


def _of_file(view: View, path: str) -> _Mapping:
    base: str | None = None
    paths: Table | None = None
    anchor = parent(path)
    for source, config in _chain(view, path):
        options = table(config.get("compilerOptions"))
        if base is None and isinstance(written := options.get("baseUrl"), str):
            base = _joined(parent(source), written, parent(path))
        if paths is None and isinstance(options.get("paths"), dict):
            paths, anchor = table(options["paths"]), parent(source)
    if paths is None:
        return _Mapping((), base)
    anchor = anchor if base is None else base
    patterns = [
        (
            pattern,
            tuple(
                target for item in strings(written)[:_MOST_TARGETS] if (target := _joined(anchor, item, parent(path)))
            ),
        )
        for pattern, written in list(paths.items())[:_MOST_PATTERNS]
        if pattern.count("*") <= 1
    ]
    return _Mapping(tuple(patterns), base)


def _chain(view: View, path: str) -> Iterator[tuple[str, Table]]:
    """A configuration and those that it extends, the ones that decide first. Later entries of a list win."""
    waiting, seen = [path], set[str]()
    while waiting and len(seen) < _MOST_FILES:
        source = waiting.pop(0)
        if source in seen:
            continue
        seen.add(source)
        config = json_at(view, source)
        if config is None:
            continue
        yield source, config
        above: list[str] = []
        for extended in reversed(strings(config.get("extends"))[:_MOST_FILES]):
            if extended.startswith(".") and (target := joined(parent(source), extended)) is not None:
                above += [target] if target.endswith(".json") else [f"{target}.json", under(target, _NAMES[0])]
        waiting[:0] = above


def _joined(folder: str, path: str, config_folder: str) -> str | None:
    if path.startswith("${configDir}"):
        folder, path = config_folder, path.removeprefix("${configDir}").lstrip("/")
    return joined(folder, path)


def _matches(mapping: _Mapping, module: str) -> Iterator[str]:
    best: tuple[int, str, tuple[str, ...]] | None = None
    for pattern, where in mapping.patterns:
        before, star, after = pattern.partition("*")
        if not star and pattern == module:
            best = (len(module) + 1, "", where)
            break
        fits = star and module.startswith(before) and module.endswith(after)
        if fits and len(module) >= len(before) + len(after) and (best is None or len(before) > best[0]):
            best = (len(before), module[len(before) : len(module) - len(after)], where)
    if best is not None:
        for target in best[2]:
            path = joined("", target.replace("*", best[1], 1))
            if path is not None:
                yield path
    if mapping.base is not None and not module.startswith("#"):
        path = joined(mapping.base, module)
        if path is not None:
            yield path
