"""Code from other open documents that helps at the cursor: definitions of what is used there, then similar
code.

What is chosen must change rarely, because snippets stand at the head of the prompt: so the word that is being
typed does not count, and similar code is searched for lines above a coarse grid line.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log

from codeassist.context.cursor import CursorView
from codeassist.context.index import FileIndex, OpenFile, index_of, words_of
from codeassist.context.limits import ContextLimits
from codeassist.context.skeleton import skeleton
from codeassist.context.tokens import estimate_tokens
from codeassist.syntax.outline import Symbol
from codeassist.text.document import Document

__all__ = ["OpenFile", "Snippet", "lines_set", "related_budget", "related_snippets", "repeats", "warm"]

_NEAR_LINES = 24
_GRID_LINES = 8
_BUDGET_GRID = 256
_LINES_AFTER = 5
_LINE_WEIGHT, _NEAR_WEIGHT, _IMPORT_WEIGHT, _AFTER_WEIGHT = 3.0, 1.0, 0.7, 0.5
_DEFINITION_BONUS = 10.0
"""Definitions go before similar code, whose scores are at most 1."""
_COMMON_WINDOWS = 10
_COMMON_SHARE = 0.15
"""Words in more stretches than this tell nothing about similarity, and counting them would cost most of the
time."""
_OTHER_LANGUAGE = 0.3
_LEAST_DEFINITION = 0.3
_LEAST_SIMILARITY = 0.25
_LEAST_SHARED_WORDS = 4
_MOST_SHARED_LINES = 0.5
_HOMES = frozenset({"class", "interface", "struct", "enum", "implementation"})
_FAMILIES = (
    frozenset({"javascript", "typescript", "tsx"}),
    frozenset({"c", "cpp"}),
    frozenset({"java", "kotlin", "scala"}),
)

_DEFINES = re.compile(r"\b(?:def|class|func|fn|function|struct|type|interface|enum|trait|module)\s+(\w+)")
"""The cursor's own file is searched by pattern: its outline would have to be made anew for each keystroke."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of another file. Lines count from 0, `end_line` is exclusive.

    `text` may leave out lines in between. `why` names the reason in a few words, `score` is comparable within
    one request only. `tokens` is estimated, the header with the path included. `ranges`: the lines that are shown,
    (first, end exclusive), where it is not all of them.
    """

    path: str
    start_line: int
    end_line: int
    text: str
    why: str
    score: float
    tokens: int
    ranges: tuple[tuple[int, int], ...] = ()

    @property
    def defines(self) -> bool:
        """Whether it is, of an open document, the definition of something that is used at the cursor."""
        return self.score >= _DEFINITION_BONUS


def related_snippets(
    view: CursorView, others: Sequence[OpenFile], limits: ContextLimits, budget: int | None = None
) -> tuple[Snippet, ...]:
    """Snippets of `others` that help at the cursor, best first, within `budget` tokens: by default the related share.

    A file with the URI of the cursor's own document is passed over, and so is what nearly repeats the code at
    the cursor: models copy it.
    """
    files = [(file, index_of(file)) for file in others if file.document.uri != view.document.uri]
    budget = related_budget(view, limits) if budget is None else budget
    if not files or budget <= 0:
        return ()
    nearby = lines_set(view.prefix + view.suffix)
    chosen: list[Snippet] = []
    for snippet in _candidates(view, files, limits):
        if len(chosen) == limits.snippet_count:
            break
        if snippet.tokens > budget or _overlaps(snippet, chosen) or repeats(snippet, nearby):
            continue
        chosen.append(snippet)
        budget -= snippet.tokens
    return tuple(chosen)


def warm(file: OpenFile) -> None:
    """Prepare what `related_snippets` needs of a file, which is kept; worth doing off the event loop after
    opening it."""
    index_of(file)


def related_budget(view: CursorView, limits: ContextLimits) -> int:
    """The related share and what prefix and suffix leave of theirs, in coarse steps so that typing seldom
    changes it."""
    share = int(limits.prompt_tokens * limits.related_share)
    if share == 0:
        return 0
    left = limits.prompt_tokens - share - view.prefix_tokens - limits.suffix_budget
    return share + max(0, left) // _BUDGET_GRID * _BUDGET_GRID


def _candidates(
    view: CursorView, files: Sequence[tuple[OpenFile, FileIndex]], limits: ContextLimits
) -> Iterator[Snippet]:
    yield from _definitions(view, files, limits)
    yield from _similar(view, files, limits)


def _definitions(view: CursorView, files: Sequence[tuple[OpenFile, FileIndex]], limits: ContextLimits) -> list[Snippet]:
    """What the words near the cursor mean, where another file defines them."""
    own = {*_DEFINES.findall(view.prefix), *_DEFINES.findall(view.suffix)}
    imported = words_of("\n".join(view.document.slice(span) for span in view.imports))
    scores: defaultdict[tuple[int, Symbol], float] = defaultdict(float)
    names: defaultdict[tuple[int, Symbol], list[str]] = defaultdict(list)
    for word, weight in _used_words(view, imported).items():
        if word in own:
            continue
        for number, symbol, telling in _places(word, imported, files):
            file, index = files[number]
            key = number, index.home(symbol, _HOMES)
            scores[key] += weight * telling * _kinship(view, file)
            names[key].append(word)
    snippets = []
    for (number, symbol), score in scores.items():
        if score < _LEAST_DEFINITION:
            continue
        file, index = files[number]
        start, end, text = skeleton(file.document, symbol, index.members(symbol), limits.snippet_tokens)
        why = f"defines {', '.join(sorted(names[number, symbol])[:3])}"
        snippets.append(_snippet(file.path, (start, end), text, why, _DEFINITION_BONUS + score))
    return _best_first(snippets)


def _places(
    word: str, imported: frozenset[str], files: Sequence[tuple[OpenFile, FileIndex]]
) -> list[tuple[int, Symbol, float]]:
    """Where `word` is defined: number of the file, symbol, and how surely (0 to 1) this is the one that is
    meant."""
    places = [(number, symbol) for number, (_, index) in enumerate(files) for symbol in index.definitions.get(word, ())]
    if not places:
        return []
    # An import says which file is meant. Else a name that code is full of (`items`, `get`) may be anybody's.
    named = [place for place in places if words_of(files[place[0]][0].path) & imported]
    if word in imported:
        places = named or places
        telling = 1.0
    else:
        seen = sum(len(index.postings.get(word, ())) for _, index in files)
        telling = 1 / (1 + seen / _COMMON_WINDOWS)
    return [(number, symbol, telling / len(places)) for number, symbol in places]


def _used_words(view: CursorView, imported: frozenset[str]) -> dict[str, float]:
    """Words around the cursor with their weights, without the one being typed."""
    document, line = view.document, view.document.position_at(view.offset).line
    above = document.text[document.line_start(line - _NEAR_LINES) : document.line_start(line)]
    below = view.suffix[len(view.line_suffix) :].split("\n", _LINES_AFTER + 1)[: _LINES_AFTER + 1]
    finished = re.sub(r"\w+$", "", view.line_prefix)
    rest = re.sub(r"^\w+", "", view.line_suffix)
    scopes = " ".join(scope.signature for scope in view.scopes)
    weights: dict[str, float] = dict.fromkeys(words_of("\n".join(below)), _AFTER_WEIGHT)
    weights.update(dict.fromkeys(imported, _IMPORT_WEIGHT))
    weights.update(dict.fromkeys(words_of(f"{above} {scopes}"), _NEAR_WEIGHT))
    weights.update(dict.fromkeys(words_of(f"{finished} {rest}"), _LINE_WEIGHT))
    return weights


def _similar(view: CursorView, files: Sequence[tuple[OpenFile, FileIndex]], limits: ContextLimits) -> list[Snippet]:
    """Stretches of other files that share many rare words with the lines above the cursor."""
    rarity = _rare_words(view, files)
    most = sum(rarity.values())
    snippets = []
    for file, index in files:
        scores: defaultdict[int, float] = defaultdict(float)
        shared: defaultdict[int, int] = defaultdict(int)
        for word, weight in rarity.items():
            for number in index.postings.get(word, ()):
                scores[number] += weight
                shared[number] += 1
        least = _LEAST_SIMILARITY * most / _kinship(view, file)
        for number, score in scores.items():
            if score >= least and shared[number] >= _LEAST_SHARED_WORDS:
                start, end = index.windows[number]
                end, text = _lines_within(file.document, start, end, limits.snippet_tokens)
                snippets.append(_snippet(file.path, (start, end), text, "similar code", score / most))
    return _best_first(snippets)


def _rare_words(view: CursorView, files: Sequence[tuple[OpenFile, FileIndex]]) -> dict[str, float]:
    """Words of the lines above the cursor's grid line, each with how rare it is in the other files."""
    document, line = view.document, view.document.position_at(view.offset).line
    last = line - line % _GRID_LINES or line
    above = document.text[document.line_start(max(0, last - _NEAR_LINES)) : document.line_start(last)]
    total = sum(len(index.windows) for _, index in files)
    rarity = {}
    for word in words_of(above):
        count = sum(len(index.postings.get(word, ())) for _, index in files)
        if 0 < count <= max(_COMMON_WINDOWS, total * _COMMON_SHARE):
            rarity[word] = log(1 + total / count)
    return rarity


def _lines_within(document: Document, start: int, end: int, budget: int) -> tuple[int, str]:
    """As many whole lines from `start` as fit into `budget` tokens: their end line and text."""
    kept: list[str] = []
    for number in range(start, end):
        line = document.line_with_end(number)
        budget -= estimate_tokens(line)
        if budget < 0 and kept:
            break
        kept.append(line)
    return start + len(kept), "".join(kept)


def _best_first(snippets: list[Snippet]) -> list[Snippet]:
    return sorted(snippets, key=lambda snippet: (-snippet.score, snippet.path, snippet.start_line))


def _snippet(path: str, lines: tuple[int, int], text: str, why: str, score: float) -> Snippet:
    return Snippet(path, *lines, text, why, score, estimate_tokens(text) + estimate_tokens(path) + 3)


def _kinship(view: CursorView, file: OpenFile) -> float:
    one, other = view.document.language, file.document.language
    related = one == other or any(one in family and other in family for family in _FAMILIES)
    return 1.0 if related else _OTHER_LANGUAGE


def _overlaps(snippet: Snippet, chosen: Sequence[Snippet]) -> bool:
    return any(
        snippet.path == other.path and snippet.start_line < other.end_line and other.start_line < snippet.end_line
        for other in chosen
    )


def repeats(snippet: Snippet, nearby: frozenset[str]) -> bool:
    lines = lines_set(snippet.text)
    return not lines or len(lines & nearby) > _MOST_SHARED_LINES * len(lines)


def lines_set(text: str) -> frozenset[str]:
    """The lines that say something, without their indentation."""
    return frozenset(line for line in map(str.strip, text.splitlines()) if len(line) > 3)
