"""Keep package.json up to date with the code: `python editors/vscode/configuration.py`.

The settings come from `codeassist.settings`, the languages that start the extension from `codeassist.syntax.languages`,
the commands and keys from here; tests/unit/test_vscode_settings.py holds them against the server and the extension.
Settings that say where code goes or what runs on this machine, and those that are the user's own, get the scope
"machine": VS Code reads those from the user's settings only, so that no repository can set them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from codeassist.settings import USERS_OWN, WORKSPACE_MAY_SET, json_schema
from codeassist.syntax.languages import LANGUAGES

PACKAGE = Path(__file__).resolve().parent / "package.json"

_OWN: Mapping[str, Any] = {
    "codeassist.command": {
        "type": "array",
        "items": {"type": "string"},
        "default": [],
        "scope": "machine",
        "markdownDescription": "The program that is codeassist, with its arguments: "
        '`["/path/to/codeassist"]`. Empty: the workspace\'s interpreter if it has codeassist, then the search path, '
        "then an environment that the extension makes after asking you.",
    },
    "codeassist.trace.server": {
        "type": "string",
        "enum": ["off", "messages", "verbose"],
        "default": "off",
        "scope": "machine",
        "markdownDescription": "Log the messages to and from the language server. `verbose` logs your code too.",
    },
}
"""What the extension itself reads; never sent to the server."""

COMMANDS: Mapping[str, str] = {
    "menu": "Menu",
    "togglePause": "Pause or Resume in This Workspace",
    "toggleLanguage": "Pause or Resume Completions in This Language",
    "chooseModel": "Choose Model...",
    "pullModel": "Download the Embedded Model",
    "review": "Review This File",
    "reviewChanges": "Review Changes",
    "showTrace": "Show What the Last Requests Did",
    "restoreDismissed": "Show Dismissed Findings Again",
    "doctor": "Run Doctor",
    "restartModel": "Reconnect to the Model",
    "restartServer": "Restart the Language Server",
    "install": "Install the Language Server",
    "showLog": "Show Log",
    "walkthrough": "Get Started",
}
"""The commands that a user may run, by their names behind `codeassist.`, with their titles."""
ALWAYS = frozenset({"menu", "doctor", "restartServer", "install", "showLog", "walkthrough"})
"""Those that need no language server that runs."""
_KEYS: Mapping[str, str] = {"menu": "ctrl+k a", "review": "ctrl+k shift+a"}
_KEPT = ("type", "enum", "items", "minimum", "maximum", "default")


def package(text: str) -> str:
    """`text` of a package.json with our parts made anew."""
    document = json.loads(text)
    document["activationEvents"] = [f"onLanguage:{name}" for language in LANGUAGES for name in language.ids]
    schema = json_schema()
    settings = {f"codeassist.{key}": _property(key, field) for key, field in _leaves(schema, schema["$defs"])}
    document["contributes"]["configuration"]["properties"] = {**_OWN, **settings}
    document["contributes"]["commands"] = [_command(name, title) for name, title in COMMANDS.items()]
    document["contributes"]["keybindings"] = [_key(name, keys) for name, keys in _KEYS.items()]
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _command(name: str, title: str) -> dict[str, str]:
    enabled = {} if name in ALWAYS else {"enablement": "codeassist.running"}
    return {"command": f"codeassist.{name}", "category": "codeassist", "title": title, **enabled}


def _key(name: str, keys: str) -> dict[str, str]:
    when = {} if name in ALWAYS else {"when": "editorTextFocus && codeassist.running"}
    return {"command": f"codeassist.{name}", "key": keys, "mac": keys.replace("ctrl", "cmd"), **when}


def scope_of(key: str) -> str:
    """The scope of a setting, by the rule for workspace files: a few sections, no `server` part of them, and nothing
    that is the user's own."""
    section, *rest = key.split(".")
    free = section in WORKSPACE_MAY_SET and rest[0] != "server" and key not in USERS_OWN
    return "window" if free else "machine"  # The server has one set of settings, whatever the folder.


def _leaves(
    section: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, field in section["properties"].items():
        if "$ref" in field:
            inner = definitions[field["$ref"].rpartition("/")[2]]
            yield from _leaves(inner, definitions, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


def _property(key: str, field: Mapping[str, Any]) -> dict[str, Any]:
    # "Text or null" has no input field in VS Code. Text alone does; what is not set is not sent anyway.
    known: Mapping[str, Any] = next((kind for kind in field.get("anyOf", ()) if kind["type"] != "null"), {})
    merged = {**field, **known}
    kept = {name: merged[name] for name in _KEPT if merged.get(name) is not None}
    if known.get("type") == "string":
        kept["default"] = ""
    return {**kept, "scope": scope_of(key), "markdownDescription": field.get("description", "")}


def main() -> None:
    PACKAGE.write_text(package(PACKAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
