"""A completion as an item of the editor's own menu: what it is called, what it is matched against, where it goes."""

from __future__ import annotations

import re

from lsprotocol import types

from codeassist.post.inline import Inline
from codeassist.post.reuse import typed_since
from codeassist.server.convert import range_of
from codeassist.text.document import Document, Offset
from codeassist.text.positions import Encoding
from codeassist.text.spans import Span

_LABEL_CHARACTERS = 60
_MOST_ADDED = 40
"""Characters; whoever writes more at once has left the menu behind, or holds down a key."""
_WORD = re.compile(r"[\w$]*$")
_HYPHENATED_WORD = re.compile(r"[\w$-]*$")
_HYPHENATED = frozenset({"bash", "css", "html", "markdown", "toml", "yaml"})


def menu_item(document: Document, shown: Inline, asked: Document, encoding: Encoding) -> types.CompletionItem:
    """An item that inserts all of `shown`, which fits `document`. The editor asked about `asked`, to which at most the
    word before the cursor was added since; it takes the places of an item for those of that text."""
    added = len(document.text) - len(asked.text)
    line = document.position_at(shown.span.start).line
    typed = document.text[document.line_start(line) : shown.span.start].lstrip()
    word = _typed_word(typed, document.language)
    start = Offset(shown.span.start - len(word))
    first, _, others = shown.text.partition("\n")
    second = others.strip().split("\n", 1)[0]
    whole = (word + first if first.strip() else f"{word} {second}").strip()
    label = whole if len(whole) <= _LABEL_CHARACTERS else whole[: _LABEL_CHARACTERS - 1] + "…"
    return types.CompletionItem(
        label=label,
        # Not a snippet: Helix takes such for templates whatever their format, and Sublime Text may leave them out.
        kind=types.CompletionItemKind.Text,
        detail="codeassist",
        documentation=types.MarkupContent(kind=types.MarkupKind.PlainText, value=typed + shown.text),
        insert_text_format=types.InsertTextFormat.PlainText,
        insert_text_mode=types.InsertTextMode.AsIs,  # Its lines are indented as they belong.
        text_edit=types.TextEdit(
            range=range_of(asked, Span(start, Offset(shown.span.end - added)), encoding), new_text=word + shown.text
        ),
        filter_text=whole,
        sort_text="\uffff",
        preselect=False,
    )


def word_added(asked: Document, at: Offset, latest: Document) -> str:
    """What was typed at the cursor of `asked`, if that is all that has changed and a word, or more of one: then an item
    for the text as it is now fits the menu that was asked for. Nothing otherwise."""
    end = Offset(at + len(latest.text) - len(asked.text))
    typed = typed_since(asked, at, latest, end) if at < end <= at + _MOST_ADDED else None
    return typed if typed is not None and re.fullmatch(r"\w+", typed) else ""


def _typed_word(line_prefix: str, language: str) -> str:
    """The word just before the cursor. Clients match an item against it, each with its own idea of a word, and eglot
    inserts the label before it makes the edit: so label, filter text and edit all begin with the longest of these."""
    match = (_HYPHENATED_WORD if language in _HYPHENATED else _WORD).search(line_prefix)
    return match.group(0) if match else ""
