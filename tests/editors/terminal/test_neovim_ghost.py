"""Ghost text as people see it in Neovim: shown, typed through, taken, dismissed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.editors.terminal.conftest import own
from tests.editors.terminal.neovim import Neovim, until
from tests.fake_vllm import FakeVllm

HEAD = "def total(prices):\n    return"
WHOLE = f"{HEAD} sum(prices)"


def test_what_is_shown_is_not_in_the_text(offered: Path, nvim: Neovim) -> None:
    assert nvim.text == f"{HEAD} "
    assert nvim.lua("return require('codeassist').visible()")
    assert nvim.messages == ""


def test_what_is_typed_through_stays_and_asks_no_engine(offered: Path, nvim: Neovim, fake: FakeVllm, way: str) -> None:
    asked = len(fake.received)
    for typed in "sum(":
        nvim.type(typed)
        assert {frame.line for frame in nvim.screen.frames} == {"    return sum(prices)"}
    assert nvim.text == f"{HEAD} sum("
    if way == "0.12":  # Neovim asks the server, in its own time.
        until(lambda: any(each.get("reused") for each in entries(nvim)), "the server had it already")
    nvim.keys("<Tab>")
    until(lambda: nvim.text == WHOLE, "the rest is taken")
    assert len(fake.received) == asked


@own
def test_our_own_asks_not_even_the_server(offered: Path, nvim: Neovim) -> None:
    asked = completions(nvim)
    nvim.type("sum")
    nvim.shows(WHOLE)
    assert completions(nvim) == asked


def test_tab_takes_it_and_nothing_more(offered: Path, nvim: Neovim, fake: FakeVllm) -> None:
    fake.answer = ""
    nvim.keys("<Tab>")
    until(lambda: nvim.text == WHOLE, "the suggestion is taken")
    nvim.shows(WHOLE)
    assert nvim.lua("return vim.api.nvim_win_get_cursor(0)") == [2, len("    return sum(prices)")]
    until(lambda: "didAccept" in events(nvim), "the server knows")


@own
def test_keys_typed_right_behind_tab_come_after_the_suggestion(offered: Path, nvim: Neovim) -> None:
    nvim.keys("<Tab> + 1")
    until(lambda: nvim.text == f"{WHOLE} + 1", "all of it")


@own
def test_nothing_is_asked_while_somebody_pastes(offered: Path, nvim: Neovim) -> None:
    """With 'paste' no key of ours works."""
    nvim.keys("<Esc>:set paste<CR>")
    asked = completions(nvim)
    nvim.keys("A#<Space>")
    until(lambda: nvim.text == f"{HEAD} # ", "it is written")
    assert completions(nvim) == asked
    nvim.keys("<BS><BS><Esc>:set nopaste<CR>A<Space>")
    nvim.shows(f"{HEAD}  sum(prices)")


@own
def test_words_are_taken_one_by_one_and_the_rest_stays(offered: Path, nvim: Neovim, fake: FakeVllm) -> None:
    asked = len(fake.received)
    for taken in ("sum", "sum(", "sum(prices"):
        nvim.keys("<M-Right>")
        until(lambda taken=taken: nvim.text == f"{HEAD} {taken}", taken)
        nvim.shows(WHOLE)
    until(lambda: events(nvim).count("didPartiallyAccept") == 3, "the server knows")
    assert len(fake.received) == asked


@own
def test_the_rest_never_goes_while_words_are_taken(offered: Path, nvim: Neovim) -> None:
    nvim.screen.begin()
    nvim.keys("<M-Right>")
    until(lambda: nvim.text == f"{HEAD} sum", "the first word is taken")
    nvim.screen.until(lambda frame: frame.column == len("    return sum"))
    assert {frame.line for frame in nvim.screen.frames} == {"    return sum(prices)"}


@own
def test_a_line_is_taken_and_the_next_stays(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    lines = "    best = prices[0]\n    for price in prices:\n        best = max(best, price)\n    return best"
    fake.answer = lines.removeprefix("    ") + "\n"
    nvim.open(name, "def dearest(prices):\n\n\nx = 1\n")
    nvim.attached()
    nvim.keys("jcc<Space><Space><Space><Space>")
    nvim.shows(f"def dearest(prices):\n{lines}\n\nx = 1")
    first, second, *_ = lines.split("\n")
    nvim.keys("<M-C-Right>")
    until(lambda: nvim.text == f"def dearest(prices):\n{first}\n\nx = 1", "the first line is taken")
    nvim.shows(f"def dearest(prices):\n{lines}\n\nx = 1")
    nvim.keys("<M-C-Right>")
    until(lambda: nvim.text == f"def dearest(prices):\n{first}\n{second}\n\nx = 1", "the second line is taken")
    nvim.shows(f"def dearest(prices):\n{lines}\n\nx = 1")
    nvim.keys("<Tab>")
    until(lambda: nvim.text == f"def dearest(prices):\n{lines}\n\nx = 1", "the rest is taken")


def test_taking_is_one_step_of_undo(offered: Path, nvim: Neovim, fake: FakeVllm) -> None:
    fake.answer = ""
    nvim.keys("<Tab>")
    until(lambda: nvim.text == WHOLE, "the suggestion is taken")
    nvim.keys(" + 1<Esc>")
    for before in (WHOLE, f"{HEAD} ", HEAD):
        nvim.keys("u")
        until(lambda before=before: nvim.text == before, before)
    nvim.keys("<C-r><C-r>")
    until(lambda: nvim.text == WHOLE, "the suggestion is back")


def test_a_word_is_one_step_of_undo(offered: Path, nvim: Neovim, fake: FakeVllm) -> None:
    nvim.keys("<M-Right>")
    until(lambda: nvim.text == f"{HEAD} sum", "the first word is taken")
    nvim.keys("<Esc>u")
    until(lambda: nvim.text == f"{HEAD} ", "the word is gone")


def test_dismissed_it_stays_away_until_the_text_changes(offered: Path, nvim: Neovim, fake: FakeVllm) -> None:
    asked = len(fake.received)
    nvim.keys("<C-]>")
    nvim.shows(f"{HEAD} ")
    assert not nvim.lua("return require('codeassist').visible()")
    until(lambda: "didReject" in events(nvim), "the server knows")
    assert len(fake.received) == asked
    nvim.keys("s")
    nvim.shows(WHOLE.replace("sum", "ssum"))


@own
def test_dismissed_it_does_not_come_back_for_the_cursor(offered: Path, nvim: Neovim, fake: FakeVllm) -> None:
    nvim.keys("<C-]>")
    nvim.shows(f"{HEAD} ")
    asked = completions(nvim)
    nvim.keys("<Left><Right>")
    nvim.shows(f"{HEAD} ")
    assert completions(nvim) == asked
    nvim.keys("<M-]>")  # By hand it does.
    nvim.shows(WHOLE)


@own
def test_what_does_not_agree_takes_it_away_and_asks_anew(offered: Path, nvim: Neovim, fake: FakeVllm) -> None:
    """Neovim's own is told at once that there is nothing where the engine is slow, and asks again at the next key."""
    fake.answer = "en(prices)\n"
    nvim.keys("l")
    nvim.shows(f"{HEAD} len(prices)")
    nvim.keys("<Tab>")
    until(lambda: nvim.text == f"{HEAD} len(prices)", "the new one is taken")


def test_leaving_insert_mode_takes_it_away(offered: Path, nvim: Neovim) -> None:
    nvim.keys("<Esc>")
    nvim.shows(f"{HEAD} ")
    nvim.keys("A")
    nvim.shows(WHOLE)


def test_leaving_insert_mode_reaches_the_engine(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer, fake.behaviour.trouble = "sum(prices)\n", "hang"
    nvim.open(name, HEAD)
    nvim.attached()
    nvim.keys("jA<Space>")
    until(lambda: fake.counts.running, "the engine writes")
    before = fake.counts.aborted
    nvim.keys("<Esc>")
    until(lambda: fake.counts.aborted > before and not fake.counts.running, "the engine stops")
    nvim.shows(f"{HEAD} ")


@own
def test_leaving_the_buffer_reaches_the_engine(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer, fake.behaviour.trouble = "sum(prices)\n", "hang"
    nvim.open(name, HEAD)
    nvim.attached()
    nvim.keys("jA<Space>")
    until(lambda: fake.counts.running, "the engine writes")
    before = fake.counts.aborted
    nvim.keys("<Cmd>enew!<CR>")
    until(lambda: fake.counts.aborted > before and not fake.counts.running, "the engine stops")


@own
def test_a_request_that_does_not_fit_any_more_is_cancelled(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer, fake.behaviour.trouble = "sum(prices)\n", "hang"
    nvim.open(name, HEAD)
    nvim.attached()
    nvim.keys("jA<Space>")
    until(lambda: fake.counts.held, "the engine writes, and hangs")
    before = fake.counts.aborted
    fake.behaviour.trouble, fake.answer = "", "]\n"
    nvim.keys("[")
    until(lambda: fake.counts.aborted > before, "the engine stops with the first")
    pending = (
        "for _, each in pairs(vim.lsp.get_clients()[1].requests) do if each.type == 'pending' then return true end end"
    )
    until(lambda: not nvim.lua(pending), "nothing is asked any more")


@own
def test_an_answer_for_another_text_is_dropped(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer, fake.behaviour.trouble = "sum(prices)\n", "hold"
    nvim.open(name, HEAD)
    nvim.attached()
    nvim.keys("jA<Space>")
    until(lambda: fake.counts.held, "the engine writes")
    # The text changes where nobody types: no autocommand tells of it before the answer is there.
    nvim.lua("vim.api.nvim_buf_set_lines(0, 0, 0, false, { '# a line above' })")
    fake.release()
    until(lambda: fake.counts.running == 0, "the engine has written")
    nvim.keys("<C-g>u")
    nvim.shows(f"# a line above\n{WHOLE}")
    nvim.keys("<Tab>")
    until(lambda: nvim.text == f"# a line above\n{WHOLE}", "the right place is completed")


@own
def test_macros_are_recorded_without_it(offered: Path, nvim: Neovim, fake: FakeVllm) -> None:
    nvim.keys("<Esc>")
    nvim.shows(f"{HEAD} ")
    asked = completions(nvim)
    nvim.keys("qqA<Space>s<Esc>q")
    until(lambda: nvim.text == f"{HEAD}  s" and nvim.lua("return vim.fn.reg_recording()") == "", "recorded")
    nvim.keys("@q")
    until(lambda: nvim.text == f"{HEAD}  s s", "run")
    assert completions(nvim) == asked


def entries(nvim: Neovim) -> list[dict[str, Any]]:
    """What the server was told and asked about this file."""
    code = """
        local client = vim.lsp.get_clients({ name = 'codeassist' })[1]
        local answer = client:request_sync('codeassist/trace', { limit = 100000 }, 30000, 0)
        local uri = vim.uri_from_bufnr(0)
        return vim.tbl_filter(function(entry) return entry.uri == uri end, answer.result)
    """
    return list(nvim.lua(code))


def events(nvim: Neovim) -> list[str]:
    return [entry["kind"] for entry in entries(nvim)]


def completions(nvim: Neovim) -> int:
    return events(nvim).count("completion")
