"""What every flow needs of a model: which one, how it is prompted, and a reader that counts what it reads."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from codeassist.flow.trace import Trace
from codeassist.model.api import Chunk, Model, Usage
from codeassist.prompt.families import Family


@dataclass(frozen=True, slots=True)
class Cost:
    """How long prompts may be, in tokens, so that answers come in time: the whole prompt (mostly cached from one
    keystroke to the next), and the code after the cursor (read anew each time, since it comes after what was typed)."""

    prompt_tokens: int
    suffix_tokens: int


FAST = Cost(prompt_tokens=2048, suffix_tokens=256)
"""For a GPU server."""
SLOW = Cost(prompt_tokens=768, suffix_tokens=64)
"""For the embedded engine: two ordinary cores read about 150 tokens in a second."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A model as a flow gets it: the seam, its prompt family, its served name, and whether it may review in words.

    `parallel`: how many background requests it may be given at once; a small engine has one seat for them.
    """

    model: Model
    family: Family
    name: str
    can_review: bool = False
    parallel: int = 1
    cost: Cost = FAST


async def read(stream: AsyncGenerator[Chunk, None], trace: Trace) -> AsyncGenerator[Chunk, None]:
    """Pass the chunks of `stream` on; close it when we are closed; note its token counts in `trace`."""
    usage: Usage | None = None
    generated = 0
    try:
        async with aclosing(stream):
            async for chunk in stream:
                usage = chunk.usage or usage
                generated += len(chunk.tokens) or bool(chunk.text)
                yield chunk
    finally:
        trace.count(usage, generated)


async def whole_text(stream: AsyncGenerator[Chunk, None], trace: Trace) -> str:
    """The whole answer of a request, joined."""
    async with aclosing(read(stream, trace)) as chunks:
        return "".join([chunk.text async for chunk in chunks])
