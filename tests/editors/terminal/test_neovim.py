"""Completions and reviews as people see them in Neovim."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.editor import environment
from tests.editors.terminal.neovim import PROGRAMS, SERVED, Neovim, neovim
from tests.fake_vllm import FakeVllm


@pytest.fixture(params=PROGRAMS)
def nvim(request: pytest.FixtureRequest, tmp_path: Path, engine: FakeVllm) -> Iterator[Neovim]:
    home, folder = tmp_path / "home", tmp_path / "work"
    folder.mkdir()
    init = f"{SERVED}\nvim.lsp.enable('codeassist')"
    with neovim(PROGRAMS[request.param], folder, environment(home, SERVER__URL=engine.base_url), init) as made:
        yield made


def test_the_server_is_started_for_a_source_file(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    nvim.open(name, "x = 1\n")
    nvim.attached()
    assert nvim.messages == ""
