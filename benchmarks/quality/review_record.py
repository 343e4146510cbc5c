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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO, cast

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

_DECIMALS = 4
_BEGINNING = b'{"key"'


class NotRecorded(ModelError):
    """What is asked is not among the recordings, and there is no model to ask."""

    reason = "model-unreachable"


@dataclass(frozen=True)
class Recording:
    """One answer. `finish`: None if the reader left before its end. `usage`: as the server counted, or as far as we
    can if it was left."""

    key: str
    chunks: tuple[Chunk, ...]
    finish: Finish | None
    usage: Usage | None
    total_ms: float


class Recorder:
    """Speaks `Model`. `asked` and `found` count the requests that went to the model, and those answered from the file.

    `model`: None to answer from the file alone; then what is not in it raises NotRecorded.

    """

    def __init__(self, file: Path, model: Model | None) -> None:
        self._file = file
        self._model = model
        self._known = read_recordings(file)
        self._out: TextIO | None = None
        self.asked = 0
        self.found = 0

    def milliseconds(self, request: Request) -> float:
        """What `request` took, 0 if it was not made."""
        recording = self._known.get(key_of(request))
        return recording.total_ms if recording else 0.0

    def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        return self._answer(request)

    def chat(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        return self._answer(request)

    async def _answer(self, request: Request) -> AsyncGenerator[Chunk, None]:
        key = key_of(request)
        recording = self._known.get(key)
        if recording is not None:
            self.found += 1
            for chunk in recording.chunks:
                yield chunk
            if recording.finish is not None:
                yield Chunk(finish=recording.finish, usage=recording.usage)
                return
            # Whoever reads on here reads more than the reader before it: the answer is asked for anew.
        if self._model is None:
            raise NotRecorded(f"request {key} is not among the recordings in {self._file}")
        self.asked += 1
        passed = len(recording.chunks) if recording else 0
        async with aclosing(self._recorded(key, request)) as chunks:
            async for chunk in chunks:
                if passed > 0:
                    passed -= 1
                else:
                    yield chunk

    async def _recorded(self, key: str, request: Request) -> AsyncGenerator[Chunk, None]:
        assert self._model is not None
        begun = time.perf_counter()
        read: list[Chunk] = []
        finish: Finish | None = None
        usage: Usage | None = None
        whole = False
        stream = self._model.complete(request) if isinstance(request, CompletionRequest) else self._model.chat(request)
        try:
            async with aclosing(stream) as chunks:
                async for chunk in chunks:
                    read.append(replace(chunk, finish=None, usage=None))
                    finish, usage = chunk.finish or finish, chunk.usage or usage
                    yield chunk
            whole = True
        except GeneratorExit:
            whole = bool(read)
            raise
        finally:
            if whole:
                total_ms = round((time.perf_counter() - begun) * 1000, 1)
                kept = tuple(chunk for chunk in read if chunk.text or chunk.tokens)
                self._keep(Recording(key, kept, finish, usage, total_ms))

    def _keep(self, recording: Recording) -> None:
        self._known[recording.key] = recording
        if self._out is None:
            self._out = self._file.open("a", encoding="utf-8")
        self._out.write(json.dumps(_row(recording)) + "\n")
        self._out.flush()

    async def served(self) -> tuple[ServedModel, ...]:
        return await self._model.served() if self._model else ()

    async def count_tokens(self, text: str) -> int | None:
        return await self._model.count_tokens(text) if self._model else None

    async def aclose(self) -> None:
        if self._out is not None:
            self._out.close()
            self._out = None


def key_of(request: Request) -> str:
    """What tells one request from another: its text, its length, and how it is sampled."""
    sampling = request.sampling
    if isinstance(request, CompletionRequest):
        said: list[Any] = ["complete", request.prompt, request.logprobs]
    else:
        said = ["chat", [[each.role, each.content] for each in request.messages], request.logprobs]
    said += [request.max_tokens, list(request.stop), sampling.temperature, sampling.seed]
    return hashlib.sha256(json.dumps(said).encode("utf-8", "surrogatepass")).hexdigest()[:20]


def read_recordings(file: Path) -> dict[str, Recording]:
    """The recordings in `file`, by key; none if there is no file.

    A last line that was only half written is cut off the file. Raises ValueError for a file of something else.
    """
    if not file.exists():
        return {}
    whole, newline, rest = file.read_bytes().rpartition(b"\n")
    found = {}
    for number, line in enumerate(whole.decode("utf-8").splitlines(), 1):
        try:
            recording = _recording(json.loads(line))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{file}:{number}: no recording ({error!r})") from error
        found[recording.key] = recording
    if rest:
        if not (rest.startswith(_BEGINNING) or _BEGINNING.startswith(rest)):
            raise ValueError(f"{file}: the last line is no recording")
        os.truncate(file, len(whole) + len(newline))
    return found


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
