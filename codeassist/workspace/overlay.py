"""Open documents over the index: what is in the editor holds, saved or not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from codeassist.context.related import OpenFile
from codeassist.syntax.tags import NO_TAGS, Import, Tag, Tags, tags_of_tree
from codeassist.syntax.tree import Syntax
from codeassist.workspace.lookup import Known
from codeassist.workspace.passages import Stretch

_made: WeakKeyDictionary[Syntax, Tags] = WeakKeyDictionary()
"""Made once for each version of a document; an entry goes when its document does."""


@dataclass(frozen=True, slots=True)
class Overlaid:
    """`index` as it would be if the documents in `opened` were saved. A `Known`, as the index is.

    Similar code is searched for in the index alone: open documents are searched by whoever knows them all.
    """

    index: Known
    opened: Mapping[str, OpenFile]

    @classmethod
    def of(cls, index: Known, opened: Iterable[OpenFile]) -> Overlaid:
        return cls(index, {file.path: file for file in opened if file.syntax is not None})

    def exists(self, path: str) -> bool:
        return path in self.opened or self.index.exists(path)

    def ending(self, suffix: str, limit: int = 20) -> Sequence[str]:
        mine = [path for path in self.opened if path == suffix or path.endswith(f"/{suffix}")]
        found = dict.fromkeys((*self.index.ending(suffix, limit), *mine))
        return sorted(found, key=lambda path: path.count("/"))[:limit]

    def folder(self, path: str) -> Sequence[str]:
        mine = (each for each in self.opened if each.rpartition("/")[0] == path)
        return list(dict.fromkeys((*self.index.folder(path), *mine)))

    def read(self, path: str) -> str | None:
        return self.opened[path].document.text if path in self.opened else self.index.read(path)

    def definitions_in(self, paths: Sequence[str]) -> Mapping[str, Sequence[Tag]]:
        found = dict(self.index.definitions_in([path for path in paths if path not in self.opened]))
        found.update({path: self._tags(path).definitions for path in paths if path in self.opened})
        return found

    def definitions_named(self, names: Collection[str], limit: int = 8) -> Mapping[str, Sequence[tuple[str, Tag]]]:
        indexed = self.index.definitions_named(names, limit)
        found = {
            name: [place for place in indexed.get(name, ()) if place[0] not in self.opened]
            for name in dict.fromkeys(names)
        }
        for path in self.opened:
            for tag in self._tags(path).definitions:
                if tag.name in found:
                    found[tag.name].insert(0, (path, tag))
        return {name: places[:limit] for name, places in found.items() if places}

    def imports_in(self, paths: Sequence[str]) -> Mapping[str, Sequence[Import]]:
        found = dict(self.index.imports_in([path for path in paths if path not in self.opened]))
        found.update({path: self._tags(path).imports for path in paths if path in self.opened})
        return found

    def similar(
        self, words: Sequence[str], limit: int, exclude: Collection[str] = (), holding: str = ""
    ) -> Sequence[Stretch]:
        return self.index.similar(words, limit, {*exclude, *self.opened}, holding)

    def mentions(self, name: str, limit: int, exclude: Collection[str] = ()) -> Sequence[Stretch]:
        return self.index.mentions(name, limit, {*exclude, *self.opened})

    def text(self, path: str, start: int, end: int) -> str:
        if path not in self.opened:
            return self.index.text(path, start, end)
        document = self.opened[path].document
        return document.text[document.line_start(start) : document.line_start(end)]

    def _tags(self, path: str) -> Tags:
        syntax = self.opened[path].syntax
        if syntax is None:
            return NO_TAGS
        known = _made.get(syntax)
        if known is None:
            known = _made[syntax] = tags_of_tree(syntax.language, syntax.tree, syntax.source)
        return known
