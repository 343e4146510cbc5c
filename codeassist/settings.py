"""Every setting of codeassist: one frozen tree, with default, unit and meaning of each.

Layers, later ones win: built-in defaults < user file < workspace file < environment < editor.
A wrong value costs its own key only: it is reported as a `Problem` and the layer below keeps holding.
The workspace file may change how code is completed and reviewed, never where it is sent.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

Severity = Literal["error", "warning", "info"]
AnalyzerName = Literal["infill", "words"]
Role = Literal["completion", "review"]

ENVIRONMENT_PREFIX = "CODEASSIST_"
WORKSPACE_FILE = ".codeassist.toml"
_MOST_FILE_BYTES = 65_536
WORKSPACE_MAY_SET = ("completion", "review", "index")
"""Sections that a workspace file may touch, each without its `server` part."""


class Section(BaseModel):
    """Frozen, and closed: a misspelt key is an error that names the key, not a silence."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class ServerSettings(Section):
    """Where the model is. Never read from a workspace."""

    url: str | None = Field(
        None,
        description="Base URL of an OpenAI-compatible server, `http://127.0.0.1:8000/v1` or `unix:///path`. "
        "Empty: the embedded engine.",
    )
    model: str | None = Field(None, description="The served name. Empty: the first model the server lists.")
    api_key_env: str = Field(
        "CODEASSIST_API_KEY",
        description="The environment variable that holds the key; the key itself is never a setting.",
    )
    family: str = Field("auto", description="Prompt family. `auto` asks the catalogue, then the served model's name.")

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, value: str | None) -> str | None:
        if value is None or value == "":
            return None
        if not value.startswith(("http://", "https://", "unix:///")):
            raise ValueError("must start with http://, https:// or unix:///")
        return value.rstrip("/")


class RoleServerSettings(Section):
    """Another server or model for one role. Keys left out follow `server.*`; a `url` of its own starts
    afresh, so that the model name of one server is never asked of another."""

    url: str | None = Field(None, description="As `server.url`, for this role only.")
    model: str | None = Field(None, description="As `server.model`, for this role only.")
    api_key_env: str | None = Field(None, description="As `server.api_key_env`, for this role only.")
    family: str | None = Field(None, description="As `server.family`, for this role only.")

    _known_scheme = field_validator("url")(ServerSettings._known_scheme.__func__)  # type: ignore[attr-defined] # The shared classmethod behind pydantic's wrapper.


def _room_for_code(value: int) -> int:
    if 0 < value < 64:
        raise ValueError("must be 0 or at least 64")
    return value


PromptTokens = Annotated[int, AfterValidator(_room_for_code)]


class CompletionSettings(Section):
    server: RoleServerSettings = RoleServerSettings()
    enabled: bool = Field(True, description="Offer completions.")
    max_lines: int = Field(12, ge=1, le=100, description="Longest completion, in lines.")
    max_tokens: int = Field(128, ge=1, le=2048, description="Longest completion, in tokens of the model.")
    debounce_ms: int = Field(60, ge=0, le=5000, description="Quiet time before the model is asked, in milliseconds.")
    latency_target_ms: int = Field(
        2500,
        ge=50,
        le=60_000,
        description="A completion still growing this many milliseconds after its first token is cut at its last "
        "whole line.",
    )
    prompt_tokens: PromptTokens = Field(
        0,
        ge=0,
        le=131_072,
        description="Prompt budget in tokens: code before and after the cursor, and related code. "
        "0: what the engine reads in time (embedded 768, a server 2048).",
    )


class ReviewSettings(Section):
    server: RoleServerSettings = RoleServerSettings()
    enabled: bool = Field(True, description="Offer review findings.")
    on_save: bool = Field(True, description="Review changed functions when a document is saved.")
    analyzers: tuple[AnalyzerName, ...] = Field(
        ("infill", "words"),
        description="`infill` compares each line with the one the model would write; `words` asks the model, "
        "and runs only where the catalogue calls the model able.",
    )
    min_severity: Severity = Field("info", description="Least severity that is shown.")
    min_score: float = Field(
        3.0,
        ge=0.0,
        le=50.0,
        description="Least surprise (nats) of an infill finding: higher means fewer and surer findings.",
    )
    max_findings: int = Field(5, ge=1, le=100, description="Most findings shown for one function.")
    max_lines: int = Field(200, ge=1, le=10_000, description="Most changed lines looked at in one review of a file.")
    prompt_tokens: PromptTokens = Field(
        0, ge=0, le=131_072, description="Prompt budget in tokens for one looked-at line or region. 0: as above."
    )
    language: str = Field(
        "",
        pattern=r"^[\w() -]{0,40}$",  # It becomes part of an instruction to the model, and a workspace may set it.
        description="Language of explanations, as a name or a tag. Empty: the editor's locale.",
    )


class IndexSettings(Section):
    enabled: bool = Field(True, description="Use code of other open files as context.")
    max_file_bytes: int = Field(
        1_000_000,
        ge=1_000,
        le=100_000_000,
        description="Files above this size, in bytes, are not parsed, completed or reviewed.",
    )
    exclude: tuple[str, ...] = Field(
        (), description="Path patterns, such as `generated/*`, of files never used as context."
    )


class EngineSettings(Section):
    """The embedded engine. Never read from a workspace."""

    model: str = Field(
        "auto",
        description="Catalogue name of the embedded model, or the path of a GGUF file. `auto`: qwen2.5-coder-1.5b "
        "where it is installed and there are eight cores or more, else qwen2.5-coder-0.5b.",
    )
    idle_minutes: float = Field(
        10.0, ge=0.05, le=1440.0, description="The engine stops after this long without a request, in minutes."
    )
    threads: int = Field(
        0,
        ge=0,
        le=1024,
        description="Processor threads. 0: all physical cores to read prompts, one less to write answers.",
    )
    context_tokens: int = Field(
        4096, ge=512, le=131_072, description="Context length of each of its two seats, in tokens."
    )


class ModelsSettings(Section):
    """Where embedded models come from. Never read from a workspace."""

    mirror: str | None = Field(
        None,
        description="A folder, a GGUF file or a base URL asked before all other sources when a model is pulled.",
    )
    folder: Path | None = Field(None, description="Where models are kept. Empty: the platform's data folder.")

    @field_validator("folder", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged to stderr.")
    code: bool = Field(False, description="Log whole messages of the editor protocol too. They hold your code.")


class Settings(Section):
    """The whole tree."""

    server: ServerSettings = ServerSettings()
    completion: CompletionSettings = CompletionSettings()
    review: ReviewSettings = ReviewSettings()
    index: IndexSettings = IndexSettings()
    engine: EngineSettings = EngineSettings()
    models: ModelsSettings = ModelsSettings()
    log: LogSettings = LogSettings()


@dataclass(frozen=True, slots=True)
class Problem:
    """One setting that was not taken: which key of which layer, and one sentence that says why."""

    layer: str
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.layer}: {self.key}: {self.message}" if self.key else f"{self.layer}: {self.message}"


@dataclass(frozen=True, slots=True)
class Layer:
    """One source of settings. `trusted` is False for the workspace's own file."""

    name: str
    values: Mapping[str, Any]
    """Nested as the tree is. None (JSON's null) says nothing: editors send it for what is not set."""
    trusted: bool = True


def role_server(settings: Settings, role: Role) -> ServerSettings:
    """The server that serves `role`, with the general `server.*` filled in where the role says nothing."""
    own = settings.completion.server if role == "completion" else settings.review.server
    base = ServerSettings() if own.url else settings.server
    changed = own.model_dump(exclude_none=True)
    return ServerSettings.model_validate({**base.model_dump(), **changed})


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
        return Layer(name, tomllib.loads(text), trusted), ()
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


def json_schema() -> dict[str, Any]:
    """JSON schema of the tree; editors' settings pages and the reference are made from it."""
    return Settings.model_json_schema()


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
    return values, refused


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
