"""Where the code stands that a model quotes, and what it would write in its place. Pure.

What a model says about places is not believed: its quote is searched in the lines that it was shown, white space and
the marks of those lines aside. Its line numbers decide only between several places that hold the same quote. What it
would write goes into the place of the quote and nowhere else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Literal, TypeAlias

from codeassist.text.document import Document, Offset, Span
from codeassist.text.edits import Edit

Lost: TypeAlias = Literal["no-such-quote", "quote-in-several-places"]
"""Why a quote has no place."""

_MOST_QUOTE_CHARACTERS = 2_000
_MOST_TOKENS = 400
_TOKEN = re.compile(r"\w+|[^\w\s]")
_NUMBER = re.compile(r"^[ \t]*\d+(?: [ +-] |[ \t]*[|:][ \t]?|[ \t]+)")
"""The head of a line as `prompt/review.py` numbers it, or as models number lines by themselves."""
_MARK = re.compile(r"^[ \t]*[+|>](?=[ \t])[ \t]?")
_FENCED = re.compile(r"```\w*\n(.*?)\n?```", re.DOTALL)
_MOST_NEW_LINES, _MOST_GROWTH_CHARACTERS = 40, 2_000
"""A fix is local: one that writes more than this beyond what it replaces is none."""


def find_quote(
    quote: str, document: Document, within: Span, *, lines: Collection[int] | None = None, near: int | None = None
) -> Span | Lost:
    """The place of `quote` inside `within`, in `lines` (from 0) if they are given.

    `near`: the line that the model named (from 0), which decides where there are several.
    """
    for form in _forms(quote):
        found = _places(form, document, within, lines)
        if len(found) == 1:
            return found[0]
        if found:
            here = [span for span in found if near is not None and _touches(document, span, near)]
            return here[0] if len(here) == 1 else "quote-in-several-places"
    return "no-such-quote"


def bare_code(text: str) -> str:
    """Text that a model copied from numbered lines, without the numbers and marks of those lines."""
    lines = text.split("\n")
    filled = [line for line in lines if line.strip()]
    for pattern in (_NUMBER, _MARK):
        if filled and all(pattern.match(line) for line in filled):
            return "\n".join(pattern.sub("", line, count=1) for line in lines)
    return text


def replacing(replacement: str, quote: str, span: Span, document: Document) -> Edit | None:
    """The edit that puts `replacement` into the place of a quote found at `span`; None if it is none to offer.

    It never reaches beyond `span`. Nothing, the same again, a whole new program and text with invisible or control
    characters are no fixes.
    """
    old = document.slice(span)
    text = bare_code(replacement) if bare_code(quote) != quote else replacement
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n").rstrip()
    if document.line(document.position_at(span.start).line)[: document.position_at(span.start).column].strip() == "":
        text = text.lstrip(" \t")  # The indentation stands before the quote already.
    if not text.strip() or text.split() == old.split():
        return None
    if text.count("\n") > old.count("\n") + _MOST_NEW_LINES or len(text) > len(old) + _MOST_GROWTH_CHARACTERS:
        return None
    if any(
        unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn")
        for character in text
        if character not in "\n\t"
    ):
        return None
    return Edit(span.start, span.end, text.replace("\n", document.newline))


def _forms(quote: str) -> Iterator[str]:
    """The quote as it is, and with what models put around code taken off, most literal first."""
    if len(quote) > _MOST_QUOTE_CHARACTERS:
        return
    seen: set[str] = set()
    inner = _unwrapped(quote)
    for form in (quote, inner, bare_code(inner), bare_code(bare_code(inner)), inner.replace("\\n", "\n")):
        if form.strip() and form not in seen:
            seen.add(form)
            yield form


def _unwrapped(quote: str) -> str:
    """What stands in a fence or between signs of code, if all of the quote does. Not by one expression: for a quote of
    nothing but such signs it would try all ways to part them."""
    bare = quote.strip()
    fenced = _FENCED.fullmatch(bare)
    if fenced:
        return fenced[1]
    marks = (len(bare) - len(bare.lstrip("`")), len(bare) - len(bare.rstrip("`")))
    return bare[min(marks) : len(bare) - min(marks)]


def _places(quote: str, document: Document, within: Span, lines: Collection[int] | None) -> list[Span]:
    tokens = _TOKEN.findall(quote)
    if not tokens or len(tokens) > _MOST_TOKENS:
        return []
    pattern = re.escape(tokens[0])
    for before, token in pairwise(tokens):
        # Two words need something between them; else white space is as anybody likes it.
        between = r"\s+" if before[-1].isalnum() and token[0].isalnum() else r"\s*"
        pattern += between + re.escape(token)
    head = r"(?<!\w)" if re.match(r"\w", tokens[0]) else ""
    tail = r"(?!\w)" if re.match(r"\w", tokens[-1]) else ""
    found = re.compile(head + pattern + tail).finditer(document.text, within.start, within.end)
    spans = (Span(Offset(match.start()), Offset(match.end())) for match in found)
    return [span for span in spans if lines is None or _stands_in(document, span, lines)]


def _stands_in(document: Document, span: Span, lines: Collection[int]) -> bool:
    place = document.range(span)
    return all(line in lines for line in range(place.start.line, place.end.line + 1))


def _touches(document: Document, span: Span, line: int) -> bool:
    place = document.range(span)
    return place.start.line <= line <= place.end.line
