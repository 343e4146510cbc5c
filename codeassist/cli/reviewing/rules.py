"""The categories of findings, as people and SARIF readers are told of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """`title` in a few words, `help` in sentences."""

    title: str
    help: str


_INFILL = (
    " The model was asked to write this line anew from the code around it, and holds its own version for much more "
    "likely. Read both: if yours is meant, a comment `codeassist: ignore` on the line says so."
)
_WORDS = " The model was asked to review this function. It may be wrong; read the code before you change anything."

RULES: dict[str, Rule] = {
    "wrong-operator": Rule("Unexpected operator", "An operator is another one than expected." + _INFILL),
    "inverted-condition": Rule("Condition looks inverted", "The opposite condition is expected." + _INFILL),
    "off-by-one": Rule("Looks off by one", "A bound or an index is one more or one less than expected." + _INFILL),
    "swapped-arguments": Rule("Look swapped", "The same arguments are expected in another order." + _INFILL),
    "missing-call": Rule("A call seems to be missing", "A call around or behind the value is expected." + _INFILL),
    "wrong-name": Rule("Unexpected name", "A name is another one than expected." + _INFILL),
    "wrong-constant": Rule("Unexpected constant", "A number or a constant is another one than expected." + _INFILL),
    "missing-code": Rule("Something seems to be missing", "The line seems to lack something." + _INFILL),
    "extra-code": Rule("Something seems to be too much", "The line says more than expected." + _INFILL),
    "unexpected-code": Rule("Unexpected code", "The line is written otherwise than expected." + _INFILL),
    "bug": Rule("Likely bug", "The code does not do what it seems to be meant to do." + _WORDS),
    "security": Rule("Security", "Somebody could misuse this code." + _WORDS),
    "concurrency": Rule("Concurrency", "What runs at the same time can get in each other's way." + _WORDS),
    "resource": Rule("Resource", "Something that was opened or taken may not be given back." + _WORDS),
    "performance": Rule("Performance", "This takes much more time or memory than it has to." + _WORDS),
    "api-misuse": Rule("Misuse of an interface", "A function or a type is used against its contract." + _WORDS),
    "error-handling": Rule("Error handling", "A failure is lost or handled wrongly." + _WORDS),
    "review": Rule("Remark", "Something else that the model says of the code." + _WORDS),
}


def rule_of(category: str) -> Rule:
    """What is known of a category; something can be said of any."""
    return RULES.get(category) or Rule(category.replace("-", " ").capitalize() or "Finding", _WORDS.strip())
