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
FILES = (
    "embedded",
    "qwen2_5_coder",
    "qwen",
    "kimi",
    "deepseek",
    "openai",
    "glm",
    "minimax",
    "granite",
    "mellum",
    "next_edit",
)
"""Our data, in the order of lists."""


def user_folder() -> Path:
    """Where the user adds models: `models/*.toml` beside the settings file. It needs not exist."""
    from codeassist.settings import user_file

    return user_file().parent / "models"


def catalogue() -> tuple[Entry, ...]:
    """All entries, ours in the order of FILES, then the user's. Read once for each user folder.

    Raises pydantic.ValidationError for a broken build.
    """
    return _read(user_folder())[0]


def user_problems() -> tuple[str, ...]:
    """One sentence for each entry or file of the user's that cannot be used, or of which only one of two is."""
    return _read(user_folder())[1]


@cache
def _read(user: Path) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    found = {one.name: one for one in built_in()}
    problems: list[str] = []
    whence: dict[str, Path] = {}
    for path in _user_files(user, problems):
        for one in _user_entries(path, problems):
            if (other := whence.get(one.name)) is not None:
                problems.append(_twice(one.name, other, path))
            whence[one.name] = path
            found[one.name] = one
    return tuple(found.values()), tuple(problems)


@cache
def built_in() -> tuple[Entry, ...]:
    """The entries that ship. Raises pydantic.ValidationError for a broken build."""
    folder = files("codeassist.serving.catalogue")
    texts = [folder.joinpath(f"{name}.toml").read_text(encoding="utf-8") for name in FILES]
    return tuple(Entry.model_validate(item) for text in texts for item in tomllib.loads(text)["model"])


def _user_files(folder: Path, problems: list[str]) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    except FileNotFoundError:
        return []
    except OSError as error:
        problems.append(f"Your models in {folder} cannot be read: {error.strerror or error}.")
        return []


def _user_entries(path: Path, problems: list[str]) -> list[Entry]:
    try:
        items = tomllib.loads(_user_text(path)).get("model")
    except (OSError, ValueError, RecursionError) as error:
        problems.append(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.")
        return []
    if not isinstance(items, list):
        problems.append(f"{path} has no [[model]].")
        return []
    entries = []
    for number, item in enumerate(items, start=1):
        try:
            one = Entry.model_validate(item)
        except ValidationError as error:
            problems.append(f"{path}, model {_name(item, number)}: {_first(error)}.")
            continue
        if fault := contradiction(one):
            problems.append(f"{path}, model {_name(item, number)}: {fault}.")
            continue
        entries.append(one.model_copy(update={"default": one.name == DEFAULT_MODEL}))
    return entries


def _twice(name: str, first: Path, last: Path) -> str:
    if first == last:
        return f"{last} has two models {name!a}: the last of them is used, and the one before is not."
    return f"{first} and {last} both have a model {name!a}: that of {last.name} is used, that of {first.name} is not."


def _user_text(path: Path) -> str:
    # A pipe under that name would never end, and no hand writes a megabyte of models.
    if not path.is_file():
        raise ValueError("it is not a file")
    if path.stat().st_size > MAX_USER_FILE_BYTES:
        raise ValueError(f"it is larger than {MAX_USER_FILE_BYTES} bytes")
    return path.read_text(encoding="utf-8")


def contradiction(entry: Entry) -> str | None:
    """What the entry says that its prompt family contradicts, as half a sentence; None where they agree."""
    from codeassist.prompt.families import FAMILIES

    family = FAMILIES.get(entry.family)
    if family is None:
        return f"there is no prompt family {entry.family!a}; there are {', '.join(FAMILIES)}"
    if entry.completes not in ("no", family.kind):
        return f'completes = "{entry.completes}", but the prompt family {family.name} is of kind "{family.kind}"'
    if entry.thinking == "off" and not family.template_options:
        return f'thinking = "off", but the prompt family {family.name} has no switch for it'
    if entry.thinking == "low" and not family.reasoning_effort:
        return f'thinking = "low", but the prompt family {family.name} has no reasoning effort'
    return None


def _name(item: Any, number: int) -> str:
    name = item.get("name") if isinstance(item, dict) else None
    return ascii(name) if isinstance(name, str) else str(number)


def _first(error: ValidationError) -> str:
    one = error.errors()[0]
    place = ".".join(
        ascii(part)[1:-1] if isinstance(part, str) else str(part) for part in one["loc"] if part != "[key]"
    )
    said = str(one["msg"]).removeprefix("Value error, ")
    return f"{place}: {said}" if place else said


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
    """The entry that a server's model list names, or None for a model that the catalogue does not know.

    The user's entries come first, so that one for a fine-tuned model is not taken for the model that it came from.
    """
    return next((entry for entry in reversed(catalogue()) if entry.serves_as(served_name)), None)


def always_thinks(served_name: str) -> bool:
    """Whether the model is known to think before each answer, at least a little."""
    found = entry_for_served(served_name)
    return found is not None and found.thinking in ("low", "always")


def can_review(served_name: str) -> bool:
    """Whether the catalogue calls the model able to review in words. Unknown models are not asked."""
    found = entry_for_served(served_name)
    return found is not None and found.can_review
