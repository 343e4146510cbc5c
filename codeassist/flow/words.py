"""Review in words: ask a chat model for findings in changed code, in a form that the server enforces, and look at each
of them a second time.

For models good enough to be asked; the catalogue says which. What the model says is not believed about places: it
quotes code, and the quote is searched in the lines that it was shown. Small functions share a request; where a server
says that a request is too long, it is halved.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codeassist.context.extracts import Stretch, shown_text, stretches
from codeassist.context.related import Snippet
from codeassist.context.tokens import estimate_tokens
from codeassist.flow.infill import Check
from codeassist.flow.regions import Region
from codeassist.flow.second_look import answered, convincing
from codeassist.flow.surroundings import ALONE, Surroundings, snippets_about
from codeassist.flow.trace import Trace
from codeassist.model.errors import PromptTooLong
from codeassist.post.answers import findings_in
from codeassist.post.entries import finding_of
from codeassist.post.findings import Finding
from codeassist.prompt.review import (
    FINDINGS_SCHEMA,
    MOST_FINDINGS,
    CodeLine,
    Extract,
    Mark,
    Material,
    review_turns,
)
from codeassist.syntax.outline import imports, outline

_ANSWER_TOKENS = 640
"""Enough for a few findings; small, so that pre-empting a review wastes little."""
_THOUGHT_TOKENS = 2_048
"""Room for the thoughts of models that cannot leave them."""
_PROMPT_FACTOR = 3
"""A review may read this much more than a completion: it has time."""
_TALK_TOKENS = 560
"""What the instructions take."""
_CODE_SHARE, _ABOVE_SHARE = 0.6, 0.08
_LEAST_CODE_TOKENS = 128
_MOST_EXTRACTS = 4
"""Stretches of code in one request; with more of them models overlook things."""


class UnreadableAnswer(Exception):
    """An answer is not the JSON that was asked for, though the server was to enforce it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a region, as one request shows it."""

    region: Region
    stretch: Stretch


@dataclass(slots=True)
class _Room:
    """What one request may hold, in estimated tokens; less once the server found one too long."""

    code: int
    above: int
    around: int

    def halve(self) -> None:
        """Half of the code, and nothing around it."""
        self.code, self.above, self.around = self.code // 2, 0, 0


async def review_in_words(
    check: Check,
    regions: Sequence[tuple[Region, Sequence[int]]],
    trace: Trace,
    take: Callable[[Sequence[Finding]], Awaitable[None]],
    surroundings: Surroundings = ALONE,
) -> None:
    """Review regions, each with its lines to look at (from 0); `take` is given the findings of each request, as far as
    their quotes are found and a second look does not speak against them.

    Raises ModelError, and UnreadableAnswer once all has been asked.
    """
    room = _room(check)
    waiting = _batches(_parts(check, regions, room.code), room.code)
    is_readable = True
    while waiting:
        batch = waiting.pop(0)
        try:
            await take(await _review(check, batch, room, trace, surroundings))
        except PromptTooLong:
            if room.code < 2 * _LEAST_CODE_TOKENS:
                raise
            room.halve()
            rest = [part for each in (batch, *waiting) for part in each]
            waiting = _batches(_cut_again(check, rest, room.code), room.code)
        except UnreadableAnswer:
            is_readable = False
    if not is_readable:
        raise UnreadableAnswer


def _room(check: Check) -> _Room:
    bound = check.bound
    wanted = check.settings.prompt_tokens or bound.cost.prompt_tokens * _PROMPT_FACTOR
    tokens = max(0, bound.prompt_tokens(wanted, _answer_tokens(check)) - _TALK_TOKENS)
    code = max(_LEAST_CODE_TOKENS, int(tokens * _CODE_SHARE))
    above = int(tokens * _ABOVE_SHARE)
    return _Room(code, above, max(0, tokens - code - above))


def _answer_tokens(check: Check) -> int:
    return _ANSWER_TOKENS + (_THOUGHT_TOKENS if check.bound.thinks else 0)


def _parts(check: Check, regions: Sequence[tuple[Region, Sequence[int]]], budget: int) -> list[Part]:
    document = check.syntax.document
    return [
        Part(region, stretch)
        for region, lines in regions
        for stretch in stretches(document, region.own, _wanted(region, lines), budget)
    ]


def _wanted(region: Region, lines: Sequence[int]) -> set[int]:
    """The lines to be shown at least: those that changed, or all that are to be looked at where nothing is known to
    have changed."""
    if not region.changed and not region.removed:
        return set(lines) or set(region.own)
    last = region.own[-1] if region.own else 0
    return {*region.changed, *(min(line, last) for line, _ in region.removed)}


def _cut_again(check: Check, parts: Sequence[Part], budget: int) -> list[Part]:
    """The same lines in stretches that are shorter."""
    document = check.syntax.document
    found: list[Part] = []
    for part in parts:
        inside = set(part.stretch.lines)
        wanted = _wanted(part.region, part.region.lines) & inside or inside
        found += [Part(part.region, each) for each in stretches(document, part.stretch.lines, wanted, budget)]
    return found


def _batches(parts: Sequence[Part], budget: int) -> list[list[Part]]:
    """Parts that go into one request, in their order."""
    found: list[list[Part]] = []
    room = 0
    for part in parts:
        if not found or part.stretch.tokens > room or len(found[-1]) == _MOST_EXTRACTS:
            found.append([])
            room = budget
        found[-1].append(part)
        room -= part.stretch.tokens
    return found


async def _review(
    check: Check, batch: Sequence[Part], room: _Room, trace: Trace, surroundings: Surroundings
) -> list[Finding]:
    """The findings of one request that hold."""
    snippets = await snippets_about(
        check.syntax, [part.region for part in batch], check.path, surroundings, room.around
    )
    turns = review_turns(
        _material(check, batch, room.above, snippets),
        check.bound.family,
        max_findings=min(check.settings.max_findings, MOST_FINDINGS),
        explain_in=check.settings.language or "English",
    )
    answer, _ = await answered(check, turns, FINDINGS_SCHEMA, _answer_tokens(check), trace)
    entries = findings_in(answer)
    if entries is None:
        raise UnreadableAnswer
    spans = [part.region.span for part in batch]
    lines = {line for part in batch for line in part.stretch.lines}
    found: list[tuple[Finding, Mapping[str, Any]]] = []
    for entry in entries[:MOST_FINDINGS]:
        finding = finding_of(entry, check.syntax.document, spans, lines)
        if isinstance(finding, Finding):
            found.append((finding, entry))
        else:
            trace.drop(finding)
    return await convincing(check, turns, found, trace)


def _material(check: Check, batch: Sequence[Part], above_tokens: int, snippets: tuple[Snippet, ...]) -> Material:
    document = check.syntax.document
    above = ""
    for span in imports(check.syntax):
        text = document.slice(span) + "\n"
        if estimate_tokens(above + text) > above_tokens:
            break
        above += text
    extracts = tuple(Extract(_lines(check, part), part.region.name, _inside(check, part.region)) for part in batch)
    return Material(check.path, document.language, extracts, above, snippets)


def _inside(check: Check, region: Region) -> tuple[str, ...]:
    """The signatures of what is around a function."""
    if not region.name:
        return ()
    return tuple(
        symbol.signature
        for symbol in outline(check.syntax)
        if symbol.span != region.span and symbol.span.start <= region.span.start and region.span.end <= symbol.span.end
    )


def _lines(check: Check, part: Part) -> tuple[CodeLine, ...]:
    """The lines of a part with their marks; where lines are left out stands an ellipsis."""
    document, region = check.syntax.document, part.region
    gone = dict(region.removed)
    found: list[CodeLine] = []
    before: int | None = None
    for line in part.stretch.lines:
        if before is not None and line > before + 1:
            found.append(CodeLine(None, " ", "…"))
        found += [CodeLine(None, "-", text) for text in gone.pop(line, ())]
        mark: Mark = "+" if line in region.changed else " "
        found.append(CodeLine(line + 1, mark, shown_text(document, line)))
        before = line
    if before is not None and region.own and before == region.own[-1]:
        found += [CodeLine(None, "-", text) for text in gone.pop(before + 1, ())]
    return tuple(found)
