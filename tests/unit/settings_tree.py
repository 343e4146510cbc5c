"""The keys of the settings tree, for tests that hold for all of them."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from codeassist.settings import Settings


def keys() -> dict[str, tuple[type[BaseModel], str]]:
    """Every key of the tree, dotted, with the section that holds it and its name in there."""
    return {key: (section, name) for key, section, name in _leaves(Settings)}


def _leaves(section: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, type[BaseModel], str]]:
    for name, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _leaves(inner, (*path, name))
        else:
            yield ".".join((*path, name)), section, name
