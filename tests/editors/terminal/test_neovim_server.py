"""What the plugin for Neovim does about its language server: it comes back after a crash, and leaves nothing behind
when it is switched off."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.editor import environment
from tests.editors.terminal.neovim import PROGRAMS, SERVED, Neovim, neovim, until
from tests.fake_vllm import FakeVllm

HEAD = "def total(prices):\n    return"
PID = """
    local client = vim.lsp.get_clients({ bufnr = 0, name = 'codeassist' })[1]
    local pid = client and client.initialized and client:request_sync('workspace/executeCommand', {
      command = 'codeassist.showStatus' }, 30000, 0) and true
    return pid and vim.iter(vim.api.nvim_get_proc_children(vim.fn.getpid())):find(function(child)
      return not _G.killed or not _G.killed[child]
    end)
"""
"""The process of the language server, once it answers."""
LEFT = """
    local left = {}
    for _, each in ipairs(vim.api.nvim_get_autocmds({})) do
      if (each.group_name or ''):find('^codeassist') then table.insert(left, each.group_name) end
    end
    for name, namespace in pairs(vim.api.nvim_get_namespaces()) do
      local marks = name:find('^codeassist') and vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, {}) or {}
      if #marks > 0 then table.insert(left, name) end
    end
    for _, each in ipairs(vim.api.nvim_buf_get_keymap(0, 'i')) do table.insert(left, each.lhs) end
    if vim.bo.omnifunc:find('codeassist') then table.insert(left, vim.bo.omnifunc) end
    return left
"""
"""What the plugin has in the buffer and elsewhere."""


@pytest.fixture(params=PROGRAMS)
def nvim(request: pytest.FixtureRequest, tmp_path: Path, fake: FakeVllm) -> Iterator[Neovim]:
    folder = tmp_path / "work"
    folder.mkdir()
    variables = environment(tmp_path / "home", SERVER__URL=fake.base_url)
    setup = "require('codeassist').setup({ ghost_text = 'own' })"
    plain = "vim.cmd('filetype indent off') vim.o.cmdheight = 5"  # Long messages must not wait for Enter.
    with neovim(PROGRAMS[request.param], folder, variables, f"{SERVED}\n{setup}\n{plain}") as made:
        fake.answer = "sum(prices)\n"
        made.open("total.py", HEAD)
        made.lua("vim.lsp.enable('codeassist')")
        made.attached()
        yield made


@pytest.mark.parametrize("version", PROGRAMS)
def test_no_module_of_the_workspace_or_the_home_is_run(version: str, tmp_path: Path, fake: FakeVllm) -> None:
    """`python -m codeassist` would take them for those of the standard library."""
    home, folder = tmp_path / "home", tmp_path / "work"
    for place in (home, folder):
        place.mkdir()
        (place / "json.py").write_text("raise SystemExit('not this one')\n", encoding="utf-8")
    variables = environment(home, SERVER__URL=fake.base_url)
    with neovim(PROGRAMS[version], folder, variables, f"{SERVED}\nvim.lsp.enable('codeassist')") as made:
        made.open("total.py", HEAD)
        made.attached()
        made.api.command("Codeassist doctor")
        made.until("return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false)):find('grammars:')")


def crash(nvim: Neovim) -> int:
    """Kill the language server."""
    pid = int(nvim.until(PID))
    nvim.lua("_G.killed = _G.killed or {} _G.killed[...] = true", pid)
    os.kill(pid, signal.SIGKILL)
    return pid


def test_a_server_that_was_killed_comes_back(nvim: Neovim) -> None:
    before = crash(nvim)
    until(lambda: "it starts again in 1 s" in nvim.messages, "the user is told")
    assert nvim.until(PID) != before
    nvim.keys("jA<Space>")
    nvim.screen.rests(lambda frame: frame.line == "    return sum(prices)", "ghost text")


def test_a_server_that_crashes_again_and_again_is_given_up(nvim: Neovim) -> None:
    nvim.lua("vim.defer_fn = function(then_do) return vim.schedule(then_do) end")  # As if the time had passed.
    for seconds in (1, 2, 4, 8, 16, 32):
        crash(nvim)
        until(lambda s=seconds: f"it starts again in {s} s" in nvim.messages, f"it waits {seconds} s")
    crash(nvim)
    until(lambda: "stops again and again" in nvim.messages, "the user is told")
    assert nvim.lua("return vim.lsp.log.get_filename()") in nvim.messages
    until(lambda: nvim.lua("return #vim.lsp.get_clients()") == 0, "no server is there")


def test_a_server_that_does_not_start_is_not_tried_again(nvim: Neovim) -> None:
    nvim.lua("vim.lsp.enable('codeassist', false)")
    until(lambda: nvim.lua("return #vim.lsp.get_clients()") == 0, "the server ends")
    nvim.lua("vim.lsp.config('codeassist', { cmd = { 'sh', '-c', 'exit 3' } }) vim.lsp.enable('codeassist')")
    until(lambda: "the language server does not start" in nvim.messages, "the user is told")
    assert "starts again" not in nvim.messages


def test_switched_off_it_leaves_nothing_behind(nvim: Neovim) -> None:
    nvim.keys("jA<Space>")
    nvim.screen.rests(lambda frame: frame.line == "    return sum(prices)", "ghost text")
    before = nvim.lua(LEFT)
    assert {"codeassist.ghost", "codeassist.place", "<Tab>"} <= set(before)
    nvim.lua("vim.lsp.enable('codeassist', false)")
    until(lambda: nvim.lua(LEFT) == [], "nothing is left")
    nvim.screen.rests(lambda frame: frame.line == "    return", "the ghost text is gone")
    assert "starts again" not in nvim.messages


def test_switched_off_while_it_waits_it_does_not_come_back(nvim: Neovim) -> None:
    nvim.lua("vim.defer_fn = function(then_do) _G.again = then_do end")
    crash(nvim)
    nvim.until("return _G.again ~= nil")
    nvim.lua("vim.lsp.enable('codeassist', false) _G.again()")
    assert nvim.lua("return #vim.api.nvim_get_proc_children(vim.fn.getpid())") == 0
