"""How somebody types and how long answers take, and from both how long to wait for the next key before asking.

An engine that answers within the time between two keys can be asked when the next key is about due: if it comes, the
question was spared, and if not, the answer is there when the user looks up. A slower engine is asked at once: what it
writes while the user types on is joined.
"""

from __future__ import annotations

from dataclasses import dataclass

_MEMORY = 0.85
_LONGEST_INTERVAL_S = 1.0
"""A longer time between two keys is a pause, not a rhythm."""
_PAUSE = 2.5
"""So many times the usual time between keys is a pause, too."""
_REST = 1.5
"""So many times the usual time between keys without one, and none is about to come."""
_USUAL_INTERVAL_S = 0.2
_LONGEST_ANSWER_S = 2.0


@dataclass(slots=True)
class Rhythm:
    """What is known of one user and one engine. All times in seconds of one clock; plain arithmetic, no clock here."""

    interval_s: float = _USUAL_INTERVAL_S
    answer_s: float | None = None
    waited_s: float = 0.0
    """So long the editor itself waits for another key before it asks."""
    _last_key_s: float | None = None
    _last_interval_s: float | None = None

    @property
    def rest_s(self) -> float:
        """How long to wait until it is likely that no other key follows."""
        return self.interval_s * _REST

    def key(self, now_s: float) -> None:
        """A key came."""
        last, self._last_key_s = self._last_key_s, now_s
        self._last_interval_s = None if last is None else now_s - last
        if self._last_interval_s is not None and 0 < self._last_interval_s < _LONGEST_INTERVAL_S:
            self.interval_s = self.interval_s * _MEMORY + self._last_interval_s * (1 - _MEMORY)

    def answered(self, seconds: float) -> None:
        """An answer took so long from asking the engine."""
        seconds = min(seconds, _LONGEST_ANSWER_S)
        known = self.answer_s
        self.answer_s = seconds if known is None else known * _MEMORY + seconds * (1 - _MEMORY)

    def wait_s(self, most_s: float, *, line_start: bool) -> float:
        """How long to wait for another key, after what the editor has waited; both together are at most `most_s` unless
        the editor alone waits longer. `line_start`: a new line begins at the cursor; after a pause nothing is waited
        for there, since whoever stops to think wants to see what may come."""
        if line_start and (self._last_interval_s is None or self._last_interval_s > _PAUSE * self.interval_s):
            return 0.0
        expected = 0.0 if self.answer_s is None else self.answer_s
        return max(min(self.interval_s - expected, most_s) - self.waited_s, 0.0)
