"""The engine of a replay: a fake server with the speeds of a real one, which knows the text that is being typed."""

from __future__ import annotations

import asyncio
import math
import random
from dataclasses import dataclass
from typing import Any

from benchmarks.latency.replay_events import Recorder
from tests.fake_vllm import BLOCK_TOKENS, FakeVllm
from tests.fake_vllm_answers import Answer
from tests.fake_vllm_wire import Connection

SURE, UNSURE = -0.02, -1.2
"""Log-probabilities of a token that the engine knows, and of one that it guesses."""
ANSWER_LINES = 4
TAILS = (120, 60, 30, 15)
_SAME_CHARACTERS = 2
"""What is wrong begins as what is right does."""


@dataclass(frozen=True)
class Said:
    """`place`: characters of the goal before it, None for text that is not on the way to the goal. `right`: how many
    characters are what follows there. `sure`: whether the log-probabilities tell right from wrong."""

    text: str
    place: int | None
    right: int
    sure: bool = True

    @property
    def is_right(self) -> bool:
        return self.right == len(self.text)


class Oracle:
    """Knows the text that is being typed, and says it in a share of the lines (`right`).

    In a share of the lines (`misjudged`) it believes in what is wrong, and doubts what is right.
    """

    def __init__(self, right: float, misjudged: float = 0.0) -> None:
        self.right, self.misjudged = right, misjudged
        self.goal = ""

    def __call__(self, body: dict[str, Any]) -> str:
        return self.say(str(body["prompt"]).partition("<|fim_suffix|>")[0]).text

    def say(self, before: str) -> Said:
        """What it writes behind `before`."""
        # Of a short file other files stand before the beginning.
        tails = (before[-length:] for length in TAILS if len(before) >= length)
        at = next((self.goal.find(tail) + len(tail) for tail in tails if tail in self.goal), -1)
        if at < 0 and before and self.goal.startswith(before):
            at = len(before)
        if at < 0:
            return Said("other(value)\n", None, 0)
        rest, line = self.goal[at:], self.goal.count("\n", 0, at)
        sure = random.Random(f"sure {line} {len(self.goal)}").random() >= self.misjudged
        if random.Random(f"{line} {len(self.goal)}").random() < self.right:
            text = "\n".join(rest.split("\n")[:ANSWER_LINES])
            return Said(text, at, len(text), sure)
        same = rest[:_SAME_CHARACTERS]
        return Said(f"{same}_other(value)\n", at, len(same), sure)


class PacedVllm(FakeVllm):
    """Takes the time of a real engine: a step, what it has to read anew, and a while for each token; notes it.

    `oracle` is what it says; `start`: where in the oracle's goal the typed text begins, in characters. Both, and
    `recorder`, may be exchanged between blocks.
    """

    def __init__(
        self, oracle: Oracle, models: tuple[str, ...], step_s: float, tokens_per_s: float, token_s: float
    ) -> None:
        super().__init__(answer=oracle, models=models)
        self.oracle, self.start = oracle, 0
        self.step_s, self.tokens_per_s = step_s, tokens_per_s
        self.behaviour.token_delay_s = token_s
        self.recorder = Recorder()
        self._blocks: set[int] = set()
        self._number = 0

    async def __aenter__(self) -> PacedVllm:
        await super().__aenter__()
        return self

    async def _look_up(self, prompt: list[str]) -> int:
        """As the fake does, but in a time that does not grow with the requests before."""
        cached, before, hit = 0, 0, True
        for at in range(BLOCK_TOKENS, len(prompt) + 1, BLOCK_TOKENS):
            before = hash((before, *prompt[at - BLOCK_TOKENS : at]))
            hit = hit and before in self._blocks and at < len(prompt)
            cached = at if hit else cached
            self._blocks.add(before)
        self._count(prefix_queries=len(prompt), prefix_hits=cached)
        return cached

    async def _stream(self, connection: Connection, body: dict[str, Any], prompt: list[str]) -> bool:
        recorder, said = self.recorder, self.oracle.say(str(body["prompt"]).partition("<|fim_suffix|>")[0])
        self._number += 1
        request, limit = self._number, body.get("max_tokens", 16)
        cached = await self._look_up(prompt)
        place = None if said.place is None or said.place < self.start else said.place - self.start
        recorder.note("begun", request=request, prompt=len(prompt), cached=cached, place=place, limit=limit)
        answer = Answer(body, said.text)
        tokens: list[tuple[float, str]] = []
        generated, how = 1, "left"  # The first token comes with the step that reads the prompt.
        try:
            await asyncio.sleep(self.step_s + (len(prompt) - cached) / self.tokens_per_s)
            if not body.get("stream"):
                whole = answer.whole(len(prompt), cached)
                generated = whole["usage"]["completion_tokens"]
                await connection.send_json(whole, 200)
                how = "finished"
                return True
            await connection.start_stream()
            events, length = [*answer.events()], 0
            for number, event in enumerate(events):
                text = event["choices"][0]["text"]
                generated = number + 1
                judge(event, said, length)
                length += len(text)
                tokens.append((recorder.now(), text))
                await connection.send_event(event, 0)
                self._count(generated_tokens=1)
                if number + 1 < len(events):
                    generated += 1  # In flight, whether or not somebody waits for it.
                    await asyncio.sleep(self.behaviour.token_delay_s)
            if (body.get("stream_options") or {}).get("include_usage"):
                await connection.send_event(answer.usage_event(len(prompt), cached), 0)
            await connection.send(b"data: [DONE]\n\n")
            how = "finished"
            await connection.end_stream()
            return True
        finally:
            recorder.note("ended", request=request, generated=generated, tokens=tokens, how=how)

    def would(self, before: str) -> str:
        """Whether it would be "right" or "wrong" behind `before`."""
        return "right" if self.oracle.say(before).is_right else "wrong"


def judge(event: dict[str, Any], said: Said, offset: int) -> None:
    """Put log-probabilities into an event of a stream that has them: high where it is right, low where it is wrong.
    `offset`: characters of the text before it."""
    choice = event["choices"][0]
    if not choice.get("logprobs"):
        return
    right = offset + len(choice["text"]) <= said.right
    logprob = SURE if right == said.sure else UNSURE
    # What else could stand there shares what is left, less than the token itself has.
    other = min(logprob, math.log(1 - math.exp(logprob))) - 1
    tops = [
        {text: logprob if text == choice["text"] else other for text in top}
        for top in choice["logprobs"]["top_logprobs"]
    ]
    choice["logprobs"].update(token_logprobs=[logprob], top_logprobs=tops)
