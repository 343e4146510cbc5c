"""Reading the catalogue: the files beside this one, then the user's, which may replace an entry by its name."""

from __future__ import annotations

import sys
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from codeassist.serving.catalogue.schema import Entry, ModelFile
from codeassist.serving.errors import UnknownModel

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_MODEL = "qwen2.5-coder-0.5b"
MAX_USER_FILE_BYTES = 1_000_000


def user_folder() -> Path:
    """Where the user adds models: `models/*.toml` beside the settings file. It needs not exist."""
    from codeassist.settings import user_file

    return user_file().parent / "models"


@cache
def catalogue() -> tuple[Entry, ...]:
    """All entries, ours in the order of the files first. Raises pydantic.ValidationError for a broken build."""
    return _read()[0]


def user_problems() -> tuple[str, ...]:
    """One sentence for each entry or file of the user's that cannot be used."""
    return _read()[1]


@cache
def _read() -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    folder = files("codeassist.serving.catalogue")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".toml"))
    texts = [folder.joinpath(name).read_text(encoding="utf-8") for name in names]
    found = {one.name: one for text in texts for one in map(Entry.model_validate, tomllib.loads(text)["model"])}
    problems: list[str] = []
    for path in sorted(user_folder().glob("*.toml")):
        for one in _user_entries(path, problems):
            found[one.name] = one
    return tuple(found.values()), tuple(problems)


def _user_entries(path: Path, problems: list[str]) -> list[Entry]:
    try:
        if path.stat().st_size > MAX_USER_FILE_BYTES:
            raise ValueError(f"it is larger than {MAX_USER_FILE_BYTES} bytes")
        items = tomllib.loads(path.read_text(encoding="utf-8")).get("model")
    except (OSError, ValueError) as error:
        problems.append(f"{path} cannot be read: {error}.")
        return []
    if not isinstance(items, list):
        problems.append(f"{path} has no [[model]].")
        return []
    entries = []
    for number, item in enumerate(items, start=1):
        try:
            entries.append(Entry.model_validate(item))
        except ValidationError as error:  # noqa: PERF203  One bad entry must not take the others with it.
            problems.append(f"{path}, model {_name(item, number)}: {_first(error)}.")
    return entries


def _name(item: Any, number: int) -> str:
    name = item.get("name") if isinstance(item, dict) else None
    return ascii(name) if isinstance(name, str) else str(number)


def _first(error: ValidationError) -> str:
    one = error.errors()[0]
    place = ".".join(str(part) for part in one["loc"])
    return f"{place}: {one['msg']}" if place else str(one["msg"])


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
        raise UnknownModel(f"{entry.name} is served by vLLM and has no file here; run: codeassist serve {entry.name}")
    return entry.file


def entry_for_served(served_name: str) -> Entry | None:
    """The entry that a server's model list names, or None for a model that the catalogue does not know."""
    return next((entry for entry in catalogue() if entry.serves_as(served_name)), None)


def can_review(served_name: str) -> bool:
    """Whether the catalogue calls the model able to review in words. Unknown models are not asked."""
    found = entry_for_served(served_name)
    return found is not None and found.can_review
