"""The categories of findings, as people and SARIF readers are told of them."""

from __future__ import annotations

from dataclasses import dataclass

from codeassist.post.categories import CATEGORIES


@dataclass(frozen=True, slots=True)
class Rule:
    """`title` in a few words, `help` in sentences."""

    title: str
    help: str


_INFILL = (
    "The model was asked to write this line anew from the code around it, and holds its own version for much more "
    "likely. Read both: if yours is meant, a comment `codeassist: ignore` on the line says so."
)
_WORDS = "The model was asked to review this function. It may be wrong; read the code before you change anything."


def rule_of(category: str) -> Rule:
    """What is known of a category; something can be said of any."""
    title = category.replace("-", " ").capitalize() or "Finding"
    known = CATEGORIES.get(category)
    if known is None:
        return Rule(title, _WORDS)
    return Rule(title, f"{known.meaning} {_INFILL if known.analyzer == 'infill' else _WORDS}")
