"""The help of the plugin and its code say the same."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.editor import environment
from tests.editors.terminal.neovim import PLUGIN, PROGRAMS, SERVED, Neovim, neovim

HELP = (PLUGIN / "doc" / "codeassist.txt").read_text(encoding="utf-8")
TAGS = re.findall(r"\*(\S+)\*(?=\s)", HELP)


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neovim]:
    """The newest Neovim: the help refers to what it has."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("work")
    with neovim(PROGRAMS["0.12"], folder, environment(home), SERVED) as made:
        yield made


def test_the_help_has_tags_that_lead_somewhere(editor: Neovim, tmp_path: Path) -> None:
    shutil.copy(PLUGIN / "doc" / "codeassist.txt", tmp_path)
    editor.api.command(f"helptags {tmp_path}")
    tags = (tmp_path / "tags").read_text(encoding="utf-8")
    assert set(TAGS) == {line.split("\t")[0] for line in tags.splitlines()}
    # `:help codeassist` works without a plugin manager, which would make this file.
    assert tags == (PLUGIN / "doc" / "tags").read_text(encoding="utf-8"), (
        "run: nvim -c 'helptags editors/nvim/doc' -c q"
    )
    links = set(re.findall(r"\|([^|\s]+)\|", HELP))
    assert len(links) > 20
    known = "return vim.tbl_contains(vim.fn.getcompletion((...):gsub('[%[%]*]', '?'), 'help'), ...)"
    assert [link for link in sorted(links) if not editor.lua(known, link)] == []


def test_the_help_fits_its_window() -> None:
    for number, line in enumerate(HELP.splitlines(), start=1):
        assert len(line) <= 80, f"line {number}"


def test_the_help_has_the_commands(editor: Neovim) -> None:
    told = [tag.removeprefix(":Codeassist-") for tag in TAGS if tag.startswith(":Codeassist-")]
    assert sorted(told) == editor.lua("return require('codeassist.command').names()")


def test_the_help_has_the_options(editor: Neovim) -> None:
    told = dict(re.findall(r"^`(\w+)`  \(default: `(.+?)`\)", HELP, re.MULTILINE))
    assert {f"codeassist.{name}" for name in told} <= set(TAGS)
    holds = """local found = {}
      for _, name in ipairs(...) do
        local value = require('codeassist.config').defaults[name]
        found[name] = type(value) == 'string' and ("'%s'"):format(value) or tostring(value)
      end
      return found"""
    assert editor.lua(holds, list(told)) == told
    named = editor.lua("return vim.tbl_keys(require('codeassist.config').defaults)")
    assert set(named) <= set(told)
    editor.lua("vim.g.codeassist = { nonsense = 1 }")
    said = editor.lua("return select(2, require('codeassist.config').read())[1]")
    assert re.findall(r"\w+", said.partition("there are ")[2]) == sorted(told)


def test_the_help_has_the_keys(editor: Neovim) -> None:
    told = dict(re.findall(r"^    `(\w+)` +(<\S+>) ", HELP, re.MULTILINE))
    assert told == editor.lua("return require('codeassist.config').keys")
    plugs = {f"<Plug>(codeassist-{name.replace('_', '-')})" for name in told}
    assert plugs == {tag for tag in TAGS if tag.startswith("<Plug>")}
    assert all(editor.lua("return vim.fn.maparg(..., 'i', false, true).callback ~= nil", plug) for plug in plugs)


def test_the_help_has_the_functions(editor: Neovim) -> None:
    told = [tag.removeprefix("codeassist.").removesuffix("()") for tag in TAGS if tag.endswith("()")]
    there = (
        "return vim.tbl_filter(function(name) return name:sub(1, 1) ~= '_' end, vim.tbl_keys(require('codeassist')))"
    )
    assert sorted(told) == sorted(editor.lua(there))


def test_the_help_has_the_stages_of_the_trace(editor: Neovim) -> None:
    told = re.findall(r"\w+", HELP.partition("The stages in `:Codeassist trace`: ")[2].partition(".\n")[0])
    editor.lua("require('codeassist.trace').define_highlights()")
    groups = editor.lua("return vim.fn.getcompletion('CodeassistStage', 'highlight')")
    assert {f"CodeassistStage{name}" for name in told} == set(groups)


def test_the_examples_of_the_help_are_lua(editor: Neovim) -> None:
    blocks = re.findall(r">lua\n\n(.*?)^<$", HELP, re.MULTILINE | re.DOTALL)
    assert len(blocks) > 5
    for block in blocks:
        text = f"return {block}" if block.lstrip().startswith("{") else block
        assert editor.lua("return select(2, loadstring(...))", text) is None, block
