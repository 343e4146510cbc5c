"""What a repository answers to a question: plain values, so that choosing among them needs no disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from codeassist.syntax.tags import Tag

Relation = Literal["imported", "receiver", "indirect", "named", "sibling", "package"]
"""How a file has to do with the cursor's: it is imported; it defines the type before the dot or a base class; it
defines a type in the signature of something that is used; it defines a name that is used; it is the test of the file
or what the file tests; it is in the same package, so that its names need no import."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a file defines. `names`: those that the cursor's file imports from it, or for whose sake it is here; for
    relation "imported" without names the module itself is imported."""

    path: str
    relation: Relation
    tags: tuple[Tag, ...]
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a file. Lines count from 0, `end_line` is exclusive. `why` in a few words. `telling`: it has to do
    with the code at the cursor for a better reason than that it looks alike."""

    path: str
    start_line: int
    end_line: int
    text: str
    why: str
    score: float
    telling: bool = False


Key: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A definition that may be shown. `worth` is comparable within one question; `tokens` without the file's header."""

    path: str
    tag: Tag
    worth: float
    tokens: int
    why: str

    @property
    def key(self) -> Key:
        return self.path, self.tag.parent, self.tag.name


@dataclass(frozen=True, slots=True)
class Facts:
    """`types`: what the expression before the dot is an instance of, its bases included. `ranked`: the definitions of
    `files` that are worth a line, best first: `choose.candidates` makes them, off the event loop."""

    files: tuple[FileFacts, ...] = ()
    types: frozenset[str] = frozenset()
    passages: tuple[Passage, ...] = ()
    hidden: Mapping[str, str] = field(default_factory=dict)
    """Names that stand for others: local names of imports, by what they are called where they are defined."""
    ranked: tuple[Candidate, ...] = ()


NO_FACTS = Facts()
