"""Where comments are, by the tree: what looks like one may stand in a string."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeassist.syntax.tree import Syntax

if TYPE_CHECKING:
    import tree_sitter


def comment_at(syntax: Syntax, offset: int) -> tree_sitter.Node | None:
    """The comment that holds the character at a place, or None."""
    byte = syntax.byte_at(offset)
    node = syntax.tree.root_node.descendant_for_byte_range(byte, byte + 1)
    while node is not None and "comment" not in node.type:
        node = node.parent
    return node


def code_of_line(syntax: Syntax, line: int) -> str:
    """A line without the comments at its end, and without white space there. "" for a line that is all comment."""
    document = syntax.document
    start = document.line_start(line)
    text = document.line(line).rstrip()
    while text:
        comment = comment_at(syntax, start + len(text) - 1)
        if comment is None:
            break
        text = text[: max(syntax.offset_at_byte(comment.start_byte) - start, 0)].rstrip()
    return text
