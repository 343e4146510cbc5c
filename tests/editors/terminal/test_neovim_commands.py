"""What `:Codeassist` does, with the real server, in both versions of Neovim."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.editor import environment
from tests.e2e.programs import BUGGY, MODEL, RIGHT, is_review, knowing
from tests.editors.terminal.neovim import PROGRAMS, SERVED, Neovim, neovim, until
from tests.fake_vllm import FakeVllm

OTHER = "Qwen/Qwen2.5-Coder-1.5B"
ENABLED = f"{SERVED}\nvim.lsp.enable('codeassist')"
STATUSLINE = "return vim.api.nvim_eval_statusline([[%{%v:lua.require'codeassist.status'.statusline()%}]], {}).str"
ASK = """
local client = vim.lsp.get_clients({ name = 'codeassist' })[1]
local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
params.context = { triggerKind = 1 }
local answer = client:request_sync('textDocument/inlineCompletion', params, 20000, 0)
return #answer.result.items
"""
"""Ask as ghost text does, however it is drawn; how many suggestions there are."""
LAST = """
local client = vim.lsp.get_clients({ name = 'codeassist' })[1]
local entries = client:request_sync('codeassist/trace', { limit = 1 }, 20000, 0).result
return entries[1] or vim.empty_dict()
"""


@pytest.fixture(params=PROGRAMS)
def nvim(request: pytest.FixtureRequest, tmp_path: Path, engine: FakeVllm) -> Iterator[Neovim]:
    home, folder = tmp_path / "home", tmp_path / "work"
    folder.mkdir()
    with neovim(PROGRAMS[request.param], folder, environment(home, SERVER__URL=engine.base_url), ENABLED) as made:
        yield made


def said(nvim: Neovim, text: str) -> str:
    """Wait until `text` was said; all that was said."""
    try:
        return str(until(lambda: text in nvim.messages and nvim.messages, text))
    except AssertionError as error:
        raise AssertionError(f"{error}; said was:\n{nvim.messages}") from None


def statusline(nvim: Neovim, text: str) -> None:
    """Wait until the statusline is `text`."""
    nvim.until(f"return (function() {STATUSLINE} end)() == ...", text)


def shown(nvim: Neovim, text: str) -> str:
    """Wait until the current buffer has `text`; all that it has."""
    return str(until(lambda: text in "\n".join(nvim.lines) and "\n".join(nvim.lines), text))


def began(nvim: Neovim, name: str, text: str) -> None:
    """Edit a file, and wait until the server has said how it is."""
    nvim.open(name, text)
    nvim.attached()
    statusline(nvim, "codeassist ✓")


def suggested(nvim: Neovim) -> None:
    """Ask until there is a suggestion: ghost text asks, too, and the newest request takes over."""
    nvim.until(f"return (function() {ASK} end)() == 1")


def silent(nvim: Neovim, reason: str) -> None:
    """Ask until there is silence for that reason."""
    nvim.until(f"return (function() {ASK} end)() == 0 and (function() {LAST} end)().skip == ...", reason)


def picked(nvim: Neovim, keys: str) -> None:
    """Wait for a list to choose from, and answer it."""

    def asks() -> bool:
        blocked = nvim.api.request("nvim_get_mode")["blocking"]  # Then nothing else is answered.
        return blocked or nvim.lua("return vim.fn.getcmdtype()") in ("@", "-")

    until(asks, "a list")
    nvim.keys(keys)


def test_the_state_is_told(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = "sum(prices)\n"
    assert nvim.lua(STATUSLINE) == ""
    began(nvim, name, "def total(prices):\n    return ")
    nvim.keys("GA")
    suggested(nvim)
    nvim.until(f"return (function() {STATUSLINE} end)():match('^codeassist ✓ %d+ ms$')")
    nvim.keys("<Esc>")
    nvim.api.command("Codeassist status")
    assert f"model: {MODEL} · last completion: " in said(nvim, "codeassist is ready · ")


def test_a_percent_sign_in_a_message_is_one_in_the_statusline(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    began(nvim, name, "x = 1\n")
    told = {"state": "degraded", "message": "%{system('x')} 5 % of\n%#Error# it"}
    nvim.lua("require('codeassist.status').told(..., { client_id = vim.lsp.get_clients()[1].id })", told)
    assert nvim.lua(STATUSLINE) == "codeassist ⚠ %{system('x')} 5 % of %#Error# it"


def test_everybody_hears_of_a_new_state(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    nvim.lua("""vim.api.nvim_create_autocmd('User', { pattern = 'CodeassistStatus', callback = function(event)
      vim.g.heard = event.data.status and event.data.status.state end })""")
    began(nvim, name, "x = 1\n")
    nvim.until("return vim.g.heard == 'ready'")


def test_a_review_says_what_it_found(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    began(nvim, name, BUGGY)
    nvim.api.command("Codeassist review")
    said(nvim, f"2 findings in {name}")
    nvim.until("return #vim.diagnostic.get(0) == 2")


def test_a_review_without_findings_says_so(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = knowing(RIGHT, RIGHT)
    began(nvim, name, RIGHT)
    nvim.api.command("Codeassist review")
    said(nvim, f"nothing in {name}")


def test_a_review_that_cannot_be_says_why(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    fake.behaviour.status = 503
    began(nvim, name, BUGGY)
    nvim.api.command("Codeassist review")
    assert "503" in said(nvim, f"{name} was not reviewed")


def test_changes_are_reviewed(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    began(nvim, name, RIGHT)
    nvim.keys(":%s/price > best/price <lt> best/<CR>")
    nvim.until("return vim.bo.modified")
    nvim.api.command("Codeassist review changes")
    said(nvim, "what changed in the open files is reviewed")
    nvim.until("return #vim.diagnostic.get(0) == 1")


def test_dismissed_findings_are_shown_again(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    began(nvim, name, BUGGY)
    nvim.api.command("Codeassist review")
    nvim.until("return #vim.diagnostic.get(0) == 2")
    nvim.lua("""
      local found = vim.diagnostic.get(0)[1]
      vim.api.nvim_win_set_cursor(0, { found.lnum + 1, found.col })
      local function dismisses(action)
        return action.title:find('[Dd]ismiss this')
      end
      vim.lsp.buf.code_action({ apply = true, filter = dismisses })
    """)
    nvim.until("return #vim.diagnostic.get(0) == 1")
    nvim.api.command("Codeassist dismissed")
    nvim.until("return #vim.diagnostic.get(0) == 2")


def test_a_pause_ends_completions_and_reviews_on_save(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    began(nvim, name, RIGHT)
    nvim.api.command("Codeassist pause")
    said(nvim, "paused in ")
    statusline(nvim, "codeassist paused")
    silent(nvim, "disabled")
    nvim.keys(":%s/price > best/price <lt> best/ | write<CR>")
    nvim.until("return not vim.bo.modified and vim.fn.getline(5):find('<')")
    nvim.api.command("Codeassist resume")
    statusline(nvim, "codeassist ✓")
    assert nvim.lua(LAST)["kind"] != "review"
    assert not fake.received
    nvim.keys(":write<CR>")
    nvim.until("return #vim.diagnostic.get(0) == 1")
    assert any(is_review(each.body) for each in fake.received)


def test_a_language_is_paused(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = "sum(prices)\n"
    began(nvim, name, "def total(prices):\n    return ")
    nvim.keys("GA")
    nvim.api.command("Codeassist pause python")
    statusline(nvim, "codeassist off")
    silent(nvim, "switched-off")
    nvim.api.command("Codeassist resume python")
    statusline(nvim, "codeassist ✓")
    suggested(nvim)


def test_a_pause_holds_for_a_server_that_is_started_anew(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    began(nvim, name, "x = 1\n")
    nvim.api.command("Codeassist pause")
    statusline(nvim, "codeassist paused")
    before = nvim.lua("return vim.lsp.get_clients({ name = 'codeassist' })[1].id")
    nvim.api.command("Codeassist restart")
    nvim.until("local c = vim.lsp.get_clients({ name = 'codeassist' })[1] return c and c.id ~= ...", before)
    nvim.attached()
    statusline(nvim, "codeassist paused")
    silent(nvim, "disabled")


def test_another_model_is_chosen(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    fake.models, fake.answer = (MODEL, OTHER), "sum(prices)\n"
    began(nvim, name, "def total(prices):\n    return ")
    nvim.keys(":Codeassist model<CR>")
    picked(nvim, "2<CR>")
    said(nvim, f'put `server.model = "{OTHER}"` into your config.toml')
    nvim.keys("GA")
    suggested(nvim)
    assert fake.received[-1].body["model"] == OTHER
    nvim.api.command(f"Codeassist model {MODEL}")
    said(nvim, f"{MODEL} completes in this Neovim")
    nvim.api.command("Codeassist model nonsense")
    said(nvim, f"there is no model nonsense; there are: {MODEL}, {OTHER}")


def test_the_trace_shows_each_request(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = "sum(prices)\n"
    began(nvim, name, "def total(prices):\n    return ")
    nvim.api.command("Codeassist trace")
    shown(nvim, "Nothing was asked yet.")
    nvim.keys("q")
    nvim.until("return vim.bo.filetype == 'python'")
    nvim.keys("GA")
    suggested(nvim)
    nvim.keys("<Esc>:vertical Codeassist trace<CR>")
    text = shown(nvim, "answered")
    assert f"completion  {name}" in text
    assert "█" in text
    assert "engine reads the prompt" in text
    assert nvim.lua("return vim.fn.winlayout()[1]") == "row"
    assert nvim.lua("return vim.fn.maparg('r', 'n') ~= '' and not vim.bo.modifiable")
    count = text.count("completion  ")
    nvim.lua("vim.api.nvim_win_call(vim.fn.win_getid(vim.fn.winnr('#')), function() " + ASK + " end)")
    nvim.keys("r")
    until(lambda: "\n".join(nvim.lines).count("completion  ") > count, "the other request")
    nvim.keys("q")
    nvim.until("return vim.bo.filetype == 'python'")


def test_the_doctor_examines_what_the_editor_uses(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    began(nvim, name, "x = 1\n")
    nvim.lua("vim.lsp.get_clients()[1].settings = { codeassist = { engine = { model = 'from-neovim' } } }")
    nvim.api.command("Codeassist doctor")
    text = shown(nvim, "All is well.")
    assert "grammars:" in text
    assert fake.base_url in text


def test_the_log_is_opened_at_its_end(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    began(nvim, name, "x = 1\n")
    nvim.api.command("Codeassist log")
    nvim.until("return vim.fn.expand('%:t') == 'lsp.log' and vim.fn.line('.') == vim.fn.line('$') and vim.bo.readonly")


def test_the_connection_is_made_anew(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    began(nvim, name, "x = 1\n")
    nvim.api.command("Codeassist reconnect")
    said(nvim, "the connection to the model is made anew")


def test_words_are_completed(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    nvim.open(name, "x = 1\n")
    complete = "return vim.fn.getcompletion(..., 'cmdline')"
    assert nvim.lua(complete, "Codeassist re") == ["reconnect", "restart", "resume", "review"]
    assert nvim.lua(complete, "Codeassist review ") == ["changes"]
    assert nvim.lua(complete, "vert Codeassist pause py") == ["python"]
    assert nvim.lua(complete, "Codeassist trace x ") == []
    nvim.keys(":Codeassist nonsense<CR>")
    said(nvim, "there is no nonsense; there are: cancel, ")


def test_the_menu_runs_what_is_chosen(nvim: Neovim, fake: FakeVllm, name: str) -> None:
    began(nvim, name, "x = 1\n")
    number = nvim.lua("return vim.fn.index(require('codeassist.command').names(), 'trace') + 1")
    nvim.keys(":Codeassist<CR>")
    picked(nvim, f"{number}<CR>")
    nvim.until("return vim.bo.filetype == 'codeassist-trace'")
