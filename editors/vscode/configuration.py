"""Keep package.json up to date with the code: `python editors/vscode/configuration.py`.

The settings come from `codeassist.settings`, the languages that start the extension from `codeassist.syntax.languages`.
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
        "`[\"/path/to/codeassist\"]`. Empty: the workspace's interpreter if it has codeassist, then the search path, "
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
_KEPT = ("type", "enum", "items", "minimum", "maximum", "default")


def package(text: str) -> str:
    """`text` of a package.json with our parts made anew."""
    document = json.loads(text)
    document["activationEvents"] = [f"onLanguage:{name}" for language in LANGUAGES for name in language.ids]
    schema = json_schema()
    settings = {f"codeassist.{key}": _property(key, field) for key, field in _leaves(schema, schema["$defs"])}
    document["contributes"]["configuration"]["properties"] = {**_OWN, **settings}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def scope_of(key: str) -> str:
    """The scope of a setting, by the rule for workspace files: a few sections, no `server` part of them, and nothing
    that is the user's own."""
    section, *rest = key.split(".")
    free = section in WORKSPACE_MAY_SET and rest[0] != "server" and key not in USERS_OWN
    return "resource" if free else "machine"


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
