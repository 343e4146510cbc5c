"""Do two ways to write a stretch of code mean the same?

Both are read as trees, and what a reader would call the same is made the same: spelling (white space, quotes, comments,
parentheses, trailing commas), order that does not matter (`a < b` and `b > a`, the operands of `==` and `*`), and forms
that are short for others (`x += 1`, `x[0:n]`, `range(0, n)`, `not a == b`). What is left over differs.

By the shape of the tree and not by its node types, so that one table serves all languages. It errs on the side of
"differs" where two forms are only mostly the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from codeassist.syntax.tree import Syntax
from codeassist.text.document import Span

if TYPE_CHECKING:
    import tree_sitter

Form: TypeAlias = "str | tuple[Form, ...]"
"""A tree without what does not matter: a leaf is its text, a node the forms of its children."""

_MIRRORED = {">": "<", ">=": "<="}
_NEGATED = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", "in": "not in"}
_SYNONYMS = {
    "===": "==", "!==": "!=", "<>": "!=", "&&": "and", "||": "or", "!": "not",
    "is": "==", "~=": "!=",
}  # fmt: skip
_OPERANDS_IN_ANY_ORDER = frozenset({"==", "!="})
_ELEMENTS_IN_ANY_ORDER = frozenset({"set", "dictionary", "object", "hash"})
"""Nodes: here a node type is needed, for blocks look the same."""
_SUM = "+ ..."
"""The sign of a sum of any length with a number in it; without one it may be texts that are joined."""
_ARGUMENTS_IN_ANY_ORDER = frozenset({"max", "min", "gcd", "lcm", "hypot"})
"""Functions, whatever they are members of."""
_ASSIGNING = frozenset({
    "+=", "-=", "*=", "/=", "%=", "//=", "**=", "&=", "|=", "^=", "<<=", ">>=", "&&=", "||=", "??=", "@=",
})  # fmt: skip
_NOTHING = frozenset({";", ",", "pass"})
"""Signs that only separate; what they separate are children of their own."""
_QUOTES = frozenset({'"', "'", "`", '"""', "'''"})
_DEFAULTS = {"list": "[]", "dict": "{}", "tuple": "()"}
_STEP_BY_ONE = {"++": "+", "--": "-"}
_DEEPEST = 200
"""Code that is nested deeper is taken as text: nobody wrote it by hand."""


def same_meaning(one: Syntax, where: Span, other: Syntax, there: Span) -> bool:
    """Whether the code at `where` of `one` and that at `there` of `other` means the same.

    Of nodes that reach over the stretches only what lies inside is compared, so that a line can be one, or the header
    of a block.
    """
    return form_of(one, where) == form_of(other, there)


def form_of(syntax: Syntax, span: Span) -> Form:
    """What the code in `span` means, as far as a tree can say."""
    start, end = syntax.byte_at(span.start), syntax.byte_at(span.end)
    node = syntax.tree.root_node.descendant_for_byte_range(start, end)
    return _Reader(syntax.source, start, end).form(node or syntax.tree.root_node, 0)


class _Reader:
    """Reads nodes between two bytes."""

    def __init__(self, source: bytes, start: int, end: int) -> None:
        self.source, self.start, self.end = source, start, end

    def form(self, node: tree_sitter.Node, depth: int) -> Form:
        if node.child_count == 0 or depth > _DEEPEST:
            return self._leaf(node)
        if "string" in node.type:
            return self._string(node)
        forms = [
            self.form(child, depth + 1)
            for child in node.children
            if child.start_byte < self.end and child.end_byte > self.start and "comment" not in child.type
        ]
        forms = [form for form in forms if form not in _NOTHING and form != ()]
        if node.type in _ELEMENTS_IN_ANY_ORDER:
            return tuple(sorted(forms, key=repr))
        return _simplified(forms)

    def _leaf(self, node: tree_sitter.Node) -> Form:
        text = self.source[max(node.start_byte, self.start) : min(node.end_byte, self.end)].decode("utf-8", "replace")
        text = " ".join(text.split())
        return _SYNONYMS.get(text, text)

    def _string(self, node: tree_sitter.Node) -> Form:
        text = self.source[node.start_byte : node.end_byte].decode("utf-8", "replace")
        begin = next((at for at, sign in enumerate(text) if sign in "\"'`"), 0)
        quote = text[begin : begin + 3] if text[begin : begin + 3] in _QUOTES else text[begin : begin + 1]
        return ("string", text[:begin].lower(), text[begin + len(quote) : len(text) - len(quote)])


def _simplified(forms: Sequence[Form]) -> Form:
    """One node, of which the children are simple already."""
    if len(forms) == 1:
        return forms[0]
    if len(forms) == 3 and forms[0] == "(" and forms[2] == ")":
        return forms[1]
    return _in_order(_at_length(_joined(forms)))


def _joined(forms: Sequence[Form]) -> Sequence[Form]:
    """Operators of two words as one, conditions without their negation."""
    match forms:
        case [left, "not", "in", right] | [left, ("not", "in"), right]:
            return (left, "not in", right)
        case [left, ("==", "not") | "is not", right]:
            return (left, "!=", right)
        case ["not", (left, str(sign), right)] if sign in _NEGATED:
            return (left, _NEGATED[sign], right)
        case ["not", ("not", (inner, *more))]:
            return (inner, *more)
    return forms


def _at_length(forms: Sequence[Form]) -> Sequence[Form]:
    """Short forms as what they are short for."""
    match forms:
        case [target, str(sign), value] if sign in _ASSIGNING:
            return (target, "=", _simplified([target, sign[:-1], value]))
        case [target, "++" | "--" as sign] | ["++" | "--" as sign, target]:
            return (target, "=", _simplified([target, _STEP_BY_ONE[sign], "1"]))
        case ["return", "None" | "undefined"]:
            return ("return",)
        case [str(name), ("(", ")")] if name in _DEFAULTS:
            return tuple(_DEFAULTS[name])
        case ["range", ("(", "0", last, ")")]:
            return ("range", last)
        case ["0", ":", *rest]:
            return (":", *rest)
    return forms


def _in_order(forms: Sequence[Form]) -> Form:
    """In one order what may stand in any."""
    match forms:
        case [function, ("(", *arguments, ")")] if _last(function) in _ARGUMENTS_IN_ANY_ORDER:
            return (function, *sorted(arguments, key=repr))
        case [left, str(sign), right] if sign in _MIRRORED:
            return (right, _MIRRORED[sign], left)
        case [left, str(sign), right] if sign in _OPERANDS_IN_ANY_ORDER:
            if sign == "!=" and _is_parity(left, right):
                sign, right = "==", "1"
            first, last = sorted((left, right), key=repr)
            return (first, sign, last)
        case [left, "+" | "-" as sign, right]:
            terms = [*_terms(left), *((_flipped(own) if sign == "-" else own, term) for own, term in _terms(right))]
            if any(isinstance(term, str) and term[:1].isdecimal() for _, term in terms):
                return (_SUM, *sorted(terms, key=repr))
        case [left, "*", right]:
            return ("*", *sorted((*_factors(left), *_factors(right)), key=repr))
        case [alone]:
            return alone
    return tuple(forms)


def _last(form: Form) -> Form:
    """The name of a function: `max` of `Math.max`."""
    return form[-1] if isinstance(form, tuple) else form


def _terms(form: Form) -> list[tuple[str, Form]]:
    """The terms of a sum with their signs."""
    match form:
        case (str(sum_), *terms) if sum_ == _SUM:
            return [(str(each[0]), each[1]) for each in terms]
        case (left, "+" | "-" as sign, right):
            return [*_terms(left), *((_flipped(own) if sign == "-" else own, term) for own, term in _terms(right))]
        case ("-", term):
            return [("-", term)]
    return [("+", form)]


def _flipped(sign: str) -> str:
    return "-" if sign == "+" else "+"


def _factors(form: Form) -> tuple[Form, ...]:
    return form[1:] if isinstance(form, tuple) and form[:1] == ("*",) else (form,)


def _is_parity(left: Form, right: Form) -> bool:
    """`n % 2` compared with 0: what is not 0 is 1."""
    return right == "0" and isinstance(left, tuple) and left[1:] == ("%", "2")
