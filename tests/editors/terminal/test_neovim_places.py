"""Ghost text at places that are harder than the end of a line: characters of several bytes, brackets that were closed,
lines below, tabs, menus, windows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.editors.terminal.conftest import own
from tests.editors.terminal.neovim import Neovim, until
from tests.fake_vllm import FakeVllm

_MOST_TRIES = 20


def test_characters_that_encodings_count_differently(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = '"€ 😀", "é", total)\n'
    nvim.open(name, "total = 1\nlabel = '😀é€'; print")
    nvim.attached()
    nvim.keys("jA(")
    nvim.shows('total = 1\nlabel = \'😀é€\'; print("€ 😀", "é", total)')
    nvim.keys('"€ 😀')
    nvim.shows('total = 1\nlabel = \'😀é€\'; print("€ 😀", "é", total)')
    nvim.keys("<Tab>")
    until(lambda: nvim.text == 'total = 1\nlabel = \'😀é€\'; print("€ 😀", "é", total)', "it is taken")
    assert nvim.lua("return vim.fn.col('.') == vim.fn.col('$')")


def test_a_bracket_that_was_closed_is_not_doubled(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = "prices, start=0)\n"
    nvim.open(name, "def total(prices):\n    return sum()")
    nvim.attached()
    nvim.keys("j$i<Space><BS>")
    nvim.keys("p")
    nvim.shows("def total(prices):\n    return sum(prices, start=0)")
    nvim.keys("<Tab>")
    until(lambda: nvim.text == "def total(prices):\n    return sum(prices, start=0)", "it is taken")


@own
def test_an_editor_that_closes_brackets_is_typed_through(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = "max(prices)\n"
    whole = "def total(prices):\n    return max(prices)"
    nvim.open(name, "def total(prices):\n    return")
    nvim.attached()
    nvim.lua("vim.keymap.set('i', '(', '()<C-g>U<Left>', { buffer = 0 })")
    nvim.keys("jA<Space>")
    nvim.shows(whole)
    asked = len(fake.received)
    nvim.keys("max(")
    until(lambda: nvim.text == "def total(prices):\n    return max()", "the bracket is closed")
    nvim.shows(whole)
    nvim.keys("pr<M-Right>")
    until(lambda: nvim.text == whole, "the word is taken")
    nvim.keys("<Esc>u")
    until(lambda: nvim.text == "def total(prices):\n    return max(pr)", "the word alone is undone")
    assert len(fake.received) == asked


def test_lines_in_the_middle_of_a_file(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = "for price in prices:\n        best = max(best, price)\n    return best\n"
    before, after = "def dearest(prices):\n    best = 0\n    ", "\n\n\ndef next_one():\n    return 1"
    lines = "for price in prices:\n        best = max(best, price)\n    return best"
    nvim.open(name, before.rstrip() + after)
    nvim.attached()
    nvim.keys("jo<Space><Space><Space><Space>")
    nvim.shows(before + lines + after)
    assert len(nvim.lines) == before.count("\n") + after.count("\n") + 1
    nvim.keys("<Tab>")
    until(lambda: nvim.text == before + lines + after, "it is taken")
    assert nvim.lua("return vim.api.nvim_win_get_cursor(0)") == [5, len("    return best")]


@own
def test_lines_before_a_closed_bracket(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    """What follows on the line is shown where it will be, behind the last line."""
    whole = "total = sum(\n    prices,\n    start=0,\n)"
    nvim.open(name, "total = sum()")
    nvim.attached()
    answered(nvim, whole.removeprefix("total = sum("), replaced=1)
    nvim.keys("$i<Space><BS>")
    nvim.shows(whole)
    nvim.keys("<Tab>")
    until(lambda: nvim.text == whole, "it is taken")
    assert nvim.lua("return vim.api.nvim_win_get_cursor(0)") == [4, 1]


@own
def test_text_between_what_stands_there_already(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    nvim.open(name, "total = sum()  # of all")
    nvim.attached()
    answered(nvim, "prices[0]) + (1)", replaced=1)
    nvim.keys("f)i<Space><BS>")
    nvim.shows("total = sum(prices[0]) + (1)  # of all")
    nvim.keys("<M-Right><M-Right>")
    until(lambda: nvim.text == "total = sum(prices[)  # of all", "two words are taken")
    nvim.shows("total = sum(prices[0]) + (1)  # of all")
    nvim.keys("<Tab>")
    until(lambda: nvim.text == "total = sum(prices[0]) + (1)  # of all", "the rest is taken")


@pytest.mark.parametrize("text", ["sum(prices)", "p[0]", "sum(prices, start=0)"])
@own
def test_a_text_that_takes_the_place_of_another(nvim: Neovim, fake: FakeVllm, name: str, text: str) -> None:
    nvim.open(name, "total = old(values)  # of all")
    nvim.attached()
    answered(nvim, text, replaced=len("old(values)"))
    nvim.keys("2wi<Space><BS>")
    nvim.shows(f"total = {text}  # of all")
    nvim.keys("<Tab>")
    until(lambda: nvim.text == f"total = {text}  # of all", "it is taken")


@own
def test_several_suggestions_for_one_place(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    nvim.open(name, "total = ")
    nvim.attached()
    answered(nvim, "sum(prices)", "len(prices)")
    nvim.keys("A<Space>")
    nvim.shows("total =  sum(prices)")
    nvim.keys("<M-]>")
    nvim.shows("total =  len(prices)")
    nvim.keys("<M-]>")
    nvim.shows("total =  sum(prices)")
    nvim.keys("<M-[>")
    nvim.shows("total =  len(prices)")
    nvim.keys("<Tab>")
    until(lambda: nvim.text == "total =  len(prices)", "the second is taken")


@own
def test_tabs_and_line_ends_of_windows(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    file = nvim.folder / f"{Path(name).stem}.go"
    file.write_bytes(b"package main\r\n\r\nfunc total() {\r\n}\r\n")
    nvim.open(file.name)
    nvim.attached()
    assert nvim.lua("return vim.bo.fileformat") == "dos"
    answered(nvim, "if a {\r\n\t\treturn\tb\r\n\t}")
    nvim.keys("<Cmd>set tabstop=4<CR>3Go<Tab>")
    nvim.shows("package main\n\nfunc total() {\n    if a {\n        return  b\n    }\n}")
    nvim.keys("<Tab><Esc>")
    until(lambda: nvim.lines[3:6] == ["\tif a {", "\t\treturn\tb", "\t}"], "it is taken")
    nvim.api.command("silent write")
    assert file.read_bytes() == b"package main\r\n\r\nfunc total() {\r\n\tif a {\r\n\t\treturn\tb\r\n\t}\r\n}\r\n"


def open_menu(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    """Of the words that begin with `p`, where `prices)` is suggested."""
    fake.answer = "rices)\n"
    nvim.open(name, "pressure, prices = 1, []\nx = sum(")
    nvim.attached()
    nvim.keys("<Cmd>set completeopt=menuone,noinsert<CR>jA<Space><BS>p")
    nvim.shows("pressure, prices = 1, []\nx = sum(prices)")
    nvim.keys("<C-x><C-n>")
    nvim.until("return vim.fn.pumvisible() == 1")


def select(nvim: Neovim, word: str) -> None:
    """Go down to a word of the menu."""
    selected = (
        "local i = vim.fn.complete_info({ 'items', 'selected' }) return (i.items[i.selected + 1] or {}).word == ..."
    )
    for _ in range(_MOST_TRIES):
        if nvim.lua(selected, word):
            return
        nvim.keys("<Down>")
    raise AssertionError(f"the menu has no {word}")


@own
def test_a_menu_shows_what_goes_on_from_its_item(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    open_menu(nvim, fake, name)
    for word, line in (("pressure", "x = sum(p"), ("prices", "x = sum(prices)")) * 2:
        select(nvim, word)
        nvim.screen.rests(lambda frame, line=line: frame.line.startswith(line) and len(frame.line) == len(line), line)
    nvim.keys("<C-e>")
    nvim.shows("pressure, prices = 1, []\nx = sum(prices)")


@own
def test_what_is_asked_by_hand_takes_the_place_of_what_a_menu_hides(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    open_menu(nvim, fake, name)
    select(nvim, "pressure")
    nvim.until("return not require('codeassist').visible()")
    fake.answer = "ressure)\n"
    nvim.keys("<M-]>")
    nvim.screen.rests(lambda frame: frame.line.startswith("x = sum(pressure)"), "it is shown")


@own
def test_another_window_of_the_same_buffer_stays_as_it_is(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    lines = "for price in prices:\n        best = max(best, price)\n    return best"
    fake.answer = lines + "\n"
    nvim.open(name, "def dearest(prices):\n    best = 0\n\n\nx = 1\n")
    nvim.attached()
    nvim.keys("<Cmd>vsplit<CR>jo<Space><Space><Space><Space>")
    nvim.screen.rests(lambda frame: frame.rows[3].startswith("        best = max(best, price)"), "it is shown")
    (left, right) = (frame_half(nvim, 0), frame_half(nvim, 1))
    assert left[:6] == ["def dearest(prices):", "    best = 0", *("    " + lines).split("\n"), ""]
    assert right[:6] == ["def dearest(prices):", "    best = 0", "", "", "", "x = 1"]
    nvim.keys("<Tab><Esc>")
    until(lambda: "    return best" in nvim.lines, "it is taken")
    nvim.keys("<Cmd>only<CR>")


@own
def test_what_is_taken_moves_no_mark_behind_it(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = "rices)\n"
    nvim.open(name, "x = sum()  # here\n")
    nvim.attached()
    code = "_G.mark = vim.api.nvim_buf_set_extmark(0, vim.api.nvim_create_namespace('mine'), 0, ..., {})"
    nvim.lua(code, len("x = sum("))
    nvim.keys("f)i<Space><BS>p")
    nvim.shows("x = sum(prices)  # here")
    nvim.keys("<Tab>")
    until(lambda: nvim.lines[0] == "x = sum(prices)  # here", "it is taken")
    place = "return vim.api.nvim_buf_get_extmark_by_id(0, vim.api.nvim_create_namespace('mine'), _G.mark, {})"
    assert nvim.lua(place) == [0, len("x = sum(prices")]


@pytest.mark.parametrize("setting", ["nomodifiable", "buftype=nofile"])
@own
def test_nothing_in_buffers_that_are_no_text(nvim: Neovim, fake: FakeVllm, name: str, setting: str) -> None:
    fake.answer = "sum(prices)\n"
    nvim.open(name, "x = ")
    nvim.attached()
    nvim.keys("A<Space>")
    nvim.shows("x =  sum(prices)")
    nvim.keys(f"<Cmd>setlocal {setting}<CR><Left>")
    nvim.shows("x =")


def answered(nvim: Neovim, *texts: str, replaced: int = 0) -> None:
    """Let the server's next answers be these, in place of so many characters behind the cursor."""
    code = """
        local client, texts, replaced = vim.lsp.get_clients({ name = 'codeassist' })[1], ...
        local request = client.request
        client.request = function(self, method, params, handler, buffer)
          if method ~= 'textDocument/inlineCompletion' then
            return request(self, method, params, handler, buffer)
          end
          return request(self, 'codeassist/trace', { limit = 1 }, function(err, _, context)
            local at = params.position
            local range = { start = at, ['end'] = { line = at.line, character = at.character + replaced } }
            local items = vim.tbl_map(function(text) return { insertText = text, range = range } end, texts)
            handler(err, { items = items }, context)
          end, buffer)
        end
        vim.api.nvim_create_autocmd('BufLeave', { once = true, callback = function() client.request = nil end })
    """
    nvim.lua(code, list(texts), replaced)


def frame_half(nvim: Neovim, half: int) -> list[str]:
    rows = nvim.screen.frames[-1].rows
    return [row.partition("│")[2 * half].rstrip() for row in rows]
