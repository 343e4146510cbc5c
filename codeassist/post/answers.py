"""What a chat model answered, as far as it has the form that was asked for. Pure; nothing here believes the model.

Servers that do not enforce a schema leave the form to the model, thoughts come before the answer where a model cannot
help it, and an answer may end in the middle. What is whole is taken, the rest is passed over.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from codeassist.post.foreign import without_thoughts
from codeassist.post.surprise import Choice

MOST_ANSWER_CHARACTERS = 32_000
"""More than any answer within the tokens that are asked for; a server that goes on is not read further."""
_MOST_BEGINNINGS = 16
_MOST_ENTRIES = 40
_BEGINNING = re.compile(r'\{\s*"findings"\s*:\s*\[')
_ENDS_OF_THOUGHTS = ("</think>", "[/THINK]", "◁/think▷", "</seed:think>")
_FORM = ("{", "`", "[")
"""How an answer begins that has the form which was asked for, in a fence or not."""
_SEPARATOR = re.compile(r"[\s,]*")
_QUOTES = " \t\r\n\"'`*.:{}"
_LEAST_PROBABILITY = 1e-4


def proper(answer: str) -> str:
    """The answer without thoughts, "" if the model is still thinking where it ends. Templates may begin the thoughts in
    the prompt, so that their end alone is seen."""
    text = without_thoughts(answer)
    if text.lstrip().startswith(_FORM):
        return text
    end = max(_ENDS_OF_THOUGHTS, key=text.rfind)
    return text.rpartition(end)[2]


def findings_in(answer: str) -> list[dict[str, Any]] | None:
    """The entries of `{"findings": [...]}`; those that are whole if it ends early. None if there is no such list.

    Of several lists the last one counts that is whole, else the last one.
    """
    text = proper(answer[:MOST_ANSWER_CHARACTERS])
    partial: list[dict[str, Any]] | None = None
    for match in list(_BEGINNING.finditer(text))[::-1][:_MOST_BEGINNINGS]:
        entries, whole = _entries(text, match.end())
        if whole:
            return entries
        if partial is None and entries:
            partial = entries
    return partial


def _entries(text: str, at: int) -> tuple[list[dict[str, Any]], bool]:
    """The objects of the list that begins at `at`, and whether its end is there."""
    decoder = json.JSONDecoder()
    found: list[dict[str, Any]] = []
    for _ in range(_MOST_ENTRIES):
        separator = _SEPARATOR.match(text, at)
        at = separator.end() if separator else at
        if text[at : at + 1] == "]":
            return found, True
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return found, False
        if isinstance(value, dict):
            found.append(value)
    return found, True


def yes_probability(answer: str, tokens: Sequence[Choice]) -> float | None:
    """How likely the model holds yes, of yes and no, in an answer that ends with one of them; None if it says neither.

    By the probabilities of the token that says it, where the server gives them; else 1.0 or 0.0. `tokens`: those of
    the answer proper.
    """
    said = re.findall(r"\b(yes|no)\b", proper(answer).lower())
    if not said:
        return None
    verdict = said[-1]
    for token in reversed(tokens):
        if _word(token.text) == verdict:
            weights = {"yes": 0.0, "no": 0.0}
            for text, logprob in {*token.top, (token.text, token.logprob)}:
                if _word(text) in weights:
                    weights[_word(text)] += math.exp(max(-100.0, min(0.0, logprob)))
            total = weights["yes"] + weights["no"]
            return weights["yes"] / total if total > _LEAST_PROBABILITY else None
    return 1.0 if verdict == "yes" else 0.0


def score_in(answer: str, most: int) -> float | None:
    """A score from 0 to `most` that the model gave itself, as a share; None if there is none."""
    found = re.search(r"\b(\d{1,3})\b", proper(answer))
    value = int(found[1]) if found else -1
    return value / most if 0 <= value <= most else None


def _word(text: str) -> str:
    return text.strip(_QUOTES).lower()
