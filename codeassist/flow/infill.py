"""The infill check: for each line of a region, what would the model write there, given everything before and after?

Needs only a fill-in-the-middle model that reports log-probabilities, even a very small one. The arithmetic and its
reasons are in post/surprise.py; here are the requests: about one for each line, and one more for each place where the
model's text and the file's part.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from codeassist.context.cursor import cursor_view
from codeassist.context.limits import ContextLimits
from codeassist.context.pack import Packed, pack
from codeassist.flow.admission import Admission, Begun
from codeassist.flow.asking import Bound, read
from codeassist.flow.off_loop import OffLoop, at_once
from codeassist.flow.trace import Trace
from codeassist.model.api import CompletionRequest, Priority, Token
from codeassist.post.findings import Finding
from codeassist.post.surprise import Choice, Divergence, Reading, advantage, walk
from codeassist.post.verdict import Looked, Verdict, told, verdict
from codeassist.prompt.fim import render_fim
from codeassist.settings import ReviewSettings
from codeassist.syntax.comments import code_of_line
from codeassist.syntax.statements import comments_and_strings, statements
from codeassist.syntax.tree import Syntax
from codeassist.text.document import Offset, Position, Span

ALTERNATIVES = 20
"""Reported alternatives per token; vLLM's default --max-logprobs allows no more."""
_LINE_TOKENS = 48
"""Longest line that the model may write, in tokens."""
_MOST_DIVERGENCES = 4
"""After so many differences the model would have written another program; the rest of the line says nothing."""
_SUFFIX_LINES = 40
_SUFFIX_FACTOR = 3
"""A check may see this much more code after the line than a completion: it has time."""
_SAYS_SOMETHING = re.compile(r"\w")
_VALUE = re.compile(r"\"[^\"]*\"|'[^']*'|[\w.]+")
NOTHING_BEFORE: Mapping[int, str] = MappingProxyType({})


class NoLogprobs(Exception):
    """The server sent tokens without log-probabilities."""


@dataclass(frozen=True, slots=True)
class Check:
    """What stays the same for all lines of one review."""

    syntax: Syntax
    path: str
    bound: Bound
    settings: ReviewSettings
    admission: Admission
    off_loop: OffLoop = at_once


async def _nobody(_finding: Finding) -> None:
    """Nobody waits for findings."""


async def check_lines(
    check: Check,
    region: Span,
    lines: Sequence[int],
    trace: Trace,
    sure: Callable[[Finding], Awaitable[None]] = _nobody,
    before: Mapping[int, str] = NOTHING_BEFORE,
) -> list[Finding]:
    """Findings for the statements of `region` that begin on `lines` (0-based), in all their lines; `sure` is told each
    as soon as nothing can speak against it. `before`: what stood in the place of some of them before they were edited.
    Raises ModelError, and NoLogprobs where there are none."""

    chosen = await check.off_loop(lambda: with_continuations(check.syntax, region, lines))
    alike = _alike(check.syntax, chosen)
    early: list[Finding] = []
    least = check.settings.min_score or check.bound.family.least_surprise(check.bound.name)

    async def one(line: int) -> Verdict | None:
        looked = await check.admission.background(
            lambda begun: _look_at(check, region, line, before.get(line), trace, begun), check.bound.rule
        )
        if looked is None:
            return None
        # Off the loop: it parses the document with each line that the model would rather write.
        found = await check.off_loop(lambda: verdict(check.syntax, looked, least))
        if found is not None and line not in alike:
            early.append(found.finding)
            await sure(found.finding)
        return found

    tasks = [asyncio.ensure_future(one(line)) for line in chosen]
    try:
        found = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    kept = told([verdict for verdict in found if verdict is not None])
    for finding in kept:
        if finding not in early:
            await sure(finding)
    return [each.finding for each in found if each is not None and (each.finding in kept or each.finding in early)]


def with_continuations(syntax: Syntax, region: Span, lines: Sequence[int]) -> list[int]:
    """`lines`, each followed by the other lines of its statement that say something: not those of texts and comments,
    nor those that only close."""
    document = syntax.document
    first = set(lines)
    ends: dict[int, int] = {}
    for statement in statements(syntax, region):
        begin, end = document.position_at(statement.start).line, document.position_at(statement.end).line
        if begin in first and end > begin:
            ends[begin] = max(end, ends.get(begin, end))
    if not ends:
        return list(lines)
    texts: set[int] = set()
    for span in comments_and_strings(syntax, region):
        start, last = document.position_at(span.start), document.position_at(span.end).line
        if last > start.line or not document.line(last)[: start.column].strip():  # Not a comment behind code.
            texts.update(range(start.line, last + 1))
    found: list[int] = []
    for line in lines:
        found.append(line)
        for number in range(line + 1, ends.get(line, line) + 1):
            if number in first:
                break  # A statement inside this one, of a function that is an argument.
            if number not in texts and _SAYS_SOMETHING.search(document.line(number)):
                found.append(number)
    return found


def lines_before(changed: Collection[int], removed: Iterable[tuple[int, Sequence[str]]]) -> dict[int, str]:
    """What stood in the place of the lines `changed`, by line (0-based). `removed`: the lines that are gone, as (line
    that they stood before, their texts)."""
    found: dict[int, str] = {}
    for at, texts in removed:
        for number, text in enumerate(texts, at):
            if number not in changed:
                break
            found[number] = text
    return found


def _alike(syntax: Syntax, lines: Sequence[int]) -> frozenset[int]:
    """Those of `lines` that look like another one but for names, numbers and texts: see `told`."""
    shapes: dict[str, list[int]] = {}
    for line in lines:
        shapes.setdefault(_VALUE.sub("_", syntax.document.line(line)).replace(" ", ""), []).append(line)
    return frozenset(line for same in shapes.values() if len(same) > 1 for line in same)


async def _look_at(
    check: Check, region: Span, number: int, before: str | None, trace: Trace, begun: Begun
) -> Looked | None:
    """How the model takes a line; None if there is no code in it."""
    document = check.syntax.document
    # A comment behind the code is no part of what the model is asked for, and no fix takes it away.
    line = code_of_line(check.syntax, number)
    if not line:
        return None
    # From the start of the line: its indentation and its first word are mostly one token together, and a model that
    # is given the one without the other is surprised by every line.
    offset = document.offset_at(Position(number, 0))
    model = _Rest(check, _without_line(check, region, offset), trace, begun)
    packed, now = model.packed, await model.reading(line)
    looked = Looked(offset, line, packed.prefix + packed.suffix, now)
    if before is not None and before.strip() and before.rstrip() != line:
        earlier = await model.reading(before.rstrip())
        looked = replace(looked, before=before.rstrip(), advantage=advantage(earlier, now))
    return looked


def _without_line(check: Check, region: Span, offset: Offset) -> Packed:
    """The prompt's content with the rest of the line at `offset` taken out: the model sees both sides, not the line.

    What follows ends with the region. The rest of the function is the best witness; what comes after it costs a
    prefill for each line, and small models copy from it.
    """
    cost = check.bound.cost
    limits = ContextLimits(
        prompt_tokens=check.bound.prompt_tokens(check.settings.prompt_tokens, _LINE_TOKENS),
        prefix_share=0.6,
        suffix_share=0.4,
        related_share=0.0,
        suffix_lines=_SUFFIX_LINES,
        suffix_tokens=cost.suffix_tokens * _SUFFIX_FACTOR,
    )
    view = cursor_view(check.syntax, offset, limits)
    packed = pack(view, (), limits, path=check.path)
    end = min(view.suffix_end, max(region.end, offset))
    return replace(packed, suffix=check.syntax.document.text[offset + len(view.line_suffix) : end].rstrip() + "\n")


@dataclass(frozen=True, slots=True)
class _Rest:
    """The model, asked for the rest of one line that was taken out of `packed`. `asked`: what it wrote after each
    beginning of the line, which is asked for once: the line and the one before it share more than the first."""

    check: Check
    packed: Packed
    trace: Trace
    begun: Begun
    asked: dict[str, list[Choice]] = field(default_factory=dict)

    async def reading(self, line: str) -> Reading:
        """How the model takes `line` in the place of the one that was taken out."""
        found: list[Divergence] = []
        forced: int | None = 0
        logprob = 0.0
        while forced is not None and len(found) < _MOST_DIVERGENCES:
            beginning = line[:forced]
            if beginning not in self.asked:
                self.asked[beginning] = await self._ask(beginning)
            step = walk(line, forced, self.asked[beginning])
            logprob += step.logprob
            if step.divergence is None:
                forced = None
                break
            found.append(step.divergence)
            forced = step.force
        return Reading(tuple(found), logprob, cut=forced is not None)

    async def _ask(self, beginning: str) -> list[Choice]:
        """The model's own continuation of `beginning` up to the end of the line, token by token."""
        family = self.check.bound.family
        rendered = render_fim(self.packed, family, middle=beginning)
        request = CompletionRequest(
            prompt=rendered.text,
            max_tokens=_LINE_TOKENS,
            stop_token_ids=rendered.stop_token_ids,
            logprobs=ALTERNATIVES,
            priority=Priority.REVIEW,
            lane="review",
        )
        choices: list[Choice] = []
        async with aclosing(read(self.check.bound.model.complete(request), self.trace, self.begun)) as chunks:
            async for chunk in chunks:
                if chunk.text and not chunk.tokens:
                    raise NoLogprobs
                choices += [_choice(token, family.control_tokens) for token in chunk.tokens]
                if choices and ("\n" in choices[-1].text or not choices[-1].text):
                    break
        return choices


def _choice(token: Token, control_tokens: Sequence[str]) -> Choice:
    """Servers show control tokens as their text or as nothing; both mean that the line ends here."""

    def plain(text: str) -> str:
        return "" if text in control_tokens else text

    top = tuple((plain(other.text), other.logprob) for other in token.top)
    return Choice(plain(token.text), token.logprob, top)
