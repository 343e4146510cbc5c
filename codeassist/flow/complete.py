"""A completion, walked: snapshot -> prompt (see `prepare`) -> stream -> cut -> shown text."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from codeassist.context.cursor import CursorView
from codeassist.context.related import Snippet
from codeassist.flow.asking import Bound, read, whole_text
from codeassist.flow.prepare import Prepared, Snapshot, prepare_with_repository
from codeassist.flow.reading import Reading
from codeassist.flow.trace import Trace
from codeassist.model.api import ChatRequest, Chunk, CompletionRequest
from codeassist.model.errors import ModelError
from codeassist.post.confidence import Confidence
from codeassist.post.cut import Cut
from codeassist.post.inline import Inline, finish_inline
from codeassist.post.skip import Skip
from codeassist.post.soundness import is_sound
from codeassist.settings import CompletionSettings
from codeassist.syntax.tree import Syntax, reparse
from codeassist.text.document import Span
from codeassist.text.edits import Edit

_MOST_CHARACTERS_PER_TOKEN = 16
"""Of answers as a whole: the tokens of long indentations have as many, words fewer."""
_MUCH_TOO_LATE = 4
"""So many times the latency that is aimed at, not even a single line is waited for any more."""
_BY_HAND = 4
"""So many times longer than to what comes unasked an answer may grow that somebody asked for."""

Warm: TypeAlias = Literal["prompt", "engine", "whole"]
"""What is to be ready: see `warm`."""


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
    view, reading = prepared.view, Reading(prepared, settings.max_lines)
    try:
        with trace.stage("model"):
            sure = Confidence()
            least = snapshot.least_probability if snapshot.unasked else 0.0
            latest_ms = settings.latency_target_ms * (1 if snapshot.unasked else _BY_HAND)
            wanted = await _wanted(reading, bound, latest_ms, trace, on_text, sure, least)
            trace.confidence = sure.probability
    except ModelError as error:
        return _silent(Skip(error.reason, str(error)), trace, prepared)
    _learn(bound, prepared, trace)
    if sure.is_below(least):
        return _silent(Skip("unsure"), trace, prepared)
    syntax, pushed = snapshot.syntax if snapshot.parsed is None else await snapshot.parsed, reading.pushed
    with trace.stage("post"):
        if pushed is not None and _goes_above(wanted, view):
            shown = _nothing_left(wanted) or _finish_before(wanted, view, pushed, syntax)
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
    what: Warm = "engine",
) -> Skip | None:
    """Let the engine read what a completion at the cursor of `snapshot` would be asked with, and write one token: its
    cache has the prompt then. The reason if it could not; failures as in `complete`. "whole": only if the prompt begins
    with the document and has all of it before the cursor, so that it serves for any place; "prompt": only make it."""
    prepared = await prepare_with_repository(snapshot, bound.within(settings.latency_target_ms), settings, trace)
    if isinstance(prepared, Skip):
        return prepared
    if what == "whole" and (prepared.packed.snippets or len(prepared.packed.prefix) < snapshot.offset):
        return Skip("no-room")
    on_prepared(prepared)
    if what == "prompt":
        return None
    try:
        with trace.stage("model"):
            await whole_text(_stream(bound, replace(prepared.request, max_tokens=1)), trace)
    except ModelError as error:
        return Skip(error.reason, str(error))
    return None


async def _wanted(
    reading: Reading,
    bound: Bound,
    latest_ms: float,
    trace: Trace,
    on_text: Callable[[str], None],
    sure: Confidence,
    least: float,
) -> Cut:
    """Read the stream only as far as it is wanted; leaving the block closes it, and the engine stops. `sure` collects
    how sure the model is; once that is below `least`, nothing is wanted, nor is more after `latest_ms`. No more is read
    than was asked for: not every server keeps to that."""
    request = reading.prepared.request
    stream = _stream(bound, request)
    begun = time.perf_counter()
    most = request.max_tokens * _MOST_CHARACTERS_PER_TOKEN
    answer = ""
    tokens, finished = 0, False
    with reading.ready_in_time():
        async with (
            aclosing(read(stream, trace)) as chunks,
            aclosing(_in_time(chunks, lambda: begun + _seconds(latest_ms, reading) if answer else None)) as timely,
        ):
            async for chunk in timely:
                if not answer and chunk.text:
                    trace.add("first-token", (time.perf_counter() - begun) * 1000)
                    begun = time.perf_counter()
                answer = (answer + chunk.text)[:most]
                tokens += len(chunk.tokens) or bool(chunk.text)
                sure.add((token.text, token.logprob) for token in chunk.tokens)
                if sure.is_below(least):
                    break
                has_begun, cut = reading.heard(answer)
                if has_begun:
                    on_text(reading.text)
                if cut is not None:
                    return cut
                finished = finished or chunk.finish == "stop"
                if tokens > request.max_tokens or len(answer) == most:
                    break
    return reading.ended(answer, complete=finished)


def _seconds(latest_ms: float, reading: Reading) -> float:
    """How long the answer that has come so far may go on to grow."""
    return latest_ms / 1000 * (1 if "\n" in reading.text.strip() else _MUCH_TOO_LATE)


async def _in_time(
    chunks: AsyncGenerator[Chunk, None], latest: Callable[[], float | None]
) -> AsyncGenerator[Chunk, None]:
    """Pass `chunks` on until it is later than `latest` says after each of them, None for no limit: whether more comes
    or not. The clock is that of `perf_counter`."""
    import anyio

    while True:
        until = latest()
        left_s = math.inf if until is None else until - time.perf_counter()
        if left_s <= 0:
            return  # A server that sends without a pause never makes us wait.
        with anyio.move_on_after(left_s) as waiting:
            try:
                chunk = await anext(chunks)
            except StopAsyncIteration:
                return
        if waiting.cancelled_caught:
            return
        yield chunk


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


def _goes_above(wanted: Cut, view: CursorView) -> bool:
    """Whether an answer before all code of its line is lines of their own, and not the beginning of that one."""
    first = wanted.text.lstrip().partition("\n")[0].rstrip()
    whole = wanted.whole_lines or view.line_suffix[0].isspace()
    return whole and (first == view.line_suffix.strip() or not first.endswith(view.line_suffix.strip()))


def _finish_before(wanted: Cut, view: CursorView, pushed: CursorView, syntax: Syntax | None) -> Inline | Skip:
    """What comes before the code of the cursor's line, which may go on behind a blank: lines of their own, or, where
    the document is broken and would be sound with it, the beginning of that line."""
    if not wanted.whole_lines and syntax is not None and syntax.tree.root_node.has_error:
        begun = finish_inline(wanted.text, view, syntax, wanted.reason)
        if isinstance(begun, Inline) and is_sound(begun, syntax):
            return begun
    return _finish_above(wanted, view, pushed, syntax)


def _finish_above(wanted: Cut, view: CursorView, pushed: CursorView, syntax: Syntax | None) -> Inline | Skip:
    """Whole lines that come before the code of the cursor's line, with the line end that keeps them apart."""
    push = view.document.newline + view.line_prefix
    if syntax is not None:
        syntax = reparse(syntax, [Edit(view.offset, view.offset, push)], pushed.document)
    shown = finish_inline(wanted.text, pushed, syntax, wanted.reason, above=view.line_suffix)
    return shown if isinstance(shown, Skip) else Inline(shown.text + push, Span(view.offset, view.offset))


def _nothing_left(wanted: Cut) -> Skip | None:
    """The reason why all of the answer was cut away, if the cut knows it better than the empty text tells."""
    if wanted.text.strip():
        return None
    if wanted.reason == "thought":
        return Skip("markup")
    if wanted.reason == "suffix":
        return Skip("repeats-suffix")
    if wanted.reason == "prefix":
        return Skip("repeats-prefix")
    if wanted.reason == "line-end":
        return Skip("tears-line")
    return Skip("repetition") if wanted.reason == "repetition" else None


def _silent(skip: Skip, trace: Trace, prepared: Prepared | None = None) -> Completion:
    trace.skip, trace.detail = skip.reason, skip.detail
    return Completion(None, skip, prepared)
