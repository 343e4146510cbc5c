"""Programs with one mistake, and a model that knows how they should read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

MODEL = "Qwen/Qwen2.5-Coder-7B"
"""A served name by which the prompt family is known."""

COMPLETION = "sum(prices)\n"


@dataclass(frozen=True)
class Missing:
    """Why there is no embedded model in an empty home, and the command that the user is told."""

    reason: str
    command: str


MISSING = (
    Missing("engine-model-missing", "codeassist models pull")
    if find_spec("xllamacpp")
    else Missing("engine-not-installed", "pip install 'codeassist[embedded]'")
)

BUGGY = '''\
def dearest(prices):
    """The highest of some prices; "€ 😀" is none."""
    best = prices[0]
    for price in prices:
        if price < best:
            best = price
    return best


def total(prices):
    label = "€ 😀"; amount = len(prices)
    return amount
'''
RIGHT = BUGGY.replace("price < best", "price > best").replace("len(prices)", "sum(prices)")
"""Two functions with a mistake each, the second behind characters that the encodings count differently."""
HALF = RIGHT.replace("sum(prices)", "len(prices)")
"""The first of both mended."""


def knowing(file: str, right: str, completion: str = COMPLETION) -> Callable[[dict[str, Any]], str]:
    """The answers of a model that writes line n of `right` when asked for line n of `file`, and `completion` when
    asked to complete. Once it is made to follow the file away from `right`, it goes on as the file does."""

    def answer(body: dict[str, Any]) -> str:
        if not is_review(body):
            return completion
        number, forced = asked_line(body)
        written, wanted = (text.split("\n")[number].rstrip() for text in (file, right))
        line = wanted if wanted.startswith(forced) else written
        return line[len(forced) :] + "\n"

    return answer


def asked_line(body: dict[str, Any]) -> tuple[int, str]:
    """Which line a check of a short file is about, and how much of it the model must begin with."""
    before, forced = str(body["prompt"]).split("<|fim_middle|>")
    prefix, _suffix = before.split("<|fim_prefix|>")[1].split("<|fim_suffix|>")
    return prefix.count("\n"), forced


def is_review(body: dict[str, Any]) -> bool:
    return (body.get("logprobs") or 0) > 1  # Completions want to know of the token that was taken only.
