"""Every setting of codeassist: one frozen tree, with default, unit and meaning of each.

What a user has switched off stays so, whatever a workspace says: `Section.kept_off` is the rule for all settings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

Severity = Literal["error", "warning", "info"]
AnalyzerName = Literal["infill", "words"]
Role = Literal["completion", "review"]


class Section(BaseModel):
    """Frozen, and closed: a misspelt key is an error that names the key, not a silence."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def kept_off(self, name: str, given: Any) -> Any:
        """What holds of a value that a workspace gives for the setting `name`, which the user has set, as it is here.

        A switch that is off stays off; a list of exclusions grows, a list of what runs shrinks. All else is as given.
        """
        own, rule = getattr(self, name), rule_of(type(self), name)
        if rule == "switch":
            return given if own else own
        if rule == "grows":  # The last pattern decides: none of a workspace's brings back what the user left out.
            return [*(each for each in given if each not in own), *own]
        return [each for each in given if each in own] if rule == "shrinks" else given


Rule = Literal["switch", "grows", "shrinks"]
Excluded = Annotated[tuple[str, ...], "grows"]
"""What is left out: a workspace may add to it."""
Running = Annotated[tuple[AnalyzerName, ...], "shrinks"]
"""What runs: a workspace may take some of it away."""


def rule_of(section: type[BaseModel], name: str) -> Rule | None:
    """How a workspace may change a setting once the user has set it; None: as it likes."""
    field = section.model_fields[name]
    if field.annotation is bool:
        return "switch"
    return next((rule for rule in ("grows", "shrinks") if rule in field.metadata), None)


def _server_url(value: str) -> str:
    if not value.startswith(("http://", "https://", "unix:///")):
        raise ValueError("must start with http://, https:// or unix:///")
    return value.rstrip("/")


ServerUrl = Annotated[str, AfterValidator(_server_url)]


class ServerSettings(Section):
    """Where the model is. Never read from a workspace."""

    url: str | None = Field(
        None,
        description="Base URL of an OpenAI-compatible server, `http://127.0.0.1:8000/v1` or `unix:///path`. "
        "Empty: the embedded engine.",
    )
    fallback_urls: tuple[ServerUrl, ...] = Field(
        (),
        max_length=16,
        description="Base URLs of more servers that serve the same model under the same name. While `server.url` is "
        "not well they are asked in its place, in this order, with the same key.",
    )
    model: str | None = Field(None, description="The served name. Empty: the first model the server lists.")
    api_key_env: str = Field(
        "CODEASSIST_API_KEY",
        description="The environment variable that holds the key; the key itself is never a setting.",
    )
    family: str = Field(
        "auto", description="Prompt family. `auto` asks the catalogue, the served model's name, then the tokenizer."
    )
    cache_salt: Literal["off", "user"] = Field(
        "off",
        description="`user`: keep your prompts in a vLLM server's cache apart from those of others, so that nobody can "
        "find out by timing what you read; code that colleagues share is then read once for each of them.",
    )

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, value: str | None) -> str | None:
        return _server_url(value) if value else None


class RoleServerSettings(Section):
    """Another server or model for one role. Keys left out follow `server.*`; a `url` of its own starts
    afresh, so that the model name of one server is never asked of another."""

    url: str | None = Field(None, description="As `server.url`, for this role only.")
    fallback_urls: tuple[ServerUrl, ...] = Field(
        (), max_length=16, description="As `server.fallback_urls`, for this role only."
    )
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
    debounce_ms: int = Field(
        60,
        ge=0,
        le=5000,
        description="Longest quiet time before the model is asked, in milliseconds. It is as long as you take from key "
        "to key, less what the model takes to answer, and nothing at the start of a line after a pause.",
    )
    latency_target_ms: int = Field(
        2500,
        ge=50,
        le=60_000,
        description="A completion still growing this many milliseconds after its first token is cut at its last "
        "whole line (asked for by hand, four times as many); prompts are as long as the engine can read in this time.",
    )
    prompt_tokens: PromptTokens = Field(
        0,
        ge=0,
        le=131_072,
        description="Prompt budget in tokens: code before and after the cursor, and related code. "
        "0: what the engine reads in time (at first 768 for the embedded engine, 2048 for a server, then as measured).",
    )
    least_probability: float = Field(
        0.15,
        ge=0.0,
        le=1.0,
        description="Least probability, by the model's own word, that the first line is right; below it there is "
        "silence unless you ask by hand. 0: show everything. Needs a server that reports log-probabilities.",
    )
    learn: bool = Field(
        True,
        description="Keep on this machine which suggestions were taken and which were typed over, as numbers without "
        "code, and let that decide how sure the model must be. Nothing of it is sent anywhere.",
    )
    comments_and_strings: bool = Field(
        False, description="Complete inside comments and strings, too, without being asked by hand."
    )
    exclude: Excluded = Field(
        (), description="Patterns, as in `.gitignore`, of files in which nothing is completed: `*.env`, `secrets/`."
    )
    languages_off: Excluded = Field(
        (), description="Languages in which nothing is completed, by their LSP identifier: `markdown`, `plaintext`."
    )
    speculate: bool = Field(
        True,
        description="While a suggestion is looked at, ask for the one that follows it, so that it is there once the "
        "first is accepted. Costs the engine time that is not always used; ends as soon as anything else is wanted.",
    )
    warm_up: bool = Field(
        True,
        description="Let the engine read the code around the cursor when a document is opened and when the cursor "
        "rests somewhere else, so that the first completion there comes sooner.",
    )


class ReviewSettings(Section):
    server: RoleServerSettings = RoleServerSettings()
    enabled: bool = Field(True, description="Offer review findings.")
    on_save: bool = Field(True, description="Review changed functions when a document is saved.")
    analyzers: Running = Field(
        ("infill", "words"),
        description="`infill` compares each line with the one the model would write; `words` asks the model, "
        "and runs only where the catalogue calls the model able.",
    )
    min_severity: Severity = Field("info", description="Least severity that is shown.")
    min_score: float = Field(
        0.0,
        ge=0.0,
        le=50.0,
        description="Least surprise (nats) of an infill finding: higher means fewer and surer findings. "
        "0: what was measured to suit the model.",
    )
    min_confidence: float = Field(
        0.5,
        ge=0.0,
        le=1.0,
        description="Least probability, by the model's own second look, that a finding in words is a mistake; below it "
        "the finding is not shown. By default what the model holds for more likely wrong than right. 0: do not ask.",
    )
    max_findings: int = Field(5, ge=1, le=100, description="Most findings shown for one document.")
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
    enabled: bool = Field(
        True, description="Use code of the whole workspace as context; the index of it stays on this machine."
    )
    max_file_bytes: int = Field(
        1_000_000,
        ge=1_000,
        le=100_000_000,
        description="Files above this size, in bytes, are not parsed, indexed, completed or reviewed.",
    )
    exclude: Excluded = Field(
        (),
        description="Patterns, as in `.gitignore`, of files that are not indexed and never used as context: "
        "`generated/`. A `.codeassistignore` file in any folder does the same.",
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


class ServeSettings(Section):
    """What `codeassist serve` starts. Never read from a workspace."""

    python: Path | None = Field(
        None,
        description="The Python of the environment in which vLLM is installed. Empty: the one that runs codeassist.",
    )

    @field_validator("python", mode="before")
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
    serve: ServeSettings = ServeSettings()
    log: LogSettings = LogSettings()


def role_server(settings: Settings, role: Role) -> ServerSettings:
    """The server that serves `role`, with the general `server.*` filled in where the role says nothing."""
    own = settings.completion.server if role == "completion" else settings.review.server
    # Who may see what in a cache is the user's wish, whatever the server.
    base = ServerSettings(cache_salt=settings.server.cache_salt) if own.url else settings.server
    changed = {key: value for key, value in own.model_dump().items() if value not in (None, ())}
    return ServerSettings.model_validate({**base.model_dump(), **changed})


def json_schema() -> dict[str, Any]:
    """JSON schema of the tree; editors' settings pages and the reference are made from it."""
    return Settings.model_json_schema()
