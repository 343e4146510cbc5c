"""Where a completion that nobody asked for would disturb: inside comments and strings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from codeassist.post.opened import line_code
from codeassist.post.scan import scan
from codeassist.syntax.tree import Syntax
from codeassist.text.document import Document, Offset

if TYPE_CHECKING:
    import tree_sitter

Place = Literal["code", "comment", "string"]

_ALL_TEXT = frozenset({"json", "yaml", "toml", "html", "css", "markdown", "bash", ""})
"""Languages in which strings, or what looks like them, hold most of what is written."""
_HOLES = ("interpolat", "substitution", "expansion")
"""Parts of the names of nodes that are code inside a string."""
_WITHOUT_SIGNS = frozenset({"interpolated_expression"})
"""Of these the node is what stands between the signs."""
_HOLDING_HOLES = frozenset({"interpolated_string", "interpolated_string_expression"})
_ENDS = ("*/", "-->", "--]]", "=end")
_MARK = "\N{OBJECT REPLACEMENT CHARACTER}"


def place_at(source: Syntax | Document, offset: Offset) -> Place:
    """What the cursor stands in. In a line comment it does at its end, too; in a string it does between the quotes."""
    document = source if isinstance(source, Document) else source.document
    if document.language in _ALL_TEXT:
        return "code"
    start = document.line_start(document.position_at(offset).line)
    line = line_code(document, offset)
    in_line = _by_line(line, document.language)
    if isinstance(source, Document):
        return in_line
    if in_line != "code":
        in_line = _by_line(_without_literals(source, start, line), document.language)
    return _by_tree(source, offset, in_line)


def _by_line(line: str, language: str) -> Place:
    read = scan(line + _MARK, language)
    if read.code.endswith(_MARK) or read.quote == "/":  # In a regular expression, too.
        return "code"
    return "comment" if not read.quote or read.quote in _ENDS else "string"


def _without_literals(syntax: Syntax, start: Offset, line: str) -> str:
    """A line up to the cursor without regular expressions and numbers, in which quotes mean something else."""
    first, last = syntax.byte_at(start), syntax.byte_at(Offset(start + len(line)))
    waiting = [syntax.tree.root_node.descendant_for_byte_range(first, last)]
    while waiting:
        node = waiting.pop()
        if node is None or node.end_byte <= first or node.start_byte >= last:
            continue
        if "regex" in node.type or "number" in node.type:
            begin = max(0, syntax.offset_at_byte(node.start_byte) - start)
            end = min(len(line), syntax.offset_at_byte(node.end_byte) - start)
            line = line[:begin] + " " * (end - begin) + line[end:]
        else:
            waiting += node.children
    return line


def _by_tree(syntax: Syntax, offset: Offset, in_line: Place) -> Place:
    """`in_line` is what the line up to the cursor says. The tree knows of what began above, and of code in strings."""
    at = syntax.byte_at(offset)
    broken = False
    node = syntax.tree.root_node.descendant_for_byte_range(max(0, at - 1), at)
    while node is not None and node.parent is not None:
        if node.is_named and node.type not in _HOLDING_HOLES and any(hole in node.type for hole in _HOLES):
            inside = node.start_byte < at < node.end_byte or node.type in _WITHOUT_SIGNS
            return "code" if inside or node.has_error else in_line
        if "comment" in node.type and _reaches(node, at, syntax.source):
            return "comment"
        if _is_string(node) and node.start_byte < at < node.end_byte:
            return "string"
        broken = broken or node.is_error or node.has_error
        node = node.parent
    # Where the tree is whole it knows: a quote may be part of a regular expression, or of a word.
    return in_line if broken else "code"


def _reaches(comment: tree_sitter.Node, at: int, source: bytes) -> bool:
    """Whether text typed at `at` belongs to the comment."""
    if not comment.start_byte < at <= comment.end_byte:
        return False
    closed = source[comment.start_byte : comment.end_byte].decode("utf-8", "replace").endswith(_ENDS)
    # Some grammars count the line end as a part of the comment.
    return (at < comment.end_byte or not closed) and b"\n" not in source[at - 1 : at]


def _is_string(node: tree_sitter.Node) -> bool:
    return node.is_named and ("string" in node.type or node.type == "heredoc_body") and "type" not in node.type
