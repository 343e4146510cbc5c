"""Chats of a review, and the second look at what came of them: a model that is asked again takes much of it back.

Asked for yes or no, the probability of the word says how sure the model is; where the server reports none, the model
says it itself. The chat is the one before with a turn more, so that an engine has nearly all of it in its cache.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from codeassist.flow.admission import Begun
from codeassist.flow.asking import read
from codeassist.flow.infill import Check
from codeassist.flow.trace import Trace
from codeassist.model.api import ChatRequest, Message, Priority, Token
from codeassist.post.answers import MOST_ANSWER_CHARACTERS, score_in, yes_probability
from codeassist.post.findings import Finding
from codeassist.post.surprise import Choice
from codeassist.prompt.chat import Turn
from codeassist.prompt.review import MOST_SCORE, SCORE_SCHEMA, VERDICT_SCHEMA, second_look

_LOOK_TOKENS = 24
_LOGPROBS = 20
_MOST_LOG_ODDS = 8.0
_SHOWN = ("quote", "line", "severity", "message")


async def answered(
    check: Check,
    turns: Sequence[Turn],
    schema: Mapping[str, Any],
    max_tokens: int,
    trace: Trace,
    logprobs: int | None = None,
) -> tuple[str, list[Token]]:
    """The answer to a chat of a review, with its tokens if log-probabilities were asked for; thoughts are not among
    them. Raises ModelError."""
    family = check.bound.family
    request = ChatRequest(
        messages=tuple(Message(turn.role, turn.content) for turn in turns),
        max_tokens=max_tokens,
        schema=schema,
        logprobs=logprobs,
        priority=Priority.REVIEW,
        lane="review",
        template_options=family.template_options,
        reasoning_effort=family.reasoning_effort,
    )

    async def work(begun: Begun) -> tuple[str, list[Token]]:
        text = ""
        tokens: list[Token] = []
        async with aclosing(read(check.bound.model.chat(request), trace, begun)) as chunks:
            async for chunk in chunks:
                text += chunk.text
                if chunk.text:  # Servers send the tokens of thoughts without a text.
                    tokens += chunk.tokens
                if len(text) > MOST_ANSWER_CHARACTERS:
                    break
        return text, tokens

    return await check.admission.background(work, check.bound.rule)


async def convincing(
    check: Check, turns: Sequence[Turn], found: Sequence[tuple[Finding, Mapping[str, Any]]], trace: Trace
) -> list[Finding]:
    """Those findings, each with its entry in the answer to `turns`, that the model still holds for mistakes when it is
    asked again, with how sure it is as their score. A model that cannot answer without thinking has thought already.
    Raises ModelError."""
    if check.settings.min_confidence <= 0 or check.bound.thinks:
        return [finding for finding, _ in found]

    async def one(finding: Finding, entry: Mapping[str, Any]) -> Finding | None:
        sure = await _confidence(check, turns, entry, trace)
        if sure is None or sure < check.settings.min_confidence:
            trace.drop("unconvincing")
            return None
        return replace(finding, score=_log_odds(sure))

    tasks = [asyncio.ensure_future(one(*each)) for each in found]
    try:
        looked = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return [finding for finding in looked if finding is not None]


async def _confidence(check: Check, turns: Sequence[Turn], entry: Mapping[str, Any], trace: Trace) -> float | None:
    """The probability that the finding is right, by the model; None if it does not say."""
    said = json.dumps({"findings": [{key: entry[key] for key in _SHOWN if key in entry}]}, ensure_ascii=False)
    family = check.bound.family
    if check.bound.abilities.logprobs != "no":
        asked = second_look(turns, said, family, answer="verdict")
        text, tokens = await answered(check, asked, VERDICT_SCHEMA, _LOOK_TOKENS, trace, _LOGPROBS)
        if tokens:
            return yes_probability(text, [_choice(token) for token in tokens])
    asked = second_look(turns, said, family, answer="score")
    text, _ = await answered(check, asked, SCORE_SCHEMA, _LOOK_TOKENS, trace)
    return score_in(text, MOST_SCORE)


def _choice(token: Token) -> Choice:
    return Choice(token.text, token.logprob, tuple((other.text, other.logprob) for other in token.top))


def _log_odds(probability: float) -> float:
    """How sure the model is in nats, as the infill check counts, so that the evidence of both adds up; not below 0."""
    bounded = min(max(probability, 0.5), 1 - math.exp(-_MOST_LOG_ODDS))
    return round(math.log(bounded / (1 - bounded)), 2)
