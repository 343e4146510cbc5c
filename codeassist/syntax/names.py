"""Which names a stretch of code gives a value to, and which it uses: enough to say what depends on it directly.

By the grammar's words for assignments, declarations and loops; what it takes for a name it does not look up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codeassist.syntax.tree import Syntax
from codeassist.text.document import Span

if TYPE_CHECKING:
    import tree_sitter

_NAMES = frozenset({"name", "variable_name", "constant"})
"""Leaves that are names, beside all sorts of identifiers."""
_TARGETS = ("left", "name", "pattern", "declarator", "target", "alias", "variable")
"""Fields of what is given a value, in the nodes below."""
_GIVING = (
    *("assign", "declarat", "for_", "foreach", "named_expression", "with_item", "as_pattern", "let_"),
    *("var_spec", "range_clause"),
)
_GIVEN = frozenset({"variable_list", "variable_declaration", "as_pattern_target"})
"""Nodes of which all names are given a value, but for those of parts that say it themselves."""
_CHANGING = ("update_expression", "inc_statement", "dec_statement", "inc_dec")
_NOBODY = frozenset({"self", "this", "cls"})
"""Names that get no value by an assignment to one of their fields."""
_MOST_NODES = 4_000


@dataclass(frozen=True, slots=True)
class Names:
    """`given`: names that get a value. `used`: all names that stand there, these too."""

    given: frozenset[str]
    used: frozenset[str]

    def feeds(self, other: Names) -> bool:
        """Whether one of the two gives a value to something that the other uses."""
        return bool(self.given & other.used or other.given & self.used)


def names_in(syntax: Syntax, span: Span) -> Names:
    """The names of a stretch of code. Of a very long one not all."""
    start, end = syntax.byte_at(span.start), syntax.byte_at(span.end)
    root = syntax.tree.root_node.descendant_for_byte_range(start, max(start, end - 1)) or syntax.tree.root_node
    given: set[str] = set()
    used: set[str] = set()
    pending: list[tuple[tree_sitter.Node, bool]] = [(root, _is_target(root))]
    for _ in range(_MOST_NODES):
        if not pending:
            break
        node, is_given = pending.pop()
        if node.start_byte >= end or node.end_byte <= start:
            continue
        kind = node.type
        if node.child_count == 0:
            if node.is_named and ("identifier" in kind or kind in _NAMES):
                name = syntax.source[node.start_byte : node.end_byte].decode("utf-8", "replace")
                used.add(name)
                if is_given:
                    given.add(name)
            continue
        gives = any(part in kind for part in _GIVING)
        all_given = kind in _GIVEN or any(part in kind for part in _CHANGING)
        for at, child in enumerate(node.children):
            field = node.field_name_for_child(at)
            pending.append((child, all_given or (field in _TARGETS if gives else is_given)))
    return Names(frozenset(given) - _NOBODY, frozenset(used))


def _is_target(node: tree_sitter.Node) -> bool:
    parent = node.parent
    if parent is None or not any(part in parent.type for part in _GIVING):
        return False
    return any(node == parent.child_by_field_name(field) for field in _TARGETS)
