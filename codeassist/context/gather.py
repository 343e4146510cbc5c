"""All of a prompt's related code: definitions of the repository, then similar code, of the repository and of the other
open documents."""

from __future__ import annotations

from collections.abc import Sequence

from codeassist.context.choose import NOTHING_HELD, Held, choose, snippets_of
from codeassist.context.cursor import CursorView
from codeassist.context.facts import Facts, Passage
from codeassist.context.limits import ContextLimits
from codeassist.context.question import Question
from codeassist.context.related import OpenFile, Snippet, lines_set, related_budget, related_snippets, repeats
from codeassist.context.tokens import estimate_tokens

_SIMILAR_SHARE = 0.25
"""Of the related code's budget, kept for similar code where there is some."""
_LEAST_PASSAGE_TOKENS = 40


def gather(
    view: CursorView,
    question: Question | None,
    facts: Facts,
    others: Sequence[OpenFile],
    limits: ContextLimits,
    held: Held,
) -> tuple[tuple[Snippet, ...], Held]:
    """The snippets for the prompt at `view`, best first, and what is to be held for the next one."""
    if question is None:
        return related_snippets(view, others, limits), NOTHING_HELD
    budget = related_budget(view, limits)
    similar = bool(facts.passages or others)
    line = view.document.position_at(view.offset).line
    held = choose(facts.ranked, line, int(budget * (1 - _SIMILAR_SHARE * similar)), held)
    chosen = list(snippets_of(held.chosen, question.language))
    budget -= sum(snippet.tokens for snippet in chosen)
    known = {file.path for file in facts.files}
    nearby = lines_set(view.prefix + view.suffix)
    for snippet in related_snippets(view, [file for file in others if file.path not in known], limits, budget):
        chosen.append(snippet)
        budget -= snippet.tokens
    for passage in facts.passages:
        found = _snippet(passage, min(budget, limits.snippet_tokens))
        if found is None or any(_overlap(found, other) for other in chosen) or repeats(found, nearby):
            continue
        chosen.append(found)
        budget -= found.tokens
    return tuple(chosen), held


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
    for line in passage.text.splitlines(keepends=True):
        cost = estimate_tokens(line)
        if used + cost > budget:
            break
        used += cost
        kept.append(line)
    if used < _LEAST_PASSAGE_TOKENS + header and len(kept) < passage.end_line - passage.start_line:
        return None
    last = passage.start_line + len(kept)
    return Snippet(passage.path, passage.start_line, last, "".join(kept), passage.why, passage.score, used)
