"""Fit the view and the snippets into the budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from codeassist.context.cursor import CursorView, prefix_window
from codeassist.context.limits import ContextLimits
from codeassist.context.related import Snippet
from codeassist.text.lines import with_line_feeds

__all__ = ["ContextLimits", "Packed", "pack"]


@dataclass(frozen=True, slots=True)
class Packed:
    """What goes into a prompt.

    `snippets` are in the order that `gather` holds from prompt to prompt, or the engine would read them anew. `prefix`
    is everything of the current file that goes before the cursor, the head included; `suffix` what goes after it.
    `tokens` is the estimate of all of it, markers of the template excluded.
    """

    path: str
    language: str
    snippets: tuple[Snippet, ...]
    prefix: str
    suffix: str
    view: CursorView
    tokens: int


def pack(view: CursorView, snippets: Sequence[Snippet], limits: ContextLimits, path: str = "") -> Packed:
    """Fit `view` and `snippets` into `limits`.

    Snippets keep their order; those that do not fit are left out. The prefix keeps its share and gets
    what snippets and suffix leave. `path` is what the prompt calls the file, by default the last part of its
    URI.
    """
    most = limits.prompt_tokens - view.suffix_tokens
    room = max(0, most - min(view.prefix_tokens, int(limits.prompt_tokens * limits.prefix_share)))
    chosen: list[Snippet] = []
    for snippet in snippets:
        if snippet.tokens <= room:
            chosen.append(snippet)
            room -= snippet.tokens
    related_tokens = sum(snippet.tokens for snippet in chosen)
    head, start, prefix_tokens = view.head, view.prefix_start, view.prefix_tokens
    if prefix_tokens > most - related_tokens:
        start, head, prefix_tokens = prefix_window(
            view.document,
            view.offset,
            most - related_tokens,
            limits,
            scopes=view.scopes,
            imports=view.imports,
        )
    return Packed(
        path=path or unquote(view.document.uri.rstrip("/").rsplit("/", 1)[-1]),
        language=view.document.language,
        snippets=tuple(chosen),
        prefix=head + with_line_feeds(view.document.text[start : view.offset]),
        suffix=view.suffix,
        view=view,
        tokens=prefix_tokens + view.suffix_tokens + related_tokens,
    )
