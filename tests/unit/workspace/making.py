"""Folders and indexes for the tests of this package."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from codeassist.workspace.index import Index
from codeassist.workspace.scan import ScanOptions, ScanReport, scan

FAULTY = (sys.executable, str(Path(__file__).parent / "faulty_worker.py"))
"""A worker that dies of a file that holds CRASH, and never ends with one that holds HANG."""


def write_files(root: Path, files: Mapping[str, str | bytes]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


class Workplace:
    """A workspace folder, and the folder in which its index is."""

    def __init__(self, temporary: Path) -> None:
        self.root = temporary / "project"
        self.root.mkdir()
        self.folder = temporary / "indexes"

    def write(self, files: Mapping[str, str | bytes]) -> None:
        write_files(self.root, files)

    def options(self, **others: object) -> ScanOptions:
        return ScanOptions(**{"folder": self.folder, "processes": 2, **others})  # type: ignore[arg-type]

    def scan(self, **others: object) -> ScanReport:
        return scan(self.root, self.options(**others))

    @property
    def index(self) -> Index:
        return Index(self.root, self.folder)

    def paths(self, state: str = "indexed") -> list[str]:
        connection = self.index._connection()
        assert connection is not None
        rows = connection.execute("SELECT path FROM files WHERE state = ? ORDER BY path", (state,))
        return [row[0] for row in rows]
