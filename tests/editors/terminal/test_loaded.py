"""Vim and Kakoune read what docs/editors.md tells people to write. Their plugins are not there: what the snippets hand
to these is looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.editors.terminal.conftest import Person
from tests.snippets import snippets

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[3] / ".editors" / "debian" / "root" / "usr"
VIM_LSP = """\
function! lsp#default_get_supported_capabilities(server_info) abort
  return {'textDocument': {'codeAction': {}}}
endfunction

function! lsp#register_server(server) abort
  let l:told = extend(copy(a:server), {'cmd': a:server['cmd'](a:server)})
  call writefile([json_encode(l:told)], $TOLD)
endfunction
"""
KAKOUNE_LSP = "declare-option -hidden str lsp_servers\n"


def run(person: Person, words: list[str], **variables: str) -> None:
    environment = {**person.variables, **variables}
    done = subprocess.run(
        words,
        cwd=person.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_vim_registers_the_server(person: Person) -> None:
    (snippet,) = snippets("Vim", "vim")
    plugin, told = person.home / "vim-lsp" / "autoload" / "lsp.vim", person.folder / "told.json"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(VIM_LSP, encoding="utf-8")
    configuration = person.home / "vimrc"
    configuration.write_text(f"set runtimepath^={plugin.parents[1]}\n{snippet}", encoding="utf-8")
    (runtime,) = (ROOT / "share" / "vim").glob("vim[0-9]*")
    steps = ["-c", "doautocmd User lsp_setup", "-c", "doautocmd User lsp_buffer_enabled", "-c", "set omnifunc?"]
    words = [str(ROOT / "bin" / "vim.basic"), "-es", "-N", "-u", str(configuration), *steps, "-c", "qall!"]
    run(person, words, VIMRUNTIME=str(runtime), TOLD=str(told))
    server = json.loads(told.read_text(encoding="utf-8"))
    assert (server["name"], server["cmd"]) == ("codeassist", ["codeassist", "lsp"])
    assert "python" in server["allowlist"]
    assert server["capabilities"] == {
        "textDocument": {"codeAction": {}},
        "general": {"positionEncodings": ["utf-32"]},
    }


@pytest.mark.parametrize("filetype", ["python", "text"])
def test_kakoune_sets_the_servers_of_a_buffer(person: Person, filetype: str) -> None:
    (snippet,) = snippets("Kakoune", "kak")
    configuration, told = person.home / "own.kak", person.folder / "told.toml"
    configuration.write_text(KAKOUNE_LSP + snippet, encoding="utf-8")
    read = f"source {configuration}; set-option buffer filetype {filetype}"
    steps = f"{read}; echo -to-file {told} %opt{{lsp_servers}}; quit!"
    words = [str(ROOT / "bin" / "kak"), "-n", "-ui", "dummy", "-e", steps]
    run(person, words, KAKOUNE_RUNTIME=str(ROOT / "share" / "kak"))
    servers = tomllib.loads(told.read_text(encoding="utf-8"))
    assert [*servers] == (["pylsp", "codeassist"] if filetype == "python" else [])
