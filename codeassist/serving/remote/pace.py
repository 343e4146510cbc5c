"""How answers arrive: token by token, or all at once after a long silence, as a proxy that collects them does. Pure."""

from __future__ import annotations

from collections import deque

LEAST_CHUNKS = 12
"""Shorter answers say nothing about the way they came."""
LONG_WAIT_S = 1.0
AT_ONCE_SHARE = 0.02
"""An engine that needs a second before the first token needs more than a hundredth of that for a dozen others."""
ANSWERS = 3
"""So many answers in a row, since one may have waited for a stalled network."""


class Pace:
    """The last answers of one server."""

    def __init__(self) -> None:
        self._at_once: deque[bool] = deque(maxlen=ANSWERS)

    def note(self, chunks: int, first_s: float, last_s: float) -> None:
        """An answer of `chunks` pieces: the first came `first_s` seconds after the question, the last `last_s`."""
        if chunks >= LEAST_CHUNKS:
            self._at_once.append(in_one_piece(first_s, last_s))

    @property
    def in_one_piece(self) -> bool:
        """Whether something between us and the engine seems to hold answers back until they are whole."""
        return len(self._at_once) == ANSWERS and all(self._at_once)


def in_one_piece(first_s: float, last_s: float) -> bool:
    """Whether an answer of many pieces came all at once: the first of them so long after the question, and the last."""
    return first_s >= LONG_WAIT_S and last_s - first_s <= AT_ONCE_SHARE * first_s
