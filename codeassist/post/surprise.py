"""The arithmetic of the infill check: how much does a line of the file surprise a model that sees both its sides?

The model writes the line greedily, reporting the likeliest tokens at each step. As long as its text agrees with
the file, nothing is surprising. Where they part, the *gap* is the log-probability of the model's token minus that
of the file's token, in nats. The file's text is then forced and the model goes on from there, so that one early
difference of taste does not hide a late bug. Needs generated-token log-probabilities only, which every
OpenAI-compatible server can report, and reuses the server's prompt cache from step to step.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_CONFIDENCE_WEIGHT = 0.5
"""How much the improbability of the model's own rest of the line counts against the gap."""
_MOST_GAP = 8.0
"""A larger gap says no more: it is where the model would have written another program, not where one is wrong."""
_UNLISTED_MARGIN = 1.0
"""A token beyond the reported ones is at least as unlikely as the least of them; this much more is assumed, in nats."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One step of the model: the token it chose and the likeliest alternatives (text, log-probability in nats).

    Control tokens (end of text, end of middle) have the text "".
    """

    text: str
    logprob: float
    top: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where the model leaves the file's line: `position` in characters of the line, what it would write from there
    to the end of the line, the `gap` in nats, and the summed log-probability of its own rest (`confidence`, <= 0).
    `bounded` is True where the file's token was not among the reported ones, so that the gap is a lower bound."""

    position: int
    expected: str
    gap: float
    confidence: float
    bounded: bool = False

    @property
    def score(self) -> float:
        """Surprise in nats: the gap, less what the model's own alternative lacks in certainty."""
        return min(self.gap, _MOST_GAP) + _CONFIDENCE_WEIGHT * self.confidence


@dataclass(frozen=True, slots=True)
class Step:
    """Result of one walk: the divergence met, if any, how many characters of the line to force next (None: the walk is
    over), and the log-probability of the file's text that was walked over."""

    divergence: Divergence | None
    force: int | None
    logprob: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """A line, read to its end: where the model would have left it, and its log-probability. `cut`: not to its end,
    because the model would have left it too often; it is less likely than `logprob` then."""

    divergences: tuple[Divergence, ...]
    logprob: float
    cut: bool = False


def advantage(before: Reading, now: Reading) -> float:
    """How much likelier (nats) than the line that stands here the one is that it replaced: never too much."""
    return float("-inf") if before.cut else min(before.logprob - now.logprob, _MOST_GAP)


def walk(line: str, forced: int, choices: Sequence[Choice]) -> Step:
    """Compare the model's tokens with `line` from character `forced` on, up to the first that differs.

    `line` is without its line end; reaching a line break or a control token counts as ending the line.
    """
    ending = line + "\n"
    position, walked = forced, 0.0
    for number, choice in enumerate(choices):
        if position >= len(line):
            break
        if choice.text and _agrees(choice.text, ending, position):
            position += len(choice.text)
            walked += choice.logprob
            continue
        listed = [(text, logprob) for text, logprob in choice.top if text and _agrees(text, ending, position)]
        if listed:
            written, logprob = max(listed, key=lambda item: item[1])
            bounded = False
        else:
            written = _next_lexeme(line, position)
            logprob = min((p for _, p in choice.top), default=choice.logprob) - _UNLISTED_MARGIN
            bounded = True
        expected, confidence = _rest_of_line(choices[number:])
        found = Divergence(position, expected, choice.logprob - logprob, confidence, bounded)
        after = position + max(1, len(written))
        return Step(found, after if after < len(line) else None, walked + logprob)
    return Step(None, None, walked)


def _agrees(text: str, ending: str, position: int) -> bool:
    """Whether a token goes along with the file; a token may reach over the end of the line ("):\\n\\n")."""
    rest = ending[position:]
    return rest.startswith(text) or (text.startswith(rest) and text[len(rest) :].strip() == "")


def _next_lexeme(line: str, position: int) -> str:
    """What is forced next where the model did not name it. Of an indentation all but the last character: most
    tokenizers join that to the first word."""
    indentation = len(line) - len(line.lstrip())
    if position < indentation - 1:
        return line[position : indentation - 1]
    match = re.compile(r"\s*(?:\w+|[^\w\s]+)?").match(line, position)
    return match.group(0) if match else ""


def _rest_of_line(choices: Sequence[Choice]) -> tuple[str, float]:
    text, logprob = "", 0.0
    for choice in choices:
        logprob += choice.logprob
        if not choice.text:
            break
        head, newline, _ = choice.text.partition("\n")
        text += head
        if newline:
            break
    return text.rstrip(), logprob
