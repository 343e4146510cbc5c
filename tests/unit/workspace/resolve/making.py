"""A folder in memory, and imports in few words."""

from __future__ import annotations

from collections.abc import Sequence

from codeassist.syntax.tags import Import
from codeassist.workspace.resolve import Resolver, resolve


class Files:
    """`Paths` over a dict of path -> text. It counts what it is asked, and refuses what no store could answer."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts
        self.checks = self.searches = self.reads = 0

    def exists(self, path: str) -> bool:
        self.checks += 1
        return self._checked(path) in self.texts

    def ending(self, suffix: str, limit: int = 20) -> Sequence[str]:
        self.searches += 1
        self._checked(suffix)
        found = [path for path in self.texts if path == suffix or path.endswith("/" + suffix)]
        return sorted(found, key=lambda path: (path.count("/"), path))[:limit]

    def folder(self, path: str) -> Sequence[str]:
        self.searches += 1
        if path:
            self._checked(path)
        return sorted(file for file in self.texts if file.rpartition("/")[0] == path)

    def read(self, path: str) -> str | None:
        self.reads += 1
        return self.texts.get(self._checked(path))

    @staticmethod
    def _checked(path: str) -> str:
        path.encode()
        assert "\0" not in path
        assert "\\" not in path
        assert not path.startswith("/")
        assert all(part not in {"", ".", ".."} for part in path.split("/")), path
        return path


def files(*paths: str) -> Files:
    """Empty files."""
    return Files(dict.fromkeys(paths, ""))


def imported(text: str) -> Import:
    """`module`, or `module: name, other as local`."""
    module, _, names = text.partition(" : ")
    pairs = tuple(
        (name.partition(" as ")[0].strip(), name.rpartition(" as ")[2].strip()) for name in names.split(",") if name
    )
    return Import(module, tuple((name, "" if name == "*" else local) for name, local in pairs), "", 0, False)


def resolved(paths: Files, language: str, importer: str, text: str) -> list[str]:
    """The answer of one import, which must be the same with and without what was learnt before."""
    resolver = Resolver(paths)
    answers = {resolver.resolve(language, importer, imported(text)) for _ in range(2)}
    answers.add(resolve(paths, language, importer, imported(text)))
    assert len(answers) == 1
    return list(answers.pop())
