"""How much of the code may go into a prompt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ContextLimits:
    """Budgets in estimated tokens; the shares are parts of `prompt_tokens`. What one part leaves over goes to
    the others.

    `head_share` is the part of the prefix's share that imports and signatures from above the window may take.
    `suffix_lines` and `suffix_tokens` cap the text after the cursor: in the order prefix, suffix, middle the
    engine reads it again after each keystroke, and a dozen lines serve about as well as twenty.
    `snippet_tokens` caps one related snippet,
    `snippet_count` their number.
    """

    prompt_tokens: int = 2048
    prefix_share: float = 0.6
    suffix_share: float = 0.15
    related_share: float = 0.25
    head_share: float = 0.15
    suffix_lines: int = 20
    suffix_tokens: int = 256
    snippet_tokens: int = 320
    snippet_count: int = 12

    def __post_init__(self) -> None:
        """Raise ValueError for shares that are negative or sum to more than 1, and for budgets that hold no
        code."""
        shares = (self.prefix_share, self.suffix_share, self.related_share)
        if min(shares) < 0 or sum(shares) > 1.0001 or not 0 <= self.head_share <= 0.5:
            raise ValueError(f"shares are parts of 1: {shares}, and head_share at most 0.5: {self.head_share}")
        counts = (self.suffix_lines, self.suffix_tokens, self.snippet_tokens, self.snippet_count)
        if self.prompt_tokens < 64 or min(counts) < 0:
            raise ValueError(f"a prompt has at least 64 tokens, and no limit is negative: {self}")

    @property
    def suffix_budget(self) -> int:
        """Tokens for the text after the cursor."""
        return min(self.suffix_tokens, int(self.prompt_tokens * self.suffix_share))

    @property
    def head_budget(self) -> int:
        """Tokens for imports and signatures from above the window."""
        return int(self.prompt_tokens * self.prefix_share * self.head_share)

    @property
    def grid_lines(self) -> int:
        """The window starts within a step of this many lines. Coarse, so that typing moves it rarely: every move
        makes the engine read the whole prompt again. About a fifth of the window, if lines have ten tokens."""
        return min(64, max(8, int(self.prompt_tokens * self.prefix_share) // 50))
