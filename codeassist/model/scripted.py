"""A model that answers from a script, for tests and for trying editors without an engine. It speaks `Model`.

`script.py` describes the language of scripts. Stop strings and `max_tokens` work as in an engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NoReturn

from codeassist.model.api import (
    Alternative,
    ChatRequest,
    Chunk,
    CompletionRequest,
    Finish,
    Request,
    ServedModel,
    Token,
    Usage,
)
from codeassist.model.errors import MalformedEvent, ModelError, ServerFailed, TruncatedStream, Unreachable
from codeassist.model.failures import error_for_status
from codeassist.model.script import Delay, End, Reply, Status, Step, Text, Trouble, parse_script

CONFIDENT_LOGPROB = -0.01
"""The log-probability of a token whose script names none."""

Answer = str | Callable[[Request], str]
Outcome = Literal["unread", "open", "finished", "closed", "failed"]


@dataclass(slots=True)
class Call:
    """One request that the model got, and what became of its stream.

    `outcome`: "unread" (no chunk was asked for yet), "open", "finished" (the reader has got the last piece of
    text), "closed" (the reader left early: an engine would have stopped), "failed" (a ModelError was raised).
    `text` is what the reader has been given so far.
    """

    request: Request
    outcome: Outcome = "unread"
    text: str = ""


class ScriptedModel:
    """Answers requests from `replies`.

    A string is a script; `!next` separates its replies. A callable is asked for the script of each request. A
    sequence holds one script or callable for each request, in order. Replies with `!when` answer by prompt,
    whatever the order. A request beyond the script is an AssertionError: a flow that asks more often than its
    test expects is a finding. `sleep` (seconds) is what `!delay` calls.
    """

    def __init__(
        self,
        replies: Answer | Sequence[Answer] = (),
        *,
        served: Sequence[ServedModel] = (ServedModel("scripted"),),
        count_tokens: Callable[[str], int] | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.calls: list[Call] = []
        self._always = replies if callable(replies) else None
        self._replies: list[Reply | Callable[[Request], str]] = []
        if not callable(replies):
            for answer in [replies] if isinstance(replies, str) else replies:
                self._replies += [answer] if callable(answer) else parse_script(answer)
        self._served = tuple(served)
        self._count_tokens = count_tokens
        self._sleep = sleep
        self._closed = False

    @property
    def requests(self) -> list[Request]:
        """All requests so far, in order."""
        return [call.request for call in self.calls]

    def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        return self._stream(request)

    def chat(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        return self._stream(request)

    async def served(self) -> tuple[ServedModel, ...]:
        self._check_open()
        return self._served

    async def count_tokens(self, text: str) -> int | None:
        self._check_open()
        return None if self._count_tokens is None else self._count_tokens(text)

    async def aclose(self) -> None:
        self._closed = True

    def _stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        # Not a generator itself: a request counts when it is made, even if nobody reads the answer.
        call = Call(request)
        self.calls.append(call)
        return self._play(call, self._reply_to(request))

    def _reply_to(self, request: Request) -> Reply:
        prompt = _prompt_of(request)
        if self._always is not None:
            return parse_script(self._always(request))[0]
        for reply in self._replies:
            if isinstance(reply, Reply) and reply.when is not None and reply.when in prompt:
                return reply
        for at, reply in enumerate(self._replies):
            if not isinstance(reply, Reply):
                del self._replies[at]
                return parse_script(reply(request))[0]
            if reply.when is None:
                if not reply.repeat:
                    del self._replies[at]
                return reply
        raise AssertionError(
            f"the script has no reply for request {len(self.calls)}, whose prompt ends in {prompt[-80:]!r}"
        )

    async def _play(self, call: Call, reply: Reply) -> AsyncGenerator[Chunk, None]:
        call.outcome = "open"
        writer = _Writer(call.request)
        try:
            self._check_open()
            for step in reply.steps:
                chunk = await self._take(step, writer)
                if writer.finish is not None:
                    break
                if chunk is not None:
                    call.text += chunk.text
                    yield chunk
            last = writer.last_chunk()
            call.text += last.text
            call.outcome = "finished"
            yield last
            yield Chunk(usage=writer.usage())  # By itself and last, as vLLM sends it.
        except ModelError:
            call.outcome = "failed"
            raise
        finally:
            if call.outcome == "open":
                call.outcome = "closed"

    async def _take(self, step: Step, writer: _Writer) -> Chunk | None:
        await asyncio.sleep(0)  # As with a socket, other tasks run between two chunks.
        if isinstance(step, Text):
            return writer.write(step)
        if isinstance(step, Delay):
            await self._sleep(step.seconds)
        elif isinstance(step, End):
            writer.finish = step.finish
        elif isinstance(step, Status):
            _fail_with_status(step.code, mid_stream=writer.generated > 0)
        else:
            await _suffer(step)
        return None

    def _check_open(self) -> None:
        if self._closed:
            raise Unreachable("The scripted model was closed; make a new one.")


class _Writer:
    """Turns scripted text into chunks as an engine does: stop strings are cut off, tokens counted."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._held = ""  # Text that may turn out to be the beginning of a stop string.
        self._held_tokens: tuple[Token, ...] = ()
        self.generated = 0
        self.finish: Finish | None = None

    def write(self, step: Text) -> Chunk | None:
        """The chunk that `step` gives, None if all of it is held back or the answer has ended."""
        self.generated += 1
        self._held += step.text
        self._held_tokens += self._tokens(step)
        stops = [at for at in map(self._held.find, self._request.stop) if at >= 0]
        if stops:
            self._held = self._held[: min(stops)]
            self.finish = "stop"
            return None
        if self.generated == self._request.max_tokens:
            self.finish = "length"
            return None
        free = len(self._held) - self._possible_stop_length()
        if free == 0:
            return None
        chunk = Chunk(self._held[:free], self._held_tokens)
        self._held, self._held_tokens = self._held[free:], ()
        return chunk

    def last_chunk(self) -> Chunk:
        """What is still held back, with the reason why the answer ends."""
        return Chunk(self._held, self._held_tokens, finish=self.finish or "stop")

    def usage(self) -> Usage:
        return Usage(prompt=-(-len(_prompt_of(self._request)) // 4), generated=self.generated)

    def _possible_stop_length(self) -> int:
        """The length of the longest end of the held text that is the beginning of a stop string."""
        lengths = (
            length
            for stop in self._request.stop
            for length in range(min(len(stop) - 1, len(self._held)), 0, -1)
            if self._held.endswith(stop[:length])
        )
        return max(lengths, default=0)

    def _tokens(self, step: Text) -> tuple[Token, ...]:
        wanted = self._request.logprobs
        if wanted is None:
            return ()
        alternatives = step.alternatives or (Alternative(step.text, CONFIDENT_LOGPROB),)
        best_first = sorted(alternatives, key=lambda alternative: -alternative.logprob)
        return (Token(alternatives[0].text, alternatives[0].logprob, tuple(best_first[:wanted])),)


def _prompt_of(request: Request) -> str:
    if isinstance(request, CompletionRequest):
        return request.prompt
    return "\n".join(message.content for message in request.messages)


def _fail_with_status(code: int, mid_stream: bool) -> NoReturn:
    if mid_stream:
        raise ServerFailed(f"The scripted model failed while it was answering ({code}); its script says why.")
    raise error_for_status(code, server="scripted", path="/v1", explanation="as its script says")


async def _suffer(trouble: Trouble) -> None:
    if trouble.kind == "hang":
        await asyncio.Event().wait()
    if trouble.kind == "unreachable":
        raise Unreachable("The scripted model is not there; its script says so.")
    if trouble.kind == "malformed":
        raise MalformedEvent("The scripted model does not speak the protocol; its script says so.")
    raise TruncatedStream("The scripted model closed the connection before the answer was finished.")
