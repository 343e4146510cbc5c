"""All of a prompt's related code: definitions of the repository, then similar code, of the repository and of the other
open documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from codeassist.context.choose import NOTHING_HELD, Held, choose, snippets_of
from codeassist.context.cursor import CursorView
from codeassist.context.facts import Facts, Passage
from codeassist.context.limits import ContextLimits
from codeassist.context.question import Question, cell_start
from codeassist.context.related import OpenFile, Snippet, lines_set, related_budget, related_snippets, repeats
from codeassist.context.tokens import estimate_tokens

_TELLING_SHARE, _LEAST_TELLING_BUDGET = 0.15, 600
"""Of the related code's budget, kept for calls, uses and recent edits where there are some; none of a small one."""
_DEFINITIONS_FIRST, _SIMILAR_SHARE = 300, 0.5
"""So many tokens belong to definitions; of those above, this share is kept for similar code. With little room similar
code makes a small model worse; with more it is often what the new code is made after."""
_LEAST_PASSAGE_TOKENS = 40
_MOST_EDITED, _AROUND_EDIT = 2, 5
"""Documents whose last edit is shown, and the lines before and after it."""


def gather(
    view: CursorView,
    question: Question | None,
    facts: Facts,
    others: Sequence[OpenFile],
    limits: ContextLimits,
    held: Held,
) -> tuple[tuple[Snippet, ...], Held]:
    """The snippets for the prompt at `view`, best first, and what is to be held for the next one.

    Of `others` those edited last come first.
    """
    if question is None:
        return related_snippets(view, others, limits), NOTHING_HELD
    budget = related_budget(view, limits)
    edited = [passage for file in others[:_MOST_EDITED] if (passage := _edited(file)) is not None]
    line = view.document.position_at(view.offset).line
    held = choose(facts.ranked, line, _for_definitions(budget, facts, edited, others), held)
    chosen = list(snippets_of(held.chosen, question.language))
    budget -= sum(snippet.tokens for snippet in chosen)
    known = {file.path for file in facts.files}
    nearby = _nearby(view)

    def add(passages: Iterable[Passage]) -> None:
        nonlocal budget
        for passage in passages:
            found = _snippet(passage, min(budget, limits.snippet_tokens))
            if found is None or any(_overlap(found, other) for other in chosen) or repeats(found, nearby):
                continue
            chosen.append(found)
            budget -= found.tokens

    add(edited)
    add(passage for passage in facts.passages if passage.telling)
    for snippet in related_snippets(view, [file for file in others if file.path not in known], limits, budget):
        if not any(_overlap(snippet, other) for other in chosen):
            chosen.append(snippet)
            budget -= snippet.tokens
    add(passage for passage in facts.passages if not passage.telling)
    return tuple(chosen), held


def _nearby(view: CursorView) -> frozenset[str]:
    """The lines of prefix and suffix. Those well above the cursor are remembered."""
    document, cut = view.document, cell_start(view)
    rest = document.text[cut : view.offset] + view.suffix
    return _lines_above(document.text[view.prefix_start : cut]) | lines_set(rest)


_lines_above = lru_cache(maxsize=32)(lines_set)


def _for_definitions(budget: int, facts: Facts, edited: Sequence[Passage], others: Sequence[OpenFile]) -> int:
    """What definitions may take of a budget of tokens."""
    kept = 0
    if (edited or any(passage.telling for passage in facts.passages)) and budget >= _LEAST_TELLING_BUDGET:
        kept += int(budget * _TELLING_SHARE)
    if others or any(not passage.telling for passage in facts.passages):
        kept += int(max(0, budget - _DEFINITIONS_FIRST) * _SIMILAR_SHARE)
    return budget - kept


def _edited(file: OpenFile) -> Passage | None:
    """The lines around the last edit of another document: what changed there is often what this one has to follow."""
    if file.edited_line is None:
        return None
    document = file.document
    first = max(0, file.edited_line - _AROUND_EDIT)
    end = min(document.line_count, file.edited_line + _AROUND_EDIT + 1)
    text = document.text[document.line_start(first) : document.line_start(end)]
    return Passage(file.path, first, end, text, "edited just now", 1.0, telling=True) if text.strip() else None


def _overlap(one: Snippet, other: Snippet) -> bool:
    if one.path != other.path:
        return False
    shown = other.ranges or ((other.start_line, other.end_line),)
    return any(start < one.end_line and one.start_line < end for start, end in shown)


def _snippet(passage: Passage, budget: int) -> Snippet | None:
    """As many whole lines of a passage as fit; None if that is hardly any."""
    header = estimate_tokens(passage.path) + 3
    kept: list[str] = []
    used = header
    lines = passage.text.splitlines(keepends=True)
    for line in lines:
        cost = estimate_tokens(line)
        if used + cost > budget:
            break
        used += cost
        kept.append(line)
    if used < _LEAST_PASSAGE_TOKENS + header and len(kept) < len(lines):
        return None
    last = passage.start_line + len(kept)
    return Snippet(passage.path, passage.start_line, last, "".join(kept), passage.why, passage.score, used)
