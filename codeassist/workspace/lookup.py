"""Answers a question about the code at the cursor from the index of a workspace folder.

    Lookup(Index(root)).answer(question)

Through imports first: in most code what is needed is defined in a file that is imported, or one hop behind it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from codeassist.context.choose import candidates, is_test
from codeassist.context.facts import Facts, FileFacts, Passage, Relation
from codeassist.context.question import Question, local_names
from codeassist.context.receiver import types_in
from codeassist.syntax.languages import language_of
from codeassist.syntax.tags import Import, Tag
from codeassist.workspace.passages import Searched, passages
from codeassist.workspace.resolve import Paths, Resolver

_MOST_FILES = 48
_MOST_TAGS = 4_000
_MOST_HOPS = 4
_MOST_TYPES, _MOST_BASES = 12, 2
_NAMED_WEIGHT = 2.0
"""From this weight on, that of the cursor's line and the few before it, names are looked for everywhere."""
_LEAST_NAME = 4
_MOST_NAMED, _FILES_OF_A_NAME = 16, 2
_KEPT_CHASES = 2_000
_CALLABLE = frozenset({"function", "method"})
_FOLDER_IS_PACKAGE = frozenset({"go", "java", "kotlin", "scala", "csharp", "swift"})
_MOST_BESIDE = 24
_DERIVED = frozenset({"class", "interface", "struct"})
_HAVE_MEMBERS = frozenset({"class", "interface", "struct", "enum", "implementation", "type"})


class Known(Paths, Searched, Protocol):
    """The part of `index.Index` that is needed here."""

    def definitions_in(self, paths: Sequence[str]) -> Mapping[str, Sequence[Tag]]: ...
    def definitions_named(self, names: Collection[str], limit: int = 8) -> Mapping[str, Sequence[tuple[str, Tag]]]: ...
    def imports_in(self, paths: Sequence[str]) -> Mapping[str, Sequence[Import]]: ...


class Lookup:
    """Of one index. Not for several threads at once; `forget` after files came or went."""

    def __init__(self, index: Known) -> None:
        self._index = index
        self._resolver = Resolver(index)
        self._similar: tuple[tuple[str, tuple[str, ...]], tuple[Passage, ...]] | None = None
        self._chased: OrderedDict[tuple[str, str, tuple[str, ...]], tuple[str, str] | None] = OrderedDict()

    def forget(self) -> None:
        """Look anew: files came, went or changed, or configuration files such as tsconfig.json."""
        self._resolver.forget()
        self._similar = None
        self._chased.clear()

    def answer(self, question: Question, over: Known | None = None) -> Facts:
        """What the index knows, or `over`, the index with the open documents; empty where it knows nothing."""
        known = over or self._index
        search = _Search(known, self._resolver, question, self._chased)
        search.imported()
        search.types()
        search.bases()
        search.signatures()
        search.named()
        search.sibling()
        search.package()
        facts = Facts(
            files=tuple(search.files()),
            types=frozenset(search.receiver_types),
            passages=self._passages(known, question),
            hidden=search.hidden,
        )
        return replace(facts, ranked=tuple(candidates(question, facts)))

    def _passages(self, known: Known, question: Question) -> tuple[Passage, ...]:
        """Similar code; the same as before until the cursor is some lines further."""
        before = question.receiver.name if question.receiver else ""
        asked = question.path, (before, question.writing, *question.fresh, *question.similar)
        if self._similar is None or self._similar[0] != asked:
            self._similar = asked, tuple(passages(known, question))
        return self._similar[1]


@dataclass(slots=True)
class _Search:
    index: Known
    resolver: Resolver
    question: Question
    chased: OrderedDict[tuple[str, str, tuple[str, ...]], tuple[str, str] | None]
    hidden: dict[str, str] = field(default_factory=dict)
    receiver_types: dict[str, None] = field(default_factory=dict)
    _tags: dict[str, Sequence[Tag]] = field(default_factory=dict)
    _relations: dict[str, Relation] = field(default_factory=dict)
    _names: dict[str, set[str]] = field(default_factory=dict)
    _single: dict[str, dict[str, Tag]] = field(default_factory=dict)

    def files(self) -> Iterator[FileFacts]:
        left = _MOST_TAGS
        for path, relation in self._relations.items():
            tags = self._tags.get(path, ())
            left -= len(tags)
            if left < 0:
                break
            yield FileFacts(path, relation, tuple(tags), frozenset(self._names.get(path, ())))
        for path, found in self._single.items():
            if path not in self._relations:
                yield FileFacts(path, "named", tuple(found.values()), frozenset(found))

    def imported(self) -> None:
        """The files that are imported, and those behind them that define the imported names."""
        places: list[tuple[Import, tuple[str, ...]]] = [
            (each, self._resolve(self.question.path, each)) for each in self._by_use()
        ]
        self._load([path for _, paths in places for path in paths[:2]])
        for each, paths in places:
            names = {name for name, _ in each.names if name != "*"}
            for name, local in each.names:
                if local and name not in (local, "*"):
                    self.hidden[name] = local
            missing = set(names)
            for path in paths[:2]:
                here = names & _names_in(self._tags.get(path, ()))
                missing -= here
                self._add(path, "imported", here)
            for name in sorted(missing):
                self._chase(name, paths)

    def types(self) -> None:
        """The types of what stands before the dot, step by step along its chain."""
        receiver = self.question.receiver
        if receiver is None:
            return
        types = list(receiver.types)
        for step in receiver.chain[1:]:
            behind = [
                found
                for owner in types[:4]
                for tag in self._members(owner)
                if tag.name == step
                for found in types_in(_type_of(tag))
            ]
            # `Cart.load(...)` is mostly a Cart, whatever is known of `load`.
            types = behind or (types if step in receiver.called else [])
        if len(receiver.chain) == 1 or not types:
            for name in receiver.called:
                for _, tag in self._defined(name):
                    if tag.kind in _CALLABLE:
                        types += types_in(_result_of(tag))
        for name in self._with_bases(list(dict.fromkeys(types))[:_MOST_TYPES]):
            self._add_type(name, "receiver")
            self.receiver_types[name] = None

    def bases(self) -> None:
        """What the class around is derived from: its members are what may be overridden."""
        for name in self.question.bases:
            self._add_type(name, "indirect")

    def _with_bases(self, types: Sequence[str]) -> list[str]:
        """The types, and those that they are derived from."""
        found = dict.fromkeys(types)
        front = list(types)
        for _ in range(_MOST_BASES):
            front = [
                base
                for name in front
                for _, tag in self._defined(name)[:2]
                if tag.kind in _DERIVED
                for base in types_in(tag.signature.replace(name, " ", 1))
                if base not in found and base[:1].isupper()
            ]
            found.update(dict.fromkeys(front))
        return list(found)[:_MOST_TYPES]

    def signatures(self) -> None:
        """Types in the signatures of what is imported and stands near the cursor."""
        wanted: dict[str, None] = {}
        for path in list(self._relations):
            for tag in self._tags.get(path, ()):
                if self.question.names.get(self.hidden.get(tag.name, tag.name), 0.0) >= _NAMED_WEIGHT:
                    wanted.update(dict.fromkeys(types_in(_result_of(tag))))
        for name in list(wanted)[:_MOST_TYPES]:
            self._add_type(name, "indirect")

    def named(self) -> None:
        """Names around the cursor that no import explains."""
        known = {name for path in self._relations for name in _names_in(self._tags.get(path, ()))}
        wanted = [
            name
            for name, weight in self.question.names.items()
            if weight >= _NAMED_WEIGHT
            and len(name) >= _LEAST_NAME
            and name not in known
            and name not in self.question.defined
        ][:_MOST_NAMED]
        for name, places in self.index.definitions_named(wanted, _FILES_OF_A_NAME + 1).items():
            if len(places) > _FILES_OF_A_NAME:
                continue  # A name that many define says nothing.
            for path, tag in places:
                if path != self.question.path:
                    self._single.setdefault(path, {})[name] = tag

    def sibling(self) -> None:
        """What a test tests."""
        for name in _tested_by(self.question.path):
            for path in self.index.ending(name, 2):
                if path != self.question.path and path not in self._relations:
                    self._load([path])
                    self._add(path, "sibling", ())

    def package(self) -> None:
        """The other files of the folder, where a folder is a package."""
        path, language = self.question.path, self.question.language
        if language not in _FOLDER_IS_PACKAGE:
            return
        beside = [
            found
            for found in self.index.folder(path.rpartition("/")[0])
            if found != path and language_of(found) == language and is_test(found) <= is_test(path)
        ][:_MOST_BESIDE]
        self._load(beside)
        for found in beside:
            self._add(found, "package", ())

    # How -------------------------------------------------------------------------------------------------------------

    def _by_use(self) -> list[Import]:
        """The imports, those first whose names stand near the cursor or are not used yet."""
        question = self.question

        def worth(each: Import) -> float:
            return sum(question.names.get(name, 0.0) + 2 * (name in question.unused) for name in local_names(each))

        return sorted(question.imports, key=lambda each: (-worth(each), each.line))[:_MOST_FILES]

    def _resolve(self, importer: str, each: Import) -> tuple[str, ...]:
        return tuple(
            path for path in self.resolver.resolve(self.question.language, importer, each) if path != self.question.path
        )

    def _load(self, paths: Sequence[str]) -> None:
        wanted = [path for path in dict.fromkeys(paths) if path not in self._tags][:_MOST_FILES]
        if wanted:
            found = self.index.definitions_in(wanted)
            self._tags.update({path: found.get(path, ()) for path in wanted})

    def _add(self, path: str, relation: Relation, names: Collection[str]) -> None:
        self._relations.setdefault(path, relation)
        self._names.setdefault(path, set()).update(names)

    def _chase(self, name: str, paths: Sequence[str]) -> None:
        """Follow a name that a file hands on to where it is defined."""
        key = (self.question.path, name, tuple(paths))
        if key not in self.chased:
            self.chased[key] = self._followed(name, paths)
            if len(self.chased) > _KEPT_CHASES:
                self.chased.popitem(last=False)
        found = self.chased[key]
        if found is not None:
            path, original = found
            self._load([path])
            if original != name:
                self.hidden[original] = name
            self._add(path, "imported", (original,))

    def _followed(self, name: str, paths: Sequence[str]) -> tuple[str, str] | None:
        """The file that defines it, and what it is called there."""
        seen: set[str] = set(paths)
        front = list(paths)
        for _ in range(_MOST_HOPS):
            following: list[str] = []
            for path, imports in self.index.imports_in(front).items():
                for each in imports:
                    handed = [(n, local) for n, local in each.names if (local or n) == name or n == "*"]
                    if not handed and not (each.exported and not each.names):
                        continue
                    behind = [found for found in self._resolve(path, each) if found not in seen]
                    original = next((n for n, _ in handed if n != "*"), name)
                    self._load(behind)
                    for found in behind:
                        if original in _names_in(self._tags.get(found, ())):
                            return found, original
                    seen.update(behind)
                    following += behind
            front = following[:8]
            if not front:
                break
        return None

    def _defined(self, name: str) -> list[tuple[str, Tag]]:
        """Where a name is defined, in the files at hand or else anywhere, if only a few places define it."""
        here = [(path, tag) for path in self._relations for tag in self._tags.get(path, ()) if tag.name == name]
        if here:
            return here
        places = self.index.definitions_named((name,), 4).get(name, ())
        return list(places) if len(places) < 4 else []

    def _members(self, owner: str) -> list[Tag]:
        return [
            tag
            for path, found in self._defined(owner)
            if found.kind in _HAVE_MEMBERS
            for tag in self._with(path)
            if tag.parent.rpartition(".")[2] == owner
        ]

    def _with(self, path: str) -> Sequence[Tag]:
        self._load([path])
        return self._tags.get(path, ())

    def _add_type(self, name: str, relation: Relation) -> None:
        if name in self.question.defined:
            return
        for path, tag in self._defined(name)[:2]:
            if tag.kind not in _HAVE_MEMBERS or path == self.question.path:
                continue
            self._load([path])
            self._add(path, relation, (name,))


def _names_in(tags: Sequence[Tag]) -> set[str]:
    return {tag.name for tag in tags if not tag.parent}


def _result_of(tag: Tag) -> str:
    """The part of a signature that names the result: after the arrow or the last parenthesis; for a class itself."""
    if tag.kind not in _CALLABLE:
        return tag.name if tag.kind in _HAVE_MEMBERS else _type_of(tag)
    _, arrow, result = tag.signature.rpartition("->")
    return result if arrow else tag.signature.rpartition(")")[2]


def _type_of(tag: Tag) -> str:
    """The declared type of a field, or what a method or property gives."""
    if tag.kind in _CALLABLE:
        return _result_of(tag)
    return tag.signature.replace(tag.name, " ", 1)


def _tested_by(path: str) -> tuple[str, ...]:
    """What the file of a test is called that it tests, by the usual names; () for other files."""
    name = path.rpartition("/")[2]
    stem, dot, extension = name.rpartition(".")
    for mark in (".test", ".spec", "_test", "_spec", "Test", "Tests"):
        if stem.endswith(mark):
            return (f"{stem.removesuffix(mark)}{dot}{extension}",)
    return (name.removeprefix("test_"),) if name.startswith("test_") else ()
