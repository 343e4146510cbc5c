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
from difflib import SequenceMatcher

from codeassist.syntax.languages import line_comment

_LEXEME = re.compile(
    r"\s+|\w+|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[=!<>]=|[-+*/%&|^]=|&&|\|\||<<|>>|//|\*\*|->|=>|::|."
)
_NUMBER = re.compile(r"\d[\w.]*$")
_NAME = re.compile(r"[^\W\d]\w*$")
_OPERATOR_WORDS = frozenset({"and", "or", "not", "in", "is", "instanceof", "typeof"})
_CONSTANT_WORDS = frozenset({"true", "false", "True", "False", "null", "nil", "None"})
_CONFIDENCE_WEIGHT = 0.5
"""How much the improbability of the model's own rest of the line counts against the gap."""
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
        return self.gap + _CONFIDENCE_WEIGHT * self.confidence


@dataclass(frozen=True, slots=True)
class Step:
    """Result of one walk: the divergence met, if any, and how many characters of the line to force next
    (None: the walk is over)."""

    divergence: Divergence | None
    force: int | None


def walk(line: str, forced: int, choices: Sequence[Choice]) -> Step:
    """Compare the model's tokens with `line` from character `forced` on, up to the first that differs.

    `line` is without its line end; reaching a line break or a control token counts as ending the line.
    """
    ending = line + "\n"
    position = forced
    for number, choice in enumerate(choices):
        if position >= len(line):
            return Step(None, None)
        if choice.text and _agrees(choice.text, ending, position):
            position += len(choice.text)
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
        return Step(found, after if after < len(line) else None)
    return Step(None, None)


def is_taste(line: str, position: int, expected: str, language: str) -> bool:
    """Whether the model's line differs from the file's in form only: white space, quotes, trailing commas, comments."""
    return _bare(line, language) == _bare(line[:position] + expected, language)


@dataclass(frozen=True, slots=True)
class Change:
    """The smallest run of whole lexemes that turns one line into another: characters [start, end) of the old line
    become `text`; `old` is what stood there."""

    start: int
    end: int
    old: str
    text: str


def smallest_change(line: str, better: str) -> Change:
    """Where `line` and `better` differ, on whole lexemes, so that a fix never cuts a name or an operator in two."""
    old, new = _LEXEME.findall(line), _LEXEME.findall(better)
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    start = sum(map(len, old[:head]))
    end = len(line) - sum(map(len, old[len(old) - tail :]))
    text = "".join(new[head : len(new) - tail])
    return Change(start, end, line[start:end], text)


def category_of(change: Change) -> str:
    """A short, stable name for the kind of difference; it becomes the diagnostic's code."""
    old = [t for t in _LEXEME.findall(change.old) if t.strip()]
    new = [t for t in _LEXEME.findall(change.text) if t.strip()]
    pieces = [t for pair in _replaced(old, new) for t in pair]
    if not old and new:
        return "missing-code"
    if old and not new:
        return "extra-code"
    if pieces and all(_NUMBER.match(t) or t in "+-" or t in _CONSTANT_WORDS for t in pieces):
        return "wrong-constant"
    if pieces and all(_is_operator(t) for t in pieces):
        return "wrong-operator"
    if len(old) == len(new) == 1 and _NAME.match(old[0]) and _NAME.match(new[0]):
        return "wrong-name"
    return "unexpected-code"


def _replaced(old: list[str], new: list[str]) -> list[tuple[str, ...]]:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [(*old[a:b], *new[c:d]) for kind, a, b, c, d in matcher.get_opcodes() if kind != "equal"]


def _is_operator(lexeme: str) -> bool:
    return lexeme in _OPERATOR_WORDS or not any(c.isalnum() or c in "_\"'()[]{}" for c in lexeme)


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


def _bare(line: str, language: str) -> str:
    marker = line_comment(language)
    if marker and (found := line.find(marker)) >= 0 and line[:found].count('"') % 2 == line[:found].count("'") % 2 == 0:
        line = line[:found]
    line = line.replace('"', "'").rstrip().rstrip(";")
    return re.sub(r",(?=[)\]}])", "", re.sub(r"\s+", "", line)).rstrip(",")
