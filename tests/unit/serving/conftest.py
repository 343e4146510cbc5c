"""A place for the small model, a server that has it, and a record of what was told meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from codeassist.serving.sources import Progress
from tests.unit.serving.small_model import FileServer, serving


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def seen() -> list[Progress]:
    """What `on_progress` was told: give it `seen.append`."""
    return []


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving(FileServer()) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake servers are on this machine, whatever proxy it uses for others."""
    monkeypatch.setenv("NO_PROXY", "*")
