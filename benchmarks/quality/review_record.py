"""A model's answers, recorded request by request, so that every rule can be judged on the same answers.

`Recorder` stands where a flow's model does: it answers what was asked before from its file and asks the model for the
rest. So a changed rule is tried in seconds, and asks only what nobody asked before. A request is known by what it says,
not by who asked it; a file of recordings holds the answers of one model.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TextIO, cast

from codeassist.context.tokens import estimate_tokens
from codeassist.flow.asking import Bound, Cost
from codeassist.model.abilities import Abilities
from codeassist.model.api import (
    Alternative,
    ChatRequest,
    Chunk,
    CompletionRequest,
    Finish,
    Model,
    Request,
    ServedModel,
    Token,
    Usage,
)
from codeassist.model.errors import ModelError
from codeassist.prompt.families import family

_DECIMALS = 4
_BEGINNING = b'{"key"'
_ASKED = "asked"
"""The key of the line that says whom the others are of."""


class NotRecorded(ModelError):
    """What is asked is not among the recordings, and there is no model to ask."""

    reason = "model-unreachable"


@dataclass(frozen=True)
class Recording:
    """One answer. `finish`: None if the reader left before its end. `usage`: as the server counted, None if the reader
    left before it said so."""

    key: str
    chunks: tuple[Chunk, ...]
    finish: Finish | None
    usage: Usage | None
    total_ms: float


@dataclass(frozen=True)
class Asked:
    """Which model the recordings are of, and how long prompts it was given: what makes the same requests again."""

    model: str
    family: str
    prompt_tokens: int
    suffix_tokens: int
    max_model_tokens: int | None
    can_review: bool

    @classmethod
    def of(cls, bound: Bound) -> Asked:
        cost, most = bound.cost, bound.abilities.max_model_tokens
        return cls(bound.name, bound.family.name, cost.prompt_tokens, cost.suffix_tokens, most, bound.can_review)

    def bound(self, model: Model) -> Bound:
        """`model` as the recorded one was bound."""
        return Bound(
            model,
            family(self.family),
            self.model,
            can_review=self.can_review,
            cost=Cost(prompt_tokens=self.prompt_tokens, suffix_tokens=self.suffix_tokens),
            abilities=Abilities(max_model_tokens=self.max_model_tokens, logprobs="yes"),
        )


@dataclass
class Spent:
    """What requests cost, whoever answered them. `prompt_tokens`: estimated where the reader left before the server
    counted."""

    requests: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    milliseconds: float = 0.0

    def add(self, request: Request, recording: Recording) -> None:
        if isinstance(request, CompletionRequest):
            prompt = request.prompt
        else:
            prompt = "".join(message.content for message in request.messages)
        self.requests += 1
        self.prompt_tokens += recording.usage.prompt if recording.usage else estimate_tokens(prompt)
        self.generated_tokens += sum(len(chunk.tokens) or bool(chunk.text) for chunk in recording.chunks)
        self.milliseconds += recording.total_ms


class Recordings:
    """A file of recordings; None: they are kept in memory. `asked`: None until somebody has asked a model."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self.asked, self.known = read_recordings(file) if file else (None, {})
        self._out: TextIO | None = None

    def begin(self, asked: Asked) -> None:
        """Say of whom recordings come. Raises ValueError if those that there are come from another model."""
        if self.asked is not None and self.asked.model != asked.model:
            raise ValueError(f"{self._file} holds answers of {self.asked.model}, not of {asked.model}")
        if self.asked is None:
            self.asked = asked
            self._write({"key": _ASKED, **asdict(asked)})

    def keep(self, recording: Recording) -> None:
        self.known[recording.key] = recording
        self._write(_row(recording))

    def _write(self, row: Mapping[str, Any]) -> None:
        if self._file is None:
            return
        if self._out is None:
            self._out = self._file.open("a", encoding="utf-8")
        self._out.write(json.dumps(row) + "\n")
        self._out.flush()

    def close(self) -> None:
        if self._out is not None:
            self._out.close()
            self._out = None


class Recorder:
    """Speaks `Model`. `model`: None to answer from the recordings alone; then what is not among them raises
    NotRecorded, and `missed` is set. `spent`: of all requests; put a new one there to count anew."""

    def __init__(self, recordings: Recordings, model: Model | None = None) -> None:
        self._recordings = recordings
        self._model = model
        self.spent = Spent()
        self.missed = False

    def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        return self._answer(request)

    def chat(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        return self._answer(request)

    async def _answer(self, request: Request) -> AsyncGenerator[Chunk, None]:
        key = key_of(request)
        recording = self._recordings.known.get(key)
        if recording is not None:
            self.spent.add(request, recording)
            for chunk in recording.chunks:
                yield chunk
            if recording.finish is not None:
                yield Chunk(finish=recording.finish, usage=recording.usage)
                return
            # Whoever reads on here reads more than the reader before: the answer is asked for anew.
        if self._model is None:
            self.missed = True
            raise NotRecorded(f"request {key} is not among the recordings")
        passed = len(recording.chunks) if recording else 0
        async with aclosing(self._recorded(key, request, self._model)) as chunks:
            async for chunk in chunks:
                if passed > 0:
                    passed -= 1
                else:
                    yield chunk

    async def _recorded(self, key: str, request: Request, model: Model) -> AsyncGenerator[Chunk, None]:
        begun = time.perf_counter()
        read: list[Chunk] = []
        finish: Finish | None = None
        usage: Usage | None = None
        whole = False
        stream = model.complete(request) if isinstance(request, CompletionRequest) else model.chat(request)
        try:
            async with aclosing(stream) as chunks:
                async for chunk in chunks:
                    read.append(replace(chunk, finish=None, usage=None))
                    finish, usage = chunk.finish or finish, chunk.usage or usage
                    yield chunk
            whole = True
        except GeneratorExit:
            whole = bool(read)  # The reader has what it wanted.
            raise
        finally:
            if whole:
                total_ms = round((time.perf_counter() - begun) * 1000, 1)
                kept = tuple(chunk for chunk in read if chunk.text or chunk.tokens)
                recording = Recording(key, kept, finish, usage, total_ms)
                self._recordings.keep(recording)
                self.spent.add(request, recording)

    async def served(self) -> tuple[ServedModel, ...]:
        return await self._model.served() if self._model else ()

    async def count_tokens(self, text: str) -> int | None:
        return await self._model.count_tokens(text) if self._model else None

    async def aclose(self) -> None:
        self._recordings.close()


def key_of(request: Request) -> str:
    """What tells one request from another: its text, its length, and how it is sampled."""
    sampling = request.sampling
    if isinstance(request, CompletionRequest):
        said: list[Any] = ["complete", request.prompt, request.logprobs]
    else:
        said = ["chat", [[each.role, each.content] for each in request.messages], request.logprobs]
    said += [request.max_tokens, list(request.stop), sampling.temperature, sampling.seed]
    return hashlib.sha256(json.dumps(said).encode("utf-8", "surrogatepass")).hexdigest()[:20]


def read_recordings(file: Path) -> tuple[Asked | None, dict[str, Recording]]:
    """Of whom the recordings in `file` come, and what they are by key; nothing if there is no file.

    A last line that was only half written is cut off the file. Raises ValueError for a file of something else.
    """
    if not file.exists():
        return None, {}
    whole, newline, rest = file.read_bytes().rpartition(b"\n")
    asked: Asked | None = None
    found = {}
    for number, line in enumerate(whole.decode("utf-8").splitlines(), 1):
        row = _line(line, f"{file}:{number}")
        if isinstance(row, Asked):
            asked = row
        else:
            found[row.key] = row
    if rest:
        if not (rest.startswith(_BEGINNING) or _BEGINNING.startswith(rest)):
            raise ValueError(f"{file}: the last line is no recording")
        os.truncate(file, len(whole) + len(newline))
    if found and asked is None:
        raise ValueError(f"{file}: nothing says of which model the recordings are")
    return asked, found


def _line(line: str, where: str) -> Asked | Recording:
    try:
        row = json.loads(line)
        if row["key"] == _ASKED:
            return Asked(**{name: value for name, value in row.items() if name != "key"})
        return _recording(row)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where}: no recording ({error!r})") from error


def _row(recording: Recording) -> dict[str, Any]:
    usage = recording.usage
    return {
        "key": recording.key,
        "chunks": [[chunk.text, [_token_row(token) for token in chunk.tokens]] for chunk in recording.chunks],
        "finish": recording.finish,
        "usage": [usage.prompt, usage.generated, usage.cached] if usage else None,
        "total_ms": recording.total_ms,
    }


def _token_row(token: Token) -> list[Any]:
    top = [[other.text, round(other.logprob, _DECIMALS)] for other in token.top]
    return [token.text, round(token.logprob, _DECIMALS), top]


def _recording(row: Mapping[str, Any]) -> Recording:
    chunks = tuple(Chunk(str(text), tuple(_token(token) for token in tokens)) for text, tokens in row["chunks"])
    usage = Usage(*row["usage"]) if row["usage"] else None
    return Recording(str(row["key"]), chunks, cast("Finish | None", row["finish"]), usage, float(row["total_ms"]))


def _token(row: Any) -> Token:
    text, logprob, top = row
    return Token(str(text), float(logprob), tuple(Alternative(str(other), float(p)) for other, p in top))
