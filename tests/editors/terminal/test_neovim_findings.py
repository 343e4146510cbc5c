"""Findings as people see them in Neovim, and completions in its menu for those who want no ghost text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.editor import environment
from tests.e2e.programs import BUGGY, RIGHT, knowing
from tests.editors.terminal.neovim import PROGRAMS, SERVED, Neovim, neovim, until
from tests.fake_vllm import FakeVllm

FOUND = """
    return vim.iter(vim.diagnostic.get(0)):filter(function(each) return each.source == 'codeassist' end):map(
      function(each) return { each.lnum, each.col, each.end_col } end):totable()
"""
"""Row and columns in bytes of each finding."""
QUICK_FIX = "vim.lsp.buf.code_action({ apply = true, filter = function(a) return a.title:find('^Replace') ~= nil end })"


@pytest.fixture(params=PROGRAMS)
def nvim(request: pytest.FixtureRequest, tmp_path: Path, fake: FakeVllm) -> Iterator[Neovim]:
    folder = tmp_path / "work"
    folder.mkdir()
    variables = environment(tmp_path / "home", SERVER__URL=fake.base_url, INDEX__ENABLED="false")
    progress = """
        _G.progress = {}
        vim.api.nvim_create_autocmd('LspProgress', { callback = function(event)
          table.insert(_G.progress, event.data.params.value.kind .. ' ' .. (event.data.params.value.title or ''))
        end })
    """
    init = f"{SERVED}\nvim.g.codeassist = {{ ghost_text = vim.env.GHOST ~= 'no' and 'auto' }}\n{progress}"
    init += "\nvim.lsp.enable('codeassist')"
    ghost = "no" if "menu" in request.node.name else "yes"
    with neovim(PROGRAMS[request.param], folder, {**variables, "GHOST": ghost}, init) as made:
        yield made


def test_a_finding_is_marked_where_it_is_and_mended_by_its_fix(nvim: Neovim, fake: FakeVllm) -> None:
    """Behind an emoji, which editors and servers count differently."""
    fake.answer = knowing(BUGGY, RIGHT)
    file = nvim.open("prices.py", BUGGY.replace("len(prices)", "len(price)"))
    nvim.attached()
    row = BUGGY[: BUGGY.index("len(prices)")].count("\n")
    line = BUGGY.split("\n")[row]
    nvim.keys(f"{row + 1}G$is<Esc>")
    until(lambda: nvim.lines[row] == line, "the line is as the model knows it")
    nvim.keys(":w<CR>")
    start = len(line[: line.index("len(prices)")].encode())
    until(lambda: [row, start, start + 3] in nvim.lua(FOUND), "the finding")
    until(lambda: any(each.startswith("end") for each in nvim.lua("return _G.progress")), "the review is over")
    assert any(each.startswith("begin") and "eview" in each for each in nvim.lua("return _G.progress"))
    nvim.lua("vim.api.nvim_win_set_cursor(0, { ..., select(2, ...) })", row + 1, start)
    nvim.lua(QUICK_FIX)
    until(lambda: nvim.lines[row] == line.replace("len(prices)", "sum(prices)"), "the fix is applied")
    nvim.keys(":w<CR>")
    nvim.until("return not vim.bo.modified")
    assert "sum(prices)" in file.read_text(encoding="utf-8")


def test_a_menu_has_the_completion_where_no_ghost_text_is_wanted(nvim: Neovim, fake: FakeVllm) -> None:
    fake.answer = "sum(prices)\n"
    nvim.open("total.py", "def total(prices):\n    return")
    nvim.attached()
    assert nvim.lua("return vim.lsp.get_clients()[1].server_capabilities.inlineCompletionProvider") is None
    nvim.keys("<Cmd>set completeopt=menuone,noinsert<CR>jA<Space><C-x><C-o>")
    nvim.until("return vim.fn.pumvisible() == 1")
    nvim.keys("<C-y>")
    until(lambda: nvim.text == "def total(prices):\n    return sum(prices)", "it is taken")


def test_ctrl_x_ctrl_o_has_the_completion_beside_our_ghost_text(nvim: Neovim, fake: FakeVllm) -> None:
    if nvim.lua("return require('codeassist.config').drawer()") != "own":
        nvim.lua("vim.lsp.enable('codeassist', false) vim.g.codeassist = { ghost_text = 'own' }")
        until(lambda: nvim.lua("return #vim.lsp.get_clients()") == 0, "the server ends")
        nvim.lua("vim.lsp.enable('codeassist')")
    fake.answer = "sum(prices)\n"
    nvim.open("total.py", "def total(prices):\n    return")
    nvim.attached()
    nvim.until("return vim.bo.omnifunc:find('codeassist') ~= nil")
    nvim.keys("<Cmd>set completeopt=menuone,noinsert<CR>jA<Space><C-x><C-o>")
    nvim.until("return vim.fn.pumvisible() == 1")
    nvim.keys("<C-y>")
    until(lambda: nvim.text == "def total(prices):\n    return sum(prices)", "it is taken")
