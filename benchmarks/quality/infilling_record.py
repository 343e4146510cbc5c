"""Streams of a model, recorded piece by piece, so that every rule can be judged on the same answers.

A file of recordings is a line of JSON for each case. It is written as the answers come, and read again by the next run.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

from fim_cases import Case

from codeassist.flow.asking import Bound
from codeassist.flow.prepare import Snapshot, prepare
from codeassist.flow.trace import Trace
from codeassist.model.api import Chunk, CompletionRequest, Finish
from codeassist.post.cut import Shape, find_cut
from codeassist.post.skip import Skip
from codeassist.settings import CompletionSettings
from codeassist.syntax.languages import language_of
from codeassist.syntax.tree import parse
from codeassist.text.document import Document, Offset

Cursor: TypeAlias = Literal["as-is", "own-line"]
"""Where the cursor stands: between prefix and suffix as they are, or on a blank line between two lines of code."""
Piece: TypeAlias = tuple[str, float | None]
"""The text that came with one token, and the token's log-probability (natural) if it is known."""

MOST_TOKENS = 256
_LINES_BEYOND_REFERENCE = 2
_BEGINNING = b'{"id"'


@dataclass(frozen=True)
class Recording:
    """One answer. `finish`: None if we left the stream. `prompt`: the hash of what was asked; "" if nothing was.

    `prompt_tokens`, `cached`: as the server counted them. `first_ms`: to the first text, None if none came.
    """

    id: str
    prompt_tokens: int
    cached: int | None
    pieces: tuple[Piece, ...]
    finish: Finish | None
    first_ms: float | None
    total_ms: float
    cursor: Cursor
    prompt: str
    family: str
    model: str

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self.pieces)


async def record(
    cases: Iterable[Case],
    file: Path,
    bound: Bound,
    settings: CompletionSettings,
    cursor: Cursor,
    parallel: int,
    on_recorded: Callable[[], None] = lambda: None,
) -> None:
    """Ask `bound` once for each of `cases`, `parallel` at a time, and append each answer to `file` as soon as it ends.

    Raises ModelError when the first request fails, and ValueError for a model that does not fill in the middle.
    """
    seats = asyncio.Semaphore(parallel)

    with file.open("a", encoding="utf-8") as out:

        async def one(case: Case) -> None:
            async with seats:
                recording = await _recorded(case, bound, settings, cursor)
            out.write(json.dumps(asdict(recording)) + "\n")
            out.flush()
            on_recorded()

        tasks = [asyncio.ensure_future(one(case)) for case in cases]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def read_recordings(file: Path, cursor: Cursor) -> dict[str, Recording]:
    """The recordings in `file` with the cursor at `cursor`, by case; none if there is no file.

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
        if recording.cursor == cursor:
            found[recording.id] = recording
    if rest:
        if not (rest.startswith(_BEGINNING) or _BEGINNING.startswith(rest)):
            raise ValueError(f"{file}: the last line is no recording")
        os.truncate(file, len(whole) + len(newline))
    return found


def snapshot_of(case: Case, cursor: Cursor) -> Snapshot:
    """The case as an editor has it that knows this one document."""
    gap = "\n" if cursor == "own-line" and _stands_before_code(case) else ""
    document = Document.create(f"file:///{case.path}", case.prefix + gap + case.suffix, language_of(case.path))
    return Snapshot(document, parse(document), Offset(len(case.prefix)), case.path)


def hash_of(prompt: str) -> str:
    return hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _stands_before_code(case: Case) -> bool:
    at_line_start = not case.prefix or case.prefix.endswith("\n")
    return at_line_start and bool(case.suffix) and not case.suffix.startswith(("\n", "\r\n"))


async def _recorded(case: Case, bound: Bound, settings: CompletionSettings, cursor: Cursor) -> Recording:
    snapshot = snapshot_of(case, cursor)
    prepared = prepare(snapshot, bound, settings, Trace("completion"))
    silent = Recording(case.id, 0, None, (), "stop", None, 0.0, cursor, "", bound.family.name, bound.name)
    if isinstance(prepared, Skip):
        return silent  # The flow finds the reason again.
    if not isinstance(prepared.request, CompletionRequest):
        raise ValueError(f"{bound.name} does not fill in the middle, so there is no raw answer to compare with")
    request = replace(prepared.request, max_tokens=min(case.max_tokens, MOST_TOKENS), logprobs=1)
    view = prepared.view
    shape = Shape(
        view.line_prefix,
        view.line_suffix,
        view.suffix,
        view.block_start,
        settings.max_lines,
        snapshot.document.language,
    )
    return replace(await _listened(request, bound, shape, case, silent), prompt=hash_of(prepared.prompt))


async def _listened(
    request: CompletionRequest, bound: Bound, shape: Shape, case: Case, recording: Recording
) -> Recording:
    begun = time.perf_counter()
    pieces: list[Piece] = []
    text = ""
    first_ms: float | None = None
    finish: Finish | None = None
    async with aclosing(bound.model.complete(request)) as chunks:
        async for chunk in chunks:
            pieces += _pieces(chunk)
            text += chunk.text
            if chunk.text and first_ms is None:
                first_ms = (time.perf_counter() - begun) * 1000
            finish = chunk.finish or finish
            if chunk.usage is not None:
                recording = replace(recording, prompt_tokens=chunk.usage.prompt, cached=chunk.usage.cached)
            if finish is None and _says_enough(text, shape, case):
                break
    total_ms = round((time.perf_counter() - begun) * 1000, 1)
    first_ms = None if first_ms is None else round(first_ms, 1)
    return replace(recording, pieces=tuple(pieces), finish=finish, first_ms=first_ms, total_ms=total_ms)


def _says_enough(text: str, shape: Shape, case: Case) -> bool:
    """Whether what follows cannot matter: both ways to end the answer have ended it, and so has the reference."""
    lines = case.reference.count("\n") + 1 + _LINES_BEYOND_REFERENCE
    return "\n\n" in text.lstrip() and text.count("\n") >= lines and find_cut(text, shape) is not None


def _pieces(chunk: Chunk) -> list[Piece]:
    """One for each token of `chunk`, as far as the server tells them apart."""
    if not chunk.tokens:
        return [(chunk.text, None)] if chunk.text else []
    values = [token.logprob for token in chunk.tokens]
    texts = [token.text for token in chunk.tokens]
    if "".join(texts) != chunk.text:
        # A server holds text back that may become a stop string, or half of a character: it comes with a later token.
        texts = [""] * (len(texts) - 1) + [chunk.text]
    return list(zip(texts, values, strict=True))


def _recording(row: Mapping[str, Any]) -> Recording:
    return Recording(
        id=str(row["id"]),
        prompt_tokens=int(row["prompt_tokens"]),
        cached=row["cached"],
        pieces=tuple((str(text), None if value is None else float(value)) for text, value in row["pieces"]),
        finish=cast("Finish | None", row["finish"]),
        first_ms=row["first_ms"],
        total_ms=float(row["total_ms"]),
        cursor=cast(Cursor, row["cursor"]),
        prompt=str(row["prompt"]),
        family=str(row["family"]),
        model=str(row["model"]),
    )
