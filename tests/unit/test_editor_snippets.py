"""What docs/editors.md tells people to write into their editors' files can be read by these, and means what it should.

The keys of the peers are those of their own documents: Helix 25.07, kakoune-lsp 21, LSP 2.13 for Sublime Text,
LSP4IJ 0.20, Zed of 2026. Where an editor is installed, tests/editors has it read its snippet.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from codeassist.server.client import client_of
from codeassist.settings import Layer, Settings, build
from codeassist.syntax.languages import LANGUAGES
from tests.snippets import snippets

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

COMMAND = ["codeassist", "lsp"]
BEHIND_ONE_CONNECTION = ["--", "ruff", "server", "--", *COMMAND]
JETBRAINS = Path(__file__).resolve().parents[2] / "editors" / "jetbrains" / "template.json"
NAMES = {identifier: language.name for language in LANGUAGES for identifier in language.ids}
KAKOUNE_SERVER = {"command", "args", "envs", "root", "root_globs", "settings_section", "settings", "offset_encoding"}
SUBLIME_SERVER = {"enabled", "command", "selector", "env", "settings", "initialization_options", "priority_selector"}
SUBLIME_IDS = {
    "source.c++": "cpp", "source.cs": "csharp", "source.js": "javascript", "source.jsx": "javascriptreact",
    "source.Kotlin": "kotlin", "source.shell": "shellscript", "source.ts": "typescript",
    "source.tsx": "typescriptreact", "text.html.markdown": "markdown",
}  # fmt: skip
"""What the package calls the languages whose name is not the second part of their scope."""


def holds(settings: dict[str, Any]) -> None:
    """Each setting is one of ours and has a value that it may have."""
    assert settings
    built, problems = build([Layer("editor", settings)])
    assert not problems
    assert built != Settings()


def test_helix() -> None:
    languages, settings = snippets("Helix", "toml")
    tree = tomllib.loads(f"{languages}\n{settings}")
    server = tree["language-server"]["codeassist"]
    assert [server["command"], *server["args"]] == COMMAND
    assert set(server) == {"command", "args", "config"}
    holds(server["config"])
    for language in tree["language"]:
        assert set(language) == {"name", "language-servers"}
        assert language["name"] in NAMES
        assert language["language-servers"][-1] == "codeassist"


def test_emacs() -> None:
    """That each mode has a language is looked up by Emacs."""
    alone, beside, _ghost, everywhere, settings = snippets("Emacs", "elisp")
    for each in (alone, everywhere):
        assert f". ({' '.join(json.dumps(word) for word in COMMAND)})" in each
    assert f'. ("rass" {" ".join(json.dumps(word) for word in BEHIND_ONE_CONNECTION)})' in beside
    _setq, _variable, (_quote, given) = read(settings)[0]
    tree = tree_of(given)
    assert set(tree) == {"codeassist"}
    holds(tree["codeassist"])


def read(text: str) -> list[Any]:
    """The forms of some Lisp, as lists of words; a quote is a list of two."""
    words = re.findall(r"\"[^\"]*\"|[()']|[^\s()\"']+", text)

    def form() -> Any:
        word = words.pop(0)
        if word == "'":
            return ["'", form()]
        if word != "(":
            return word
        inner = []
        while words[0] != ")":
            inner.append(form())
        words.pop(0)
        return inner

    forms = []
    while words:
        forms.append(form())
    return forms


def tree_of(plist: list[Any]) -> dict[str, Any]:
    """What a property list says."""
    pairs = zip(plist[::2], plist[1::2], strict=True)
    return {name[1:]: tree_of(value) if isinstance(value, list) else json.loads(value) for name, value in pairs}


def test_vim() -> None:
    (text,) = snippets("Vim", "vim")
    fields = dict(re.findall(r"^    \\ '(\w+)': (.*),$", text, re.MULTILINE))
    assert fields["cmd"] == "{server_info -> ['codeassist', 'lsp']}"
    assert set(ast.literal_eval(fields["allowlist"])) <= set(NAMES)
    holds(ast.literal_eval(fields["workspace_config"])["codeassist"])


def test_kakoune() -> None:
    (text,) = snippets("Kakoune", "kak")
    found = re.search(r"filetype=(\S+) .*lsp_servers %\{\n(.*?)\n    \}", text, re.DOTALL)
    assert found is not None
    assert found[1] in NAMES
    servers = tomllib.loads(found[2])
    ours = servers["codeassist"]
    assert [*servers][-1] == "codeassist"
    assert all(set(server) <= KAKOUNE_SERVER for server in servers.values())
    assert ["codeassist", *ours["args"]] == COMMAND
    holds(ours["settings"][ours["settings_section"]])


def test_jetbrains() -> None:
    template = json.loads(JETBRAINS.read_text(encoding="utf-8"))
    assert set(template) == {"id", "name", "programArgs", "fileTypeMappings"}
    assert template["programArgs"]["default"].split() == COMMAND
    patterns: dict[str, set[str]] = {}
    for mapping in template["fileTypeMappings"]:
        assert set(mapping) == {"fileType", "languageId"}
        assert set(mapping["fileType"]) == {"name", "patterns"}
        patterns.setdefault(NAMES[mapping["languageId"]], set()).update(mapping["fileType"]["patterns"])
    assert patterns == {each.name: {f"*{extension}" for extension in each.extensions} for each in LANGUAGES}
    said = json.loads((JETBRAINS.parent / "experimental.json").read_text(encoding="utf-8"))
    document = types.TextDocumentClientCapabilities(inline_completion=types.InlineCompletionClientCapabilities())
    client = client_of(types.ClientCapabilities(experimental=said, text_document=document))
    assert (client.inserts_only, client.waited_s) == (True, 0.3)
    (settings,) = snippets("JetBrains IDEs", "json")
    holds(json.loads(settings)["codeassist"])


def test_sublime_text() -> None:
    (text,) = snippets("Sublime Text", "json")
    server = json.loads(text)["codeassist"]
    assert server["enabled"]
    assert server["command"] == COMMAND
    assert set(server) <= SUBLIME_SERVER
    scopes = server["selector"].split(" | ")
    identifiers = [SUBLIME_IDS.get(scope) or scope.split(".")[1] for scope in scopes]
    assert {NAMES[identifier] for identifier in identifiers} == {language.name for language in LANGUAGES}
    assert {"javascriptreact", "typescriptreact"} <= set(identifiers)
    tree: dict[str, Any] = {}
    for key, value in server["settings"].items():
        first, section, name = key.split(".")
        assert first == "codeassist"
        tree.setdefault(section, {})[name] = value
    holds(tree)


def test_zed() -> None:
    (text,) = snippets("Zed", "json")
    settings = json.loads(text)
    assert set(settings) == {"lsp"}  # Zed starts ruff by itself; a list of servers would undo what it leaves out.
    assert settings["lsp"] == {"ruff": {"binary": {"path": "rass", "arguments": BEHIND_ONE_CONNECTION}}}


@pytest.mark.parametrize("language", ["json", "toml", "kak", "vim", "elisp"])
def test_every_snippet_is_looked_at(language: str) -> None:
    """A block of another section would be read by nobody."""
    known = {"Helix": "toml", "Emacs": "elisp", "Vim": "vim", "Kakoune": "kak"}
    text = (Path(__file__).resolve().parents[2] / "docs" / "editors.md").read_text(encoding="utf-8")
    sections = [name for name, of in known.items() if of == language] or ["JetBrains IDEs", "Sublime Text", "Zed"]
    assert text.count(f"```{language}\n") == sum(len(snippets(section, language)) for section in sections)
