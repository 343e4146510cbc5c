"""What a review in words is shown besides the code under review: who is called, who calls, in this file and others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codeassist.context.choose import NOTHING_HELD
from codeassist.context.cursor import cursor_view
from codeassist.context.gather import gather
from codeassist.context.limits import ContextLimits
from codeassist.context.neighbours import names_about, neighbours
from codeassist.context.question import question_about
from codeassist.context.related import OpenFile, Snippet
from codeassist.flow.prepare import Ask
from codeassist.flow.regions import Region
from codeassist.syntax.tree import Syntax

_LEAST_TOKENS = 96
"""With less room nothing is looked up."""
_OWN_SHARE = 0.5
"""Of the room, what the file itself may take."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where to look: the index of the workspace folder (`ask`, as for completions) and the other open documents. The
    text of the document itself is at hand anyway."""

    ask: Ask | None = None
    others: tuple[OpenFile, ...] = ()


ALONE = Surroundings()


async def snippets_about(
    syntax: Syntax, regions: Sequence[Region], path: str, surroundings: Surroundings, budget: int
) -> tuple[Snippet, ...]:
    """Code that helps to judge `regions` of a document, within `budget` tokens, best first."""
    if budget < _LEAST_TOKENS:
        return ()
    spans = [region.span for region in regions if region.name]
    if not spans:
        return ()
    names = names_about(syntax, spans)
    functions = [_called(region.name) for region in regions if region.name]
    own = neighbours(syntax, spans, functions, names, path, int(budget * _OWN_SHARE))
    budget -= sum(snippet.tokens for snippet in own)
    if surroundings.ask is None or budget < _LEAST_TOKENS:
        return own
    limits = ContextLimits(prompt_tokens=budget, prefix_share=0.0, suffix_share=0.0, related_share=1.0)
    view = cursor_view(syntax, spans[0].start, limits)
    question = question_about(view, path, names, functions[0])
    facts = await surroundings.ask(question)
    found, _ = gather(view, question, facts, surroundings.others, limits, NOTHING_HELD)
    return (*own, *found)


def _called(name: str) -> str:
    """The name that a call of a function holds, of `Cart.total#2`."""
    return name.rpartition(".")[2].partition("#")[0]
