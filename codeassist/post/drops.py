"""Why something that an analyzer suspected is not shown: counted in the trace of a review, by reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

DROPS: dict[str, str] = {
    "wrong-form": "An entry of the model's answer lacks what a finding needs.",
    "no-such-quote": "The code that the model quotes is not in the lines that it was shown.",
    "quote-in-several-places": "The quoted code stands in several places, and its line number does not decide.",
    "unconvincing": "Asked again, the model did not hold it for a mistake: `review.min_confidence`.",
    "fix-breaks-syntax": "The document would parse worse with the finding's own fix.",
    "said-twice": "Another finding speaks of the same code.",
    "too-mild": "It is milder than `review.min_severity`.",
    "too-many": "There are `review.max_findings` graver or surer ones.",
}
"""Every reason there is, with one sentence for people. docs/reference/silence.md is made from it."""

Drop: TypeAlias = Callable[[str], None]
"""To be told a key of DROPS for each finding that is not shown."""
