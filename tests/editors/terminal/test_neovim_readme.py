"""What the documents tell users of Neovim to write, done as it is written there."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.editor import environment
from tests.editors.terminal.neovim import PLUGIN, PROGRAMS, ROOT, Neovim, neovim
from tests.fake_vllm import FakeVllm

CLONE = "/path/to/codeassist"
PAGES = ("README.md", "docs/editors.md", "editors/nvim/README.md")


def lua_of(page: str, word: str) -> str:
    """The only block of Lua in a page that has `word` in it, for this clone."""
    blocks = re.findall(r"^```lua\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (found,) = [block for block in blocks if word in block]
    return str(found).replace(CLONE, str(ROOT))


@contextmanager
def configured(version: str, init: str, folder: Path, url: str) -> Iterator[Neovim]:
    """Neovim with that init.lua and nothing else, for a user who has `codeassist` on PATH."""
    work, programs = folder / "work", folder / "bin"
    work.mkdir()
    programs.mkdir()
    program = programs / "codeassist"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m codeassist "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    variables = environment(folder / "home", SERVER__URL=url)
    variables["PATH"] = f"{programs}:/usr/bin:/bin"
    alone = f"vim.opt.runtimepath:remove('{PLUGIN}')"
    with neovim(PROGRAMS[version], work, variables, f"{alone}\n{init}") as made:
        yield made


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("version", PROGRAMS)
def test_the_lines_of_the_document_are_enough(
    version: str, page: str, tmp_path: Path, fake: FakeVllm, name: str
) -> None:
    fake.answer = "sum(prices)\n"
    lines = lua_of(page, "vim.lsp.enable")
    assert len(lines.splitlines()) <= 5
    with configured(version, lines, tmp_path, fake.base_url) as editor:
        editor.open(name, "def total(prices):\n    return")
        editor.attached()
        editor.keys("GA<Space>")
        editor.until("return require('codeassist').visible()")
        editor.keys("<Tab>")
        editor.until("return vim.api.nvim_get_current_line() == '    return sum(prices)'")
        assert editor.messages == ""


@pytest.mark.parametrize("version", PROGRAMS)
def test_the_statusline_of_the_document(version: str, tmp_path: Path, fake: FakeVllm, name: str) -> None:
    page = "docs/editors.md"
    lines = lua_of(page, "vim.lsp.enable") + lua_of(page, "vim.o.statusline")
    with configured(version, lines, tmp_path, fake.base_url) as editor:
        editor.open(name, "x = 1\n")
        editor.attached()
        shown = "return vim.api.nvim_eval_statusline(vim.o.statusline, {}).str"
        editor.until(f"return (function() {shown} end)():find('codeassist ✓ 1:1', 1, true)")


@pytest.mark.parametrize("version", PROGRAMS)
def test_the_settings_of_the_document(version: str, tmp_path: Path, fake: FakeVllm, name: str) -> None:
    page = "docs/editors.md"
    lines = lua_of(page, "vim.lsp.enable") + lua_of(page, "settings =")
    with configured(version, lines, tmp_path, fake.base_url) as editor:
        editor.open(name, "x = 1\n")
        editor.attached()
        url = "return vim.lsp.get_clients()[1].settings.codeassist.server.url"
        assert editor.lua(url) == "http://127.0.0.1:8000/v1"
        editor.until("return require('codeassist.status').of(vim.lsp.get_clients()[1])")
        editor.api.command("Codeassist doctor")
        editor.until("return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false)):find('127.0.0.1:8000')")


DRAWERS = {
    "bare": ("", "neovim"),
    "set-up": ("require('codeassist').setup()", "own"),
    "chosen": ("require('codeassist').setup({ ghost_text = 'neovim' })", "neovim"),
}


@pytest.mark.parametrize("how", DRAWERS)
@pytest.mark.parametrize("version", PROGRAMS)
def test_who_draws_the_ghost_text(version: str, how: str, tmp_path: Path, fake: FakeVllm, name: str) -> None:
    """Who only enables the language server gets what Neovim has; in 0.11 that is nothing."""
    fake.answer = "sum(prices)\n"
    line, drawn = DRAWERS[how]
    drawn = drawn if version == "0.12" else "own"
    lines = f"vim.opt.runtimepath:append('{PLUGIN}')\nvim.lsp.enable('codeassist')\n{line}"
    with configured(version, lines, tmp_path, fake.base_url) as editor:
        editor.open(name, "def total(prices):\n    return")
        editor.attached()
        assert editor.lua("return require('codeassist.config').drawer()") == drawn
        editor.keys("GA<Space>")
        editor.until("return require('codeassist').visible()")
        assert editor.lua("return package.loaded['codeassist.ghost'] ~= nil") is (drawn == "own")
