"""What every flow needs of a model: which one, how it is prompted, and a reader that counts what it reads."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from codeassist.flow.admission import Begun, Rule
from codeassist.flow.speed import FAST, SLOW, Cost, Speed
from codeassist.flow.trace import Trace
from codeassist.model.abilities import Abilities
from codeassist.model.api import Chunk, Model, Usage
from codeassist.prompt.families import Family

SEATS = 4
"""Review requests of one editor at once on a server: `codeassist serve` counts on one completion and these for each
developer when it sizes the engine."""

MOST_TOKENS_UNSTOPPABLE = 48
"""Longest completion, in tokens, of a server that goes on writing after we have left."""

__all__ = ["FAST", "MOST_TOKENS_UNSTOPPABLE", "SEATS", "SLOW", "Bound", "Cost", "read", "whole_text"]

_LEAST_PROMPT_TOKENS = 64
_ESTIMATE = 0.85
"""Prompts are measured by an estimate, before any tokenizer sees them; this share of the room is safe."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A model as a flow gets it: the seam, its prompt family, its served name, and whether it may review in words.

    `parallel`: how many background requests it may be given at once; a small engine has one seat for them.
    `abilities`: what is known of its server now. `speed`: what was seen of its engine, shared by all that ask it.
    `scale`: our estimate of what is one token for its tokenizer. `thinks`: it cannot answer without thinking first, so
    that its answers need room for that.
    """

    model: Model
    family: Family
    name: str
    can_review: bool = False
    parallel: int = 1
    cost: Cost = FAST
    abilities: Abilities = field(default_factory=Abilities)
    speed: Speed | None = None
    scale: float = 1.0
    thinks: bool = False

    def within(self, target_ms: float) -> Bound:
        """This one, with prompts that the engine is seen to answer in that time; at most those of the context."""
        if self.speed is None:
            return self
        return replace(self, cost=self.speed.cost(target_ms), scale=self.speed.scale)

    @property
    def rule(self) -> Rule:
        """How reviews share this engine with completions."""
        return Rule(seats=self.parallel, give_way="while-read" if self.abilities.priority == "yes" else "always")

    def prompt_tokens(self, wanted: int, answer_tokens: int) -> int:
        """The longest prompt to make, in estimated tokens: `wanted` tokens by the settings, or what suits the engine if
        that is 0, as far as the model's context has room for it beside an answer of `answer_tokens`."""
        tokens = int((wanted or self.cost.prompt_tokens) * self.scale)
        most = self.abilities.max_model_tokens
        if most is None:
            return tokens
        return max(_LEAST_PROMPT_TOKENS, min(tokens, int((most - answer_tokens) * _ESTIMATE * min(1.0, self.scale))))

    def answer_tokens(self, wanted: int) -> int:
        """The longest completion to ask for, of the `wanted` length at most."""
        return min(wanted, MOST_TOKENS_UNSTOPPABLE) if self.abilities.cancel == "no" else wanted


async def read(
    stream: AsyncGenerator[Chunk, None], trace: Trace, begun: Begun | None = None
) -> AsyncGenerator[Chunk, None]:
    """Pass the chunks of `stream` on; close it when we are closed; note its token counts in `trace`.

    `begun` is called with the first piece of the answer.
    """
    usage: Usage | None = None
    generated = 0
    try:
        async with aclosing(stream):
            async for chunk in stream:
                usage = chunk.usage or usage
                generated += len(chunk.tokens) or bool(chunk.text)
                if begun is not None and generated:
                    begun()
                yield chunk
    finally:
        trace.count(usage, generated)


async def whole_text(stream: AsyncGenerator[Chunk, None], trace: Trace, begun: Begun | None = None) -> str:
    """The whole answer of a request, joined. `begun` as in `read`."""
    async with aclosing(read(stream, trace, begun)) as chunks:
        return "".join([chunk.text async for chunk in chunks])
