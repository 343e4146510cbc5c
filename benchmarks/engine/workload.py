"""What the engine is asked: completions and reviews in the product's own form, made of real source text.

A completion is made by the completion flow itself, so that its prompt, its stops and its priority are those of an
editor's request. How long the prompt is, the server's tokenizer says.
"""

from __future__ import annotations

import random
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from codeassist.context.cursor import cursor_view
from codeassist.context.limits import ContextLimits
from codeassist.context.tokens import estimate_tokens
from codeassist.flow.asking import Bound, Cost
from codeassist.flow.prepare import Prepared, Snapshot, prepare
from codeassist.flow.trace import Trace
from codeassist.model.api import ChatRequest, CompletionRequest, Message, Priority
from codeassist.prompt.review import FINDINGS_SCHEMA, CodeLine, Extract, Material, review_turns
from codeassist.settings import CompletionSettings
from codeassist.syntax.languages import language_of, line_comment
from codeassist.text.document import Document, Offset

REPOSITORY = Path(__file__).resolve().parents[2]

REVIEW_TOKENS = 640
"""Longest answer of a review, as in `codeassist.flow.words`."""
REVIEW_PROMPT_TOKENS = 2048
"""Budget for the code around a reviewed region: what a server gets by default."""
REVIEW_LINES = 40
"""Length of the reviewed regions; a changed function of some size."""
REVIEW_OVERHEAD_TOKENS = 1900
"""Room for the instructions (500) and the region at its densest (1,200), and what the server counts more than we do."""
COUNTED_MORE = 1.15
"""What a server may count for a review, divided by our estimate; 1.09 at most was seen."""
MOST_DRAWS = 100
"""Regions tried before one is taken that may not fit: the server says what is wrong with it."""
LEAST_REVIEW_PROMPT_TOKENS = 128

TYPED_CHARACTERS = 3
"""What is typed between a prompt and the same one "a keystroke later": fast typists outrun the debounce."""
FITTING_ROUNDS = 5
LONGEST_AFTER = 8000
"""Characters; more than goes into any prompt after the cursor."""
MOST_SETTING_TOKENS = 131_072
"""Longest prompt that the setting `completion.prompt_tokens` allows."""

_PLACE = re.compile(r"([ \t]+\w.*?(?: = |\())(\S.{7,})")
"""A line of code, cut where somebody would wait for a completion: after "= " or an opening bracket."""


@dataclass(frozen=True, slots=True)
class Source:
    """Real source text in one language; `sign` starts its line comments."""

    text: str
    path: str
    language: str
    sign: str


@dataclass(frozen=True, slots=True)
class Place:
    """A cursor in the source: the text before it, the rest of its line, and the text from that line's end on.

    The rest of the line is not in the prompts: it is what the model is to write.
    """

    before: str
    rest: str
    after: str


@dataclass(frozen=True, slots=True)
class Fitted:
    """A place whose prompt has about `wanted` tokens: the last `characters` before the cursor go into it.

    `tokens` is the server's count for the prompt, or our estimate if it has none.
    """

    place: Place
    wanted: int
    characters: int
    tokens: int


def read_source(files: Sequence[Path]) -> Source:
    """The text of `files`, or of this repository's own code. Raises ValueError with a sentence for the user."""
    paths = list(files) or sorted((REPOSITORY / "codeassist").rglob("*.py"))
    languages = sorted({language_of(str(path)) for path in paths})
    sign = line_comment(languages[0]) if len(languages) == 1 else ""
    if not sign:
        named = ", ".join(language or "unknown" for language in languages)
        raise ValueError(f"The files must be of one language that has line comments, these are: {named}.")
    try:
        text = "\n\n".join(path.read_text(encoding="utf-8", errors="replace") for path in paths)
    except OSError as error:
        raise ValueError(f"{error.filename} cannot be read: {error.strerror}.") from error
    return Source(text.replace("\r\n", "\n"), f"bench{paths[0].suffix}", languages[0], sign)


def places(source: Source, count: int) -> tuple[Place, ...]:
    """At most `count` cursors, spread evenly. Text before the first line is that at the end: any prompt fills.

    Raises ValueError if there is no line to complete.
    """
    text = source.text + "\n"
    starts = [match.start() + 1 for match in re.finditer("\n", text)]
    found = [match for start in starts if (match := _PLACE.match(text, start)) and source.sign not in match[0]]
    if not found:
        raise ValueError("The files have no line of code in which a completion could be asked for; give others.")
    chosen = [found[len(found) * number // count] for number in range(min(count, len(found)))]
    return tuple(_place(text, match) for match in chosen)


def _place(text: str, match: re.Match[str]) -> Place:
    after = text[match.end() : match.end() + LONGEST_AFTER]
    return Place(text[match.end() :] + text[: match.end(1)], match[2], after)


def nonce() -> str:
    """What no server has seen before. All are of one length, so that prompts with them are of one length too."""
    return secrets.token_hex(8)


class Workload:
    """Requests to `bound`. `context_tokens`: what the server takes for prompt and answer, None if it does not say."""

    def __init__(self, bound: Bound, source: Source, context_tokens: int | None, schema: bool = True) -> None:
        self._bound = bound
        self._source = source
        self._context_tokens = context_tokens
        self._schema = schema

    async def fit(self, place: Place, tokens: int) -> Fitted:
        """`place` with as much text before it as makes a prompt of at most `tokens`, and hardly less."""
        characters = tokens * 3
        best = Fitted(place, tokens, 0, 0)
        for _ in range(FITTING_ROUNDS):
            fitted = await self._counted(place, tokens, characters)
            if best.tokens < fitted.tokens <= tokens:
                best = fitted
            if 0.98 * tokens <= fitted.tokens <= tokens:
                break
            # Not quite as many as are missing: a prompt that is too long is of no use.
            per_token = max(1.0, characters / max(1, fitted.tokens))
            characters = max(1, characters + int((0.99 * tokens - fitted.tokens) * per_token))
        return best if best.tokens else await self._counted(place, tokens, 1)

    async def _counted(self, place: Place, wanted: int, characters: int) -> Fitted:
        prompt = self.prepared(Fitted(place, wanted, characters, 0), nonce(), most_tokens=1).prompt
        counted = await self._bound.model.count_tokens(prompt)
        return Fitted(place, wanted, characters, estimate_tokens(prompt) if counted is None else counted)

    def prepared(self, fitted: Fitted, unseen: str, *, most_tokens: int, typed: int = 0) -> Prepared:
        """The request for a completion at the place, `typed` characters later, with `unseen` at its very start.

        `most_tokens` is the longest answer.
        """
        place, sign = fitted.place, self._source.sign
        # Files that are too few are repeated.
        whole = place.before * (1 + fitted.characters // len(place.before))
        before = whole[-fitted.characters :] + place.rest[:typed]
        after = place.after
        if self._bound.family.order == "spm":  # There the prompt begins with the text after the cursor.
            after = f"\n{sign} {unseen}{after}"
        head = f"{sign} {unseen}\n{before}"
        document = Document.create(f"file:///{self._source.path}", head + after, self._source.language)
        # Room for all that stands before the cursor; behind it as much as with a budget of `wanted`.
        budget = min(MOST_SETTING_TOKENS, 1024 + estimate_tokens(head) * 5 // 4)
        behind = ContextLimits(prompt_tokens=max(64, fitted.wanted), suffix_tokens=self._bound.cost.suffix_tokens)
        bound = replace(self._bound, cost=Cost(budget, behind.suffix_budget))
        settings = CompletionSettings(prompt_tokens=budget, max_tokens=most_tokens)
        snapshot = Snapshot(document, None, Offset(len(head)), self._source.path)
        prepared = prepare(snapshot, bound, settings, Trace("completion"))
        if not isinstance(prepared, Prepared):
            raise RuntimeError(f"the completion flow would not ask here: {prepared.reason}")
        return prepared

    def completion(
        self, fitted: Fitted, unseen: str, *, most_tokens: int, typed: int = 0
    ) -> CompletionRequest | ChatRequest:
        """As `prepared`: what is asked of the model."""
        return self.prepared(fitted, unseen, most_tokens=most_tokens, typed=typed).request

    def review_limits(self) -> ContextLimits | None:
        """How much code around a region a review takes; None if the server's context is too small for reviews."""
        room = REVIEW_PROMPT_TOKENS
        if self._context_tokens is not None:
            room = min(room, self._context_tokens - REVIEW_TOKENS - REVIEW_OVERHEAD_TOKENS)
        return ContextLimits(prompt_tokens=room) if room >= LEAST_REVIEW_PROMPT_TOKENS else None

    def reviews(self, limits: ContextLimits) -> Iterator[ChatRequest]:
        """Reviews of different regions in random order, without end, none of them seen by the server before."""
        source = self._source
        document = Document.create(f"file:///{source.path}", source.text, source.language)
        while True:
            for _ in range(MOST_DRAWS):
                request = self._review(document, limits)
                if self._fits(request):
                    break
            yield request

    def _fits(self, review: ChatRequest) -> bool:
        """Whether the server takes it: a dense region has many more tokens than others."""
        if self._context_tokens is None:
            return True
        tokens = sum(estimate_tokens(message.content) for message in review.messages)
        return tokens * COUNTED_MORE + REVIEW_TOKENS <= self._context_tokens

    def _review(self, document: Document, limits: ContextLimits) -> ChatRequest:
        source, family = self._source, self._bound.family
        first = random.randrange(max(1, document.line_count - REVIEW_LINES))
        last = min(document.line_count - 1, first + REVIEW_LINES)
        before = cursor_view(document, document.line_start(first), limits)
        after = cursor_view(document, document.line_start(last), limits)
        material = Material(
            path=source.path,
            language=source.language,
            extracts=(Extract(tuple(CodeLine(n + 1, "+", document.line(n)) for n in range(first, last))),),
            above=f"{source.sign} {nonce()}\n{before.head}{before.prefix}{after.suffix}",
        )
        return ChatRequest(
            messages=tuple(Message(turn.role, turn.content) for turn in review_turns(material, family)),
            max_tokens=REVIEW_TOKENS,
            schema=FINDINGS_SCHEMA if self._schema else None,
            priority=Priority.REVIEW,
            lane="review",
            template_options=family.template_options,
            reasoning_effort=family.reasoning_effort,
        )
