"""What one request cost, stage by stage: milliseconds, tokens, and the reason if nothing came of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from codeassist.model.api import Usage
from codeassist.post.drops import DROPS


@dataclass(slots=True)
class Trace:
    """Collects the figures of one request while it runs. It never holds code.

    `stages` are milliseconds by stage name; a stage entered twice adds up. Token counts are those the server
    reported, summed over the requests made (`cached` stays None if it never reported them). `reused`: the answer is
    what is left of an earlier one, or of one that was on its way already. `confidence`: the probability of the first
    line, by the model. `dropped`: how much of what a review suspected is not shown, by reason of `post/drops.py`.
    """

    kind: str
    started: float = field(default_factory=time.perf_counter)
    stages: dict[str, float] = field(default_factory=dict)
    requests: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    cached_tokens: int | None = None
    skip: str | None = None
    detail: str = ""
    reused: bool = False
    confidence: float | None = None
    dropped: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the body as stage `name`."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, (time.perf_counter() - begin) * 1000)

    def add(self, name: str, milliseconds: float) -> None:
        self.stages[name] = self.stages.get(name, 0.0) + milliseconds

    def count(self, usage: Usage | None, generated: int) -> None:
        """Note the tokens of one finished or dropped model request; `generated` counts the chunks that were read
        where the server reported nothing."""
        self.requests += 1
        if usage is None:
            self.generated_tokens += generated
            return
        self.prompt_tokens += usage.prompt
        self.generated_tokens += usage.generated
        if usage.cached is not None:
            self.cached_tokens = (self.cached_tokens or 0) + usage.cached

    def drop(self, reason: str) -> None:
        """Note that something that an analyzer suspected is not shown."""
        if reason not in DROPS:
            raise ValueError(f"unknown reason {reason!r}: add it to DROPS")
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    def take_over(self, other: Trace) -> None:
        """Note what the request cost that another began and this one was answered from."""
        self.requests += other.requests
        self.prompt_tokens += other.prompt_tokens
        self.generated_tokens += other.generated_tokens
        if other.cached_tokens is not None:
            self.cached_tokens = (self.cached_tokens or 0) + other.cached_tokens

    @property
    def total_ms(self) -> float:
        return (time.perf_counter() - self.started) * 1000

    def timings(self) -> dict[str, float]:
        """All stages and the total so far, in milliseconds."""
        return {name: round(ms, 2) for name, ms in {**self.stages, "total": self.total_ms}.items()}

    def tokens(self) -> dict[str, int | None]:
        return {
            "prompt": self.prompt_tokens,
            "cached": self.cached_tokens,
            "generated": self.generated_tokens,
        }

    def record(self) -> dict[str, Any]:
        """The finished trace as plain data, for `codeassist/trace` and the log."""
        return {
            "kind": self.kind,
            "timings": self.timings(),
            "tokens": self.tokens(),
            "requests": self.requests,
            "reused": self.reused,
            "confidence": None if self.confidence is None else round(self.confidence, 3),
            "skip": self.skip,
            "detail": self.detail,
            "dropped": dict(self.dropped),
        }
