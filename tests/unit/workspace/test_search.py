"""Searches remember where words stand, and forget it when the index changes."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from codeassist.workspace import search
from codeassist.workspace.index import Index
from codeassist.workspace.scan import ScanOptions, scan

WORDS = ["harvest", "meadow"]


def paths(index: Index) -> list[str]:
    return [found.path for found in index.similar(WORDS, 8)]


def test_what_is_remembered_follows_the_index(tmp_path: Path) -> None:
    root, folder = tmp_path / "project", tmp_path / "indexes"
    root.mkdir()
    (root / "one.py").write_text("def harvest(meadow):\n    return meadow\n")
    scan(root, ScanOptions(folder=folder))
    index = Index(root, folder)
    assert paths(index) == ["one.py"]
    assert paths(index) == ["one.py"]
    (root / "two.py").write_text("harvest = meadow = 1\n")
    scan(root, ScanOptions(folder=folder))
    assert sorted(paths(index)) == ["one.py", "two.py"]
    (root / "one.py").unlink()
    scan(root, ScanOptions(folder=folder))
    assert paths(index) == ["two.py"]
    index.close()


def test_the_database_is_asked_once_for_each_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, folder = tmp_path / "project", tmp_path / "indexes"
    root.mkdir()
    (root / "one.py").write_text("def harvest(meadow):\n    return meadow\n")
    scan(root, ScanOptions(folder=folder))
    index = Index(root, folder)
    asked: list[str] = []
    ask = search.chunks_with

    def count(connection: sqlite3.Connection, term: str, limit: int) -> list[tuple[int]]:
        asked.append(term)
        return ask(connection, term, limit)

    monkeypatch.setattr(search, "chunks_with", count)
    for _ in range(3):
        assert paths(index) == ["one.py"]
    index.close()
    assert sorted(asked) == sorted(set(asked))
    assert len(asked) >= len(WORDS)
