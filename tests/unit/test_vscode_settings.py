"""The VS Code extension's package.json says what the code says, and lets no workspace choose where code goes."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

from codeassist import __version__
from codeassist.server.app import App
from codeassist.settings import Layer, Settings, build
from codeassist.syntax.languages import LANGUAGES

FOLDER = Path(__file__).resolve().parents[2] / "editors" / "vscode"
PACKAGE = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
PROPERTIES: dict[str, dict[str, Any]] = PACKAGE["contributes"]["configuration"]["properties"]
OWN = {"codeassist.command", "codeassist.trace.server"}
CALLED_BY_WHAT_IT_SENT = {
    f"codeassist.{name}" for name in ("didAccept", "dismiss", "dismissCategory", "models", "showStatus")
}

OF_THE_WALKTHROUGH = {"codeassist.reviewFirst"}
"""What is of no use elsewhere, and not in the palette."""


def configuration() -> ModuleType:
    spec = importlib.util.spec_from_file_location("configuration", FOLDER / "configuration.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def keys(model: type[BaseModel], prefix: str = "codeassist.") -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def nested(values: dict[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *sections, name = key.split(".")[1:]
        inner = tree
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[name] = value
    return tree


def test_package_json_is_up_to_date() -> None:
    text = (FOLDER / "package.json").read_text(encoding="utf-8")
    assert text == configuration().package(text), "run: python editors/vscode/configuration.py"


def test_every_setting_is_offered_and_described() -> None:
    assert set(PROPERTIES) == set(keys(Settings)) | OWN
    assert all(field["markdownDescription"] and "type" in field for field in PROPERTIES.values())


@pytest.mark.parametrize("key", sorted(PROPERTIES))
def test_no_workspace_says_where_code_goes_or_what_runs(key: str) -> None:
    parts = key.split(".")[1:]
    decides = "server" in parts or parts[0] in {"command", "engine", "models", "serve", "log"}
    own = parts[0] == "completion" and parts[1] in {"learn", "least_probability"}
    assert PROPERTIES[key]["scope"] == ("machine" if decides or own else "window")


def test_the_shown_defaults_are_the_true_ones() -> None:
    # Empty text stands for "not set", which VS Code cannot show; such defaults are left out here.
    shown = {key: field["default"] for key, field in PROPERTIES.items() if field["default"] != "" and key not in OWN}
    settings, problems = build([Layer("editor", nested(shown))])
    assert not problems
    assert settings == Settings()


def test_every_language_starts_the_extension() -> None:
    identifiers = [identifier for language in LANGUAGES for identifier in language.ids]
    assert PACKAGE["activationEvents"] == [f"onLanguage:{identifier}" for identifier in identifiers]


def test_every_command_is_one_of_the_server_or_the_extension() -> None:
    """And what the server offers is in the palette, unless it is called by what it sent."""
    offered = {entry["command"] for entry in PACKAGE["contributes"]["commands"]}
    of_server = set(App().server.protocol.fm.commands)
    source = "".join(file.read_text(encoding="utf-8") for file in (FOLDER / "src").rglob("*.ts"))
    of_extension = set(re.findall(r"registerCommand\('(codeassist\.\w+)'", source))
    assert not of_server & of_extension
    assert offered == (of_server - CALLED_BY_WHAT_IT_SENT) | of_extension - OF_THE_WALKTHROUGH
    assert all(f"(command:{each})" in json.dumps(PACKAGE["contributes"]["walkthroughs"]) for each in OF_THE_WALKTHROUGH)
    keys = {entry["command"] for entry in PACKAGE["contributes"]["keybindings"]}
    assert keys <= offered


def test_the_extension_calls_no_command_that_is_not_there() -> None:
    source = "".join(file.read_text(encoding="utf-8") for file in (FOLDER / "src").rglob("*.ts"))
    called = set(re.findall(r"command: '(codeassist\.\w+)'|executeCommand\('(codeassist\.\w+)'", source))
    known = {entry["command"] for entry in PACKAGE["contributes"]["commands"]} | CALLED_BY_WHAT_IT_SENT
    assert called
    assert {first or second for first, second in called} <= known


def test_the_package_has_the_version_of_the_server() -> None:
    assert PACKAGE["version"] == __version__


def test_untrusted_workspaces_get_no_server() -> None:
    assert PACKAGE["capabilities"]["untrustedWorkspaces"]["supported"] is False


def test_the_lock_file_names_no_registry() -> None:
    packages = json.loads((FOLDER / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert len(packages) > 1
    assert not [name for name, entry in packages.items() if "resolved" in entry]
    assert all("integrity" in entry for name, entry in packages.items() if name)
