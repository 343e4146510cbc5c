"""The statements of a stretch of code one by one, and what in it is not code.

One rule serves all languages: a statement is what stands directly in a block. Blocks inside a statement cut
it into pieces (`if x:` before its block, `while x` behind one), and a piece that only opens, closes or
divides (`else`, `}`, `try`) is none. The tables below name the nodes of the grammars by this rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

from codeassist.syntax.definitions import Kind, definitions, imported
from codeassist.syntax.tree import Syntax
from codeassist.text.document import Span

if TYPE_CHECKING:
    import tree_sitter

_NOT_PROGRAMS = frozenset({"html", "css", "json", "yaml", "toml", "markdown"})

_BLOCKS = frozenset({
    "block", "block_body", "body_statement", "case_block", "class_body", "compound_statement",
    "constructor_body", "declaration_list", "do", "do_group", "enum_body", "enum_body_declarations",
    "enum_class_body", "enum_declaration_list", "field_declaration_list", "indented_block",
    "interface_body", "lambda_literal", "match_block", "protocol_body", "statement_block", "statement_list",
    "statements", "subshell", "switch_block", "switch_body", "template_body", "then",
})  # fmt: skip
"""Their named children are statements."""

_CLAUSES = frozenset({
    "case_clause", "case_item", "case_statement", "catch_block", "catch_clause", "communication_case",
    "default_case", "default_statement", "elif_clause", "else", "else_clause", "else_if_clause",
    "else_statement", "elseif_statement", "elsif", "ensure", "except_clause", "except_group_clause",
    "expression_case", "finally_block", "finally_clause", "in_clause", "match_arm", "rescue",
    "switch_block_statement_group", "switch_case", "switch_default", "switch_entry", "switch_rule",
    "switch_section", "type_case", "when", "when_entry",
})  # fmt: skip
"""Parts of a compound statement that stand on lines of their own."""

_DIRECT_BODIES = {
    "case_item": ")", "case_statement": ":", "default_statement": ":", "labeled_statement": ":",
    "switch_block_statement_group": ":", "switch_case": ":", "switch_default": ":", "switch_section": ":",
    "bash if_statement": "then", "bash elif_clause": "then", "bash else_clause": "else",
    "ruby else": "else", "ruby ensure": "ensure", "ruby begin": "begin", "scala case_clause": "=>",
    "kotlin lambda_literal": "->", "swift lambda_literal": "in", "scala lambda_expression": "=>",
}  # fmt: skip
"""Nodes without a block whose statements follow this token."""

_NEVER = frozenset({
    "access_specifier", "attribute_item", "block_parameters", "decorator", "empty_statement",
    "enum_assignment", "enum_case", "enum_case_definitions", "enum_constant", "enum_entry",
    "enum_member_declaration", "enum_variant", "enumerator", "inner_attribute_item", "label_statement",
    "lambda_parameters", "package_clause", "package_declaration", "package_header", "php_tag",
    "preproc_call", "property_identifier", "text", "text_interpolation",
})  # fmt: skip
"""Children of blocks that do nothing when the program runs."""
_BARE_KEYWORDS = frozenset({"default_keyword", "catch_keyword", "else", "throw_keyword", "statement_identifier"})
"""Named nodes that say no more than an unnamed keyword would."""
_BODY_FIELDS = frozenset({None, "body", "consequence", "alternative"})
_DECLARE_ONLY = frozenset({"type", "macro"})
_VALUES = frozenset({"constant", "variable", "field"})
_CALLABLE = frozenset({"function", "method"})
_SIGN_BEFORE = frozenset({"arrow_expression_clause", "function_body"})
"""Nodes around what a function gives back, or around its block, with the sign before it: `=> a`, `= a`."""
_AROUND_FUNCTIONS = ("value", "right", "declaration", "definition")
_ASSIGNING = frozenset({"assignment", "assignment_expression", "variable_declarator"})
"""Fields and nodes that lead from a name that is given a function to the function."""
_CLOSERS = frozenset({",", ";", ")", "]", "}"})

_Bytes: TypeAlias = tuple[int, int]


class _Named(NamedTuple):
    """What is known of nodes by their bytes: the kinds of definitions, the imports, and what functions without a block
    give back."""

    kinds: dict[_Bytes, Kind]
    imports: frozenset[_Bytes]
    bodies: frozenset[_Bytes]


_named: WeakKeyDictionary[Syntax, _Named] = WeakKeyDictionary()
"""Made once per parsed document, an entry goes when its document does: looking for those in one function goes through
all that the top of the file defines."""


def statements(syntax: Syntax, span: Span) -> tuple[Span, ...]:
    """The statements inside a span, in order: simple ones whole, of compound ones the headers. What a function without
    a block gives back is one, too: `f = lambda x: x + 1`, `(x) => x + 1`, `fun f() = 1`.

    Left out: comments, docstrings, imports, the headers of functions and types, and lines that only open,
    close or divide blocks. Languages that are no programming languages have none.
    """
    if syntax.language in _NOT_PROGRAMS:
        return ()
    walk = _Walk(syntax, syntax.byte_at(span.start), syntax.byte_at(span.end))
    walk.block(syntax.tree.root_node)
    pieces = sorted(piece for piece in walk.pieces if walk.start <= piece[0] and piece[1] <= walk.end)
    return tuple(Span(syntax.offset_at_byte(start), syntax.offset_at_byte(end)) for start, end in pieces)


def comments_and_strings(syntax: Syntax, span: Span) -> tuple[Span, ...]:
    """Comments, and strings that hold whole lines: docstrings and others, of one line or several.

    In document order; every one that overlaps the span is given whole.
    """
    start, end = syntax.byte_at(span.start), syntax.byte_at(span.end)
    found: list[Span] = []
    # With a cursor: to list the children of the root alone would take milliseconds in a long file.
    cursor = syntax.tree.walk()
    entered = cursor.goto_first_child_for_byte(start) is not None
    depth = int(entered)
    while depth > 0:
        node = cursor.node
        inside = node is not None and node.start_byte < end and node.end_byte > start
        if node is not None and inside:
            comment = "comment" in node.type
            if comment or _is_string(node):
                place = _trimmed(syntax.source, node.start_byte, node.end_byte)
                if comment or _fills_lines(syntax.source, *place):
                    found.append(Span(syntax.offset_at_byte(place[0]), syntax.offset_at_byte(place[1])))
            elif cursor.goto_first_child_for_byte(start) is not None:
                depth += 1
                continue
        past = node is not None and node.start_byte >= end
        while past or not cursor.goto_next_sibling():
            past = False
            cursor.goto_parent()
            depth -= 1
            if depth == 0:
                break
    return tuple(found)


class _Walk:
    """Collects the pieces of statements between two bytes, as pairs of bytes."""

    def __init__(self, syntax: Syntax, start: int, end: int) -> None:
        self.start, self.end = start, end
        self.pieces: list[tuple[int, int]] = []
        self._source = syntax.source
        self._language = syntax.language
        self._kinds, self._imports, self._bodies = _named_in(syntax)

    def block(self, node: tree_sitter.Node) -> None:
        """All statements that stand in a block."""
        separator = self._separator(node)
        waiting = separator is not None and any(child.type == separator for child in node.children)
        for child in node.children if waiting else self._children(node):
            if waiting:  # The parameters of a lambda come before its statements.
                waiting = child.type != separator
            elif child.is_named:
                self.statement(child)

    def _children(self, node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
        """Those between the two bytes; of a long file a function is a small part."""
        if self.start <= node.start_byte and node.end_byte <= self.end:
            yield from node.children
            return
        cursor = node.walk()
        is_there = cursor.goto_first_child_for_byte(self.start) is not None
        while is_there and (child := cursor.node) is not None and child.start_byte < self.end:
            yield child
            is_there = cursor.goto_next_sibling()

    def statement(self, node: tree_sitter.Node) -> None:
        """One child of a block: its pieces, and the statements in the blocks inside it."""
        if node.start_byte >= self.end or node.end_byte <= self.start:
            return
        if "comment" in node.type or node.byte_range in self._imports:
            return
        if node.type in _NEVER:
            for child in node.named_children:  # A constant of an enumeration may have methods of its own.
                if child.type in _BLOCKS:
                    self.block(child)
            return
        kind = self._kinds.get(node.byte_range)
        if kind in _DECLARE_ONLY or _is_docstring(node):
            return
        bare_field = kind == "field" or node.type == "field_declaration"
        if bare_field and b"=" not in self._source[node.start_byte : node.end_byte]:
            return
        if node.type in _BLOCKS:
            self.block(node)
        elif node.type.startswith("preproc_"):
            self._conditional(node)
        else:
            defines = kind is not None and kind not in _VALUES
            self._compound(node, silent=defines or node.type == "lambda_expression")

    def _conditional(self, node: tree_sitter.Node) -> None:
        """`#if` and its kin: what they hold are statements, their own lines are not."""
        for index, child in enumerate(node.children):
            if child.is_named and node.field_name_for_child(index) not in {"name", "condition"}:
                self.statement(child)

    def _compound(self, node: tree_sitter.Node, *, silent: bool) -> None:
        """Cut a statement at its blocks. `silent`: a definition, whose header is no statement."""
        cuts: list[tree_sitter.Node] = []
        pieces: list[list[tree_sitter.Node]] = [[]]
        self._cut(node, pieces, cuts)
        if not silent:
            for piece in pieces if cuts else ():
                _strip_closers(piece)
            for piece in pieces:
                if piece and (not cuts or any(_says_something(leaf) for leaf in piece)):
                    self.pieces.append(_trimmed(self._source, piece[0].start_byte, piece[-1].end_byte))
        for cut in cuts:
            if cut.type in _BLOCKS:
                self.block(cut)
            else:
                self.statement(cut)

    def _cut(self, node: tree_sitter.Node, pieces: list[list[tree_sitter.Node]], cuts: list[tree_sitter.Node]) -> None:
        """Sort the leaves of a node into pieces; blocks and nested statements end one and go to `cuts`."""
        children = node.children
        if not children:
            if "comment" not in node.type:
                pieces[-1].append(node)
            return
        separator = self._separator(node)
        behind = False
        for index, child in enumerate(children):
            if child.type in _BLOCKS or child.type in _CLAUSES:
                apart = child.child_count > 0
            else:
                apart = behind or _is_nested(node, index, child) or _continues(node, children, index)
                apart = apart or child.byte_range in self._bodies
            if apart and child.is_named:
                cuts.append(child)
                pieces.append([])
            else:
                self._cut(child, pieces, cuts)
            behind = behind or child.type == separator

    def _separator(self, node: tree_sitter.Node) -> str | None:
        return _DIRECT_BODIES.get(f"{self._language} {node.type}") or _DIRECT_BODIES.get(node.type)


def _named_in(syntax: Syntax) -> _Named:
    known = _named.get(syntax)
    if known is None:
        found = definitions(syntax)
        kinds = {each.node.byte_range: each.kind for each in found}
        imports = frozenset(node.byte_range for node in imported(syntax, 0, len(syntax.source)))
        bodies = (_given_back(each.node) for each in found if each.kind in _CALLABLE)
        known = _named[syntax] = _Named(kinds, imports, frozenset(body.byte_range for body in bodies if body))
    return known


def _given_back(function: tree_sitter.Node) -> tree_sitter.Node | None:
    """What a function gives back that has no block."""
    node: tree_sitter.Node | None = function
    while node is not None:
        body = node.child_by_field_name("body") or _child_among(node, _SIGN_BEFORE)
        if body is not None and body.type in _SIGN_BEFORE:
            body = next((child for child in body.named_children if "comment" not in child.type), None)
        if body is not None:
            return None if body.type in _BLOCKS else body
        inside = (node.child_by_field_name(name) for name in _AROUND_FUNCTIONS)
        node = next((child for child in inside if child), None) or _child_among(node, _ASSIGNING)
    return None


def _child_among(node: tree_sitter.Node, types: frozenset[str]) -> tree_sitter.Node | None:
    return next((child for child in node.named_children if child.type in types), None)


def _is_nested(parent: tree_sitter.Node, index: int, node: tree_sitter.Node) -> bool:
    """A statement as the body of another one, without a block: `if (x) return;`."""
    return (
        node.type.endswith("_statement")
        and not parent.type.endswith("_declaration")
        and parent.field_name_for_child(index) in _BODY_FIELDS
    )


def _continues(parent: tree_sitter.Node, children: list[tree_sitter.Node], index: int) -> bool:
    """The second `if` of `else if` where the grammar calls it an expression."""
    return index > 0 and children[index - 1].type == "else" and children[index].type == parent.type


def _strip_closers(piece: list[tree_sitter.Node]) -> None:
    """A piece begins behind what closes the block before it, and ends before what opens the next one."""
    while piece and piece[0].type in _CLOSERS:
        del piece[0]
    while piece and piece[-1].type == "{":
        del piece[-1]


def _says_something(leaf: tree_sitter.Node) -> bool:
    return leaf.is_named and leaf.type not in _BARE_KEYWORDS


def _is_string(node: tree_sitter.Node) -> bool:
    return node.is_named and ("string" in node.type or node.type == "heredoc_body") and "type" not in node.type


def _is_docstring(node: tree_sitter.Node) -> bool:
    """A string as a statement of its own: a docstring, `"use strict"`."""
    if node.type == "expression_statement" and node.named_child_count == 1:
        node = node.named_child(0)
    return _is_string(node)


def _fills_lines(source: bytes, start: int, end: int) -> bool:
    if b"\n" in source[start:end]:
        return True
    before = source[source.rfind(b"\n", 0, start) + 1 : start]
    line_end = source.find(b"\n", end)
    behind = source[end : line_end if line_end >= 0 else len(source)]
    return not before.strip() and not behind.strip(b" \t\r\f,;)]}")


def _trimmed(source: bytes, start: int, end: int) -> tuple[int, int]:
    """Some grammars count the line end, or what follows it, as part of a node."""
    return start, start + len(source[start:end].rstrip())
