"""Why a line that the model would write in another way is nevertheless all right.

Much of what a model would write differently is taste, or comes from what it does not see. Each rule here is general,
and each is a word that tests and traces can name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from codeassist.post.change import Change, lexemes
from codeassist.post.meaning import same_meaning
from codeassist.syntax.languages import line_comment
from codeassist.syntax.tree import Syntax, parses_as_well, reparse
from codeassist.text.document import Offset, Span
from codeassist.text.edits import Edit

Taste: TypeAlias = Literal[
    "no-line", "other-block", "neighbour", "goes-on", "no-syntax", "same-meaning", "message", "unseen-name", "own-name"
]
"""Why there is nothing to tell:

- no-line: the model would leave the line out, or write a comment;
- other-block: it would go on in another block, with another line;
- neighbour: it would go on with a line that stands right above or below;
- goes-on: it would break the line where code has to go on, and nobody knows how;
- no-syntax: what it would write does not parse;
- same-meaning: it would say the same in another form;
- message: it would tell people something else, in a text of several words;
- unseen-name: the name that stands here comes from a part of the file that the model did not see;
- own-name: it would give something new a name of its own.
"""

_HAS_TO_GO_ON = re.compile(r"(?:[:{(\[,=\\]|[=-]>|&&|\|\|)$")
_NEAR = (-2, -1, 1, 2)
_NAME = re.compile(r"[^\W\d]\w*$")
_WORDS = re.compile(r"[^\W\d_]{2,}\s+[^\W\d_]{2,}")
_ASSIGNED = re.compile(r"\s*(?:=(?![=>])|:=)")


@dataclass(frozen=True)
class _Place:
    """A line that begins at `start` of a document, a better one, and the change between them. `seen`: what the model
    saw of the file, without the line."""

    syntax: Syntax
    start: Offset
    line: str
    better: str
    change: Change
    seen: str

    @property
    def edit(self) -> Edit:
        return Edit(Offset(self.start + self.change.start), Offset(self.start + self.change.end), self.change.text)

    @cached_property
    def changed(self) -> Syntax:
        document = self.syntax.document
        return reparse(self.syntax, [self.edit], document.replace([self.edit], document.version))


def taste(syntax: Syntax, start: Offset, line: str, better: str, change: Change, seen: str) -> Taste | None:
    """Why `better` instead of `line`, which begins at `start`, is no finding; None if it may be one.

    `change` leads from `line` to `better`. `seen`: what the model saw of the file, without the line.
    """
    place = _Place(syntax, start, line, better, change, seen)
    return next((name for name, holds in _RULES if holds(place)), None)


def _is_no_line(place: _Place) -> bool:
    marker = line_comment(place.syntax.document.language)
    code = place.better.strip()
    return not code or bool(marker and code.startswith(marker))


def _is_other_block(place: _Place) -> bool:
    return _indentation(place.line) != _indentation(place.better)


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _is_near(place: _Place) -> bool:
    """Whether the alternative is just a line above or below: the model would drop the line, not mend it.

    With its indentation: `return False` below a block is no reason not to expect it inside.
    """
    document = place.syntax.document
    number = document.position_at(place.start).line
    near = [number + step for step in _NEAR if 0 <= number + step < document.line_count]
    return any(document.line(n).rstrip() == place.better.rstrip() for n in near)


def _goes_on(place: _Place) -> bool:
    """Whether the alternative is the beginning of the line, which the model would end in the next one."""
    better = place.better.rstrip()
    return place.line.startswith(better) and bool(_HAS_TO_GO_ON.search(better))


def _is_message(place: _Place) -> bool:
    """Whether only texts differ that are made for people to read."""
    old, new = lexemes(place.change.old), lexemes(place.change.text)
    texts = [lexeme for lexeme in (*old, *new) if lexeme[0] in "\"'`"]
    return 0 < len(texts) == len(old) + len(new) and any(_WORDS.search(text) for text in texts)


def _is_unseen(place: _Place) -> bool:
    """Whether a name stands here that the file has elsewhere, where the model did not see it."""
    old, _new = _one_name(place.change)
    text = place.syntax.document.text
    return old is not None and not _count(place.seen, old) and _count(text, old) > _count(place.line, old)


def _is_own_name(place: _Place) -> bool:
    """Whether what differs is the name that the line gives to something."""
    _old, new = _one_name(place.change)
    return new is not None and bool(_ASSIGNED.match(place.line, place.change.end)) and not _count(place.seen, new)


def _one_name(change: Change) -> tuple[str | None, str | None]:
    """The names, where the change puts one in the place of another."""
    old, new = lexemes(change.old), lexemes(change.text)
    if len(old) == len(new) == 1 and _NAME.match(old[0]) and _NAME.match(new[0]):
        return old[0], new[0]
    return None, None


def _count(text: str, name: str) -> int:
    return len(re.findall(rf"\b{re.escape(name)}\b", text))


def _is_same(place: _Place) -> bool:
    document = place.syntax.document
    if place.changed.document.text == document.text:
        return True
    here = Span(place.start, Offset(place.start + len(place.line)))
    there = Span(place.start, Offset(place.start + len(place.better)))
    return same_meaning(place.syntax, here, place.changed, there)


_RULES: tuple[tuple[Taste, Callable[[_Place], bool]], ...] = (
    ("no-line", _is_no_line),
    ("other-block", _is_other_block),
    ("neighbour", _is_near),
    ("goes-on", _goes_on),
    ("message", _is_message),
    ("unseen-name", _is_unseen),
    ("own-name", _is_own_name),
    ("no-syntax", lambda place: not parses_as_well(place.syntax, place.changed)),
    ("same-meaning", _is_same),
)
"""In order of what they cost: the last ones parse."""
