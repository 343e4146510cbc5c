"""What the model is asked with: snapshot -> cursor window -> question to the repository -> related code -> prompt.

Most keys go on with a word. For these nothing is looked up again: the prompt is the one of the key before with what was
typed since, and so all of it up to there is in the engine's cache.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from codeassist.context.choose import NOTHING_HELD, Held
from codeassist.context.cursor import CursorView, cursor_view
from codeassist.context.facts import NO_FACTS, Facts
from codeassist.context.gather import gather
from codeassist.context.limits import ContextLimits
from codeassist.context.pack import Packed, pack
from codeassist.context.question import Question, question_at
from codeassist.context.related import OpenFile
from codeassist.flow.asking import Bound
from codeassist.flow.trace import Trace
from codeassist.model.api import ChatRequest, CompletionRequest, Message, Priority
from codeassist.post.quiet import place_at
from codeassist.post.skip import Skip
from codeassist.prompt.families import Family
from codeassist.prompt.fim import render_fim
from codeassist.prompt.holefill import STOP, render_holefill
from codeassist.settings import CompletionSettings
from codeassist.syntax.tree import Syntax
from codeassist.text.document import Document, Offset

_CHAT_OVERHEAD_TOKENS = 32
"""Room for the answer's tags and a line that the model may repeat before it, in tokens."""
_PREFIX_SHARE, _SUFFIX_SHARE, _RELATED_SHARE = 0.42, 0.13, 0.45
"""With an index there is more to be said of the repository than with the open documents alone."""

Ask: TypeAlias = Callable[[Question], Awaitable[Facts]]
"""Asks the index of the workspace folder, off the event loop; never raises but for cancellation."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is asked of the model, and what it was made from. `prompt` is for people and traces. `held`: for the next
    snapshot of the document. `limits` and `family`: what it was made for."""

    view: CursorView
    packed: Packed
    request: CompletionRequest | ChatRequest
    prompt: str
    limits: ContextLimits
    family: Family
    held: Held = NOTHING_HELD


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a completion depends on, taken before the first await. `others` are the other open documents.

    `ask`: None where there is no index. `held`: what the repository gave to the completion before, which stays in the
    prompt as long as it serves. `carried`: what the prompt of the key before was made from, with what was typed since,
    where that is enough. `priority`: in the engine's queue.
    `unasked`: nobody asked for it by hand, so it stays out of comments and strings, and silent where the model's first
    line is less probable than `least_probability`. `parsed`: where `syntax` is only moved, or not there because the
    prompt was carried, the parse, which comes while the engine works.
    """

    document: Document
    syntax: Syntax | None
    offset: Offset
    path: str
    repository: str = ""
    others: tuple[OpenFile, ...] = ()
    ask: Ask | None = None
    held: Held = NOTHING_HELD
    carried: Prepared | None = None
    priority: Priority = Priority.COMPLETION
    unasked: bool = False
    least_probability: float = 0.0
    parsed: Future[Syntax | None] | None = None


async def prepare_with_repository(
    snapshot: Snapshot, bound: Bound, settings: CompletionSettings, trace: Trace
) -> Prepared | Skip:
    """Context and prompt, without asking the model; the repository is asked."""
    if snapshot.carried is not None:
        return _again(snapshot, snapshot.carried, bound, settings, trace)
    view = _look(snapshot, bound, settings, trace)
    if isinstance(view, Skip) or snapshot.ask is None:
        return view if isinstance(view, Skip) else _prepared(snapshot, view, None, NO_FACTS, bound, settings, trace)
    with trace.stage("question"):
        question = question_at(view, snapshot.path)
    with trace.stage("repository"):
        facts = await snapshot.ask(question)
    return _prepared(snapshot, view, question, facts, bound, settings, trace)


def prepare(snapshot: Snapshot, bound: Bound, settings: CompletionSettings, trace: Trace) -> Prepared | Skip:
    """Context and prompt from the open documents alone. Pure but for the clock of `trace`."""
    view = _look(snapshot, bound, settings, trace)
    return view if isinstance(view, Skip) else _prepared(snapshot, view, None, NO_FACTS, bound, settings, trace)


def _limits(snapshot: Snapshot, bound: Bound, settings: CompletionSettings) -> ContextLimits:
    answer = bound.answer_tokens(settings.max_tokens) + _CHAT_OVERHEAD_TOKENS
    tokens = bound.prompt_tokens(settings.prompt_tokens, answer)
    limits = ContextLimits(prompt_tokens=tokens, suffix_tokens=bound.cost.suffix_tokens)
    if snapshot.ask is None:
        return limits
    return replace(limits, prefix_share=_PREFIX_SHARE, suffix_share=_SUFFIX_SHARE, related_share=_RELATED_SHARE)


def _look(snapshot: Snapshot, bound: Bound, settings: CompletionSettings, trace: Trace) -> CursorView | Skip:
    with trace.stage("context"):
        limits = _limits(snapshot, bound, settings)
        view = cursor_view(snapshot.syntax or snapshot.document, snapshot.offset, limits)
    if _is_mid_word(view):
        return Skip("mid-word")
    if snapshot.unasked and not settings.comments_and_strings:
        place = place_at(snapshot.syntax or snapshot.document, snapshot.offset)
        if place != "code":
            return Skip("in-comment") if place == "comment" else Skip("in-string")
    return view


def _prepared(
    snapshot: Snapshot,
    view: CursorView,
    question: Question | None,
    facts: Facts,
    bound: Bound,
    settings: CompletionSettings,
    trace: Trace,
) -> Prepared:
    limits = _limits(snapshot, bound, settings)
    with trace.stage("context"):
        snippets, held = gather(view, question, facts, snapshot.others, limits, snapshot.held)
        packed = pack(view, snippets, limits, path=snapshot.path)
    with trace.stage("prompt"):
        return _rendered(snapshot, packed, bound, settings, limits, held)


def _again(
    snapshot: Snapshot, carried: Prepared, bound: Bound, settings: CompletionSettings, trace: Trace
) -> Prepared | Skip:
    """The prompt from what the one before was made from."""
    if _is_mid_word(carried.view):
        return Skip("mid-word")
    with trace.stage("prompt"):
        return _rendered(snapshot, carried.packed, bound, settings, carried.limits, carried.held)


def _rendered(
    snapshot: Snapshot, packed: Packed, bound: Bound, settings: CompletionSettings, limits: ContextLimits, held: Held
) -> Prepared:
    family = bound.family
    max_tokens = bound.answer_tokens(settings.max_tokens)
    request: CompletionRequest | ChatRequest
    if family.kind == "fim":
        rendered = render_fim(packed, family, repo_name=snapshot.repository)
        prompt = rendered.text
        request = CompletionRequest(
            prompt=prompt,
            max_tokens=max_tokens,
            # Where the file spells control tokens out, so may the answer: those outside of strings are cut afterwards.
            stop=tuple(text for text in rendered.stop if text not in packed.prefix and text not in packed.suffix),
            stop_token_ids=rendered.stop_token_ids,
            priority=snapshot.priority,
            logprobs=1 if bound.abilities.logprobs == "yes" else None,
        )
    else:
        turns = render_holefill(packed, family)
        prompt = "\n\n".join(f"[{turn.role}]\n{turn.content}" for turn in turns)
        request = ChatRequest(
            messages=tuple(Message(turn.role, turn.content) for turn in turns),
            max_tokens=max_tokens + _CHAT_OVERHEAD_TOKENS,
            stop=STOP,
            priority=snapshot.priority,
            lane="completion",
            template_options=family.template_options,
            reasoning_effort=family.reasoning_effort,
        )
    return Prepared(packed.view, packed, request, prompt, limits, family, held)


def _is_mid_word(view: CursorView) -> bool:
    before, after = view.line_prefix[-1:], view.line_suffix[:1]
    return (before.isalnum() or before == "_") and (after.isalnum() or after == "_")
