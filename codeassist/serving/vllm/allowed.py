"""What a lever may be set to: each kind of value reads a text, and says in words what it takes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = "str | bool | None"
"""A string is the value; True the flag alone, False its `--no-` form; None leaves the lever out."""

_SWITCHED = {"on": True, "true": True, "off": False, "false": False}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@+-]{0,199}")
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Allowed:
    """`said`: what may be given, as the object of "takes". `read`: the value, or None where the text is no such."""

    said: str
    read: Callable[[str], Value]


def switch() -> Allowed:
    return Allowed("on or off", lambda text: _SWITCHED.get(text.lower()))


def choice(*words: str) -> Allowed:
    said = f"{', '.join(words[:-1])} or {words[-1]}"
    return Allowed(said, lambda text: text if text in words else None)


def whole(least: int, most: int, unit: str = "") -> Allowed:
    """A whole number, bounds included."""

    def read(text: str) -> Value:
        usable = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS and least <= int(text) <= most
        return str(int(text)) if usable else None

    return Allowed(f"a whole number from {least:,} to {most:,}{f' ({unit})' if unit else ''}", read)


def share(above: float, most: float) -> Allowed:
    """A part of something: more than `above`, at most `most`."""

    def read(text: str) -> Value:
        plain = re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6})?|\.[0-9]{1,6}", text)
        return text if plain and above < float(text) <= most else None

    return Allowed(f"a number above {above:g}, {most:g} at most", read)


def name() -> Allowed:
    return Allowed(
        "a name of letters, digits and ._/:@+-, at most 200, that begins with a letter or digit",
        lambda text: text if _NAME.fullmatch(text) else None,
    )


def path(*words: str) -> Allowed:
    """The whole path of a folder, or one of `words`."""
    said = "".join(f"{word}, " for word in words).removesuffix(", ")
    return Allowed(
        f"{said} or an absolute path" if said else "an absolute path",
        lambda text: text if text in words or (text.startswith("/") and text.isprintable()) else None,
    )


def json_object() -> Allowed:
    def read(text: str) -> Value:
        try:
            return text if isinstance(json.loads(text), dict) and text.isprintable() else None
        except (ValueError, RecursionError):
            return None

    return Allowed("a JSON object", read)
