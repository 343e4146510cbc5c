"""What a grammar's query for tags finds in a file, as places in its bytes; the raw material of tags."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from codeassist.syntax.definitions import Kind, body_of
from codeassist.syntax.imports import Import, imports_in
from codeassist.syntax.members import attributes

if TYPE_CHECKING:
    import tree_sitter

_DEFINITION = "definition."
_VALUES = frozenset({"constant", "variable", "field"})
_CONSTRUCTORS = {"python": b"__init__", "javascript": b"constructor"}
"""What the method is called that sets the fields of a class, where nothing else declares them."""
_DEPTHS = {"python": 7, "c": 14, "cpp": 14, "html": 64}
_DEPTH = 10
"""Levels of the tree that are looked at: enough for members of nested classes, and half the time of all levels."""
_MAX_PIECES = 20_000
"""Of a file that the parser could make nothing of: the walk over its pieces takes time by their number squared."""
_MAX_IMPORT_BYTES = 20_000
_MAX_MODULE = 400
"""Characters of a module's name."""
_MAX_BINDING_BYTES = 200
"""How far before `require(` the name is looked for that it is bound to."""


class Found(NamedTuple):
    """One definition. Sorts in document order, outer before inner."""

    start: int
    minus_end: int
    name_start: int
    name_end: int
    kind: Kind
    body: int = -1
    """Where the body begins; -1 without one."""
    promoted: bool = False
    """A field of the class around the constructor that it stands in."""
    annotation: str = ""
    """The type of a promoted field, where its line does not tell it."""


class Matches(NamedTuple):
    """All of one file, in document order."""

    definitions: list[Found]
    imports: list[Import]
    outer: dict[int, int]
    """From the byte where a definition begins to the one where its decorators or its `export` do."""


def matches(language: str, query: tree_sitter.Query, root: tree_sitter.Node, source: bytes) -> Matches:
    """Walk the tree once. Every access to a node costs as much as ten steps of the loop, so there are few."""
    from tree_sitter import QueryCursor

    if root.type == "ERROR" and root.child_count > _MAX_PIECES:
        return Matches([], [], {})
    cursor = QueryCursor(query)
    cursor.set_max_start_depth(_DEPTHS.get(language, _DEPTH))
    collector = _Collector(language, source)
    roles: dict[int, tuple[_Role, str]] = {}
    required: list[tree_sitter.Node] = []
    # The pattern written first wins where two name the same thing.
    for pattern, captures in sorted(cursor.matches(root), key=itemgetter(0)):
        if pattern not in roles:
            roles[pattern] = _role(captures)
        role, main = roles[pattern]
        if role == "definition":
            collector.define(pattern, main, captures)
        elif role == "import":
            collector.bring(captures["import"][0], require=False)
        elif role == "outer":
            collector.outer[captures["inner"][0].start_byte] = captures["outer"][0].start_byte
        else:
            required.append(captures["require"][0])
    for node in required:
        collector.bring(node, require=True)
    collector.found.sort()
    collector.imports.sort(key=lambda one: one.line)
    return Matches(collector.found, collector.imports, collector.outer)


_Role = Literal["definition", "import", "outer", "require"]


def _role(captures: dict[str, list[tree_sitter.Node]]) -> tuple[_Role, str]:
    """What a pattern is for, and the name of its main capture."""
    for role in ("import", "outer", "require"):
        if role in captures:
            return cast(_Role, role), role
    return "definition", next(name for name in captures if name.startswith(_DEFINITION))


class _Collector:
    def __init__(self, language: str, source: bytes) -> None:
        self.found: list[Found] = []
        self.imports: list[Import] = []
        self.outer: dict[int, int] = {}
        self._language = language
        self._source = source
        self._constructor = _CONSTRUCTORS.get(language)
        self._names: set[int] = set()
        self._patterns: dict[tuple[int, int], int] = {}
        self._brought: set[tuple[int, str]] = set()

    def define(self, pattern: int, main: str, captures: dict[str, list[tree_sitter.Node]]) -> None:
        """Add a definition, unless its name or its node was found by an earlier pattern."""
        whole = captures[main][0]
        name_start, name_end = captures["name"][0].byte_range
        place = start, end = whole.byte_range
        if name_start in self._names or self._patterns.setdefault(place, pattern) != pattern:
            return
        self._names.add(name_start)
        kind = cast(Kind, main[len(_DEFINITION) :])
        captured = captures.get("body")
        body = -1
        if captured or kind not in _VALUES:
            node = body_of(whole, captured)
            body = node.start_byte if node is not None else -1
        self.found.append(Found(start, -end, name_start, name_end, kind, body, "promoted" in captures))
        if body >= 0 and self._constructor and self._source[name_start:name_end] == self._constructor:
            for attribute in attributes(self._language, self._source, start, body, end):
                self.found.append(
                    Found(
                        attribute.start, -attribute.end, attribute.name_start, attribute.name_end,
                        "field", -1, True, attribute.annotation,
                    )
                )  # fmt: skip

    def bring(self, node: tree_sitter.Node, *, require: bool) -> None:
        """Add what an import says.

        Of a call that imports, the text before it on its line says more; it adds nothing that is known already.
        """
        start, end = node.byte_range
        if require:
            end = min(end + 1, len(self._source))
            earliest = max(0, start - _MAX_BINDING_BYTES)
            start = max(self._source.rfind(b"\n", earliest, start) + 1, earliest)
        text = self._source[start : min(end, start + _MAX_IMPORT_BYTES)].decode("utf-8", "replace")
        for imported in imports_in(self._language, text, node.start_point[0]):
            place = (imported.line, imported.module)
            if len(imported.module) <= _MAX_MODULE and not (require and place in self._brought):
                self._brought.add(place)
                self.imports.append(imported)
