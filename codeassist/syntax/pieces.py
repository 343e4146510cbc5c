"""What a document is reviewed by: each function for itself, methods and nested ones too, and the code outside of them.

A piece is known again by its fingerprint, which is made of its tokens: comments, blank lines, indentation as a whole
and where lines are broken do not count, strings do. What a function says inside another one counts for the inner one
only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from codeassist.syntax.definitions import definitions
from codeassist.syntax.outline import Symbol, outline
from codeassist.syntax.tree import Syntax
from codeassist.text.document import Offset, Span

if TYPE_CHECKING:
    import tree_sitter

_CALLABLE = frozenset({"function", "method"})
_CLOSERS = frozenset({")", "]", "}"})
_WHOLE = ("string", "char", "heredoc", "template", "regex")
"""Nodes of which the text counts as it stands, blanks included."""

_pieces: WeakKeyDictionary[Syntax, tuple[Piece, ...]] = WeakKeyDictionary()
"""Made once per parsed document; an entry goes when its document does."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A function, or the code outside of functions, whose `name` is "".

    `name` tells functions of one document apart: those around them come first (`Cart.total`), a second one of the same
    name has a number (`Cart.total#2`). `inner`: the functions inside, which are pieces of their own.
    """

    name: str
    span: Span
    fingerprint: str
    inner: tuple[Span, ...] = ()

    def own_lines(self, syntax: Syntax) -> tuple[int, ...]:
        """The lines, from 0, that hold something of this piece and of no function inside it."""
        document = syntax.document
        first = document.position_at(self.span.start).line
        last = max(first, document.position_at(Offset(self.span.end - 1)).line)  # Some end where the next line begins.
        if not self.inner:
            return tuple(range(first, last + 1))
        taken: set[int] = set()
        for span in self.inner:
            # A function that begins or ends inside a line leaves it to the one around it.
            begin, end = document.position_at(span.start), document.position_at(span.end)
            before = document.line(begin.line)[: begin.column].strip()
            behind = document.line(end.line)[end.column :].strip(" \t\r;,)")
            taken.update(range(begin.line + bool(before), end.line + (not behind)))
        return tuple(line for line in range(first, last + 1) if line not in taken)


def pieces(syntax: Syntax) -> tuple[Piece, ...]:
    """The functions of a document in their order, then the code outside of them, if there is any."""
    known = _pieces.get(syntax)
    if known is None:
        known = _pieces[syntax] = _made(syntax)
    return known


def _made(syntax: Syntax) -> tuple[Piece, ...]:
    both = zip(outline(syntax), definitions(syntax), strict=True)
    functions = [(symbol, found.node.id) for symbol, found in both if symbol.kind in _CALLABLE]
    symbols = [symbol for symbol, _ in functions]
    own, rest, has_code = _tokens(syntax, {node: at for at, (_, node) in enumerate(functions)})
    names, inner = _names(syntax, symbols), _inner(symbols)
    found = [Piece(names[at], symbol.span, _digest(own[at]), tuple(inner[at])) for at, symbol in enumerate(symbols)]
    if has_code:
        found.append(Piece("", Span(Offset(0), Offset(len(syntax.document.text))), _digest(rest), tuple(inner[-1])))
    return tuple(found)


def _digest(parts: Iterable[bytes]) -> str:
    return sha256(b"".join(parts)).hexdigest()[:16]


def _names(syntax: Syntax, symbols: Sequence[Symbol]) -> list[str]:
    around: list[Symbol] = []
    paths: dict[Span, str] = {}
    for symbol in outline(syntax):
        while around and around[-1].span.end <= symbol.span.start:
            around.pop()
        around.append(symbol)
        if symbol.kind in _CALLABLE:
            paths[symbol.span] = ".".join(each.name for each in around)
    seen: Counter[str] = Counter()
    names = []
    for symbol in symbols:
        path = paths[symbol.span]
        seen[path] += 1
        names.append(path if seen[path] == 1 else f"{path}#{seen[path]}")
    return names


def _inner(symbols: Sequence[Symbol]) -> dict[int, list[Span]]:
    """The functions directly inside each one, by its index; those inside none under -1."""
    found: dict[int, list[Span]] = {at: [] for at in range(-1, len(symbols))}
    around: list[int] = []
    for at, symbol in enumerate(symbols):
        while around and symbols[around[-1]].span.end <= symbol.span.start:
            around.pop()
        found[around[-1] if around else -1].append(symbol.span)
        around.append(at)
    return found


def _tokens(syntax: Syntax, begins: Mapping[int, int]) -> tuple[list[list[bytes]], list[bytes], bool]:
    """The tokens of each function, and those outside of all; each goes to the innermost function around it. Between
    them stands where nodes begin and end: that is what indentation says. Last, whether there is code outside.

    `begins`: the functions, numbered, by the ids of their nodes.
    """
    source, cursor = syntax.source, syntax.tree.walk()
    own: list[list[bytes]] = [[] for _ in begins]
    rest: list[bytes] = []
    has_code = False
    around: list[tuple[int, list[bytes]]] = []
    """The functions around a node: the depth of each, and where tokens go behind it."""
    into, depth = rest, 0
    while (node := cursor.node) is not None:
        begun = begins.get(node.id)
        if begun is not None:
            around.append((depth, into))
            into = own[begun]
        kind = node.type
        if "comment" not in kind:
            if node.child_count == 0 or (node.is_named and any(part in kind for part in _WHOLE)):
                text = source[node.start_byte : node.end_byte]
                if text.strip() and not (text == b"," and _is_trailing(node)):
                    into.append(b"\0" + text)
                    has_code = has_code or into is rest
            else:
                into.append(b"\1" + kind.encode())
                cursor.goto_first_child()
                depth += 1
                continue
        while True:
            if around and around[-1][0] == depth:
                into = around.pop()[1]
            if cursor.goto_next_sibling():
                break
            if not cursor.goto_parent():
                return own, rest, has_code
            depth -= 1
            into.append(b"\2")
    return own, rest, has_code


def _is_trailing(comma: tree_sitter.Node) -> bool:
    """A comma that only a formatter sees: before what closes, behind something."""
    behind, before = comma.next_sibling, comma.prev_sibling
    while behind is not None and "comment" in behind.type:
        behind = behind.next_sibling
    return behind is not None and behind.type in _CLOSERS and before is not None and before.is_named
