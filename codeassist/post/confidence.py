"""How sure a model is of what it writes, by the log-probabilities of its tokens.

    sure = Confidence()
    sure.add([("return", -0.1)])    tokens, as they come
    sure.probability               of the first line: that of all its tokens together

The first line is what a user reads before deciding; a product over all of a long answer would say little of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from codeassist.text.lines import plain_ends


@dataclass(slots=True)
class Confidence:
    """Adds up the tokens of one answer up to the end of its first line with text. `known` is False as long as no
    token came, as from a server that gives no log-probabilities."""

    first_line: float = 0.0
    known: bool = False
    ended: bool = False
    _text: str = field(default="", repr=False)

    def add(self, tokens: Iterable[tuple[str, float]]) -> None:
        """Take the next tokens in, each with its natural-log probability. What is no number, or above certainty, counts
        as certain."""
        for text, logprob in tokens:
            if self.ended:
                return
            self.known = True
            if logprob < 0:  # False for what is no number, too.
                self.first_line += logprob
            self._text += plain_ends(text)
            self.ended = "\n" in self._text.lstrip()

    @property
    def probability(self) -> float | None:
        """Of the first line as far as it has come, from 0 to 1; None if nothing is known."""
        return math.exp(max(self.first_line, -100.0)) if self.known else None

    def is_below(self, least: float) -> bool:
        """Whether the first line can no longer be as probable as `least`: each token can only make it less so."""
        probability = self.probability
        return probability is not None and probability < least
