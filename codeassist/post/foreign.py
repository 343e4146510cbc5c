"""What in a model's answer is no code of anybody: control tokens, thoughts, control characters.

    without_foreign("sum(prices)<|endoftext|>import os", around)   # Wanted("sum(prices)", over=True)

Servers are asked to keep control tokens to themselves, and models not to think; not all do.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from codeassist.context.cursor import CursorView
from codeassist.post.opened import line_code, open_above
from codeassist.post.scan import Scan, scan
from codeassist.text.document import Offset

_TAGS = "think|thinking|thought|reasoning|reflection|seed:think"
_THOUGHT = re.compile(
    rf"\s*(?:<(?P<tag>{_TAGS})>(?:.*?</(?P=tag)>|.*\Z)"
    r"|\[THINK\](?:.*?\[/THINK\]|.*\Z)"
    r"|◁think▷(?:.*?◁/think▷|.*\Z)"
    r"|(?:<\|start\|>assistant)?<\|channel\|>(?:analysis|commentary)[^<]*<\|message\|>(?:.*?<\|(?:end|call)\|>|.*\Z)"
    r"|(?:<\|start\|>assistant)?<\|channel\|>final[^<]*(?:<\|message\|>|\Z)"
    r"|analysis(?=(?:We|The|User|I|Need|Let|So|Just|It|Given|To|They|Must|Looks)\b[ '’]).*?(?:assistantfinal|\Z))"
    r"(?:[ \t]*\r?\n)*",
    re.DOTALL,
)
"""Thoughts in tags (Qwen, DeepSeek and others, Seed-OSS, Magistral, Kimi), the channels of OpenAI's harmony format, and
those without their control tokens, which servers strip."""
_OPENERS = (
    *(f"<{tag}>" for tag in _TAGS.split("|")),
    "[THINK]",
    "◁think▷",
    "<|start|>assistant<|channel|>",
    "<|channel|>",
)
_BEGINNINGS = frozenset(opener[:end] for opener in _OPENERS for end in range(1, len(opener))) - {"["}
_CHANNEL_BEGUN = re.compile(
    r"\s*<\|start\|>assistant(?:<[|a-z]*)?\Z|\s*(?:<\|start\|>assistant)?<\|channel\|>[^<]*(?:<[|a-z]*)?\Z"
)
_TOKEN = re.compile(
    r"<\|[A-Za-z0-9_]{1,40}\|>"
    r"|<｜[^｜\n]{1,40}｜>"
    r"|<fim_(?:prefix|middle|suffix|pad)>"
    r"|<\[(?:fim-|[A-Za-z]+▁)[^\[\]\s]{1,40}\]>"
    r"|(?:(?<![ \t])[ \t]+)?▁?<(?:EOT|PRE|SUF|MID)>"
    r"|</?(?:think|thinking|tool_call)>|\[/THINK\]|◁/?think▷"
)
"""Control tokens of Qwen, GLM, Granite, Gemma and Kimi; DeepSeek; StarCoder and Mellum; Seed-Coder; Code Llama; ends of
thoughts that began before."""
_TOKEN_BEGUN = re.compile(
    r"(?:<\|[A-Za-z0-9_]{1,40}\|?|(?<!\s)<\||<｜[^｜\n]{0,40}|<fim_(?:p[a-z]{0,5}|m[a-z]{0,5}|s[a-z]{0,5})?"
    r"|<\[fim-[^\[\]\s]{0,40}|(?:(?<![ \t])[ \t]+)?▁<[A-Z]{0,3}|</think(?:i|in|ing)?)\Z"
)
"""One of them that has begun at the end of what has come: cut off, or the rest is on its way. `a <| b` is code."""
_COMMENT_ENDS = ("*/", "-->", "/")
"""Of a comment or a regular expression: no string."""
_LIKE_TAG = re.compile(r"</?[a-z_]+>")
_MARKUP = frozenset({"html", "markdown", "tsx", "javascript", "php", ""})
_UNSEEN = re.compile("[\0-\x08\x0b\x0e-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060\u2066-\u2069\ufeff]")
"""Control characters that no one types (line ends, tabs and form feeds are none of them), marks of byte order, blanks
without width, and the signs that show code in another order than it runs in (CVE-2021-42574)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The part of an answer that may be code, and whether nothing behind it is wanted."""

    text: str
    over: bool


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What decides whether a control token is one. `language` is our name of the document's, "" if unknown; `ends`: the
    control tokens of the model's family at which an answer is over; `written`: those that the document itself spells
    out, as the code of a tokenizer does; `before`: what is open at the cursor."""

    language: str = ""
    ends: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()
    before: Scan = field(default_factory=Scan)


NOWHERE = Surroundings()


def surroundings(view: CursorView, ends: Collection[str] = ()) -> Surroundings:
    """Those of an answer at the cursor of `view` by a model whose answers are over at `ends`."""
    language, code = view.document.language, view.prefix + view.suffix
    written = frozenset({*_TOKEN.findall(code), *(token for token in ends if token in code)})
    if not written:
        return Surroundings(language, frozenset(ends))  # What is open at the cursor decides about nothing then.
    above = open_above(view.document, Offset(view.offset - len(view.line_prefix)))
    opened = Scan(quote=above) if above and above not in view.line_prefix else None
    before = scan(line_code(view.document, view.offset), language, opened)
    return Surroundings(language, frozenset(ends), written, Scan(quote=before.quote, tail=before.tail))


def without_foreign(answer: str, around: Surroundings = NOWHERE) -> Wanted:
    """The code at the beginning of `answer`, which may be what has come of it so far.

    Thoughts before it are left out; it ends before whatever is no code.
    """
    text = without_thoughts(answer)
    if text.lstrip() in _BEGINNINGS or _CHANNEL_BEGUN.match(text):
        return Wanted("", over=False)  # It may be about to think.
    ends = [*_token_starts(text, around)]
    unseen = _UNSEEN.search(text)
    if unseen is not None:
        ends.append(unseen.start())
    return Wanted(text[: min(ends)], over=True) if ends else Wanted(_TOKEN_BEGUN.sub("", text), over=False)


def without_thoughts(answer: str) -> str:
    """`answer` without what the model thinks before it, or has thought so far."""
    text = answer.removeprefix("\ufeff")
    while (thought := _THOUGHT.match(text)) is not None:
        text = text[thought.end() :]
    return text


def is_thought(answer: str) -> bool:
    """Whether an answer is a thought and nothing else."""
    return bool(answer.strip("\ufeff \t\r\n")) and not without_thoughts(answer)


def _token_starts(text: str, around: Surroundings) -> Iterator[int]:
    """Where `text` has the first control token of each kind; one that the document spells out may stand in a string."""
    tags = around.language in _MARKUP
    own = [re.escape(token) for token in around.ends if not (tags and _LIKE_TAG.fullmatch(token))]
    if not tags:
        own.append("</s>")
    for pattern in (_TOKEN, re.compile("|".join(own))) if own else (_TOKEN,):
        for found in pattern.finditer(text):
            quoted = found[0] in around.written and scan(text[: found.start()], around.language, around.before).quote
            if not quoted or quoted in _COMMENT_ENDS:
                yield found.start()
                break
