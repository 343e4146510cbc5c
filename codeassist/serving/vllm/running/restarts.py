"""When a server that ended is started again, and when that is given up. Pure."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
QUICK_S = 300.0
"""A server that ended within this time of being started did not do its work: it counts."""
MOST_QUICK = 8
"""So many quick ends in a row, 1 + 2 + 4 ... + 60 + 60 seconds of waiting, and it is given up."""


@dataclass
class Restarts:
    """How long to wait after each end. A life longer than `quick_s` seconds wipes the slate."""

    quick_s: float = QUICK_S
    most_quick: int = MOST_QUICK
    quick_ends: int = 0

    def wait_s(self, lived_s: float) -> float | None:
        """Seconds to wait after a life of `lived_s` seconds; None to give up."""
        self.quick_ends = 1 if lived_s >= self.quick_s else self.quick_ends + 1
        if self.quick_ends > self.most_quick:
            return None
        return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (self.quick_ends - 1))
