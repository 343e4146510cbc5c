"""Keys of the plugin for Neovim without a suggestion, and its options."""

from __future__ import annotations

import pytest

from tests.editors.terminal.conftest import own
from tests.editors.terminal.neovim import Neovim, until
from tests.fake_vllm import FakeVllm

BEFORE: dict[str, tuple[str, str]] = {
    "nothing": ("", "x   "),
    "keys": ("vim.keymap.set('i', '<Tab>', 'one<Space>two')", "xone two"),
    "a function": (
        "vim.keymap.set('i', '<Tab>', function() vim.api.nvim_put({ 'put' }, 'c', false, true) end)",
        "xput",
    ),
    "an expression": ("vim.keymap.set('i', '<Tab>', function() return 'e<lt>x>' end, { expr = true })", "xe<x>"),
    "an old expression": ("vim.cmd([[inoremap <expr> <Tab> 'old' .. (1 + 1)]])", "xold2"),
    "other keys": ("vim.cmd('imap <Tab> <F5>') vim.keymap.set('i', '<F5>', 'five')", "xfive"),
    "the buffer's": (
        """vim.keymap.set('i', '<Tab>', 'of all')
           vim.api.nvim_create_autocmd('BufReadPre', { once = true, callback = function()
             vim.keymap.set('i', '<Tab>', 'of it', { buffer = 0 })
           end })""",
        "xof it",
    ),
}
"""What maps Tab besides, and what it then does behind an x."""


@own
@pytest.mark.parametrize("before", BEFORE)
def test_without_a_suggestion_a_key_does_what_it_did(nvim: Neovim, fake: FakeVllm, name: str, before: str) -> None:
    code, after = BEFORE[before]
    nvim.lua(code)
    nvim.open(name, "")
    nvim.attached()
    try:
        nvim.keys("ix<Tab>")
        until(lambda: nvim.text == after, after)
        assert nvim.messages == ""
    finally:
        nvim.lua("pcall(vim.keymap.del, 'i', '<Tab>') pcall(vim.keymap.del, 'i', '<F5>')")


@own
def test_keys_of_the_users_own(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    """As an `expr` mapping, where text must not be changed."""
    fake.answer = "sum(prices)\n"
    nvim.open(name, "x =")
    nvim.attached()
    nvim.lua("""
        vim.keymap.set('i', '<C-l>', function()
          return require('codeassist').accept_word() and '' or 'none'
        end, { expr = true, buffer = 0 })
    """)
    nvim.keys("A<Space>")
    nvim.shows("x = sum(prices)")
    nvim.keys("<C-l><C-l>")
    until(lambda: nvim.text == "x = sum(", "two words are taken")
    fake.answer = ""
    nvim.keys("<Esc>o<C-l>")
    until(lambda: nvim.text == "x = sum(\nnone", "there is none")


@own
def test_other_keys_take_the_place_of_those_before(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = "sum(prices)\n"
    nvim.open(name, "x =")
    nvim.attached()
    drawn = nvim.lua("return require('codeassist.config').get().ghost_text")
    try:
        nvim.lua("require('codeassist').setup({ ghost_text = ..., keys = { accept = '<C-l>', next = false } })", drawn)
        assert "<M-]>" not in nvim.lua(
            "return vim.tbl_map(function(m) return m.lhs end, vim.api.nvim_buf_get_keymap(0, 'i'))"
        )
        nvim.keys("A<Space>")
        nvim.shows("x = sum(prices)")
        nvim.keys("<C-l>")
        until(lambda: nvim.text == "x = sum(prices)", "it is taken")
    finally:
        nvim.lua("require('codeassist').setup({ ghost_text = ... })", drawn)


@own
def test_a_key_does_one_thing(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    """What the user chose for something else is no longer what it would be."""
    fake.answer = "sum(prices)\n"
    nvim.open(name, "x =")
    nvim.attached()
    drawn = nvim.lua("return require('codeassist.config').get().ghost_text")
    try:
        nvim.lua("require('codeassist').setup({ ghost_text = ..., keys = { accept_word = '<tab>' } })", drawn)
        nvim.keys("A<Space>")
        nvim.shows("x = sum(prices)")
        nvim.keys("<Tab>")
        until(lambda: nvim.text == "x = sum", "the word is taken")
        fake.answer = ""
        nvim.keys("<Esc>o<Tab>y")
        until(lambda: nvim.text == "x = sum\n    y", "without a suggestion it does what it did")
        assert nvim.messages == ""
    finally:
        nvim.lua("require('codeassist').setup({ ghost_text = ... })", drawn)


WRONG = (
    ("{ ghost_texts = true }", 'there is no option "ghost_texts"; there are ghost_text, keys, restart'),
    ("{ ghost_text = 'grey' }", "ghost_text is \"grey\", it may be 'auto', 'neovim', 'own' or false"),
    ("{ keys = { acept = '<Tab>' } }", 'there is no key "acept"; there are accept, accept_line'),
    ("{ keys = { accept = true } }", 'keys.accept is true, it may be a key such as "<Tab>", or false'),
    ("7", "is 7, it must be a table of options"),
)


@own
@pytest.mark.parametrize(("options", "said"), WRONG)
def test_wrong_options_are_told_and_the_others_hold(nvim: Neovim, options: str, said: str) -> None:
    config = "require('codeassist.config')"
    found, problems = nvim.lua(f"""
        vim.g.codeassist = {{ restart = false }}
        local set = {config}.read()
        vim.g.codeassist = {options}
        local found, problems = {config}.read()
        vim.g.codeassist = nil
        return {{ {{ set.restart, found.restart }}, problems }}
    """)
    assert found == [False, True]
    (problem,) = problems
    assert problem.startswith("vim.g.codeassist")
    assert said in problem


@own
def test_one_key_for_two_things_is_told(nvim: Neovim) -> None:
    keys, problems = nvim.lua("""
        vim.g.codeassist = { keys = { next = '<C-l>', accept = '<c-L>' } }
        local found, problems = require('codeassist.config').read()
        vim.g.codeassist = nil
        return { found.keys, problems }
    """)
    assert (keys["accept"], keys["next"]) == ("<c-L>", False)
    assert problems == ["keys.accept and keys.next are both <C-l>; the first has it"]
