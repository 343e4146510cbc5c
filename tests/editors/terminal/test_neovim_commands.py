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
ENABLED = f"{SERVED}\nvim.lsp.enable('codeassist') vim.o.messagesopt = 'wait:0,history:500'"
"""No message waits for a key: it would keep the tests' questions waiting, too."""
STATUSLINE = "return vim.api.nvim_eval_statusline([[%{%v:lua.require'codeassist'.statusline()%}]], {}).str"
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
def editor(request: pytest.FixtureRequest, tmp_path: Path, engine: FakeVllm) -> Iterator[Neovim]:
    home, folder = tmp_path / "home", tmp_path / "work"
    folder.mkdir()
    with neovim(PROGRAMS[request.param], folder, environment(home, SERVER__URL=engine.base_url), ENABLED) as made:
        yield made


def said(editor: Neovim, text: str) -> str:
    """Wait until `text` was said; all that was said."""
    try:
        return str(until(lambda: text in editor.messages and editor.messages, text))
    except AssertionError as error:
        raise AssertionError(f"{error}; said was:\n{editor.messages}") from None


def statusline(editor: Neovim, text: str) -> None:
    """Wait until the statusline is `text`."""
    editor.until(f"return (function() {STATUSLINE} end)() == ...", text)


def shown(editor: Neovim, text: str) -> str:
    """Wait until the current buffer has `text`; all that it has."""
    return str(until(lambda: text in "\n".join(editor.lines) and "\n".join(editor.lines), text))


def began(editor: Neovim, name: str, text: str) -> None:
    """Edit a file, and wait until the server has said how it is."""
    editor.open(name, text)
    editor.attached()
    statusline(editor, "codeassist ✓")


def suggested(editor: Neovim) -> None:
    """Ask until there is a suggestion: ghost text asks, too, and the newest request takes over."""
    editor.until(f"return (function() {ASK} end)() == 1")


def silent(editor: Neovim, reason: str) -> None:
    """Ask until there is silence for that reason."""
    editor.until(f"return (function() {ASK} end)() == 0 and (function() {LAST} end)().skip == ...", reason)


def picked(editor: Neovim, keys: str) -> None:
    """Wait for a list to choose from, and answer it."""

    def asks() -> bool:
        blocked = editor.api.request("nvim_get_mode")["blocking"]  # Then nothing else is answered.
        return blocked or editor.lua("return vim.fn.getcmdtype()") in ("@", "-")

    until(asks, "a list")
    editor.keys(keys)


def test_the_state_is_told(editor: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = "sum(prices)\n"
    assert editor.lua(STATUSLINE) == ""
    began(editor, name, "def total(prices):\n    return ")
    editor.keys("GA")
    suggested(editor)
    editor.until(f"return (function() {STATUSLINE} end)():match('^codeassist ✓ %d+ ms$')")
    editor.keys("<Esc>")
    editor.api.command("Codeassist status")
    assert f"model: {MODEL} · last completion: " in said(editor, "codeassist is ready · ")


def test_a_percent_sign_in_a_message_is_one_in_the_statusline(editor: Neovim, fake: FakeVllm, name: str) -> None:
    began(editor, name, "x = 1\n")
    told = {"state": "degraded", "message": "%{system('x')} 5 % of\n%#Error# it"}
    editor.lua("require('codeassist.status').told(..., { client_id = vim.lsp.get_clients()[1].id })", told)
    assert editor.lua(STATUSLINE) == "codeassist ⚠ %{system('x')} 5 % of %#Error# it"


def test_everybody_hears_of_a_new_state(editor: Neovim, fake: FakeVllm, name: str) -> None:
    editor.lua("""vim.api.nvim_create_autocmd('User', { pattern = 'CodeassistStatus', callback = function(event)
      vim.g.heard = event.data.status and event.data.status.state end })""")
    began(editor, name, "x = 1\n")
    editor.until("return vim.g.heard == 'ready'")


def test_a_review_says_what_it_found(editor: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    began(editor, name, BUGGY)
    editor.api.command("Codeassist review")
    said(editor, f"2 findings in {name}")
    editor.until("return #vim.diagnostic.get(0) == 2")


def test_a_review_without_findings_says_so(editor: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = knowing(RIGHT, RIGHT)
    began(editor, name, RIGHT)
    editor.api.command("Codeassist review")
    said(editor, f"nothing in {name}")


def test_a_review_that_cannot_be_says_why(editor: Neovim, fake: FakeVllm, name: str) -> None:
    fake.behaviour.status = 503
    began(editor, name, BUGGY)
    editor.api.command("Codeassist review")
    assert "503" in said(editor, f"{name} was not reviewed")


def test_changes_are_reviewed(editor: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    began(editor, name, RIGHT)
    editor.keys(":%s/price > best/price <lt> best/<CR>")
    editor.until("return vim.bo.modified")
    editor.api.command("Codeassist review changes")
    said(editor, "what changed in the open files is reviewed")
    editor.until("return #vim.diagnostic.get(0) == 1")


def test_dismissed_findings_are_shown_again(editor: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    began(editor, name, BUGGY)
    editor.api.command("Codeassist review")
    editor.until("return #vim.diagnostic.get(0) == 2")
    editor.lua("""
      local found = vim.diagnostic.get(0)[1]
      vim.api.nvim_win_set_cursor(0, { found.lnum + 1, found.col })
      local function dismisses(action)
        return action.title:find('[Dd]ismiss this')
      end
      vim.lsp.buf.code_action({ apply = true, filter = dismisses })
    """)
    editor.until("return #vim.diagnostic.get(0) == 1")
    editor.api.command("Codeassist dismissed")
    editor.until("return #vim.diagnostic.get(0) == 2")


def test_a_pause_ends_completions_and_reviews_on_save(editor: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    began(editor, name, RIGHT)
    editor.api.command("Codeassist pause")
    said(editor, "paused in ")
    statusline(editor, "codeassist paused")
    silent(editor, "disabled")
    editor.keys(":%s/price > best/price <lt> best/ | write<CR>")
    editor.until("return not vim.bo.modified and vim.fn.getline(5):find('<')")
    editor.api.command("Codeassist resume")
    statusline(editor, "codeassist ✓")
    assert editor.lua(LAST)["kind"] != "review"
    assert not fake.received
    editor.keys(":write<CR>")
    editor.until("return #vim.diagnostic.get(0) == 1")
    assert any(is_review(each.body) for each in fake.received)


def test_a_language_is_paused(editor: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = "sum(prices)\n"
    began(editor, name, "def total(prices):\n    return ")
    editor.keys("GA")
    editor.api.command("Codeassist pause python")
    statusline(editor, "codeassist off")
    silent(editor, "switched-off")
    editor.api.command("Codeassist resume python")
    statusline(editor, "codeassist ✓")
    suggested(editor)


def test_a_pause_holds_for_a_server_that_is_started_anew(editor: Neovim, fake: FakeVllm, name: str) -> None:
    began(editor, name, "x = 1\n")
    editor.api.command("Codeassist pause")
    statusline(editor, "codeassist paused")
    before = editor.lua("return vim.lsp.get_clients({ name = 'codeassist' })[1].id")
    editor.api.command("Codeassist restart")
    editor.until("local c = vim.lsp.get_clients({ name = 'codeassist' })[1] return c and c.id ~= ...", before)
    editor.attached()
    statusline(editor, "codeassist paused")
    silent(editor, "disabled")


def test_another_model_is_chosen(editor: Neovim, fake: FakeVllm, name: str) -> None:
    fake.models, fake.answer = (MODEL, OTHER), "sum(prices)\n"
    began(editor, name, "def total(prices):\n    return ")
    editor.keys(":Codeassist model<CR>")
    picked(editor, "2<CR>")
    said(editor, f'put `server.model = "{OTHER}"` into your config.toml')
    editor.keys("GA")
    suggested(editor)
    assert [one.body["model"] for one in fake.received if "model" in one.body][-1] == OTHER
    editor.api.command(f"Codeassist model {MODEL}")
    said(editor, f"{MODEL} completes in this Neovim")
    editor.api.command("Codeassist model nonsense")
    said(editor, f"there is no model nonsense; there are: {MODEL}, {OTHER}")


def test_the_trace_shows_each_request(editor: Neovim, fake: FakeVllm, name: str) -> None:
    fake.answer = "sum(prices)\n"
    began(editor, name, "def total(prices):\n    return ")
    editor.api.command("Codeassist trace")
    shown(editor, "Nothing was asked yet.")
    editor.keys("q")
    editor.until("return vim.bo.filetype == 'python'")
    editor.keys("GA")
    suggested(editor)
    editor.keys("<Esc>:vertical Codeassist trace<CR>")
    text = shown(editor, "answered")
    assert f"completion  {name}" in text
    assert "█" in text
    assert "engine reads the prompt" in text
    assert editor.lua("return vim.fn.winlayout()[1]") == "row"
    assert editor.lua("return vim.fn.maparg('r', 'n') ~= '' and not vim.bo.modifiable")
    count = text.count("completion  ")
    editor.lua("vim.api.nvim_win_call(vim.fn.win_getid(vim.fn.winnr('#')), function() " + ASK + " end)")
    editor.keys("r")
    until(lambda: "\n".join(editor.lines).count("completion  ") > count, "the other request")
    editor.keys("q")
    editor.until("return vim.bo.filetype == 'python'")


def test_the_doctor_examines_what_the_editor_uses(editor: Neovim, fake: FakeVllm, name: str) -> None:
    began(editor, name, "x = 1\n")
    editor.lua("vim.lsp.get_clients()[1].settings = { codeassist = { engine = { model = 'from-neovim' } } }")
    editor.api.command("Codeassist doctor")
    text = shown(editor, "All is well.")
    assert "grammars:" in text
    assert fake.base_url in text


def test_the_log_is_opened_at_its_end(editor: Neovim, fake: FakeVllm, name: str) -> None:
    began(editor, name, "x = 1\n")
    editor.api.command("Codeassist log")
    editor.until(
        "return vim.fn.expand('%:t') == 'lsp.log' and vim.fn.line('.') == vim.fn.line('$') and vim.bo.readonly"
    )


def test_the_connection_is_made_anew(editor: Neovim, fake: FakeVllm, name: str) -> None:
    began(editor, name, "x = 1\n")
    editor.api.command("Codeassist reconnect")
    said(editor, "the connection to the model is made anew")


def test_words_are_completed(editor: Neovim, fake: FakeVllm, name: str) -> None:
    editor.open(name, "x = 1\n")
    complete = "return vim.fn.getcompletion(..., 'cmdline')"
    assert editor.lua(complete, "Codeassist re") == ["reconnect", "restart", "resume", "review"]
    assert editor.lua(complete, "Codeassist review ") == ["changes"]
    assert editor.lua(complete, "vert Codeassist pause py") == ["python"]
    assert editor.lua(complete, "Codeassist trace x ") == []
    editor.keys(":Codeassist nonsense<CR>")
    said(editor, "there is no nonsense; there are: cancel, ")


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("status now", "now is too much after status"),
        ("review changes please", "please is too much after review"),
        ("pause pyton", "pyton is no filetype that codeassist serves: bash, "),
        ("resume pyton", "pyton is no filetype that codeassist serves: bash, "),
    ],
)
def test_words_without_a_meaning_are_told_of(
    editor: Neovim, fake: FakeVllm, name: str, words: str, answer: str
) -> None:
    began(editor, name, "x = 1\n")
    editor.keys(f":Codeassist {words}<CR>")
    said(editor, answer)


def test_the_menu_runs_what_is_chosen(editor: Neovim, fake: FakeVllm, name: str) -> None:
    began(editor, name, "x = 1\n")
    number = editor.lua("return vim.fn.index(require('codeassist.command').names(), 'trace') + 1")
    editor.keys(":Codeassist<CR>")
    picked(editor, f"{number}<CR>")
    editor.until("return vim.bo.filetype == 'codeassist-trace'")
