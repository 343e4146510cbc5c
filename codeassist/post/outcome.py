"""What became of a suggestion, from the edits that follow it.

    watched = Watched.of(shown)
    watched = follow(watched, edits)      still open, or an Outcome

Few editors tell. Text that comes all at once was taken, keys one by one were typed, and other text at the cursor says
that the suggestion was wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from codeassist.post.cut import CLOSERS
from codeassist.post.inline import Inline
from codeassist.text.document import Offset
from codeassist.text.edits import Edit
from codeassist.text.lines import plain_ends

_CLOSED_BY_EDITORS = ")]}\"'`>"
Verdict = Literal["accepted", "partly", "typed", "typed-over", "rejected"]
"""`partly`: words or lines of it were taken, then something else was written. `typed`: the user wrote all of it."""
USEFUL: frozenset[Verdict] = frozenset({"accepted", "partly", "typed"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """`characters`: how many of the suggestion are in the document now because it was shown or typed."""

    verdict: Verdict
    characters: int


@dataclass(frozen=True, slots=True)
class Watched:
    """A suggestion that is open: `rest` is to stand in place of the characters from `start` to `end`. `taken` and
    `typed` characters of it are in the document already."""

    start: Offset
    end: Offset
    rest: str
    taken: int = 0
    typed: int = 0

    @classmethod
    def of(cls, shown: Inline) -> Watched:
        return cls(shown.span.start, shown.span.end, plain_ends(shown.text))

    def goes_on_as(self, shown: Inline) -> bool:
        """Whether `shown` is what is left of this one, but for brackets at its end that stand in the document now."""
        text = plain_ends(shown.text)
        same = self.start == shown.span.start and self.rest.startswith(text)
        return same and (text == self.rest or not self.rest[len(text) :].strip(CLOSERS + " \t\n"))


def follow(watched: Watched, edits: Sequence[Edit]) -> Watched | Outcome | None:
    """The suggestion after one change of its document, what became of it, or None if nobody can say.

    `edits` count in the text before the change.
    """
    moved = 0
    here: Edit | None = None
    for edit in edits:
        if edit.end < watched.start or (edit.end == watched.start and edit.start < edit.end):
            if edit.end == watched.start:
                return None  # Gone back, or the beginning of its line changed.
            moved += len(edit.text) - (edit.end - edit.start)
        elif edit.start <= watched.end:
            if here is not None or edit.start < watched.start:
                return None
            here = edit
    watched = replace(watched, start=Offset(watched.start + moved), end=Offset(watched.end + moved))
    if here is None:
        return watched
    here = Edit(Offset(here.start + moved), Offset(here.end + moved), here.text)
    return _at_it(watched, here) if here.start == watched.start and here.end <= watched.end else None


def _at_it(watched: Watched, edit: Edit) -> Watched | Outcome | None:
    text = plain_ends(edit.text)
    if not text:
        return None
    if text.rstrip() == watched.rest.rstrip() and text.strip():  # Some editors add a line end.
        over_closer = bool(watched.typed) and len(text) == 1 and text in _CLOSED_BY_EDITORS
        at_once = len(text) > 1 or watched.taken or (edit.end > edit.start and not over_closer)
        characters = watched.taken + watched.typed + len(text)
        return Outcome("accepted" if at_once else "typed", characters)
    if len(text) > 1 and text[0] == watched.rest[0] and not text[1:].strip(CLOSERS) and text[1] != watched.rest[1:2]:
        return _on(watched, 0, 1, len(text) - 1)  # The editor closed what was opened.
    closed = not watched.rest.strip(CLOSERS + " \t\n")
    if not closed and not text.strip(_CLOSED_BY_EDITORS) and text[0] != watched.rest[0] and edit.start == edit.end:
        return replace(watched, end=Offset(watched.end + len(edit.text)))  # The editor closes it in a second step.
    typed, line_end, indent = text.rpartition("\n")
    if typed.startswith("\n") and not text.strip() and watched.rest.startswith(typed):
        return _on(watched, 0, len(typed), len(line_end + indent))  # Enter, and the editor's bracket on the next line.
    if watched.rest.startswith(text):
        by_key = len(text) == 1 or not text.strip()  # A new line comes with its indentation.
        removed = edit.end - edit.start
        return _on(watched, 0 if by_key else len(text), len(text) if by_key else 0, -removed)
    if not text.strip() and not watched.taken:
        return None  # White space before anything else: nobody has said yet that it is wrong.
    return _over(watched)


def _on(watched: Watched, taken: int, typed: int, grown: int) -> Watched | Outcome:
    """The rest after so many characters of it; the text behind the cursor that it replaces has `grown`."""
    count = taken + typed
    rest = watched.rest[count:]
    if not rest:
        return Outcome("typed", watched.taken + watched.typed + count)
    start = Offset(watched.start + count)
    end = Offset(max(start, watched.end + count + grown))
    return Watched(start, end, rest, watched.taken + taken, watched.typed + typed)


def _over(watched: Watched) -> Outcome:
    if not watched.rest.strip(CLOSERS + " \t\n"):
        # All but what the editor has closed by itself, over which one steps without typing.
        return Outcome("accepted" if watched.taken else "typed", watched.taken + watched.typed)
    return Outcome("partly", watched.taken) if watched.taken else Outcome("typed-over", 0)
