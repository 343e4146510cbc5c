"""When a server may be asked: what a failure costs it, and for how long. Pure; the caller's clock says the time.

Two degrees. A *closed* server is not asked at all: it said that it has too much to do, or nobody was there a moment
ago. A *shunned* server is asked only if no other can be: it failed, but the next request may well succeed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from codeassist.model.errors import BadRequest, ModelError, Overloaded, Unreachable

State = Literal["well", "shunned", "closed"]

MAX_BACK_OFF_S = 30.0
"""Longest time without a request to a server that is overloaded, whatever it asks for."""
FIRST_BACK_OFF_S = 1.0
MAX_AWAY_S = 2.0
"""Longest time without a request to a server that is not there: often its user is just starting it."""
FIRST_AWAY_S = 0.5
FIRST_SHUN_S = 2.0
MAX_SHUN_S = 60.0
"""Longest time that a server which failed is passed over while others answer, before it is looked at again."""


@dataclass(frozen=True, slots=True)
class Health:
    """How one server is, as a value: each event makes the next. Times are seconds of one monotonic clock.

    `failures` in a row; `error` is the last of them, None for a server that is well.
    """

    failures: int = 0
    closed_until: float = 0.0
    shunned_until: float = 0.0
    error: ModelError | None = None

    def state(self, now: float) -> State:
        if self.error is None:
            return "well"
        return "closed" if now < self.closed_until else "shunned"

    def is_due(self, now: float) -> bool:
        """Whether a shunned server should be looked at, to see if it is well again."""
        return self.error is not None and now >= max(self.closed_until, self.shunned_until)

    def wait_s(self, now: float) -> float:
        """Seconds until it may be asked."""
        return max(0.0, self.closed_until - now) if self.error is not None else 0.0

    def answered(self) -> Health:
        """It gave an answer to a request."""
        return self if self == WELL else WELL

    def looked_at(self) -> Health:
        """It is there again, as far as can be seen without a request: what it did is held against it a while yet."""
        return replace(self, error=None)

    def failed(self, error: ModelError, now: float, jitter: float) -> Health:
        """It failed with `error` at `now`. `jitter`, from 0 to 1, spreads the editors of a team over the wait."""
        if isinstance(error, BadRequest):
            return self  # The request was wrong, not the server.
        failures = self.failures + 1
        shun_s = _grown(FIRST_SHUN_S, failures, MAX_SHUN_S)
        return Health(failures, now + _closed_s(error, failures, jitter), now + shun_s, error)


WELL = Health()


def _closed_s(error: ModelError, failures: int, jitter: float) -> float:
    if isinstance(error, Overloaded):
        if error.retry_after_s is not None:
            # A little later than asked, never earlier: the whole team was told the same second.
            return min(MAX_BACK_OFF_S, max(FIRST_BACK_OFF_S, error.retry_after_s) * (1 + jitter / 10))
        return _grown(FIRST_BACK_OFF_S, failures, MAX_BACK_OFF_S) * (0.5 + jitter / 2)
    if isinstance(error, Unreachable):
        return _grown(FIRST_AWAY_S, failures, MAX_AWAY_S)
    return 0.0


def _grown(first: float, failures: int, most: float) -> float:
    return min(most, first * 2.0 ** min(failures - 1, 16))


def is_about_the_server(error: ModelError) -> bool:
    """Whether another server may do better with the same request."""
    return not isinstance(error, BadRequest)
