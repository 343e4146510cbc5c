"""What the user of this machine has dismissed in an editor: a hook that stops a commit for it would be in the way."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from codeassist.cli.source import Source
from codeassist.post.findings import Finding
from codeassist.workspace.dismissals import Dismissal, DismissalStore


@dataclass(slots=True)
class Dismissed:
    """`store`: where it is kept; None: nothing is dismissed. `tell` is called once if it cannot be read: then all is
    shown."""

    store: DismissalStore | None = None
    tell: Callable[[str], None] = lambda _message: None
    _by_folder: dict[Path, frozenset[Dismissal]] = field(default_factory=dict)

    def covers(self, source: Source, finding: Finding) -> bool:
        """Whether the finding or its category was dismissed in any workspace folder that holds the file: editors open
        a repository or a folder of it."""
        file = source.real
        return any(
            Dismissal(file.relative_to(folder).as_posix(), finding.fingerprint, finding.category) in dismissed
            or Dismissal("", "", finding.category) in dismissed
            for folder in file.parents
            if (dismissed := self._of(folder))
        )

    def _of(self, folder: Path) -> frozenset[Dismissal]:
        if self.store is None:
            return frozenset()
        if folder not in self._by_folder:
            try:
                self._by_folder[folder] = frozenset(self.store.of(folder))
            except (sqlite3.Error, OSError) as error:
                self.store = None
                self.tell(f"what you dismissed cannot be read ({error}), so it is shown")
                return frozenset()
        return self._by_folder[folder]
