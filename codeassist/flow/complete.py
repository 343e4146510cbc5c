"""A completion, walked: snapshot -> cursor window -> related code -> prompt -> stream -> cut -> shown text."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from codeassist.context.cursor import CursorView, cursor_view
from codeassist.context.limits import ContextLimits
from codeassist.context.pack import Packed, pack
from codeassist.context.related import OpenFile, Snippet, related_snippets
from codeassist.flow.asking import Bound, read
from codeassist.flow.trace import Trace
from codeassist.model.api import ChatRequest, Chunk, CompletionRequest, Message, Priority
from codeassist.model.errors import ModelError
from codeassist.post.cut import Cut, Shape, find_cut, finish_cut
from codeassist.post.inline import Inline, finish_inline
from codeassist.post.skip import Skip
from codeassist.prompt.fim import render_fim
from codeassist.prompt.holefill import OPEN, STOP, extract_completion, render_holefill
from codeassist.settings import CompletionSettings
from codeassist.syntax.tree import Syntax
from codeassist.text.document import Document, Offset

_CHAT_OVERHEAD_TOKENS = 32
"""Room for the answer's tags and a line that the model may repeat before it, in tokens."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a completion depends on, taken before the first await. `others` are the other open documents."""

    document: Document
    syntax: Syntax | None
    offset: Offset
    path: str
    repository: str = ""
    others: tuple[OpenFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is asked of the model, and what it was made from. `prompt` is for people and traces."""

    view: CursorView
    packed: Packed
    request: CompletionRequest | ChatRequest
    prompt: str


@dataclass(frozen=True, slots=True)
class Completion:
    """The answer: one item or a reason for none. `prepared` is None if the model was not going to be asked."""

    item: Inline | None
    skip: Skip | None
    prepared: Prepared | None = None

    @property
    def snippets(self) -> Sequence[Snippet]:
        return self.prepared.packed.snippets if self.prepared else ()


async def complete(snapshot: Snapshot, bound: Bound, settings: CompletionSettings, trace: Trace) -> Completion:
    """Ask `bound` for the text at the cursor of `snapshot`. Model failures become a Skip; cancellation passes."""
    prepared = prepare(snapshot, bound, settings, trace)
    if isinstance(prepared, Skip):
        return _silent(prepared, trace)
    view = prepared.view
    shape = Shape(
        view.line_prefix,
        view.line_suffix,
        view.suffix,
        view.block_start,
        settings.max_lines,
        snapshot.document.language,
    )
    try:
        with trace.stage("model"):
            wanted = await _wanted(prepared, bound, shape, settings, trace)
    except ModelError as error:
        return _silent(Skip(error.reason, str(error)), trace, prepared)
    with trace.stage("post"):
        shown = _nothing_left(wanted) or finish_inline(wanted.text, view, snapshot.syntax)
    if isinstance(shown, Skip):
        return _silent(shown, trace, prepared)
    return Completion(shown, None, prepared)


def prepare(snapshot: Snapshot, bound: Bound, settings: CompletionSettings, trace: Trace) -> Prepared | Skip:
    """Context and prompt, without asking. Pure but for the clock of `trace`."""
    family = bound.family
    max_tokens = bound.answer_tokens(settings.max_tokens)
    limits = ContextLimits(
        prompt_tokens=bound.prompt_tokens(settings.prompt_tokens, max_tokens + _CHAT_OVERHEAD_TOKENS),
        suffix_tokens=bound.cost.suffix_tokens,
    )
    with trace.stage("context"):
        view = cursor_view(snapshot.syntax or snapshot.document, snapshot.offset, limits)
        if _is_mid_word(view):
            return Skip("mid-word")
        snippets = related_snippets(view, snapshot.others, limits)
        packed = pack(view, snippets, limits, path=snapshot.path)
    with trace.stage("prompt"):
        if family.kind == "fim":
            rendered = render_fim(packed, family, repo_name=snapshot.repository)
            request = CompletionRequest(
                prompt=rendered.text,
                max_tokens=max_tokens,
                stop=rendered.stop,
                stop_token_ids=rendered.stop_token_ids,
            )
            return Prepared(view, packed, request, rendered.text)
        turns = render_holefill(packed, family)
        chat = ChatRequest(
            messages=tuple(Message(turn.role, turn.content) for turn in turns),
            max_tokens=max_tokens + _CHAT_OVERHEAD_TOKENS,
            stop=STOP,
            priority=Priority.COMPLETION,
            lane="completion",
            template_options=family.template_options,
            reasoning_effort=family.reasoning_effort,
        )
        return Prepared(view, packed, chat, "\n\n".join(f"[{turn.role}]\n{turn.content}" for turn in turns))


async def _wanted(prepared: Prepared, bound: Bound, shape: Shape, settings: CompletionSettings, trace: Trace) -> Cut:
    """Read the stream only as far as it is wanted; leaving the block closes it, and the engine stops."""
    request = prepared.request
    chat = isinstance(request, ChatRequest)
    stream: AsyncGenerator[Chunk, None]
    stream = bound.model.chat(request) if isinstance(request, ChatRequest) else bound.model.complete(request)
    begun = time.perf_counter()
    answer = text = ""
    finished = False
    async with aclosing(read(stream, trace)) as chunks:
        async for chunk in chunks:
            if not answer and chunk.text:
                trace.add("first-token", (time.perf_counter() - begun) * 1000)
                begun = time.perf_counter()
            answer += chunk.text
            if chat:
                text = extract_completion(answer, shape.line_prefix)
                # Before its tag a model may still be talking about what it will write.
                begun_answer = bound.family.prefill or OPEN in answer
            else:
                text, begun_answer = answer, True
            cut = find_cut(text, shape) if begun_answer else None
            if cut is not None:
                return cut
            finished = finished or chunk.finish == "stop"
            late = (time.perf_counter() - begun) * 1000 > settings.latency_target_ms
            if late and "\n" in text.strip():
                break
    return finish_cut(text, shape, complete=finished)


def _nothing_left(wanted: Cut) -> Skip | None:
    """The reason why all of the answer was cut away, if the cut knows it better than the empty text tells."""
    if wanted.text.strip():
        return None
    if wanted.reason == "suffix":
        return Skip("repeats-suffix")
    return Skip("repetition") if wanted.reason == "repetition" else None


def _is_mid_word(view: CursorView) -> bool:
    before, after = view.line_prefix[-1:], view.line_suffix[:1]
    return (before.isalnum() or before == "_") and (after.isalnum() or after == "_")


def _silent(skip: Skip, trace: Trace, prepared: Prepared | None = None) -> Completion:
    trace.skip, trace.detail = skip.reason, skip.detail
    return Completion(None, skip, prepared)
