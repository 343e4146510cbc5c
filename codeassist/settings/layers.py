"""Where settings come from, and how the sources are laid over each other; later ones win:
built-in defaults < user file < workspace file < environment < editor.

A wrong value costs its own key only: it is reported as a `Problem` and the layer below keeps holding.
The workspace file may change how code is completed and reviewed, never where it is sent, what is kept of the user's
work, or how sure the model must be to disturb the user; and what the user has switched off stays off.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_origin

from pydantic import ValidationError

from codeassist.settings.tree import Section, Settings

ENVIRONMENT_PREFIX = "CODEASSIST_"
WORKSPACE_FILE = ".codeassist.toml"
WORKSPACE_MAY_SET = ("completion", "review", "index")
"""Sections that a workspace file may touch, each without its `server` part."""
USERS_OWN = {
    "completion.learn": "what is kept of your work is for you to say",
    "completion.least_probability": "when you are disturbed is for you to say",
}
"""Settings of these sections that a workspace file may not touch all the same, and why."""
_MOST_FILE_BYTES = 65_536
_MOST_DEPTH = 16


@dataclass(frozen=True, slots=True)
class Problem:
    """One setting that was not taken: which key of which layer, and one sentence that says why."""

    layer: str
    key: str
    message: str

    def __str__(self) -> str:
        text = f"{self.layer}: {self.key}: {self.message}" if self.key else f"{self.layer}: {self.message}"
        # Keys may come from a repository and end in a terminal.
        return "".join(character if character.isprintable() else "?" for character in text)


@dataclass(frozen=True, slots=True)
class Layer:
    """One source of settings. `trusted` is False for the workspace's own file."""

    name: str
    values: Mapping[str, Any]
    """Nested as the tree is. None (JSON's null) says nothing: editors send it for what is not set."""
    trusted: bool = True


def build(layers: Iterable[Layer]) -> tuple[Settings, tuple[Problem, ...]]:
    """Merge `layers` (weakest first) over the defaults. Never raises: what is wrong becomes a Problem."""
    merged: dict[str, Any] = {}
    problems: list[Problem] = []
    for layer in layers:
        given: object = layer.values
        if not isinstance(given, Mapping):  # Editors send what their users wrote.
            problems.append(Problem(layer.name, "", "is not a table of settings"))
            continue
        values = _without_none(given)
        if not layer.trusted:
            values, refused = _keep_what_workspace_may_set(layer.name, values)
            problems += refused
        values, wrong = _keep_valid(layer.name, values)
        problems += wrong
        if not layer.trusted:
            _keep_switched_off(merged, values)
        _merge(merged, values)
    return Settings.model_validate(merged), tuple(problems)


def user_file() -> Path:
    """The user's settings file: `codeassist/config.toml` in the platform's config folder."""
    from platformdirs import user_config_path

    return user_config_path("codeassist", appauthor=False) / "config.toml"


def file_layer(path: Path, name: str, *, trusted: bool) -> tuple[Layer, tuple[Problem, ...]]:
    """Read a TOML file. A file that is not there is an empty layer; an unreadable one a Problem."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        text = _text_of(path)
    except (FileNotFoundError, NotADirectoryError):
        return Layer(name, {}, trusted), ()
    except (OSError, UnicodeDecodeError) as error:
        return Layer(name, {}, trusted), (Problem(name, "", f"cannot be read: {error}"),)
    try:
        values = tomllib.loads(text)
        if _is_deeper(values, _MOST_DEPTH):
            raise RecursionError
        return Layer(name, values, trusted), ()
    except (ValueError, RecursionError) as error:  # ValueError: bad TOML, and numbers too long for Python.
        reason = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "its values go too deep or are too long"
        return Layer(name, {}, trusted), (Problem(name, "", f"is not valid TOML: {reason}"),)


def _text_of(path: Path) -> str:
    """The text of a settings file. A repository may hold anything under its name: only a regular file of a sensible
    size is read, and nothing is waited for. Raises OSError and UnicodeDecodeError."""
    # Not to be kept waiting by a pipe; Windows has neither the flag nor such files.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("it is not a regular file")
        data = file.read(_MOST_FILE_BYTES + 1)
    if len(data) > _MOST_FILE_BYTES:
        raise OSError(f"it is longer than {_MOST_FILE_BYTES} bytes")
    return data.decode("utf-8")


def _is_deeper(values: Any, limit: int) -> bool:
    """Whether tables and lists are nested deeper than `limit`; level by level, so that no depth is too much."""
    level = [values]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
        ]
    return bool(level)


def environment_layer(environ: Mapping[str, str] | None = None) -> tuple[Layer, tuple[Problem, ...]]:
    """Settings from `CODEASSIST_SERVER__URL`-style variables; lists are JSON or comma-separated."""
    environ = os.environ if environ is None else environ
    found = {k: v for k, v in environ.items() if k.upper().startswith(ENVIRONMENT_PREFIX) and "__" in k}
    if not found:
        return Layer("environment", {}), ()
    from pydantic_settings.sources.utils import parse_env_vars  # Only where there is something to read.

    values: dict[str, Any] = {}
    for name, text in parse_env_vars(found, case_sensitive=False).items():
        section, *rest = name[len(ENVIRONMENT_PREFIX) :].split("__")
        _merge(values, _nest([section, *rest], _environment_value((section, *rest), text or "")))
    return Layer("environment", values), ()


def load(
    workspace: Path | None = None,
    editor: Mapping[str, Any] | None = None,
    *,
    user: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Settings, tuple[Problem, ...]]:
    """All layers in their order, from the files and the environment of this process."""
    problems: list[Problem] = []
    layers: list[Layer] = []
    path = user or user_file()
    sources: list[tuple[Layer, tuple[Problem, ...]]] = [file_layer(path, str(path), trusted=True)]
    if workspace is not None:
        sources.append(file_layer(workspace / WORKSPACE_FILE, WORKSPACE_FILE, trusted=False))
    sources.append(environment_layer(environ))
    for layer, wrong in sources:
        layers.append(layer)
        problems += wrong
    if editor is not None:
        layers.append(Layer("editor", editor))
    settings, wrong = build(layers)
    return settings, (*problems, *wrong)


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _without_none(value) if isinstance(value, Mapping) else deepcopy(value)
        for key, value in values.items()
        if value is not None
    }


def _keep_what_workspace_may_set(layer: str, values: dict[str, Any]) -> tuple[dict[str, Any], Sequence[Problem]]:
    refused: list[Problem] = []
    message = "is not taken from a workspace: it says where code is sent or what runs on this machine; "
    message += "set it in your own configuration"
    for section in list(values):
        if section not in WORKSPACE_MAY_SET and section in Settings.model_fields:
            del values[section]
            refused.append(Problem(layer, section, message))
        elif isinstance(values[section], dict) and "server" in values[section]:
            del values[section]["server"]
            refused.append(Problem(layer, f"{section}.server", message))
    for key, why in USERS_OWN.items():
        section, _, name = key.partition(".")
        if isinstance(values.get(section), dict) and name in values[section]:
            del values[section][name]
            refused.append(Problem(layer, key, f"is not taken from a workspace: {why}"))
    return values, refused


def _keep_switched_off(known: Mapping[str, Any], values: dict[str, Any]) -> None:
    """What the user has switched off stays so, whatever a workspace says: it may only add to it."""
    user = Settings.model_validate(known)
    for name in WORKSPACE_MAY_SET:
        section: Section = getattr(user, name)
        given = values.get(name, {})
        for key in section.model_fields_set & given.keys():
            given[key] = section.kept_off(key, given[key])


def _keep_valid(layer: str, values: dict[str, Any]) -> tuple[dict[str, Any], Sequence[Problem]]:
    """Drop each key that does not validate, one round per depth of error, until the rest holds."""
    problems: list[Problem] = []
    while True:
        try:
            Settings.model_validate(values)
        except ValidationError as error:  # noqa: PERF203  One round for each depth of error, not a hot loop.
            # Two wrong items of one list are two errors of one key.
            errors: dict[tuple[str, ...], Any] = {}
            for wrong in error.errors():
                errors.setdefault(_known_part(values, tuple(str(part) for part in wrong["loc"])), wrong)
            for known, wrong in errors.items():
                if not known:
                    return {}, [*problems, Problem(layer, "", "is not a table of settings")]
                message = f"{_shown(wrong.get('input'))} is not taken: {wrong['msg']}"
                if wrong["type"] == "extra_forbidden":
                    message = "there is no such setting"
                problems.append(Problem(layer, ".".join(known), message))
                _drop(values, known)
        else:
            return values, problems


def _known_part(values: Mapping[str, Any], key: tuple[str, ...]) -> tuple[str, ...]:
    """The longest head of `key` that names something in `values` (list indexes and union tags fall away)."""
    known: list[str] = []
    here: Any = values
    for part in key:
        if not isinstance(here, Mapping) or part not in here:
            break
        known.append(part)
        here = here[part]
    return tuple(known)


def _drop(values: dict[str, Any], key: Sequence[str]) -> None:
    here = values
    for part in key[:-1]:
        inner = here.get(part)
        if not isinstance(inner, dict):
            return
        here = inner
    here.pop(key[-1], None)


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(cast("dict[str, Any]", into[key]), value)
        else:
            into[key] = deepcopy(value)


def _nest(path: Sequence[str], value: Any) -> dict[str, Any]:
    for part in reversed(path):
        value = {part: value}
    return cast("dict[str, Any]", value)


def _environment_value(path: Sequence[str], text: str) -> Any:
    import json

    if text.startswith(("[", "{")):
        try:
            return json.loads(text)
        except ValueError:
            return text
    if _is_list(path):
        return [item.strip() for item in text.split(",") if item.strip()]
    return text


def _is_list(path: Sequence[str]) -> bool:
    section: Any = Settings
    for name in path:
        field = section.model_fields.get(name) if hasattr(section, "model_fields") else None
        if field is None:
            return False
        section = field.annotation
    return get_origin(section) is tuple


def _shown(value: Any, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
