"""The models that codeassist knows by name: those that ship with it, and those that the user adds."""

from __future__ import annotations

from codeassist.serving.catalogue.loading import (
    DEFAULT_MODEL,
    always_thinks,
    built_in,
    can_review,
    catalogue,
    contradiction,
    embedded_entry,
    entry,
    entry_for_served,
    file_of,
    find,
    user_folder,
    user_problems,
)
from codeassist.serving.catalogue.schema import Architecture, Entry, Hub, ModelFile, Recipe, Serving, Weights, Wheels

__all__ = [
    "DEFAULT_MODEL",
    "Architecture",
    "Entry",
    "Hub",
    "ModelFile",
    "Recipe",
    "Serving",
    "Weights",
    "Wheels",
    "always_thinks",
    "built_in",
    "can_review",
    "catalogue",
    "contradiction",
    "embedded_entry",
    "entry",
    "entry_for_served",
    "file_of",
    "find",
    "user_folder",
    "user_problems",
]
