"""Cases of review that lie in files: a file with a bug, the same file without it, and the lines of the bug."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

Variant: TypeAlias = Literal["buggy", "clean"]
VARIANTS: tuple[Variant, ...] = ("buggy", "clean")


@dataclass(frozen=True)
class Case:
    """`text` has the bug in `lines`, pairs of the first and the last line (1-based); `clean` is the text without it,
    None if nobody knows one. A finding hits the bug if it is at most `tolerance` lines away from it. `kind`: of the
    bug, "" if the case does not say."""

    id: str
    language: str
    path: str
    text: str
    clean: str | None
    lines: tuple[tuple[int, int], ...]
    tolerance: int = 0
    kind: str = ""

    def variant(self, name: Variant) -> str | None:
        """The text of one variant; None if there is none."""
        return self.text if name == "buggy" else self.clean

    def hit(self, first: int, last: int) -> bool:
        """Whether lines `first` to `last` (1-based) are where the bug is."""
        return any(first <= end + self.tolerance and last >= start - self.tolerance for start, end in self.lines)


def read_cases(path: Path, limit: int | None = None) -> list[Case]:
    """Raises ValueError for a line that is no case."""
    cases = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            cases.append(_case(json.loads(line)))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{path}:{number}: no case of review ({error!r})") from error
    return cases if limit is None else cases[:limit]


def _case(row: Mapping[str, Any]) -> Case:
    checker = row["checker"]
    clean = row.get("reference")
    return Case(
        id=str(row["id"]),
        language=str(row["lang"]),
        path=str(row["path"]),
        text=str(row["prefix"]) + str(row.get("suffix") or ""),
        clean=None if clean is None else str(clean),
        lines=tuple((int(first), int(last)) for first, last in checker["lines"]),
        tolerance=int(checker.get("tolerance") or 0),
        kind=str((row.get("meta") or {}).get("bug_type") or ""),
    )
