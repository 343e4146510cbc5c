"""The pictures of the documents: what people see of Neovim 0.12 in a terminal, in a project that could be anybody's.

They go to build/screenshots/nvim; `make pictures` puts them into the documents."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.editor import KNOWN, environment
from tests.e2e.programs import knowing
from tests.editors.pictured import CART, STOCK, STOCK_RIGHT
from tests.editors.terminal.neovim import PLUGIN, PROGRAMS
from tests.editors.terminal.picture import Pictured, draw
from tests.editors.terminal.screen import ESCAPE, TAB, control, terminal
from tests.editors.vscode.workbench import SCREENSHOTS
from tests.fake_vllm import FakeVllm

FOLDER = SCREENSHOTS / "nvim"
pytestmark = pytest.mark.skipif(
    not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    reason="the screen is made a picture by Chromium, which is not here",
)
INIT = f"""
vim.opt.runtimepath:append('{PLUGIN}')
vim.lsp.config('codeassist', {{ cmd = {{ '{sys.executable}', '-m', 'codeassist', 'lsp' }} }})
vim.lsp.enable('codeassist')
require('codeassist').setup()

vim.cmd('filetype indent off')
vim.o.termguicolors = true
vim.o.number = true
vim.o.signcolumn = 'yes'
vim.o.showmode = false
vim.o.ruler = false
vim.o.swapfile = false
vim.o.shortmess = vim.o.shortmess .. 'FI'
vim.o.statusline = " %t %m%=%{{%v:lua.require'codeassist'.statusline()%}}  %l:%c "
vim.diagnostic.config({{ float = {{ max_width = 66 }} }})
vim.o.background = 'dark'
vim.cmd.colorscheme('retrobox')
vim.api.nvim_set_hl(0, 'CodeassistGhost', {{ link = 'Comment' }})
vim.o.linebreak = true
vim.opt.fillchars = {{ eob = ' ' }}
"""
CONTROL_W = control("W")


@pytest.fixture
def studio(tmp_path: Path, fake: FakeVllm) -> Iterator[Pictured]:
    folder, init = tmp_path / "shop", tmp_path / "init.lua"
    folder.mkdir()
    (folder / ".codeassist.toml").touch()
    (folder / "cart.py").write_text(f"{CART}    return", encoding="utf-8")
    (folder / "stock.py").write_text(STOCK, encoding="utf-8")
    init.write_text(INIT, encoding="utf-8")
    known = replace(KNOWN, priority="yes")
    variables = environment(tmp_path / "home", known=known, SERVER__URL=fake.base_url)
    variables["CODEASSIST_COMPLETION__LEAST_PROBABILITY"] = "0"
    words = [str(PROGRAMS["0.12"]), "-u", str(init), "-i", "NONE", "cart.py"]
    with terminal(words, folder, {**variables, "COLORTERM": "truecolor"}, Pictured) as made:
        made.shows("codeassist ✓")
        fake.answer = "1\n"  # The first one has to connect.
        made.keys("GA ")
        made.shows("return 1")
        made.shows(" ms ")
        made.keys(f"{ESCAPE}:edit!\r:{ESCAPE}")  # The second one wipes the first from the screen.
        made.shows("13:")
        yield made


async def test_ghost_text_and_the_trace(studio: Pictured, fake: FakeVllm) -> None:
    fake.behaviour.token_delay_s = 0.005  # As a real engine writes, so that there is something to see.
    fake.answer = "sum(line.cents * line.count for line in lines)"
    studio.keys("GA ")
    studio.shows("return sum(line.cents * line.count for line in lines)")
    studio.shows("codeassist ✓ ")
    await draw(studio.page(), FOLDER / "ghost-text.png")
    studio.keys(TAB)
    studio.shows("13:58")
    studio.keys("\r\r\rdef title")
    fake.answer = "s(lines: list[Line]) -> list[str]:\n    return [line.title for line in lines]\n"
    studio.shows("s(lines: list[Line]) -> list[str]:")
    studio.keys(f"{ESCAPE}:Codeassist trace\r")
    studio.shows("Last requests")
    studio.shows("answered")
    studio.keys(f"{CONTROL_W}o")
    studio.hides("cart.py [+]")  # What stands below depends on how many requests there were.
    studio.shows("trace [-]")
    await draw(studio.page(), FOLDER / "trace.png")


async def test_a_finding(studio: Pictured, fake: FakeVllm) -> None:
    fake.answer = knowing(STOCK, STOCK_RIGHT)
    studio.keys(":edit stock.py\r")
    studio.shows("codeassist ✓")
    studio.keys(":Codeassist review\r")
    studio.shows("one finding in stock.py")
    studio.keys(f"]d{CONTROL_W}d")
    studio.shows("is unexpected")
    studio.shows("5:18")
    await draw(studio.page(), FOLDER / "finding.png")
