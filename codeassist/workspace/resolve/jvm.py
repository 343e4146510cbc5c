"""Java, Kotlin, Scala: a class has the file of its name in the folder of its package, or some file of that folder."""

from __future__ import annotations

import re

from codeassist.syntax.tags import Import
from codeassist.workspace.resolve.view import View, base, folders_up, joined, nearness, under

_EXTENSIONS = {
    "java": (".java", ".kt", ".scala"),
    "kt": (".kt", ".java"),
    "kts": (".kt", ".java"),
    "scala": (".scala", ".java", ".kt"),
}
_ANY = (".java", ".kt", ".scala")
_SOURCES = re.compile(r"(?P<before>(?:.*/)?src/)(?P<set>\w+)/(?P<language>\w+)(?:/|$)")
_ELSEWHERE = ("java.", "javax.", "kotlin.", "scala.", "android.", "androidx.", "jakarta.")
_MOST_PARTS = 32


def resolve(view: View, importer: str, imported: Import) -> list[str]:
    """At most a folder's files for `a.b.*`, and for a function that Kotlin has outside of classes."""
    module = imported.module.strip().removeprefix("static ")
    parts = [part.strip("` \t") for part in module.split(".") if part.strip()][:_MOST_PARTS]
    if not parts or any("/" in part for part in parts) or module.startswith("_root_"):
        return []
    is_all = parts[-1] in {"*", "_"} or any(name in {"*", "_"} for name, _ in imported.names)
    if parts[-1] in {"*", "_"}:
        parts.pop()
    extensions = _EXTENSIONS.get(importer.rpartition(".")[2], _ANY)
    names = [name for name, _ in imported.names if name not in {"*", "_"}]
    found = [path for name in names for path in _class(view, importer, [*parts, name], extensions)]
    found += _class(view, importer, parts, extensions)
    if found and not (is_all and len(parts) > 1 and parts[-1].islower()):
        return found
    if module.startswith(_ELSEWHERE) and not found:
        return []
    package = parts if is_all or names else parts[:-1]
    return found + _folder(view, importer, package, extensions)


def _class(view: View, importer: str, parts: list[str], extensions: tuple[str, ...]) -> list[str]:
    """The file of a class, or of the outermost class around a nested one or around a member."""
    while len(parts) > 1:
        if parts[-1][:1].isupper():
            path = "/".join(parts)
            found = view.nearest(importer, *(path + extension for extension in extensions))
            if not found and ".java" not in extensions[:1] and len(parts) > 2:
                # Kotlin and Scala may leave out the folders that all packages share.
                found = view.nearest(importer, *(f"{parts[-2]}/{parts[-1]}{extension}" for extension in extensions))
            if found:
                return found[:2]
        elif not any(part[:1].isupper() for part in parts):
            return []
        parts = parts[:-1]
    return []


def _folder(view: View, importer: str, package: list[str], extensions: tuple[str, ...]) -> list[str]:
    """A package's files, from the first source folder near the importer that has any."""
    if not package:
        return []
    tried = set[str]()
    for root in _roots(importer, package[0]):
        folder = joined(root, "/".join(package))
        if folder is None or folder in tried:
            continue
        tried.add(folder)
        paths = [path for path in view.folder(folder) if path.endswith(extensions)]
        if paths:
            return sorted(paths, key=lambda path: (base(path).startswith(("package-info", "module-info")), path))
    marker = view.nearest(importer, f"{'/'.join(package)}/package-info.java", f"{'/'.join(package)}/package.scala")
    paths = view.folder(marker[0].rpartition("/")[0]) if marker else []
    return sorted((path for path in paths if path.endswith(extensions)), key=lambda path: nearness(importer, path))


def _roots(importer: str, top: str) -> list[str]:
    """The folders that packages may start from: where `top` starts in the importer's path, and `src/*/*`."""
    parts = importer.split("/")[:-1]
    roots = ["/".join(parts[:place]) for place, part in enumerate(parts) if part == top]
    sources = _SOURCES.match(importer)
    if sources:
        roots += [
            f"{sources['before']}{name}/{language}"
            for name in dict.fromkeys((sources["set"], "main"))
            for language in dict.fromkeys((sources["language"], "java", "kotlin", "scala"))
        ]
    return [*roots, *(under(folder, "src") for folder in list(folders_up(importer))[:6])]
