"""How many requests run at once: arithmetic only."""

from __future__ import annotations

REVIEW_SEATS = 4
"""Questions that one developer's review asks at once."""
COMPLETION_SEATS = 1
LEAST_SEATS = 8
"""A cancelled request keeps its seat until the step ends; while somebody types there is one after another of them."""
MOST_SEATS = 128
"""Of one server. Beyond, a step with all seats is so slow that a second server is the better buy."""
ACTIVE_SHARE = 0.25
"""Of the developers who have an editor open, those who have a request running at the same moment. Assumed."""
SMALL_TEAM = 4
"""So few may well all be active at once, and one review more would take the seat of a completion. Assumed."""


def active_developers(developers: int) -> int:
    """How many of them have requests running at the same moment: all of a small team, then a share of them."""
    return max(min(developers, SMALL_TEAM), -(-developers * int(ACTIVE_SHARE * 100) // 100))


def wanted_seats(developers: int) -> int:
    """Seats for a completion and a review of each active developer at once, over all servers."""
    return max(LEAST_SEATS, active_developers(developers) * (COMPLETION_SEATS + REVIEW_SEATS))
