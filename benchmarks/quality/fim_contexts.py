"""Where a prompt's related code comes from in a benchmark: the product's index, or what it is compared with."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Protocol

from fim_cases import Case, Repository

from codeassist.context.facts import NO_FACTS, Facts, Passage
from codeassist.context.question import Question
from codeassist.flow.prepare import Ask
from codeassist.settings import Settings
from codeassist.syntax.languages import language_of
from codeassist.syntax.tags import tags_of
from codeassist.workspace.index import Index
from codeassist.workspace.lookup import Lookup
from codeassist.workspace.scan import ScanOptions, scan
from codeassist.workspace.update import Updater

_WINDOW, _STEP, _QUERY_LINES, _MOST_WINDOWS = 20, 10, 20, 16
_K1, _B = 1.2, 0.75
_GOLD_LINES = 24
_WORD = re.compile(r"[^\W\d]\w+")


class Context(Protocol):
    def changed(self, case: Case) -> None:
        """The case's file was cut."""
        ...

    def ask(self, case: Case) -> Ask | None: ...


@contextmanager
def context_of(name: str, repository: Repository, folder: Path, settings: Settings) -> Iterator[Context]:
    """The context of that name over a repository; `folder` is for its index."""
    if name == "ours":
        with _Index.open(repository, folder, settings) as index:
            yield index
    else:
        yield {"none": _Nothing, "bm25": _Windows, "gold": _Gold}[name](repository)


@dataclass
class _Index:
    """The product's index, as it is in an editor."""

    repository: Repository
    lookup: Lookup
    updater: Updater
    changed_path: str = ""

    @classmethod
    @contextmanager
    def open(cls, repository: Repository, folder: Path, settings: Settings) -> Iterator[_Index]:
        options = ScanOptions(settings.index.max_file_bytes, settings.index.exclude, folder)
        report = scan(repository.root, options)
        if report.state != "done":
            raise RuntimeError(f"the repository cannot be indexed: {report.state} {report.detail}")
        index = Index(repository.root, folder)
        try:
            yield cls(repository, Lookup(index), Updater(repository.root, options))
        finally:
            index.close()

    def changed(self, case: Case) -> None:
        # The file of the case before is whole again.
        self.updater.update([path for path in (self.changed_path, case.path) if path])
        self.changed_path = case.path

    def ask(self, _case: Case) -> Ask | None:
        async def answer(question: Question) -> Facts:
            return self.lookup.answer(question)

        return answer


@dataclass
class _Nothing:
    repository: Repository

    def changed(self, case: Case) -> None:
        pass

    def ask(self, _case: Case) -> Ask | None:
        return None


@dataclass
class _Gold(_Nothing):
    """The first lines of each definition that the case names."""

    def ask(self, case: Case) -> Ask | None:
        passages = tuple(self._passages(case))

        async def answer(_question: Question) -> Facts:
            return Facts(passages=passages) if passages else NO_FACTS

        return answer

    def _passages(self, case: Case) -> Iterator[Passage]:
        for place in case.gold:
            text = self.repository.files.get(place.path)
            if text is None:
                continue
            tags = tags_of(language_of(place.path), text.encode()).definitions
            tag = next((tag for tag in tags if tag.start_line <= place.line - 1 <= tag.name_line), None)
            start = tag.start_line if tag else place.line - 1
            end = min(tag.end_line if tag else place.line + 5, start + _GOLD_LINES)
            lines = text.splitlines(keepends=True)[start:end]
            yield Passage(place.path, start, end, "".join(lines), "gold", 1.0)


class _Windows(_Nothing):
    """Overlapping windows of all files, ranked by BM25 over whole words against the last lines before the cursor."""

    def __init__(self, repository: Repository) -> None:
        super().__init__(repository)
        self._windows: list[tuple[str, int, int, Counter[str]]] = []
        for path, text in repository.files.items():
            lines = text.split("\n")
            for start in range(0, max(1, len(lines) - _STEP), _STEP):
                words = Counter(_WORD.findall("\n".join(lines[start : start + _WINDOW])))
                self._windows.append((path, start, min(len(lines), start + _WINDOW), words))
        self._seen = Counter(word for *_, words in self._windows for word in words)
        total = sum(sum(words.values()) for *_, words in self._windows)
        self._mean = total / max(1, len(self._windows))

    def ask(self, case: Case) -> Ask | None:
        passages = tuple(self._best(case))

        async def answer(_question: Question) -> Facts:
            return Facts(passages=passages)

        return answer

    def _best(self, case: Case) -> Iterator[Passage]:
        query = set(_WORD.findall("\n".join(case.prefix.split("\n")[-_QUERY_LINES:])))
        count = len(self._windows)
        scored = []
        for path, start, end, words in self._windows:
            if path == case.path:
                continue
            length = _K1 * (1 - _B + _B * sum(words.values()) / self._mean)
            score = sum(
                log(1 + (count - self._seen[word] + 0.5) / (self._seen[word] + 0.5))
                * words[word] * (_K1 + 1) / (words[word] + length)
                for word in query & words.keys()
            )  # fmt: skip
            scored.append((score, path, start, end))
        taken: set[tuple[str, int]] = set()
        for score, path, start, end in sorted(scored, key=lambda each: (-each[0], each[1], each[2])):
            if (path, start - _STEP) in taken or (path, start + _STEP) in taken:
                continue
            taken.add((path, start))
            text = "\n".join(self.repository.files[path].split("\n")[start:end]) + "\n"
            yield Passage(path, start, end, text, "bm25", score)
            if len(taken) == _MOST_WINDOWS:
                return
