"""Model families as data: which markers a model was trained with, how to recognise it, how to make it stop.

The data live in `families.toml`; this file says what a valid entry is. A wrong entry is a broken build:
importing this module raises `pydantic.ValidationError` for it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, StringConstraints, model_validator

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_STOP_TEXTS = 4
"""vLLM answers 400 to a fifth stop string."""

LONGEST_STOP_TEXT = 10
"""Characters. A server holds back as many streamed characters as the longest stop string has, less one."""

ControlToken = Annotated[str, StringConstraints(min_length=3, pattern=r"^[^\s\w]\S+$")]
"""Begins with a sign and holds no white space, so that one space after the first character breaks it for
good."""


class Family(BaseModel):
    """One prompt family. All texts are exactly what the tokenizer knows.

    `match`: regular expressions, searched in the served model name without regard to case.
    `order`: "psm" is prefix, suffix, middle; "spm" is suffix, prefix, middle.
    `prefix`, `suffix`, `middle`: the markers; `middle` may be empty (Codestral). All empty for kind "chat".
    `repo_name`, `file`: the texts before a repository's name and before a file's path, empty where the family
    has none.
    `repo_name_end`, `file_end`: what follows the name, and the body (which ends with a line end itself).
    `files_at`: other files come before the first marker, or after the prefix marker, or as comments at the start of the
    prefix, as they do for a family without `file`.
    `current_path`: where the path of the file at the cursor goes: before the first marker, after the prefix marker, or
    nowhere; `path_alone`: also where there are no other files.
    `control_tokens`, `control_patterns`: what file text must never contain; see `guard`.
    `stop_texts`: at most 4 short strings that end an answer, for servers that spell control tokens out (many
    do not: they strip them from the text); `stop_token_texts`: control tokens that end it, to be resolved to
    ids by the server's tokenizer; `stop_token_ids`: their ids, where all models of the family are known to
    agree.
    `template_options`, `reasoning_effort`: how to switch thinking off in chat. `prefill`: whether a chat may
    begin the assistant's answer. `review_least`: the least surprise (nats) that makes a finding of the infill check,
    and `review_least_of` that of models by patterns of their names, by benchmarks/quality/review.py for those that
    were measured: what a larger model is surprised by is more often wrong. `source`: where the facts of the entry
    come from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    name: str
    kind: Literal["fim", "chat"]
    match: tuple[str, ...]
    order: Literal["psm", "spm"] = "psm"
    prefix: str = ""
    suffix: str = ""
    middle: str = ""
    repo_name: str = ""
    repo_name_end: str = ""
    file: str = ""
    file_end: str = ""
    files_at: Literal["head", "prefix", "comments"] = "head"
    current_path: Literal["before", "inside", "none"] = "none"
    path_alone: bool = False
    control_tokens: tuple[ControlToken, ...]
    control_patterns: tuple[str, ...] = ()
    stop_texts: tuple[str, ...] = Field(default=(), max_length=MAX_STOP_TEXTS)
    stop_token_texts: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    template_options: Mapping[str, Any] = Field(default_factory=dict)
    reasoning_effort: str | None = None
    prefill: bool = True
    review_least: float = Field(default=2.5, gt=0.0)
    review_least_of: Mapping[str, PositiveFloat] = Field(default_factory=dict)
    source: str = Field(min_length=10)

    @model_validator(mode="after")
    def _consistent(self) -> Family:
        patterns = (*self.match, *self.control_patterns, *self.review_least_of)
        wrong = [pattern for pattern in patterns if not _compiles(pattern)]
        if wrong:
            raise ValueError(
                f"{self.name}: match, control_patterns or review_least_of hold no regular expressions: {wrong}"
            )
        if self.kind == "fim" and not (self.prefix and self.suffix):
            raise ValueError(f"{self.name}: a fim family needs prefix and suffix markers")
        if self.kind == "chat" and (self.prefix or self.suffix or self.middle):
            raise ValueError(f"{self.name}: a chat family has no fill-in-the-middle markers")
        for text in self.stop_texts:
            if not text or len(text) > LONGEST_STOP_TEXT:
                raise ValueError(f"{self.name}: stop text {text!r} is empty or longer than {LONGEST_STOP_TEXT}")
        unknown = [token for token in self.stop_token_texts if token not in self.control_tokens]
        if unknown:
            raise ValueError(f"{self.name}: stop tokens {unknown} are not among the control tokens")
        longer = [t for t in self.control_tokens if any(t != m and t.startswith(m) for m in self.markers)]
        if longer:
            raise ValueError(f"{self.name}: text after a marker could turn it into {longer}")
        return self

    def least_surprise(self, model: str) -> float:
        """From how much surprise on (nats) the infill check of a model of this family, by its served name, has found
        something."""
        found = (least for name, least in self.review_least_of.items() if re.search(name, model, re.IGNORECASE))
        return next(found, self.review_least)

    @property
    def markers(self) -> tuple[str, ...]:
        """The texts of the template itself that are not file text, without empty ones."""
        texts = (self.prefix, self.suffix, self.middle, self.repo_name, self.file)
        return tuple(text for text in texts if text)

    @property
    def end_tokens(self) -> frozenset[str]:
        """The control tokens behind which nothing of an answer is wanted."""
        return frozenset((*self.stop_token_texts, *(text for text in self.markers if text in self.control_tokens)))

    @cached_property
    def control(self) -> re.Pattern[str]:
        """Finds the first character of everything that would be a control token, overlapping ones
        included."""
        alternatives: dict[str, list[str]] = {}
        for token in sorted(self.control_tokens, key=len, reverse=True):
            alternatives.setdefault(re.escape(token[0]), []).append(re.escape(token[1:]))
        for pattern in self.control_patterns:
            first = pattern[:2] if pattern.startswith("\\") else pattern[:1]
            alternatives.setdefault(first, []).append(pattern[len(first) :])
        # One branch for each first character: the regex engine then skips straight to candidates.
        return re.compile("|".join(f"{first}(?={'|'.join(rest)})" for first, rest in alternatives.items()))


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _load() -> Mapping[str, Family]:
    document = tomllib.loads(files("codeassist.prompt").joinpath("families.toml").read_text(encoding="utf-8"))
    entries = [Family.model_validate(entry) for entry in document["family"]]
    return MappingProxyType({entry.name: entry for entry in entries})


FAMILIES: Mapping[str, Family] = _load()
"""All families by name, in the order in which `family_for_model` tries them."""

FALLBACK = "chat"
"""The family for a model of which nothing is known but that it chats."""


def family(name: str) -> Family:
    """The family of that name. Raises KeyError with the names that exist."""
    try:
        return FAMILIES[name]
    except KeyError:
        raise KeyError(f"no prompt family {name!r}; there are: {', '.join(FAMILIES)}") from None


def family_for_model(served_name: str) -> Family | None:
    """The first family that recognises a served model name such as "Qwen/Qwen2.5-Coder-7B", or None."""
    for entry in FAMILIES.values():
        if any(re.search(pattern, served_name, re.IGNORECASE) for pattern in entry.match):
            return entry
    return None
