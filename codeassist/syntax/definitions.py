"""The syntax nodes that define something, found by the grammar's query; the raw material of outlines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from codeassist.syntax.tree import Syntax

if TYPE_CHECKING:
    import tree_sitter

Kind = Literal[
    "function", "method", "class", "interface", "struct", "enum", "implementation", "module", "type", "macro",
    "constant", "variable", "field", "section", "rule", "key", "element",
]  # fmt: skip

_CAPTURE = "definition."
_IMPORT_DEPTH = 4
"""Levels below the root: enough for `try`, `if TYPE_CHECKING` and a namespace."""
_WRAPPERS = frozenset({"decorated_definition", "export_statement", "ambient_declaration", "template_declaration"})
"""Nodes that put decorators, `export` or template parameters in front of a definition."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One match: the whole node (with its wrappers), its name and, if it has one, its body."""

    kind: Kind
    node: tree_sitter.Node
    name: tree_sitter.Node
    body: tree_sitter.Node | None


def definitions(syntax: Syntax, start: int = 0, end: int | None = None) -> list[Definition]:
    """The definitions that overlap the bytes from `start` up to `end`, in order, outer before inner."""
    from tree_sitter import QueryCursor

    cursor = QueryCursor(syntax.grammar.definitions)
    if end is not None:
        cursor.set_byte_range(start, end)
    return _collect(cursor, syntax)


def definitions_around(syntax: Syntax, byte: int) -> list[Definition]:
    """The definitions that the byte lies in, outermost first. Walks only the nodes around that place."""
    return [
        definition
        for definition in definitions(syntax, byte, _behind_wrapper(syntax, byte) + 1)
        if definition.node.start_byte <= byte < definition.node.end_byte
    ]


def imported(syntax: Syntax, start: int = 0, end: int | None = None) -> list[tree_sitter.Node]:
    """The import statements, in document order.

    Without `end` those at the top of the file and in blocks around it, but not in functions; with it all that
    overlap the bytes from `start` up to `end`.
    """
    from tree_sitter import QueryCursor

    cursor = QueryCursor(syntax.grammar.imports)
    if end is None:
        cursor.set_max_start_depth(_IMPORT_DEPTH)
    else:
        cursor.set_byte_range(start, end)
    nodes = cursor.captures(syntax.tree.root_node).get("import", [])
    kept = nodes if end is not None else [node for node in nodes if not _in_function(node)]
    return sorted(kept, key=lambda node: node.start_byte)


def body_of(whole: tree_sitter.Node, captured: list[tree_sitter.Node] | None) -> tree_sitter.Node | None:
    """Where the definition's own lines begin: what the query captured, the field of that name, or a last block."""
    if captured:
        return captured[0]
    body = whole.child_by_field_name("body")
    if body is None and whole.named_child_count:
        last = whole.named_child(whole.named_child_count - 1)
        if last.type.endswith(("body", "block")):
            return last
    return body


def _collect(cursor: tree_sitter.QueryCursor, syntax: Syntax) -> list[Definition]:
    found: list[Definition] = []
    names: set[int] = set()
    nodes: set[tuple[int, int]] = set()
    # The pattern written first wins where two name the same thing: `f = lambda: 0` is a function, not a
    # variable.
    for _, captures in sorted(cursor.matches(syntax.tree.root_node), key=lambda match: match[0]):
        capture = next(name for name in captures if name.startswith(_CAPTURE))
        whole, name = captures[capture][0], captures["name"][0]
        if whole.byte_range in nodes or name.start_byte in names:
            continue
        nodes.add(whole.byte_range)
        names.add(name.start_byte)
        kind = cast(Kind, capture[len(_CAPTURE) :])
        found.append(Definition(kind, _with_wrappers(whole), name, body_of(whole, captures.get("body"))))
    return sorted(found, key=lambda definition: (definition.node.start_byte, -definition.node.end_byte))


def _with_wrappers(node: tree_sitter.Node) -> tree_sitter.Node:
    parent = node.parent
    while parent is not None and parent.type in _WRAPPERS:
        node, parent = parent, parent.parent
    return node


def _behind_wrapper(syntax: Syntax, byte: int) -> int:
    """The byte itself, or where the definition begins whose decorators or `export` it lies in."""
    node = syntax.tree.root_node.descendant_for_byte_range(byte, byte)
    while node is not None:
        if node.type in _WRAPPERS:
            return max(byte, node.named_child(node.named_child_count - 1).start_byte)
        node = node.parent
    return byte


def _in_function(node: tree_sitter.Node) -> bool:
    parent = node.parent
    while parent is not None:
        if "function" in parent.type or "method" in parent.type:
            return True
        parent = parent.parent
    return False
