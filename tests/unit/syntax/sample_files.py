"""Sample files: one small program per language, and what is to be found in it.

A file has the sections `code`, `outline` (kind and name, two blanks per level), `imports`, `scopes` (a piece
of the code, ` | `, the names around it), `statements` and `not code`. Blanks within an entry count as one.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from codeassist.syntax.languages import LANGUAGES
from codeassist.syntax.tree import Syntax, parse
from codeassist.text.document import Document

FOLDER = Path(__file__).parent / "samples"
NAMES = [language.name for language in LANGUAGES]

_HEADING = re.compile(r"^-- ([a-z ]+) --\n", re.MULTILINE)


@cache
def sample(name: str) -> dict[str, str]:
    """The sections of a sample by their headings."""
    parts = _HEADING.split((FOLDER / f"{name}.sample").read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def code(name: str) -> str:
    """The program, ending in one line end."""
    return sample(name)["code"].rstrip("\n") + "\n"


def entries(name: str, section: str) -> list[str]:
    """The lines of a section."""
    return sample(name)[section].rstrip("\n").splitlines()


def parsed(text: str, language: str) -> Syntax:
    """A text that is known to parse."""
    syntax = parse(Document.create(f"file:///sample.{language}", text, language))
    assert syntax is not None
    return syntax


def one_line(text: str) -> str:
    """With every run of blanks and line ends as one blank."""
    return " ".join(text.split())
