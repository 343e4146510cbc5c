"""A completion, walked: snapshot -> cursor window -> related code -> prompt -> stream -> cut -> shown text."""

from __future__ import annotations

import time
from asyncio import Future
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TypeAlias

from codeassist.context.choose import NOTHING_HELD, Held
from codeassist.context.cursor import CursorView, above_code, cursor_view
from codeassist.context.facts import NO_FACTS, Facts
from codeassist.context.gather import gather
from codeassist.context.limits import ContextLimits
from codeassist.context.pack import Packed, pack
from codeassist.context.question import Question, question_at
from codeassist.context.related import OpenFile, Snippet
from codeassist.flow.asking import Bound, read, whole_text
from codeassist.flow.trace import Trace
from codeassist.model.api import ChatRequest, Chunk, CompletionRequest, Message, Priority
from codeassist.model.errors import ModelError
from codeassist.post.confidence import Confidence
from codeassist.post.cut import Cut, Shape, find_cut, finish_cut
from codeassist.post.foreign import is_thought, without_foreign
from codeassist.post.inline import Inline, finish_inline
from codeassist.post.quiet import place_at
from codeassist.post.shape import shape_of
from codeassist.post.skip import Skip
from codeassist.prompt.fim import render_fim
from codeassist.prompt.holefill import OPEN, STOP, extract_completion, render_holefill
from codeassist.settings import CompletionSettings
from codeassist.syntax.tree import Syntax, reparse
from codeassist.text.document import Document, Offset, Span
from codeassist.text.edits import Edit

_CHAT_OVERHEAD_TOKENS = 32
"""Room for the answer's tags and a line that the model may repeat before it, in tokens."""
_PREFIX_SHARE, _SUFFIX_SHARE, _RELATED_SHARE = 0.42, 0.13, 0.45
"""With an index there is more to be said of the repository than with the open documents alone."""


Ask: TypeAlias = Callable[[Question], Awaitable[Facts]]
"""Asks the index of the workspace folder, off the event loop; never raises but for cancellation."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a completion depends on, taken before the first await. `others` are the other open documents.

    `ask`: None where there is no index. `held`: what the repository gave to the completion before, which stays in the
    prompt as long as it serves. `priority`: in the engine's queue.
    `unasked`: nobody asked for it by hand, so it stays out of comments and strings, and silent where the model's first
    line is less probable than `least_probability`. `parsed`: where `syntax` is only moved, its parse, which comes while
    the engine works.
    """

    document: Document
    syntax: Syntax | None
    offset: Offset
    path: str
    repository: str = ""
    others: tuple[OpenFile, ...] = ()
    ask: Ask | None = None
    held: Held = NOTHING_HELD
    priority: Priority = Priority.COMPLETION
    unasked: bool = False
    least_probability: float = 0.0
    parsed: Future[Syntax] | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is asked of the model, and what it was made from. `prompt` is for people and traces. `held`: for the next
    snapshot of the document."""

    view: CursorView
    packed: Packed
    request: CompletionRequest | ChatRequest
    prompt: str
    held: Held = NOTHING_HELD


@dataclass(frozen=True, slots=True)
class Completion:
    """The answer: one item or a reason for none. `prepared` is None if the model was not going to be asked."""

    item: Inline | None
    skip: Skip | None
    prepared: Prepared | None = None

    @property
    def snippets(self) -> Sequence[Snippet]:
        return self.prepared.packed.snippets if self.prepared else ()


async def complete(
    snapshot: Snapshot,
    bound: Bound,
    settings: CompletionSettings,
    trace: Trace,
    on_prepared: Callable[[Prepared], None] = lambda _: None,
    on_text: Callable[[str], None] = lambda _: None,
    go_ahead: Callable[[], Awaitable[None]] | None = None,
) -> Completion:
    """Ask `bound` for the text at the cursor of `snapshot`. Model failures become a Skip; cancellation passes.

    `on_prepared` is told what is asked, before it is; `on_text` all of the answer so far, each time that it grows.
    `go_ahead`: what is waited for between making the prompt and asking.
    """
    bound = bound.within(settings.latency_target_ms)
    prepared = await prepare_with_repository(snapshot, bound, settings, trace)
    if isinstance(prepared, Skip):
        return _silent(prepared, trace)
    if go_ahead is not None:
        await go_ahead()
    on_prepared(prepared)
    view = prepared.view
    pushed = above_code(view, _limits(snapshot, bound, settings))
    shape = shape_of(pushed or view, settings.max_lines)
    try:
        with trace.stage("model"):
            sure = Confidence()
            least = snapshot.least_probability if snapshot.unasked else 0.0
            wanted = await _wanted(prepared, bound, shape, settings, trace, on_text, sure, least)
            trace.confidence = sure.probability
    except ModelError as error:
        return _silent(Skip(error.reason, str(error)), trace, prepared)
    _learn(bound, prepared, trace)
    if sure.is_below(least):
        return _silent(Skip("unsure"), trace, prepared)
    syntax = snapshot.syntax if snapshot.parsed is None else await snapshot.parsed
    with trace.stage("post"):
        if pushed is not None and (wanted.whole_lines or view.line_suffix[0].isspace()):
            shown = _nothing_left(wanted) or _finish_above(wanted, view, pushed, syntax)
        else:
            shown = _nothing_left(wanted) or finish_inline(wanted.text, view, syntax, wanted.reason)
    if isinstance(shown, Skip):
        return _silent(shown, trace, prepared)
    return Completion(replace(shown, probability=trace.confidence), None, prepared)


async def warm(
    snapshot: Snapshot,
    bound: Bound,
    settings: CompletionSettings,
    trace: Trace,
    on_prepared: Callable[[Prepared], None] = lambda _: None,
    *,
    whole: bool = False,
) -> Skip | None:
    """Let the engine read what a completion at the cursor of `snapshot` would be asked with, and write one token: its
    cache has the prompt then. The reason if it could not; failures as in `complete`. `whole`: only if the prompt has
    all of the document before the cursor."""
    prepared = await prepare_with_repository(snapshot, bound.within(settings.latency_target_ms), settings, trace)
    if isinstance(prepared, Skip):
        return prepared
    if whole and len(prepared.packed.prefix) < snapshot.offset:
        return Skip("no-room")
    on_prepared(prepared)
    try:
        with trace.stage("model"):
            await whole_text(_stream(bound, replace(prepared.request, max_tokens=1)), trace)
    except ModelError as error:
        return Skip(error.reason, str(error))
    return None


async def prepare_with_repository(
    snapshot: Snapshot, bound: Bound, settings: CompletionSettings, trace: Trace
) -> Prepared | Skip:
    """Context and prompt, without asking the model; the repository is asked."""
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
    family = bound.family
    max_tokens = bound.answer_tokens(settings.max_tokens)
    limits = _limits(snapshot, bound, settings)
    with trace.stage("context"):
        snippets, held = gather(view, question, facts, snapshot.others, limits, snapshot.held)
        packed = pack(view, snippets, limits, path=snapshot.path)
    with trace.stage("prompt"):
        if family.kind == "fim":
            rendered = render_fim(packed, family, repo_name=snapshot.repository)
            request = CompletionRequest(
                prompt=rendered.text,
                max_tokens=max_tokens,
                stop=rendered.stop,
                stop_token_ids=rendered.stop_token_ids,
                priority=snapshot.priority,
                logprobs=1 if bound.abilities.logprobs == "yes" else None,
            )
            return Prepared(view, packed, request, rendered.text, held)
        turns = render_holefill(packed, family)
        chat = ChatRequest(
            messages=tuple(Message(turn.role, turn.content) for turn in turns),
            max_tokens=max_tokens + _CHAT_OVERHEAD_TOKENS,
            stop=STOP,
            priority=snapshot.priority,
            lane="completion",
            template_options=family.template_options,
            reasoning_effort=family.reasoning_effort,
        )
        return Prepared(view, packed, chat, "\n\n".join(f"[{turn.role}]\n{turn.content}" for turn in turns), held)


async def _wanted(
    prepared: Prepared,
    bound: Bound,
    shape: Shape,
    settings: CompletionSettings,
    trace: Trace,
    on_text: Callable[[str], None],
    sure: Confidence,
    least: float,
) -> Cut:
    """Read the stream only as far as it is wanted; leaving the block closes it, and the engine stops. `sure` collects
    how sure the model is; once that is below `least`, nothing is wanted."""
    request = prepared.request
    chat = isinstance(request, ChatRequest)
    stream = _stream(bound, request)
    begun = time.perf_counter()
    answer = text = ""
    finished = False
    async with aclosing(read(stream, trace)) as chunks:
        async for chunk in chunks:
            if not answer and chunk.text:
                trace.add("first-token", (time.perf_counter() - begun) * 1000)
                begun = time.perf_counter()
            answer += chunk.text
            sure.add((token.text, token.logprob) for token in chunk.tokens)
            if sure.is_below(least):
                break
            if chat:
                text = extract_completion(answer, shape.line_prefix)
                # Before its tag a model may still be talking about what it will write.
                begun_answer = bound.family.prefill or OPEN in answer
            else:
                text, begun_answer = answer, True
            code = without_foreign(text, shape.language)
            text = code.text
            if begun_answer:
                on_text(text)
            cut = find_cut(text, shape) if begun_answer else None
            if cut is None and begun_answer and code.over:
                cut = finish_cut(text, shape, complete=True)
            if cut is not None:
                return cut
            finished = finished or chunk.finish == "stop"
            late = (time.perf_counter() - begun) * 1000 > settings.latency_target_ms
            if late and "\n" in text.strip():
                break
    if is_thought(answer):
        return Cut("", "thought")
    return finish_cut(text, shape, complete=finished)


def _stream(bound: Bound, request: CompletionRequest | ChatRequest) -> AsyncGenerator[Chunk, None]:
    return bound.model.chat(request) if isinstance(request, ChatRequest) else bound.model.complete(request)


def _learn(bound: Bound, prepared: Prepared, trace: Trace) -> None:
    """Note how long the prompt was for the engine, and how fast it read it, where it says how much it had to read."""
    first_ms = trace.stages.get("first-token")
    if bound.speed is None or trace.requests != 1:
        return
    if isinstance(prepared.request, CompletionRequest):  # A chat has instructions, too, of a fixed length.
        bound.speed.count(prepared.packed.tokens, trace.prompt_tokens)
    if first_ms is None or trace.cached_tokens is None:
        return
    read_tokens = trace.prompt_tokens - trace.cached_tokens
    bound.speed.note(read_tokens, first_ms, trace.generated_tokens, trace.stages.get("model", first_ms) - first_ms)


def _finish_above(wanted: Cut, view: CursorView, pushed: CursorView, syntax: Syntax | None) -> Inline | Skip:
    """Whole lines that come before the code of the cursor's line, with the line end that keeps them apart."""
    push = view.document.newline + view.line_prefix
    if syntax is not None:
        syntax = reparse(syntax, [Edit(view.offset, view.offset, push)], pushed.document)
    shown = finish_inline(wanted.text, pushed, syntax, wanted.reason)
    return shown if isinstance(shown, Skip) else Inline(shown.text + push, Span(view.offset, view.offset))


def _nothing_left(wanted: Cut) -> Skip | None:
    """The reason why all of the answer was cut away, if the cut knows it better than the empty text tells."""
    if wanted.text.strip():
        return None
    if wanted.reason == "thought":
        return Skip("markup")
    if wanted.reason == "suffix":
        return Skip("repeats-suffix")
    return Skip("repetition") if wanted.reason == "repetition" else None


def _is_mid_word(view: CursorView) -> bool:
    before, after = view.line_prefix[-1:], view.line_suffix[:1]
    return (before.isalnum() or before == "_") and (after.isalnum() or after == "_")


def _silent(skip: Skip, trace: Trace, prepared: Prepared | None = None) -> Completion:
    trace.skip, trace.detail = skip.reason, skip.detail
    return Completion(None, skip, prepared)
