"""What people are told in Neovim when there is no server, and how a model is downloaded there."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.e2e.editor import environment
from tests.editors.terminal.neovim import PROGRAMS, SERVED, Neovim, neovim, until

MODEL_FILE = b"GGUF" + bytes(200)
MODEL = f'''
[[model]]
name = "small"
title = "Small"
kind = "embedded"
family = "qwen-coder"
licence = "none"
origin = "tests"
total_parameters = 1
active_parameters = 1
context_tokens = 1
served_names = ["small"]
can_review = false
notes = ""

[model.file]
name = "small.gguf"
bytes = {len(MODEL_FILE)}
sha256 = "{hashlib.sha256(MODEL_FILE).hexdigest()}"
'''
Start = Callable[..., AbstractContextManager[Neovim]]


@pytest.fixture(params=PROGRAMS)
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Starts Neovim with an init.lua, for a user with settings."""

    def begin(init: str, **settings: str) -> AbstractContextManager[Neovim]:
        folder = tmp_path / "work"
        folder.mkdir()
        patient = "vim.o.messagesopt = 'wait:0,history:500'"  # No message waits for a key, and the tests for that.
        variables = environment(tmp_path / "home", **settings)
        return neovim(PROGRAMS[request.param], folder, variables, f"{patient}\n{init}")

    return begin


def told(nvim: Neovim, command: str, text: str) -> None:
    """Type a command, and wait until `text` was said."""
    nvim.keys(f":{command}<CR>")
    try:
        until(lambda: text in nvim.messages.replace("\n", " "), text)
    except AssertionError as error:
        raise AssertionError(f"{error}; said was:\n{nvim.messages}") from None


def test_a_missing_program_is_named_with_what_mends_it(start: Start, name: str) -> None:
    init = "vim.lsp.config('codeassist', { cmd = { 'no-such-codeassist', 'lsp' } }) vim.lsp.enable('codeassist')"
    with start(init) as nvim:
        nvim.open(name, "x = 1\n")
        for command in ("status", "review", "doctor", "restart"):
            nvim.api.command("messages clear")
            told(nvim, f"Codeassist {command}", "`no-such-codeassist` is no program on PATH. Install it")
        assert nvim.lua("return require('codeassist.status').statusline()") == ""


def test_a_server_that_is_not_enabled_is_said_to_be_so(start: Start, name: str) -> None:
    with start(SERVED) as nvim:
        nvim.open(name, "x = 1\n")
        told(nvim, "Codeassist review", "it is not enabled; put vim.lsp.enable('codeassist') into your init.lua")


def test_a_file_that_is_not_served_is_said_to_be_so(start: Start, name: str) -> None:
    with start(f"{SERVED}\nvim.lsp.enable('codeassist')") as nvim:
        nvim.open("notes.txt", "x\n")
        told(nvim, "Codeassist review", "the filetype text is not among those that it serves")
        nvim.api.command("enew")
        told(nvim, "Codeassist review", "a buffer without a filetype is not among those that it serves")


def test_a_server_that_has_ended_is_started_again_by_hand(start: Start, name: str) -> None:
    with start(f"{SERVED}\nvim.lsp.enable('codeassist')", SERVER__URL="http://127.0.0.1:9/v1") as nvim:
        nvim.open(name, "x = 1\n")
        nvim.attached()
        nvim.lua("vim.lsp.get_clients()[1]:stop()")
        nvim.until("return #vim.lsp.get_clients() == 0")
        told(nvim, "Codeassist review", "`:Codeassist restart` starts it anew")
        nvim.keys(":Codeassist restart<CR>")
        nvim.attached()


HANGING = """vim.lsp.config('codeassist', { cmd = { 'sleep', '1000' } })
vim.lsp.enable('codeassist')"""


def test_a_server_that_never_answers_is_said_to_be_so_and_started_anew(start: Start, name: str) -> None:
    with start(HANGING, SERVER__URL="http://127.0.0.1:9/v1") as nvim:
        nvim.open(name, "x = 1\n")
        told(nvim, "Codeassist status", "it is starting, and has not answered yet; `:Codeassist restart`")
        assert nvim.lua("return require('codeassist').statusline()") == "codeassist …"
        nvim.api.command("checkhealth codeassist")
        assert "WARNING Client 1 is starting, and has not answered yet" in nvim.text
        nvim.api.command("quit")
        nvim.lua(SERVED)
        nvim.keys(":Codeassist restart<CR>")
        nvim.attached()
        assert nvim.lua("return #vim.api.nvim_get_proc_children(vim.fn.getpid())") == 1


STUBBORN = """local script = 'trap "" TERM; echo $$ > stubborn; while :; do sleep 1; done'
vim.lsp.config('codeassist', { cmd = { 'sh', '-c', script }, cmd_cwd = vim.fn.getcwd() })
vim.lsp.enable('codeassist')"""


def test_a_server_that_does_not_end_is_told_of(start: Start, name: str) -> None:
    with start(STUBBORN, SERVER__URL="http://127.0.0.1:9/v1") as nvim:
        nvim.open(name, "x = 1\n")
        file = nvim.folder / "stubborn"
        until(lambda: file.exists() and file.read_text(encoding="utf-8").strip(), "it runs")
        try:
            told(nvim, "Codeassist restart", "the language server does not end; end its process")
        finally:
            os.kill(int(file.read_text(encoding="utf-8")), signal.SIGKILL)


def test_a_restart_takes_what_is_configured_now(start: Start, name: str) -> None:
    with start(f"{SERVED}\nvim.lsp.enable('codeassist')", SERVER__URL="http://127.0.0.1:9/v1") as nvim:
        nvim.open(name, "x = 1\n")
        nvim.attached()
        nvim.lua("vim.lsp.config('codeassist', { settings = { codeassist = { review = { on_save = false } } } })")
        nvim.keys(":Codeassist restart<CR>")
        root = "local new = vim.lsp.get_clients({ bufnr = 0 })[1] return new and new.id == 2 and new.root_dir"
        assert nvim.until(root) == str(nvim.folder)
        assert nvim.lua("return vim.lsp.get_clients()[1].settings") == {"codeassist": {"review": {"on_save": False}}}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A model of the user's own that can be downloaded from a folder; that folder."""
    models, mirror = tmp_path / "home" / "config" / "codeassist" / "models", tmp_path / "mirror"
    models.mkdir(parents=True)
    mirror.mkdir()
    (models / "small.toml").write_text(MODEL, encoding="utf-8")
    (mirror / "small.gguf").write_bytes(MODEL_FILE)
    return mirror


EMBEDDED = f"""{SERVED}
vim.lsp.config('codeassist', {{ settings = {{ codeassist = {{ models = {{ mirror = %s }} }} }} }})
vim.lsp.enable('codeassist')"""


def test_a_model_is_downloaded_before_it_is_used(start: Start, small: Path, tmp_path: Path, name: str) -> None:
    with start(EMBEDDED % json.dumps(str(small))) as nvim:
        nvim.open(name, "x = 1\n")
        nvim.attached()
        told(nvim, "Codeassist model small", "small completes in this Neovim")
        assert (tmp_path / "home" / "data" / "codeassist" / "models" / "small.gguf").read_bytes() == MODEL_FILE
        models = """local client, chosen = vim.lsp.get_clients()[1], {}
          local answer = client:request_sync('workspace/executeCommand', { command = 'codeassist.models' }, 20000)
          for _, each in ipairs(answer.result) do
            chosen[each.name] = each.current
          end
          return chosen"""
        assert [each for each, chosen in nvim.lua(models).items() if chosen] == ["small"]


def test_a_download_that_fails_says_why(start: Start, small: Path, name: str) -> None:
    (small / "small.gguf").unlink()
    with start(EMBEDDED % json.dumps(str(small))) as nvim:
        nvim.open(name, "x = 1\n")
        nvim.attached()
        told(nvim, "Codeassist model small", "the model is not there yet. codeassist models: No source gives the model")


@pytest.fixture
def deaf() -> Iterator[str]:
    """The address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_download_is_cancelled(start: Start, small: Path, deaf: str, name: str) -> None:
    with start(EMBEDDED % json.dumps(deaf), INDEX__ENABLED="false") as nvim:  # It could be cancelled, too.
        nvim.open(name, "x = 1\n")
        nvim.attached()
        told(nvim, "Codeassist pull small", "downloading small; `:Codeassist cancel` ends that")
        assert nvim.lua("return require('codeassist.status').statusline()") == "codeassist ↓ 0 %%"
        told(nvim, "Codeassist pull small", "a model is being downloaded")
        told(nvim, "Codeassist cancel", "the download is cancelled")
        told(nvim, "Codeassist cancel", "nothing runs that could be cancelled")


def test_the_command_costs_nothing_at_start(start: Start) -> None:
    with start(f"{SERVED}\nvim.lsp.enable('codeassist')") as nvim:
        assert nvim.lua("return vim.fn.exists(':Codeassist')") == 2
        assert [each for each in nvim.lua("return vim.tbl_keys(package.loaded)") if each.startswith("codeassist")] == []
