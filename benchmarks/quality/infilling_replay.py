"""A recorded answer, ended in two ways: by the product's own rules, and at the first blank line."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

from fim_cases import Case
from infilling_record import Recording, hash_of, snapshot_of

from codeassist.flow.asking import Bound
from codeassist.flow.complete import complete
from codeassist.flow.trace import Trace
from codeassist.model.abilities import Abilities
from codeassist.model.api import Alternative, ChatRequest, Chunk, CompletionRequest, Finish, ServedModel, Token, Usage
from codeassist.prompt.families import family
from codeassist.settings import CompletionSettings
from codeassist.text.edits import Edit


@dataclass(frozen=True)
class Answer:
    """What a way to end an answer makes of it. `inserted`: the text at the cursor; `program`: the whole document with
    it, in which characters behind the cursor may have been replaced as well. `tokens`: pieces that it needed."""

    inserted: str
    program: str
    tokens: int


@dataclass(frozen=True)
class Shown(Answer):
    """What the product makes of an answer. `skip`: why it shows nothing, "" if it shows something.

    `stopped`: it left the stream before its end. `too_short`: it would have read on where the recording had been left.
    `same_prompt`: it asked what the recording answers.
    """

    skip: str
    stopped: bool
    too_short: bool
    same_prompt: bool


class ReplayedModel:
    """Gives the pieces of one recording, one in each chunk, to whoever asks. It speaks `Model`.

    `given` counts the pieces that were read, `ended` whether the reader was told that there are no more.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.given = 0
        self.ended = False
        self.prompt = ""

    async def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        self.prompt = request.prompt
        pieces = self.recording.pieces
        for text, logprob in pieces[: request.max_tokens]:
            self.given += 1
            yield Chunk(text, _tokens(text, logprob, request.logprobs))
        self.ended = True
        finish: Finish | None = "length" if request.max_tokens < len(pieces) else self.recording.finish
        yield Chunk(finish=finish, usage=Usage(self.recording.prompt_tokens, self.given, self.recording.cached))

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        del request
        raise ValueError("recordings answer prompts to be filled in, no chats")
        yield Chunk()  # Makes it the generator that the protocol wants.

    async def served(self) -> tuple[ServedModel, ...]:
        return (ServedModel(self.recording.model),)

    async def count_tokens(self, text: str) -> int | None:
        del text
        return None

    async def aclose(self) -> None:
        return


async def ours(case: Case, recording: Recording, settings: CompletionSettings, *, typed: bool = False) -> Shown:
    """The recorded answer as the product ends, cuts and shows it to somebody who asks by hand. `typed`: to somebody who
    only types, and is not to be disturbed by what the model itself is not sure of, or in comments and strings."""
    model = ReplayedModel(recording)
    told = all(logprob is not None for _, logprob in recording.pieces)
    abilities = Abilities(logprobs="yes" if told else "no")
    bound = Bound(model, family(recording.family), recording.model, abilities=abilities)
    snapshot = snapshot_of(case, recording.cursor)
    if typed:
        snapshot = replace(snapshot, unasked=True, least_probability=settings.least_probability)
    answer = await complete(snapshot, bound, settings, Trace("completion"))
    document, item = snapshot.document, answer.item
    inserted, program = "", document.text
    if item is not None:
        program = document.replace([Edit(item.span.start, item.span.end, item.text)], document.version).text
        inserted = item.text[max(0, snapshot.offset - item.span.start) :]
    return Shown(
        inserted=inserted,
        program=program,
        tokens=model.given,
        skip=answer.skip.reason if answer.skip else "",
        stopped=not model.ended and (model.given < len(recording.pieces) or recording.finish is None),
        too_short=model.ended and recording.finish is None and model.given == len(recording.pieces),
        same_prompt=recording.prompt == (hash_of(model.prompt) if model.prompt else ""),
    )


def raw(case: Case, recording: Recording) -> Answer:
    """The recorded answer as it came, up to its first blank line."""
    text = until_blank_line(recording.text)
    snapshot = snapshot_of(case, recording.cursor)
    before, after = snapshot.document.text[: snapshot.offset], snapshot.document.text[snapshot.offset :]
    return Answer(text, before + text + after, len(recording.pieces))


def until_blank_line(text: str) -> str:
    """`text` through the end of the line before its first blank line. Line breaks at its start lead to the text."""
    start = len(text) - len(text.lstrip())
    at = text.find("\n\n", start)
    return text if at < 0 else text[: at + 1]


def _tokens(text: str, logprob: float | None, wanted: int | None) -> tuple[Token, ...]:
    if wanted is None or logprob is None:
        return ()
    return (Token(text, logprob, (Alternative(text, logprob),)[:wanted]),)
