"""Parts that all chat prompts share: turns, and code put between fences it cannot leave."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from codeassist.context.related import Snippet
from codeassist.prompt.guard import Marker, Text, one_line

_BACKTICKS = re.compile(r"`+")

Piece = Marker | Text


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a chat. A last turn of role "assistant" is to be continued by the model, not
    answered."""

    role: Literal["system", "user", "assistant"]
    content: str


def fence_for(texts: Iterable[str]) -> str:
    """Backticks, three at least and more than any run of them in `texts`, so that no line of theirs closes
    the fence."""
    longest = max((len(run) for text in texts for run in _BACKTICKS.findall(text)), default=0)
    return "`" * max(3, longest + 1)


def fenced(text: str, fence: str, title: str, language: str = "") -> tuple[Piece, ...]:
    """A titled code block. `title` may hold a path; it stays on its line."""
    body = text if text.endswith("\n") else text + "\n"
    return (Text(f"{one_line(title)}\n"), Marker(fence), Text(f"{language}\n{body}"), Marker(f"{fence}\n\n"))


def snippet_blocks(snippets: Iterable[Snippet], fence: str) -> tuple[Piece, ...]:
    """Related code, one titled block after the other."""
    return tuple(piece for snippet in snippets for piece in fenced(snippet.text, fence, f"File {snippet.path}:"))
