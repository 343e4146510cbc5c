"""How an answer meets angle brackets that the editor has closed: those of generic types, `Vec<|>`, and those of tags,
`<div |></div>`. To everything else that reads brackets here these are signs of comparison.

    ways = meeting_angles(text, rest, line_prefix, language)     [(text, how much of the rest it replaces)]
"""

from __future__ import annotations

import re

_HAVE_GENERICS = frozenset({"rust", "java", "typescript", "tsx", "cpp", "csharp", "kotlin", "swift", "scala", "dart"})
_HAVE_TAGS = frozenset({"html", "tsx", "javascript", "php"})
_ARGUMENT_LIST = re.compile(r"[\w:]<(?:[^<>=;{}()]|[\w:]<(?:[^<>]|<[^<>]*>)*>|=>|->|\([^()]*\))*\Z")
"""What stands before the cursor in the list of a generic type: a bracket that hangs on a name."""
_OPEN_TAG = re.compile(r"<(?P<name>[A-Za-z][\w.:-]*)(?:\s(?:=>|[^<>])*)?\Z")
_TAG_END = re.compile(r"\s*/?>(?:\s*</[\w.:-]*>)?")
_ARROWS = ("-", "=")
_SIGNS = ";,) \t"


def meeting_angles(text: str, rest: str, line_prefix: str, language: str) -> list[tuple[str, int]]:
    """The ways in which `text` may go before a rest of the line that begins with the end of a list or a tag; none where
    it does not. Each is a text, and how many characters of `rest` it replaces."""
    if language in _HAVE_GENERICS and rest.startswith(">") and _ARGUMENT_LIST.search(line_prefix):
        return _meeting_list(text, rest)
    tag = _OPEN_TAG.search(line_prefix) if language in _HAVE_TAGS else None
    ends = _TAG_END.match(rest)
    return _meeting_tag(text, rest, ends[0], tag["name"]) if tag and ends else []


def _covers(text: str, rest: str) -> bool:
    """Whether `text` is `rest` with something between, `) -> int:` for `):`."""
    return _common(text, rest) + _common(text[::-1], rest[::-1]) >= len(rest)


def _meeting_list(text: str, rest: str) -> list[tuple[str, int]]:
    closes = _closes(text)
    if closes is None:
        return [(text, 0)]
    brought = len(text) - closes - len(text[closes:].lstrip(">"))
    count = min(brought, len(rest) - len(rest.lstrip(">")))
    behind, remaining = text[closes + count :], rest[count:]
    if not behind.strip() or behind == remaining:
        return [(text[:closes], 0)]
    if not remaining.strip():
        return [(text, count)]
    # It may go on to the end of the rest with something between, `> xs = new List<>();`, or before what closes more.
    between = [(text, len(rest)), (text, count)] if _covers(behind, remaining) else []
    return [*between, (text[:closes], 0)]


def _closes(text: str) -> int | None:
    """Where `text` closes the list that is open before it; None if it does not."""
    depth = 0
    for at, sign in enumerate(text):
        if sign == "<":
            depth += 1
        elif sign == ">" and not text[:at].endswith(_ARROWS):
            depth -= 1
            if depth < 0:
                return at
    return None


def _meeting_tag(text: str, rest: str, ends: str, name: str) -> list[tuple[str, int]]:
    """`ends`: what ends the tag at the beginning of `rest`, and its element if that is empty."""
    bare = text.rstrip(_SIGNS + "\n")
    first = _closes(bare)  # The sign that ends the tag itself.
    alone = first is not None and first == len(bare) - 1
    if bare.endswith(f"</{name}>") or (alone and bare.endswith("/>")):
        if bare.endswith(ends.lstrip()):
            return [(bare[: -len(ends.lstrip())].rstrip(), 0)]
        return [(bare if rest[len(ends) :].strip() else text.rstrip(), len(ends))]
    return [(bare[:-1].rstrip(), 0)] if alone else []


def _common(one: str, other: str) -> int:
    """How many characters the two begin with together."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
