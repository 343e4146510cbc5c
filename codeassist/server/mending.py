"""Whether an index is still the one that the last scan left, and when one that is lost may be made again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codeassist.workspace.index import Index

WAITS_S = (10.0, 600.0)
"""An index that is gone or damaged is made again at once; if that does not last, after so long, and at most so long."""


class Mending:
    """What is known of the file of one index. `settle` and `is_lost` are called on one thread, as they read the disk;
    `may_begin` on another."""

    def __init__(self) -> None:
        self.settled = 0
        """Scans, their end looked at."""
        self._left: tuple[int, int] | None = None
        self._good_stamp: tuple[int, int] | None = None
        self._wait_s = WAITS_S[0]
        self._from = float("-inf")

    def settle(self, database: Path | None) -> None:
        """A scan is over, and this is what it left."""
        from codeassist.workspace.store import identity

        self._left = identity(database) if database is not None else None
        self.settled += 1

    def is_lost(self, index: Index) -> bool:
        """Whether there is no index, or another one than the last scan left."""
        from codeassist.workspace.store import identity

        database = index.database
        if index.state != "ready" or identity(database) != self._left:
            return True
        return index.is_cut_off or self._is_overwritten(database)

    def may_begin(self, settled: int) -> bool:
        """Whether an index that was found to be lost after so many scans is to be made again now; should it be lost
        soon after that, ever later. What was seen before the last scan was over says nothing: taken for a loss it would
        put off the next."""
        now = time.monotonic()
        if settled != self.settled or now < self._from:
            return False
        lasted = now > self._from + self._wait_s
        self._wait_s = WAITS_S[0] if lasted else min(2 * self._wait_s, WAITS_S[1])
        self._from = now + self._wait_s
        return True

    def _is_overwritten(self, database: Path) -> bool:
        """Whether somebody wrote something else into the file. Looked at when it has changed, as it does now and then
        when what was written ahead goes into it."""
        from codeassist.workspace.store import can_be_read, stamp

        found = stamp(database)
        if found == self._good_stamp:
            return False
        if not can_be_read(database):
            return True
        self._good_stamp = found
        return False
