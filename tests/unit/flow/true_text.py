"""Places in real code from which text was taken away, a model that writes that text and goes on as the file does, and a
judge of what is shown: is it the text, does it at least leave the code sound, or does it harm it?"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import codeassist
from codeassist.flow.complete import Completion, complete
from codeassist.flow.prepare import Snapshot
from codeassist.flow.trace import Trace
from codeassist.model.api import Chunk, CompletionRequest
from codeassist.model.scripted import ScriptedModel
from codeassist.post.cut import is_telling
from codeassist.post.inline import Inline
from codeassist.post.scan import scan
from codeassist.settings import CompletionSettings
from codeassist.syntax.tree import error_count, parse
from codeassist.text.document import Document, Offset
from codeassist.text.edits import Edit
from tests.unit.flow.making import bound
from tests.unit.syntax.sample_files import code

LANGUAGES = ("c", "go", "java", "javascript", "ruby", "rust", "tsx", "typescript")
"""Of the small programs that are read beside the package's own Python."""
_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_MOST_ANSWER_LINES = 40
_SETTINGS = CompletionSettings(latency_target_ms=60_000)

Verdict = Literal["right", "sound", "silent", "doubled", "worse"]


@dataclass(frozen=True, slots=True)
class Place:
    """A cursor at `at` of `text`, from which what stood up to `until` is missing. `closers`: what the editor has put
    behind the cursor for brackets and quotes that were opened on its line."""

    name: str
    language: str
    text: str
    at: int
    until: int
    closers: str

    @property
    def missing(self) -> str:
        return self.text[self.at : self.until]

    @property
    def answer(self) -> str:
        """What is missing, and what comes next in the file."""
        return "".join(self.text[self.at :].splitlines(keepends=True)[:_MOST_ANSWER_LINES])

    @property
    def document(self) -> Document:
        text = self.text[: self.at] + self.closers + self.text[self.until :]
        return Document.create(f"file:///project/{self.name}", text, self.language, 1)


@cache
def corpus() -> tuple[tuple[str, str, str], ...]:
    """Name, language and text of the files."""
    root = Path(codeassist.__file__).parent
    own = sorted(path for path in root.rglob("*.py") if path.stat().st_size > 1000)
    files = [(str(path.relative_to(root)), "python", path.read_text(encoding="utf-8")) for path in own]
    return (*files, *((f"sample.{name}", name, code(name)) for name in LANGUAGES))


def place(file: tuple[str, str, str], at: int, lines: int, within: int | None) -> Place:
    """The place nearest to the character `at` at which somebody may type. `lines` more lines than the rest of the
    cursor's one are missing; or only `within` characters of its rest."""
    name, language, text = file
    at = min(at, len(text))
    while 0 < at < len(text) and _is_word(text[at - 1]) and _is_word(text[at]):
        at -= 1  # Names are written from their beginning; the halves of one are asked for elsewhere.
    while text[at : at + 1] in (" ", "\t"):
        at += 1  # Editors indent, and keys are typed behind blanks.
    until = _line_end(text, at)
    if within is not None and at + within < until:
        until = at + within
        while until < len(text) and _is_word(text[until - 1]) and _is_word(text[until]):
            until += 1
        return Place(name, language, text, at, until, "")
    for _ in range(lines):
        until = _line_end(text, min(until + 1, len(text)))
    return Place(name, language, text, at, until, _closed_by_editor(text, at, until, language))


async def shown_at(where: Place, cuts: Sequence[int]) -> Completion:
    """The product's own answer, from a stream that is cut at `cuts`."""
    document = where.document
    snapshot = Snapshot(document=document, syntax=parse(document), offset=Offset(where.at), path=where.name)
    pieces = _pieces(where.answer, cuts)
    return await complete(snapshot, bound(_Streaming(pieces)), _SETTINGS, Trace("completion"))


def judged(where: Place, shown: Inline | None) -> Verdict:
    """What a suggestion would do to the code."""
    if shown is None:
        return "silent"
    document = where.document
    after = document.replace([Edit(shown.span.start, shown.span.end, shown.text)], 2)
    end = shown.span.start + len(shown.text)
    left = where.closers[shown.span.end - where.at :]
    written = after.text[:end].rstrip()
    if where.text.startswith(written) and len(written) <= where.until:
        still = where.text[len(written) : where.until]
        if all(still.count(closer) >= left.count(closer) for closer in left):
            return "right"
    if _doubles_line(after.text, end, where.text):
        return "doubled"
    whole = parse(Document.create(document.uri, where.text, where.language))
    made = parse(after)
    assert whole is not None
    assert made is not None
    return "sound" if error_count(made) <= error_count(whole) else "worse"


class _Streaming(ScriptedModel):
    """Streams the same pieces to whoever asks."""

    def __init__(self, pieces: Sequence[str]) -> None:
        super().__init__()
        self._pieces = pieces

    async def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        for piece in self._pieces:
            yield Chunk(piece)
        yield Chunk(finish="stop")


def _pieces(answer: str, cuts: Sequence[int]) -> list[str]:
    ends = sorted({min(cut, len(answer)) for cut in cuts} | {len(answer)})
    starts = [0, *ends]
    return [answer[start:end] for start, end in zip(starts, ends, strict=False) if start < end]


def _closed_by_editor(text: str, at: int, until: int, language: str) -> str:
    """The closers of what is open on the cursor's line and was closed in what is missing."""
    before = text[text.rfind("\n", 0, at) + 1 : at]
    read = scan(before, language)
    missing = text[at:until]
    closed = [closer for closer, _ in scan(missing, language, read if not read.quote else None).closed]
    if read.quote:
        return read.quote if read.quote in ('"', "'", "`") and read.quote in missing else ""
    state = scan(before + missing, language)
    open_still = len(state.brackets)
    return "".join(_CLOSERS[opener] for opener in reversed(read.brackets[open_still:])) if not closed else ""


def _doubles_line(text: str, end: int, true: str) -> bool:
    """Whether the last line before `end` stands once more below, and did not in the true text."""
    line = text[text.rfind("\n", 0, end) + 1 : end].strip()
    below = text[_line_end(text, end) :].lstrip("\n").split("\n", 1)[0]
    if not is_telling(line) or below.strip() != line:
        return False
    pair = re.compile(rf"^[ \t]*{re.escape(line)}\s*\n\s*{re.escape(line)}[ \t]*$", re.MULTILINE)
    return len(pair.findall(text)) > len(pair.findall(true))


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return end if end >= 0 else len(text)


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
