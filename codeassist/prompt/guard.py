"""File text is data: nothing in it may reach the model as a control token.

A server turns the text `<|im_start|>` of a prompt into the control token, wherever it comes from. So every
such text inside a file, a path or a repository name is broken by one space after its first character, `<
|im_start|>`: the tokenizer no longer knows it, the model still reads nearly the same, and no invisible
character can come back in an answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from codeassist.prompt.families import Family
from codeassist.text.hygiene import printable

_BREAKS_LINES = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LONGEST_NAME = 240


@dataclass(frozen=True, slots=True)
class Marker:
    """A piece of the template, or words of our own: goes into the prompt as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of somebody's file: goes into the prompt defused."""

    text: str


def defuse(text: str, family: Family) -> str:
    """`text` without any control token of the family and without lone surrogates; harmless text comes back
    unchanged.

    This holds for `text` alone. Where texts and markers are put together, `assemble` also guards their seams.
    """
    return family.control.sub(r"\g<0> ", printable(text))


def broken_forms(code: str, family: Family) -> dict[str, str]:
    """The control tokens that `code` spells out, by the form in which they stand in a prompt; without those of which it
    has that form, too."""
    written = [token for token in family.control_tokens if token in code]
    return {broken: token for token in written if (broken := defuse(token, family)) not in code}


def restored(answer: str, broken: Mapping[str, str]) -> str:
    """`answer`, or what has come of it, with the control tokens that the model has read in their `broken_forms` as the
    file writes them."""
    for form, token in broken.items():
        answer = answer.replace(form, token)
    return answer


def holds_control(text: str, family: Family) -> bool:
    """Whether a tokenizer of the family would find a control token in `text`."""
    return family.control.search(text) is not None


def one_line(name: str) -> str:
    """A path or repository name that cannot end its own header line: line breaks and control characters
    become "?".

    Only the last 240 characters are kept.
    """
    return _BREAKS_LINES.sub("?", name[-_LONGEST_NAME:])


def assemble(pieces: Iterable[Marker | Text], family: Family) -> str:
    """Join the pieces of a prompt. The control tokens in the result are exactly those of the markers.

    The joined text is searched, not each piece, because two harmless pieces can meet to make a control token.
    """
    parts: list[str] = []
    starts: set[int] = set()
    length = 0
    for piece in pieces:
        if isinstance(piece, Marker):
            # The tokens that the template means are those a tokenizer finds in the marker alone.
            starts.update(length + match.start() for match in family.control.finditer(piece.text))
            part = piece.text
        else:
            part = printable(piece.text)
        parts.append(part)
        length += len(part)

    def broken(match: re.Match[str]) -> str:
        return match[0] if match.start() in starts else match[0] + " "

    return family.control.sub(broken, "".join(parts))
