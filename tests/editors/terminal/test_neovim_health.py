"""`:checkhealth codeassist`, in good health and in bad."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from codeassist import __version__
from tests.e2e.editor import environment
from tests.editors.terminal.neovim import PROGRAMS, SERVED, Neovim, neovim
from tests.fake_vllm import FakeVllm

ENABLED = f"{SERVED}\nvim.lsp.enable('codeassist')"
Start = Callable[[str], AbstractContextManager[Neovim]]


@pytest.fixture(params=PROGRAMS)
def start(request: pytest.FixtureRequest, tmp_path: Path, engine: FakeVllm) -> Start:
    """Starts Neovim with an init.lua."""

    def begin(init: str) -> AbstractContextManager[Neovim]:
        folder = tmp_path / "work"
        folder.mkdir()
        variables = environment(tmp_path / "home", SERVER__URL=engine.base_url)
        patient = "vim.o.messagesopt = 'wait:0,history:500'"  # No message waits for a key, and the tests for that.
        return neovim(PROGRAMS[request.param], folder, variables, f"{patient}\n{init}")

    return begin


def report(nvim: Neovim) -> str:
    """What the check says, on one line."""
    nvim.api.command("checkhealth codeassist")
    return " ".join("\n".join(nvim.lines).split())


def test_all_is_well(start: Start, fake: FakeVllm, name: str) -> None:
    with start(f"{ENABLED}\nrequire('codeassist').setup()") as nvim:
        nvim.open(name, "x = 1\n")
        nvim.attached()
        nvim.until("return require('codeassist.status').of(vim.lsp.get_clients()[1])")
        said = report(nvim)
        assert "ERROR" not in said
        assert "Ghost text: drawn by this plugin" in said
        assert f"OK codeassist {__version__}: " in said
        assert f"Client 1: {nvim.folder}, 1 buffer, is ready" in said
        assert f"completion model: {fake.models[0]} on {fake.base_url}" in said
        assert "accept: <Tab>" in said
        assert "No other one draws ghost text" in said


def test_what_is_wrong_is_said_with_what_mends_it(start: Start, fake: FakeVllm, name: str) -> None:
    fake.behaviour.status = 503
    init = f"""{ENABLED}
        vim.g.codeassist = {{ ghost_text = 'none', keys = {{ next = '<C-x>' }} }}
        vim.g.loaded_copilot = 1
        vim.api.nvim_create_autocmd('LspAttach', {{ callback = function(event)
          vim.schedule(function()
            vim.keymap.set('i', '<C-x>', 'y', {{ buffer = event.buf, desc = 'Somebody else' }})
          end)
        end }})"""
    with start(init) as nvim:
        (nvim.folder / name).write_text("x = 1\n", encoding="utf-8")
        nvim.keys(f":edit {name}<CR>")
        nvim.attached()
        nvim.until("return vim.fn.maparg('<C-x>', 'i', false, true).desc == 'Somebody else'")
        nvim.api.command("Codeassist pause")
        said = report(nvim)
        assert 'vim.g.codeassist: ghost_text is "none", it may be' in said
        assert "It is paused there; `:Codeassist resume` ends that" in said
        assert "ERROR completion model: " in said
        assert "<C-x>, which is to next, is mapped to something else in buffer 1: Somebody else" in said
        assert "Ghost text is drawn by copilot.vim, too" in said


def test_a_program_that_is_no_codeassist(start: Start, fake: FakeVllm) -> None:
    with start("vim.lsp.config('codeassist', { cmd = { 'true', 'lsp' } })") as nvim:
        said = report(nvim)
        assert "ERROR `true` does not say its version" in said
        assert "It is not enabled - ADVICE: - Put vim.lsp.enable('codeassist') into your init.lua" in said
        assert "doctor:" not in said


def test_a_program_that_is_not_there(start: Start, fake: FakeVllm) -> None:
    with start("vim.lsp.config('codeassist', { cmd = { 'no-such-codeassist', 'lsp' } })") as nvim:
        assert "`no-such-codeassist` is no program on PATH. Install it" in report(nvim)


def test_another_version_is_a_warning(start: Start, fake: FakeVllm, tmp_path: Path) -> None:
    program = tmp_path / "codeassist"
    program.write_text("#!/bin/sh\necho codeassist 99.0.0\n", encoding="utf-8")
    program.chmod(0o755)
    with start(f"vim.lsp.config('codeassist', {{ cmd = {{ '{program}', 'lsp' }} }})") as nvim:
        said = report(nvim)
        assert f"WARNING codeassist 99.0.0: {program}; this plugin is of version {__version__}" in said
