"""The infill check: for each line of a region, what would the model write there, given everything before and after?

Needs only a fill-in-the-middle model that reports log-probabilities, even a very small one. The arithmetic and its
reasons are in post/surprise.py; here are the requests: about one for each line, and one more for each place where the
model's text and the file's part.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from codeassist.context.cursor import cursor_view
from codeassist.context.limits import ContextLimits
from codeassist.context.pack import Packed, pack
from codeassist.flow.admission import Admission, Begun
from codeassist.flow.asking import Bound, read
from codeassist.flow.trace import Trace
from codeassist.model.api import CompletionRequest, Priority, Token
from codeassist.post.findings import Finding, clean_message, fix_parses
from codeassist.post.surprise import Change, Choice, Divergence, category_of, is_taste, smallest_change, walk
from codeassist.prompt.fim import render_fim
from codeassist.settings import ReviewSettings
from codeassist.syntax.comments import code_of_line
from codeassist.syntax.tree import Syntax
from codeassist.text.document import Offset, Position, Span
from codeassist.text.edits import Edit

ALTERNATIVES = 20
"""Reported alternatives per token; vLLM's default --max-logprobs allows no more."""
_LINE_TOKENS = 48
"""Longest line that the model may write, in tokens."""
_MOST_DIVERGENCES = 4
"""After so many differences the model would have written another program; the rest of the line says nothing."""
_SUFFIX_LINES = 40
_SUFFIX_FACTOR = 3
"""A check may see this much more code after the line than a completion: it has time."""
_WARNING_SCORE = 6.0
"""From this surprise on (nats) a finding is a warning, below it is information; see benchmarks/quality/planted.py."""


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


async def check_lines(
    check: Check, region: Span, lines: Sequence[int], trace: Trace, sure: Callable[[Finding], None] = lambda _: None
) -> list[Finding]:
    """Findings for `lines` (0-based) of `region`; `sure` is told each as soon as it is found. Raises ModelError, and
    NoLogprobs where there are none."""

    async def one(line: int) -> Finding | None:
        finding = await check.admission.background(
            lambda begun: _check_line(check, region, line, trace, begun), check.bound.rule
        )
        if finding is not None:
            sure(finding)
        return finding

    tasks = [asyncio.ensure_future(one(line)) for line in lines]
    try:
        found = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return [finding for finding in found if finding is not None]


async def _check_line(check: Check, region: Span, number: int, trace: Trace, begun: Begun) -> Finding | None:
    document = check.syntax.document
    # A comment behind the code is no part of what the model is asked for, and no fix takes it away.
    line = code_of_line(check.syntax, number)
    if not line:
        return None
    # From the start of the line: its indentation and its first word are mostly one token together, and a model that
    # is given the one without the other is surprised by every line.
    offset = document.offset_at(Position(number, 0))
    packed = _without_line(check, region, offset)
    divergences = await _divergences(check, packed, line, trace, begun)
    return _judge(check, offset, line, divergences)


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


async def _divergences(check: Check, packed: Packed, line: str, trace: Trace, begun: Begun) -> list[Divergence]:
    found: list[Divergence] = []
    forced: int | None = 0
    while forced is not None and len(found) < _MOST_DIVERGENCES:
        choices = await _line_of_model(check, packed, line[:forced], trace, begun)
        step = walk(line, forced, choices)
        if step.divergence is None:
            break
        found.append(step.divergence)
        forced = step.force
    return found


async def _line_of_model(check: Check, packed: Packed, forced: str, trace: Trace, begun: Begun) -> list[Choice]:
    """The model's own continuation of `forced` up to the end of the line, token by token."""
    family = check.bound.family
    rendered = render_fim(packed, family, middle=forced)
    request = CompletionRequest(
        prompt=rendered.text,
        max_tokens=_LINE_TOKENS,
        stop_token_ids=rendered.stop_token_ids,
        logprobs=ALTERNATIVES,
        priority=Priority.REVIEW,
        lane="review",
    )
    choices: list[Choice] = []
    async with aclosing(read(check.bound.model.complete(request), trace, begun)) as chunks:
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


def _judge(check: Check, offset: Offset, line: str, divergences: Sequence[Divergence]) -> Finding | None:
    """The finding of the line, if its most surprising place is surprising enough and the alternative makes sense."""
    alternatives = [
        (divergence, change)
        for divergence in divergences
        if divergence.score >= check.settings.min_score
        and (change := _sensible_change(check.syntax, offset, line, divergence)) is not None
    ]
    if not alternatives:
        return None
    score = max(divergence.score for divergence, _ in alternatives)
    # Where the model would have left the line at several places, the smallest change says best what is wrong.
    divergence, change = min(alternatives, key=lambda pair: len(pair[1].old) + len(pair[1].text))
    better = line[: divergence.position] + divergence.expected
    start, end = Offset(offset + change.start), Offset(offset + change.end)
    return Finding(
        span=_visible(start, end, offset, len(line)),
        severity="warning" if score >= _WARNING_SCORE else "info",
        category=category_of(change),
        message=clean_message(_message(change.old, change.text, better)),
        analyzer="infill",
        score=round(score, 2),
        fix=(Edit(start, end, change.text),),
        fix_title=clean_message(f"Replace with `{better}`"),
    )


def _sensible_change(syntax: Syntax, offset: Offset, line: str, divergence: Divergence) -> Change | None:
    """What the model would change in the line, unless that is taste, a neighbouring line, or no syntax."""
    if is_taste(line, divergence.position, divergence.expected, syntax.document.language):
        return None
    better = line[: divergence.position] + divergence.expected
    if not better.strip() or _is_elsewhere(better, syntax, offset):
        return None
    change = smallest_change(line, better)
    fix = (Edit(Offset(offset + change.start), Offset(offset + change.end), change.text),)
    return change if fix_parses(fix, syntax) else None


def _message(old: str, new: str, better: str) -> str:
    old, new = old.strip(), new.strip()
    if not old:
        return f"`{new}` seems to be missing: from the code around it, `{better}` is expected here."
    if not new:
        return f"`{old}` is unexpected: from the code around it, `{better}` is expected here."
    return f"`{old}` is unexpected: from the code around it, `{new}` is expected here, as in `{better}`."


def _is_elsewhere(better: str, syntax: Syntax, offset: Offset) -> bool:
    """Whether the alternative is just the next or previous line: the model would drop the line, not mend it."""
    document = syntax.document
    number = document.position_at(offset).line
    near = [n for n in (number - 1, number + 1, number + 2) if 0 <= n < document.line_count]
    return any(document.line(n).strip() == better.strip() for n in near)


def _visible(start: Offset, end: Offset, line_start: Offset, length: int) -> Span:
    """The changed code, widened by a character where there is none (a pure insertion), so that editors can mark it."""
    if end > start:
        return Span(start, end)
    if start > line_start:
        return Span(Offset(start - 1), start)
    return Span(start, Offset(min(start + 1, line_start + length)))
