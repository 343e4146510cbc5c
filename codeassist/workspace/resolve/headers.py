"""C and C++: a header beside the importer or anywhere under that path, and the source file that belongs to it."""

from __future__ import annotations

import re

from codeassist.syntax.tags import Import
from codeassist.workspace.resolve.view import MOST_RESULTS, View, joined, nearness, parent, stem

_SOURCE_EXTENSIONS = (".c", ".cpp", ".cc", ".cxx", ".cu")
_HEADER = re.compile(r"\.(?:h|hh|hpp|hxx|h\+\+|cuh)$")
_STANDARD = re.compile(
    r"(?:assert|complex|ctype|dirent|dlfcn|errno|fcntl|fenv|float|getopt|inttypes|iso646|limits|locale|malloc|math|poll"
    r"|pthread|sched|semaphore|setjmp|signal|std\w+|string|strings|termios|tgmath|threads|time|uchar|unistd|wchar|wctype"
    r"|windows)\.h"
)
"""Never looked for by name alone: a repository's own string.h stands beside those who include it."""


def resolve(view: View, importer: str, imported: Import) -> list[str]:
    """The nearest header of that path; its source second."""
    module = imported.module.strip().strip('<>"').strip().replace("\\", "/")
    beside = joined(parent(importer), module)
    found = [beside] if beside and view.exists(beside) else []
    if not found and not _STANDARD.fullmatch(module):
        while module.startswith(("../", "./")):
            module = module.partition("/")[2]
        found = view.nearest(importer, module)[:3]
    if not found:
        return []
    return [found[0], *_sources(view, importer, found[0]), *found[1:]][:MOST_RESULTS]


def _sources(view: View, importer: str, header: str) -> list[str]:
    """The source file of a header: beside it, or of its name under the folder that holds `include/`."""
    name = stem(header)
    if not _HEADER.search(header) or name == stem(importer):
        return []
    beside = view.first(f"{parent(header)}/{name}{extension}".lstrip("/") for extension in _SOURCE_EXTENSIONS)
    before, include, _ = f"/{header}".rpartition("/include/")
    if beside or not include:
        return beside
    project = before.lstrip("/")
    found = [path for extension in _SOURCE_EXTENSIONS for path in view.ending(f"{name}{extension}")]
    within = [path for path in found if not project or path.startswith(f"{project}/")]
    return sorted(within, key=lambda path: nearness(header, path))[:1]
