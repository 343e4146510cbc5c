"""What is looked up in another open document, made once per version of it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from codeassist.syntax.outline import Symbol, outline
from codeassist.syntax.tree import Syntax
from codeassist.text.document import Document

_WINDOW_LINES = 20
_WINDOW_STEP = 10
_MOST_LINES = 20_000
_WORD = re.compile(r"[^\W\d]\w{2,63}")
_KEPT_FILES = 64


@dataclass(frozen=True, slots=True)
class OpenFile:
    """An open document under the path that the prompt shows. `syntax` is None where the language is
    unknown. `edited_line`: where it was edited last, from 0; None if it was not."""

    path: str
    syntax: Syntax | None = field(compare=False)
    document: Document
    edited_line: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class FileIndex:
    """`definitions`: symbols by name. `windows`: overlapping stretches of lines (first, end exclusive).
    `postings`: the numbers of the windows that hold a word."""

    symbols: tuple[Symbol, ...]
    definitions: Mapping[str, Sequence[Symbol]]
    windows: Sequence[tuple[int, int]]
    postings: Mapping[str, Sequence[int]]

    def home(self, symbol: Symbol, kinds: frozenset[str]) -> Symbol:
        """The innermost symbol of one of `kinds` around `symbol`, or `symbol` itself."""
        around = [
            other
            for other in self.symbols
            if other.kind in kinds
            and other.depth < symbol.depth
            and other.span.start <= symbol.span.start
            and symbol.span.end <= other.span.end
        ]
        return around[-1] if around else symbol

    def members(self, symbol: Symbol) -> tuple[Symbol, ...]:
        """The symbols inside `symbol`, in document order."""
        return tuple(
            other
            for other in self.symbols
            if other.depth > symbol.depth
            and symbol.span.start <= other.span.start
            and other.span.end <= symbol.span.end
        )


def words_of(text: str) -> frozenset[str]:
    """The identifiers and other words of three characters and more."""
    return frozenset(_WORD.findall(text))


def index_of(file: OpenFile) -> FileIndex:
    """The index of a file. The 64 files used last are kept, except those that are not parsed yet: their symbols come
    with the parse."""
    return _kept_index(file) if file.syntax is not None else _index(file)


@lru_cache(maxsize=_KEPT_FILES)
def _kept_index(file: OpenFile) -> FileIndex:
    return _index(file)


def _index(file: OpenFile) -> FileIndex:
    symbols = outline(file.syntax) if file.syntax else ()
    definitions: defaultdict[str, list[Symbol]] = defaultdict(list)
    for symbol in symbols:
        definitions[symbol.name].append(symbol)
    document = file.document
    windows: list[tuple[int, int]] = []
    postings: defaultdict[str, list[int]] = defaultdict(list)
    count = min(document.line_count, _MOST_LINES)
    for first in range(0, max(1, count - _WINDOW_LINES + _WINDOW_STEP), _WINDOW_STEP):
        end = min(first + _WINDOW_LINES, count)
        for word in words_of(document.text[document.line_start(first) : document.line_start(end)]):
            postings[word].append(len(windows))
        windows.append((first, end))
    return FileIndex(symbols, dict(definitions), windows, dict(postings))
