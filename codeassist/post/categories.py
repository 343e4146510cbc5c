"""The one set of categories and severities of findings, for both analyzers, and the words for each.

A category is a finding's diagnostic code: users dismiss by it, scripts filter by it. So the set is fixed, documented
(docs/reference/findings.md is made from it), and a name never changes its meaning.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from types import MappingProxyType
from typing import Literal, TypeAlias

from codeassist.post.change import Change, lexemes

Severity: TypeAlias = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""The worst first."""


@dataclass(frozen=True, slots=True)
class Category:
    """`analyzer`: who finds it. `severity`: the worst that a finding of it can be. `meaning`: for the documents.

    `says`: what the infill check tells the user, with `{old}` and `{new}` for the code that differs and `{line}` for
    the whole line as the model expects it. `doubt`: how much more (nats) a difference of this kind must surprise than
    a slip of the pen: a line can be written in many ways, but an operator or a name is seldom a matter of taste.
    """

    name: str
    analyzer: Literal["infill", "words"]
    severity: Severity
    meaning: str
    says: str = ""
    doubt: float = 0.0


_INSTEAD = "`{old}` is unexpected: from the code around it, `{new}` is expected here, as in `{line}`."
_MORE_OR_LESS, _OTHERWISE = 2.0, 4.0
"""Doubts, in nats, from benchmarks/quality/review.py."""

_ALL = (
    Category("wrong-operator", "infill", "warning", "Another operator is expected.", _INSTEAD),
    Category(
        "inverted-condition", "infill", "warning", "The opposite condition is expected.",
        "This condition looks inverted: from the code around it, `{line}` is expected here.",
    ),
    Category(
        "off-by-one", "infill", "warning", "A bound or an index is expected that is one more or one less.",
        "This looks off by one: from the code around it, `{line}` is expected here.",
    ),
    Category(
        "swapped-arguments", "infill", "warning", "The same arguments or operands are expected in another order.",
        "`{old}` looks swapped: from the code around it, `{line}` is expected here.",
    ),
    Category("wrong-name", "infill", "warning", "Another variable, function or member is expected.", _INSTEAD),
    Category(
        "missing-call", "infill", "warning", "A call around or behind the value is expected.",
        "A call seems to be missing: from the code around it, `{line}` is expected here.",
    ),
    Category("wrong-constant", "infill", "warning", "Another number, string, `true` or `null` is expected.", _INSTEAD),
    Category(
        "missing-code", "infill", "warning", "Something more is expected in the line.",
        "`{new}` seems to be missing: from the code around it, `{line}` is expected here.", _MORE_OR_LESS,
    ),
    Category(
        "extra-code", "infill", "warning", "Less is expected in the line.",
        "`{old}` is unexpected: from the code around it, `{line}` is expected here.", _MORE_OR_LESS,
    ),
    Category(
        "unexpected-code", "infill", "info", "Something else is expected, of no kind above.", _INSTEAD, _OTHERWISE
    ),
    Category("bug", "words", "error", "The code does something else than its author meant."),
    Category("security", "words", "error", "Somebody else can make the code do something that it should not."),
    Category("concurrency", "words", "error", "The result depends on who comes first."),
    Category("resource", "words", "error", "Something is not closed, not freed, or grows without end."),
    Category("performance", "words", "warning", "The code does much more work than it needs to."),
    Category("api-misuse", "words", "error", "A function is used in another way than it is made for."),
    Category("error-handling", "words", "error", "An error is lost, or handled as another."),
    Category("review", "words", "error", "Anything else that the model says of the code."),
)  # fmt: skip

CATEGORIES: Mapping[str, Category] = MappingProxyType({category.name: category for category in _ALL})

_NUMBER = re.compile(r"\d[\w.]*$")
_NAME = re.compile(r"[^\W\d]\w*$")
_STRING = re.compile(r"[\"'`]")
_OPERATOR_WORDS = frozenset({"and", "or", "not", "in", "is", "instanceof", "typeof"})
_CONSTANT_WORDS = frozenset({"true", "false", "True", "False", "null", "nil", "None", "undefined"})
_NOT = frozenset({"not", "!"})
_OPPOSITES = {
    "==": "!=", "!=": "==", "===": "!==", "!==": "===", "<": ">=", ">=": "<", ">": "<=", "<=": ">",
}  # fmt: skip
_WITH_OR_WITHOUT_EQUAL = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_BRACKETS = "()[]{}"
_GIVES = frozenset({"=", ":=", "return", ":", "=>"})
"""A number behind these is a value, and no bound or index."""


@dataclass(frozen=True, slots=True)
class _Difference:
    """Lexemes before and after; `gone` and `come` are those of them that go, and that come. `before`: what stands in
    front of them."""

    before: str
    old: list[str]
    new: list[str]
    gone: list[str]
    come: list[str]

    @property
    def pieces(self) -> list[str]:
        return self.gone + self.come


def category_of(line: str, change: Change) -> Category:
    """The kind of difference, which a change of `line` is."""
    old, new = lexemes(change.old), lexemes(change.text)
    before = lexemes(line[: change.start])
    difference = _Difference(before[-1] if before else "", old, new, *_differing(old, new))
    name = next((name for name, fits in _KINDS if fits(difference)), "unexpected-code")
    return CATEGORIES[name]


def _differing(old: list[str], new: list[str]) -> tuple[list[str], list[str]]:
    """The lexemes that go, and those that come."""
    gone: list[str] = []
    come: list[str] = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            gone += old[a:b]
            come += new[c:d]
    return gone, come


def _inverted(what: _Difference) -> bool:
    gone, come = what.gone, what.come
    if len(gone) == len(come) == 1:
        return _OPPOSITES.get(gone[0]) == come[0]
    return (not gone and len(come) == 1 and come[0] in _NOT) or (not come and len(gone) == 1 and gone[0] in _NOT)


def _off_by_one(what: _Difference) -> bool:
    gone, come = what.gone, what.come
    if len(gone) == len(come) == 1:
        one, other = gone[0], come[0]
        if one.isdecimal() and other.isdecimal():
            return what.before not in _GIVES and abs(int(one[:18]) - int(other[:18])) == 1
        return _WITH_OR_WITHOUT_EQUAL.get(one) == other
    # `n` and `n - 1`.
    longer = come if not gone else gone if not come else []
    return len(longer) == 2 and longer[0] in "+-" and longer[1] == "1"


def _missing_call(what: _Difference) -> bool:
    """`name(value)` or `value.name(...)` is expected for `value`."""
    value, code = what.old, what.new
    if not value:
        return _is_call(code)
    if len(code) <= len(value) + 2 or code[-1] != ")":
        return False
    wrapped = _NAME.match(code[0]) is not None and code[-1 - len(value) : -1] == value and "(" in code[: -len(value)]
    return wrapped or (code[: len(value)] == value and _is_call(code[len(value) :]))


def _is_call(code: list[str]) -> bool:
    """`.name(...)` to be put behind a value."""
    return len(code) > 3 and code[0] in {".", "?."} and code[2] == "(" and code[-1] == ")"


def _is_constant(lexeme: str) -> bool:
    return bool(_NUMBER.match(lexeme) or _STRING.match(lexeme)) or lexeme in _CONSTANT_WORDS


def _is_operator(lexeme: str) -> bool:
    return lexeme in _OPERATOR_WORDS or not any(c.isalnum() or c in "_\"'`" + _BRACKETS for c in lexeme)


_KINDS: tuple[tuple[str, Callable[[_Difference], bool]], ...] = (
    ("inverted-condition", _inverted),
    ("off-by-one", _off_by_one),
    ("missing-call", _missing_call),
    ("missing-code", lambda what: not what.old and bool(what.new)),
    ("extra-code", lambda what: bool(what.old) and not what.new),
    ("swapped-arguments", lambda what: len(what.old) > 2 and Counter(what.old) == Counter(what.new)),
    ("wrong-operator", lambda what: all(_is_operator(piece) for piece in what.pieces)),
    ("wrong-constant", lambda what: all(_is_constant(piece) or piece in "+-" for piece in what.pieces)),
    (
        "wrong-name",
        lambda what: len(what.gone) == len(what.come) and all(_NAME.match(piece) for piece in what.pieces),
    ),
)
"""The first that fits is the kind."""
