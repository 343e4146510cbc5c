"""All of a prompt's related code: definitions of the repository, then similar code, of the repository and of the other
open documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from codeassist.context.choose import Held, Piece, choose
from codeassist.context.cursor import CursorView
from codeassist.context.facts import Facts, Passage
from codeassist.context.limits import ContextLimits
from codeassist.context.question import Question, cell_start
from codeassist.context.related import OpenFile, Snippet, lines_set, related_budget, related_snippets, repeats
from codeassist.context.tokens import estimate_tokens

_TELLING_SHARE, _LEAST_TELLING_BUDGET = 0.15, 600
"""Of the related code's budget, kept for calls, uses and recent edits where there are some; none of a small one."""
_DEFINITIONS_FIRST, _SIMILAR_SHARE = 300, 0.5
"""So many tokens belong to definitions; of those above, this share is kept for similar code. With little room similar
code makes a small model worse; with more it is often what the new code is made after."""
_LEAST_PASSAGE_TOKENS = 40
_FAR_LINES = 24
"""So far from where it was chosen, all is chosen anew."""
_MOST_EDITED, _AROUND_EDIT = 2, 5
"""Documents whose last edit is shown, and the lines before and after it."""


def gather(
    view: CursorView,
    question: Question | None,
    facts: Facts,
    others: Sequence[OpenFile],
    limits: ContextLimits,
    held: Held,
) -> tuple[tuple[Snippet, ...], Held]:
    """The snippets for the prompt at `view`, best first, and what is to be held for the next one.

    Of `others` those edited last come first.
    """
    line = view.document.position_at(view.offset).line
    versions = frozenset((file.path, file.document.version) for file in others)
    pieces = _still_there(held, facts, versions)
    since = held.line if pieces and held.line >= 0 else line
    if abs(line - since) > _FAR_LINES:
        pieces, since = (), line
    chosen = _Choice(view, question, facts, others, limits, pieces).made()
    return tuple(piece.snippet for piece in chosen), Held(since, chosen, versions)


def _still_there(held: Held, facts: Facts, versions: frozenset[tuple[str, int]]) -> tuple[Piece, ...]:
    """What is held, less what may look otherwise by now: passages, and definitions not known to be the same."""
    changed = {path for path, _ in versions ^ held.versions}
    doubtful = [held.line < 0 or piece.snippet.path in changed for piece in held.pieces]
    if not any(doubtful):
        return held.pieces
    known = {each.key: each.tag for each in facts.ranked}
    return tuple(
        piece
        for piece, doubted in zip(held.pieces, doubtful, strict=True)
        if not doubted or (piece.members and all(known.get(each.key) == each.tag for each in piece.members))
    )


@dataclass(slots=True)
class _Choice:
    """What stands in one prompt, where `held` stood in the one before."""

    view: CursorView
    question: Question | None
    facts: Facts
    others: Sequence[OpenFile]
    limits: ContextLimits
    held: tuple[Piece, ...]

    def made(self) -> tuple[Piece, ...]:
        budget = related_budget(self.view, self.limits)
        held = tuple(piece for piece in self.held if piece.members)
        passages = [piece for piece in self.held if not piece.members]
        edited = [passage for file in self.others[:_MOST_EDITED] if (passage := _edited(file)) is not None]
        definitions: tuple[Piece, ...] = ()
        if self.question is not None:
            room = _for_definitions(budget, self.facts, edited, self.others)
            definitions = choose(self.facts.ranked, room, held, self.question.language)
        telling = [*edited, *(passage for passage in self.facts.passages if passage.telling)]
        left = budget - sum(piece.snippet.tokens for piece in definitions)
        fits = sum(piece.snippet.tokens for piece in passages) <= left
        if not (self.held and definitions == held and fits and self._serve(passages, telling, left)):
            passages = [Piece(each) for each in self._passages(telling, [each.snippet for each in definitions], left)]
        return _in_order(self.held, (*definitions, *passages))

    def _serve(self, passages: Sequence[Piece], telling: Sequence[Passage], budget: int) -> bool:
        """Whether the passages that are held still do: none repeats what has been written since, and nothing is missing
        but code that merely looks alike."""
        if self.question is None:
            return False
        nearby, shown = _nearby(self.view), [piece.snippet for piece in self.held]
        if any(repeats(piece.snippet, nearby) for piece in passages):
            return False
        new = [found for passage in telling if (found := _snippet(passage, self.limits.snippet_tokens)) is not None]
        new += [found for found in self._of_unknown(budget) if found.defines]
        return all(repeats(found, nearby) or any(_overlap(found, other) for other in shown) for found in new)

    def _of_unknown(self, budget: int) -> Sequence[Snippet]:
        """Snippets of open documents of which the index told nothing."""
        known = {file.path for file in self.facts.files}
        others = [file for file in self.others if file.path not in known]
        return related_snippets(self.view, others, self.limits, budget)

    def _passages(self, telling: Sequence[Passage], shown: Sequence[Snippet], budget: int) -> list[Snippet]:
        """The passages that fit into `budget` beside what is `shown`, best first."""
        if self.question is None:
            return list(related_snippets(self.view, self.others, self.limits))
        nearby, chosen = _nearby(self.view), list(shown)

        def add(passages: Iterable[Passage]) -> None:
            nonlocal budget
            for passage in passages:
                found = _snippet(passage, min(budget, self.limits.snippet_tokens))
                if found is None or any(_overlap(found, other) for other in chosen) or repeats(found, nearby):
                    continue
                chosen.append(found)
                budget -= found.tokens

        add(telling)
        for snippet in self._of_unknown(budget):
            if not any(_overlap(snippet, other) for other in chosen):
                chosen.append(snippet)
                budget -= snippet.tokens
        add(passage for passage in self.facts.passages if not passage.telling)
        return chosen[len(shown) :]


def _in_order(held: Sequence[Piece], wanted: Sequence[Piece]) -> tuple[Piece, ...]:
    """What was held keeps its place; the rest comes behind it."""
    kept = [piece for piece in held if piece in wanted]
    return (*kept, *(piece for piece in wanted if piece not in kept))


def _nearby(view: CursorView) -> frozenset[str]:
    """The lines of prefix and suffix. Those well above the cursor are remembered."""
    document, cut = view.document, cell_start(view)
    rest = document.text[cut : view.offset] + view.suffix
    return _lines_above(document.text[view.prefix_start : cut]) | lines_set(rest)


_lines_above = lru_cache(maxsize=32)(lines_set)


def _for_definitions(budget: int, facts: Facts, edited: Sequence[Passage], others: Sequence[OpenFile]) -> int:
    """What definitions may take of a budget of tokens."""
    kept = 0
    if (edited or any(passage.telling for passage in facts.passages)) and budget >= _LEAST_TELLING_BUDGET:
        kept += int(budget * _TELLING_SHARE)
    if others or any(not passage.telling for passage in facts.passages):
        kept += int(max(0, budget - _DEFINITIONS_FIRST) * _SIMILAR_SHARE)
    return budget - kept


def _edited(file: OpenFile) -> Passage | None:
    """The lines around the last edit of another document: what changed there is often what this one has to follow."""
    if file.edited_line is None:
        return None
    document = file.document
    first = max(0, file.edited_line - _AROUND_EDIT)
    end = min(document.line_count, file.edited_line + _AROUND_EDIT + 1)
    text = document.text[document.line_start(first) : document.line_start(end)]
    return Passage(file.path, first, end, text, "edited just now", 1.0, telling=True) if text.strip() else None


def _overlap(one: Snippet, other: Snippet) -> bool:
    if one.path != other.path:
        return False
    shown = other.ranges or ((other.start_line, other.end_line),)
    return any(start < one.end_line and one.start_line < end for start, end in shown)


def _snippet(passage: Passage, budget: int) -> Snippet | None:
    """As many whole lines of a passage as fit; None if that is hardly any."""
    header = estimate_tokens(passage.path) + 3
    kept: list[str] = []
    used = header
    lines = passage.text.splitlines(keepends=True)
    for line in lines:
        cost = estimate_tokens(line)
        if used + cost > budget:
            break
        used += cost
        kept.append(line)
    if used < _LEAST_PASSAGE_TOKENS + header and len(kept) < len(lines):
        return None
    last = passage.start_line + len(kept)
    return Snippet(passage.path, passage.start_line, last, "".join(kept), passage.why, passage.score, used)
