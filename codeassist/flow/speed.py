"""How fast an engine is, learned from what it answers, and how long prompts may be so that answers come in time.

And how long its tokenizer makes them, next to our estimate.

Two numbers per engine: the time to its first token grows in step with the prompt tokens that it has to read, those not
in its cache (milliseconds a token, and a fixed part); and what a token of the answer takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

_MEMORY = 0.95
"""Weight of what was known against a new sample; about the last twenty count."""
_LEAST_SAMPLES = 6
_LEAST_SPREAD_TOKENS = 24.0
"""With prompts that are all read alike the two parts cannot be told apart; then all is put down to the tokens."""
_SHARE_BEFORE_FIRST = 0.5
"""Of the target, for all that comes before the first token."""
_COLD_MS = 6_000.0
"""A prompt that is not cached at all, as after opening a file, is read in this time."""
_STABLE_PER_NEW = 16
"""Tokens of a prompt for each that may be read anew at a keystroke; the rest is cached."""
_SUFFIX_SHARE = 0.5
"""Of the tokens read anew: the code after the cursor is read again after each keystroke."""
LADDER = (512, 768, 1024, 1536, 2048, 3072, 4096)
"""Lengths of prompts, in tokens. Few: another length is another prompt, and nothing of it is cached."""
_SUFFIXES = (48, 64, 96, 128, 192, 256)
_HYSTERESIS = 1.3
_LEAST_ESTIMATED = 200
"""Tokens; shorter prompts are markers for the better part."""
_SURE, _LEAST_SCALE, _MOST_SCALE = 0.97, 0.5, 1.5
"""Rather a prompt that is a little shorter than it may be; beyond the limits somebody counts wrong."""
_SCALE_STEP = 0.05
_LEAST_COUNTED = 2.5


@dataclass(frozen=True, slots=True)
class Cost:
    """How long prompts may be, in tokens, so that answers come in time: the whole prompt (mostly cached from one
    keystroke to the next), and the code after the cursor (read anew each time, since it comes after what was typed)."""

    prompt_tokens: int
    suffix_tokens: int


FAST = Cost(prompt_tokens=2048, suffix_tokens=256)
"""For a GPU server, until more is known of it."""
SLOW = Cost(prompt_tokens=768, suffix_tokens=64)
"""For the embedded engine: two ordinary cores read about 150 tokens in a second."""


class Speed:
    """What is known of one engine. For one event loop. `start`: the cost before anything was measured."""

    def __init__(self, start: Cost) -> None:
        self._cost = start
        self._samples = 0
        self._weight = self._tokens = self._ms = self._tokens2 = self._tokens_ms = 0.0
        self._decode_ms = 0.0
        self._counted = self._ratio = 0.0
        self._scale = 1.0

    def count(self, estimated: int, tokens: int) -> None:
        """The estimated length of a prompt, and how many tokens the engine says that it had."""
        if estimated >= _LEAST_ESTIMATED and tokens > 0:
            self._counted = self._counted * _MEMORY + 1.0
            self._ratio = self._ratio * _MEMORY + estimated / tokens

    @property
    def scale(self) -> float:
        """The estimate of what is one token for the engine; 1 until some prompts were counted. Changes seldom, as each
        change is another length of prompts."""
        if self._counted >= _LEAST_COUNTED:
            scale = min(max(self._ratio / self._counted * _SURE, _LEAST_SCALE), _MOST_SCALE)
            if abs(scale - self._scale) > _SCALE_STEP * self._scale:
                self._scale = scale
        return self._scale

    def note(self, read_tokens: int, first_token_ms: float, generated: int, after_ms: float) -> None:
        """One answer: prompt tokens that were not cached, time to its first token, tokens written and the time from
        the first to the last of them."""
        if read_tokens <= 0 or first_token_ms <= 0:
            return
        self._samples += 1
        for name, value in (
            ("_weight", 1.0), ("_tokens", read_tokens), ("_ms", first_token_ms),
            ("_tokens2", read_tokens * read_tokens), ("_tokens_ms", read_tokens * first_token_ms),
        ):  # fmt: skip
            setattr(self, name, getattr(self, name) * _MEMORY + value)
        if generated > 1 and after_ms > 0:
            new = after_ms / (generated - 1)
            self._decode_ms = new if not self._decode_ms else self._decode_ms * _MEMORY + new * (1 - _MEMORY)

    @property
    def read_ms(self) -> float | None:
        """Milliseconds for a prompt token that is read; None if too little is known."""
        return None if self._samples < _LEAST_SAMPLES else self._line()[1]

    @property
    def decode_ms(self) -> float | None:
        """Milliseconds for a token of an answer; None if none was measured."""
        return self._decode_ms or None

    def cost(self, target_ms: float) -> Cost:
        """The cost for answers within `target_ms`. Moves in steps, and only where what is known has clearly changed."""
        if self._samples < _LEAST_SAMPLES:
            return self._cost
        fixed, slope = self._line()
        new = max(32.0, (target_ms * _SHARE_BEFORE_FIRST - fixed) / slope)
        prompt = min(new * _STABLE_PER_NEW, _COLD_MS / slope)
        self._cost = Cost(
            _step(LADDER, prompt, self._cost.prompt_tokens),
            _step(_SUFFIXES, new * _SUFFIX_SHARE, self._cost.suffix_tokens),
        )
        return self._cost

    def _line(self) -> tuple[float, float]:
        """The fixed part and the slope of the least-squares line through the samples, newer ones counting more."""
        tokens, ms = self._tokens / self._weight, self._ms / self._weight
        spread = self._tokens2 / self._weight - tokens * tokens
        if sqrt(max(0.0, spread)) < _LEAST_SPREAD_TOKENS:
            return 0.0, ms / tokens
        slope = (self._tokens_ms / self._weight - tokens * ms) / spread
        fixed = ms - slope * tokens
        # Noise can turn the line over; what is read is never read for nothing.
        return (fixed, slope) if slope > 0 and fixed >= 0 else (0.0, ms / tokens)


def _step(ladder: tuple[int, ...], wanted: float, now: int) -> int:
    """The highest step within `wanted`; the one of now as long as it is not clearly too high or too low."""
    fitting = [step for step in ladder if step <= wanted]
    clearly = [step for step in ladder if step * _HYSTERESIS <= wanted]
    if clearly and clearly[-1] > now:
        return clearly[-1]
    if wanted * _HYSTERESIS <= now:
        return fitting[-1] if fitting else ladder[0]
    return now
