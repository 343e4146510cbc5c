"""Configuration files of build tools as plain values. Whatever they hold, the answer is a dict or None."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping

from codeassist.workspace.resolve.view import View

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Table = Mapping[str, object]

_MOST_CHARACTERS = 1_000_000
_STRING_OR_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"?|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
"""Each alternative also matches where its end is missing, so that no text is read twice."""
_STRING_OR_COMMA = re.compile(r'"(?:[^"\\\n]|\\.)*"?|,(?=\s*[}\]])', re.DOTALL)


def json_at(view: View, path: str) -> Table | None:
    """A JSON file, with comments and trailing commas or without; None if there is none, {} if it is no object."""

    def read(view: View) -> Table | None:
        text = view.read(path)
        return None if text is None else table(parse_json(text))

    return view.once(("json", path), read)


def toml_at(view: View, path: str) -> Table | None:
    """A TOML file; None if there is none, {} if it is malformed."""

    def read(view: View) -> Table | None:
        text = view.read(path)
        return None if text is None else parse_toml(text)

    return view.once(("toml", path), read)


def parse_json(text: str) -> object:
    """The value of JSON with comments and trailing commas; None if it is malformed."""
    if len(text) > _MOST_CHARACTERS:
        return None
    text = text.removeprefix("\ufeff")
    try:
        return json.loads(text)
    except ValueError:
        pass
    except RecursionError:
        return None
    text = _STRING_OR_COMMENT.sub(lambda found: found[0] if found[0].startswith('"') else " ", text)
    text = _STRING_OR_COMMA.sub(lambda found: found[0] if found[0].startswith('"') else " ", text)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def parse_toml(text: str) -> Table:
    """The values of a TOML text; {} if it is malformed."""
    if len(text) > _MOST_CHARACTERS:
        return {}
    try:
        return table(tomllib.loads(text))
    except (ValueError, RecursionError):
        return {}


def table(value: object) -> Table:
    """`value` if it is a table of names, {} if it is anything else."""
    return value if isinstance(value, dict) else {}


def strings(value: object) -> list[str]:
    """The strings of a list, or a string alone; nothing else."""
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
