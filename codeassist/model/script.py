"""The text of a scripted answer: what a `.case` file's `@model` section holds, parsed. Pure.

    sum(¦items, Price(0))         text; ¦ ends a chunk, and a chunk stands for one token
    !delay 80ms                   wait (`ms` or `s`)
    !token " +" -0.1 " -" -4.0    one token and its alternatives, the chosen one first: JSON string, logprob
    !finish length                end the answer with this reason (otherwise: stop)
    !status 503                   fail as a server does that answers so; after a chunk: an error in the stream
    !cut, !hang                   the connection ends early; silence
    !malformed, !unreachable      not the protocol; nobody there
    !when "text"                  this reply answers every request whose prompt contains the JSON string
    !repeat                       this reply answers every further request
    !next                         the next reply begins

A line of the answer that itself begins with `!` is written with `!!`. A directive line vanishes with its line
end, and so does the line end of the last line of text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from codeassist.model.api import Alternative, Finish

CHUNK_END = "¦"
_UNITS_S = {"ms": 0.001, "s": 1.0}
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*")\s+(-?\d+(?:\.\d+)?)')


@dataclass(frozen=True, slots=True)
class Text:
    """A chunk of text; `alternatives`, the chosen token first, for a `!token` line."""

    text: str
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class Delay:
    seconds: float


@dataclass(frozen=True, slots=True)
class Status:
    code: int


@dataclass(frozen=True, slots=True)
class End:
    """The answer ends here with this finish reason."""

    finish: Finish


@dataclass(frozen=True, slots=True)
class Trouble:
    kind: Literal["cut", "hang", "malformed", "unreachable"]


Step: TypeAlias = Text | Delay | Status | End | Trouble


@dataclass(frozen=True, slots=True)
class Reply:
    """One scripted answer. `when`: it answers the requests whose prompt contains this text and no other."""

    steps: tuple[Step, ...]
    when: str | None = None
    repeat: bool = False


def parse_script(script: str) -> tuple[Reply, ...]:
    """The replies of a script; an empty script is one empty reply. ValueError for an unknown directive."""
    replies: list[Reply] = []
    lines: list[str] = []
    for line in re.findall(r"[^\n]*\n|[^\n]+", script):  # `splitlines` would also split at a form feed.
        if line.rstrip() == "!next":
            replies.append(_parse_reply(lines))
            lines = []
        else:
            lines.append(line)
    return (*replies, _parse_reply(lines))


def _parse_reply(lines: list[str]) -> Reply:
    reply = Reply(())
    parts: list[str | Step] = []
    for line in lines:
        if line.startswith("!!") or not line.startswith("!"):
            text = line.removeprefix("!")
            if parts and isinstance(before := parts[-1], str):
                parts[-1] = before + text
            else:
                parts.append(text)
            continue
        word, _, rest = line[1:].strip().partition(" ")
        if word == "when":
            reply = replace(reply, when=_json_string(rest))
        elif word == "repeat":
            reply = replace(reply, repeat=True)
        else:
            parts.append(_step(word, rest.strip()))
    return replace(reply, steps=_steps(parts))


def _steps(parts: list[str | Step]) -> tuple[Step, ...]:
    last = max((at for at, part in enumerate(parts) if isinstance(part, str | Text)), default=-1)
    steps: list[Step] = []
    for at, part in enumerate(parts):
        if not isinstance(part, str):
            steps.append(part)
            continue
        # The file needs a line end after the last line of an answer; the answer does not.
        text = part.removesuffix("\n").removesuffix("\r") if at == last else part
        steps += [Text(chunk) for chunk in text.split(CHUNK_END) if chunk]
    return tuple(steps)


def _step(word: str, rest: str) -> Step:
    if word == "token":
        alternatives = _alternatives(rest)
        return Text(alternatives[0].text, alternatives)
    if word == "delay":
        return Delay(_seconds(rest))
    if word == "status" and re.fullmatch("[345][0-9][0-9]", rest):
        return Status(int(rest))
    if word == "finish" and rest in ("stop", "length", "other"):
        return End(rest)  # type: ignore[arg-type]  # mypy does not narrow by `in`.
    if word in ("cut", "hang", "malformed", "unreachable") and not rest:
        return Trouble(word)  # type: ignore[arg-type]
    raise ValueError(f"unknown script line {f'!{word} {rest}'.strip()!r}; write !! for a text that begins with !")


def _alternatives(rest: str) -> tuple[Alternative, ...]:
    found = []
    at = 0
    while at < len(rest):
        match = _TOKEN.match(rest, at)
        if match is None:
            raise ValueError(f"!token takes pairs of a JSON string and a log-probability, not {rest[at:]!r}")
        found.append(Alternative(_json_string(match[1]), float(match[2])))
        at = match.end()
    if not found:
        raise ValueError("!token needs at least one pair of a JSON string and a log-probability")
    return tuple(found)


def _json_string(text: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, str):
        raise ValueError(f"{text!r} is not a JSON string")
    return value


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s)", text)
    if match is None:
        raise ValueError(f"!delay takes a duration such as 80ms or 1.5s, not {text!r}")
    return float(match[1]) * _UNITS_S[match[2]]
