"""What in a model's answer is no code of anybody: control tokens, thoughts, control characters.

    without_foreign("sum(prices)<|endoftext|>import os")   # Wanted("sum(prices)", over=True)

Servers are asked to keep control tokens to themselves, and models not to think; not all do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_THOUGHT = re.compile(r"\s*<think>(?:.*?</think>(?:[ \t]*\r?\n)*|.*\Z)", re.DOTALL)
_BEGINNINGS = tuple("<think>"[:end] for end in range(1, len("<think>")))
_TOKEN = re.compile(
    r"<\|[A-Za-z0-9_]{1,40}\|>"
    r"|<｜[^｜\n]{1,40}｜>"
    r"|<fim_(?:prefix|middle|suffix|pad)>"
    r"|<\[(?:fim-|[A-Za-z]+▁)[^\[\]\s]{1,40}\]>"
    r"|(?:(?<![ \t])[ \t]+)?▁?<(?:EOT|PRE|SUF|MID)>"
    r"|</?think>"
)
"""Control tokens of Qwen, GLM, Granite, Gemma and Kimi; DeepSeek; StarCoder and Mellum; Seed-Coder; Code Llama."""
_TOKEN_BEGUN = re.compile(
    r"(?:<\|[A-Za-z0-9_]{1,40}\|?|(?<!\s)<\||<｜[^｜\n]{0,40}|<fim_(?:p[a-z]{0,5}|m[a-z]{0,5}|s[a-z]{0,5})?"
    r"|<\[fim-[^\[\]\s]{0,40}|(?:(?<![ \t])[ \t]+)?▁<[A-Z]{0,3}|</think?)\Z"
)
"""One of them that has begun at the end of what has come: cut off, or the rest is on its way. `a <| b` is code."""
_END_OF_TEXT = re.compile(r"</s>")
_MARKUP = frozenset({"html", "markdown", "tsx", "javascript", "php", ""})
_UNSEEN = re.compile("[\0-\x08\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Control characters that no one types (line ends, tabs and form feeds are none of them), marks of byte order, and the
signs that show code in another order than it runs in (CVE-2021-42574)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The part of an answer that may be code, and whether nothing behind it is wanted."""

    text: str
    over: bool


def without_foreign(answer: str, language: str) -> Wanted:
    """The code at the beginning of `answer`, which may be what has come of it so far.

    Thoughts before it are left out; it ends before whatever is no code. `language` is our name of the document's, ""
    if unknown: some control tokens are tags in others.
    """
    text = answer.removeprefix("\ufeff")
    if text.lstrip() in _BEGINNINGS:
        return Wanted("", over=False)  # It may be about to think.
    thought = _THOUGHT.match(text)
    if thought is not None:
        text = text[thought.end() :]
    patterns = [_TOKEN, _UNSEEN] if language in _MARKUP else [_TOKEN, _UNSEEN, _END_OF_TEXT]
    ends = [found.start() for pattern in patterns if (found := pattern.search(text)) is not None]
    return Wanted(text[: min(ends)], over=True) if ends else Wanted(_TOKEN_BEGUN.sub("", text), over=False)


def is_thought(answer: str) -> bool:
    """Whether an answer is a thought and nothing else."""
    thought = _THOUGHT.match(answer.removeprefix("\ufeff"))
    return thought is not None and thought.end() == len(answer.removeprefix("\ufeff"))
