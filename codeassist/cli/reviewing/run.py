"""The run: files are opened one by one, and their functions reviewed, as many at once as the engine has seats."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from codeassist.cli.indexed import index_of
from codeassist.cli.model import bound_model
from codeassist.cli.reviewing.opening import Opened, Opener, opener
from codeassist.cli.reviewing.progress import Progress, shown_progress
from codeassist.cli.reviewing.results import Results
from codeassist.cli.reviewing.targets import Selection, Target
from codeassist.flow.admission import Admission
from codeassist.flow.asking import Bound
from codeassist.flow.review import NO_LIMIT, Region, Watch
from codeassist.flow.review import review as flow
from codeassist.flow.surroundings import Surroundings
from codeassist.flow.trace import Trace
from codeassist.model.errors import ModelError
from codeassist.post.findings import Finding
from codeassist.post.skip import Skip
from codeassist.settings import AnalyzerName, ReviewSettings, Settings

_MOST_TOGETHER = 6
"""Functions of a file that the flow is given at once: about as many as it asks about in one request in words."""
_THE_SAME_EVERYWHERE = frozenset({"cannot-fill", "no-logprobs", "not-able"})
"""Reasons that hold for one function as for any other: it is asked no more."""


async def review_all(selection: Selection, settings: Settings, results: Results) -> None:
    """Review what was selected into `results`, which hold what was found so far whenever this ends.

    The model is asked for nothing, not even whether it is there, before there is something to review.
    """
    results.skips.update(selection.skips)
    with opener(selection, settings) as opened:
        jobs = _Jobs(iter(selection.targets), opened, results)
        if not await jobs.any_left():
            return
        try:
            async with bound_model(settings, "review", workspace=selection.root) as bound:
                everything = settings.review.model_copy(update={"max_lines": NO_LIMIT})
                asks_in_words = bound.can_review and "words" in everything.analyzers
                root = selection.root if asks_in_words else None
                sizes = [target.size for target in selection.targets]
                with index_of(root, settings.index) as ask, shown_progress(sizes) as progress:
                    around = Surroundings(ask)
                    await _Run(bound, everything, jobs, results, progress, around).to_the_end()
        except ModelError as error:
            results.failure = str(error)


@dataclass(frozen=True, slots=True)
class _Job:
    """Some functions of a file that was opened. `number`: what results know the file by."""

    opened: Opened
    number: int
    part: tuple[Region, ...]


@dataclass(slots=True)
class _Jobs:
    """What is left to do: parts of the file that was opened last, then the files behind it."""

    targets: Iterator[Target]
    opener: Opener
    results: Results
    _files: deque[_Job] = field(default_factory=deque)
    _parts: deque[_Job] = field(default_factory=deque)
    _passed: list[int] = field(default_factory=list)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def any_left(self) -> bool:
        """Open files until there is something to do."""
        async with self._opening:
            while not (self._parts or self._files):
                target = next(self.targets, None)
                if target is None:
                    return False
                # Off the loop, which has answers to read: a long file takes a second.
                opened = await asyncio.to_thread(self.opener.open, target)
                number = self.results.begin(opened)
                if opened.regions:
                    self._files.append(_Job(opened, number, opened.regions))
                else:
                    self._passed.append(target.size)
            return True

    async def next(self, progress: Progress, seats: int) -> _Job | None:
        """The next functions, or None at the end. A file is shared out among the seats."""
        while await self.any_left():
            for size in self._passed:
                progress.file_done(size)
            self._passed.clear()
            if not self._parts and self._files:
                file = self._files.popleft()
                self._parts.extend(_Job(file.opened, file.number, part) for part in parts_of(file.part, seats))
            if self._parts:  # Somebody else may have been quicker.
                return self._parts.popleft()
        return None


def parts_of(regions: Sequence[Region], seats: int) -> Iterator[tuple[Region, ...]]:
    """The functions of a file in parts for so many seats, none larger than what is asked about together."""
    size = max(1, min(_MOST_TOGETHER, math.ceil(len(regions) / max(1, seats))))
    for start in range(0, len(regions), size):
        yield tuple(regions[start : start + size])


@dataclass(slots=True)
class _Run:
    bound: Bound
    settings: ReviewSettings
    jobs: _Jobs
    results: Results
    progress: Progress
    surroundings: Surroundings
    admission: Admission = field(default_factory=Admission)
    given_up: set[AnalyzerName] = field(default_factory=set)

    async def to_the_end(self) -> None:
        """Review until nothing is left or the model fails."""
        workers = [asyncio.ensure_future(self._work()) for _ in range(max(1, self.bound.parallel))]
        try:
            # One that met a failure ends first: the others would meet the same, each after its own patience.
            pending = set(workers)
            while pending and not self.results.failure:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for worker in done:
                    worker.result()
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self) -> None:
        while not self.results.failure:
            job = await self.jobs.next(self.progress, self.bound.parallel)
            if job is None:
                return
            await self._review(job)

    async def _review(self, job: _Job) -> None:
        source, trace = job.opened.source, Trace("review")
        if source.syntax is None:
            return
        path, shown = _named(source.path), self.progress.of_file(source.listed, job.opened.target.size)

        def done_with(region: Region, found: tuple[Finding, ...]) -> None:
            self.results.note(job.number, region, found)
            shown(region, len(job.opened.regions))

        def hidden(finding: Finding) -> bool:
            return self.results.why_hidden(job.opened, finding) is not None

        watch = Watch(done_with=done_with, surroundings=self.surroundings, hidden=hidden)
        answer = await flow(source.syntax, job.part, path, self.bound, self._settings(), self.admission, trace, watch)
        self._give_up(answer.skips)
        self.results.add(job.number, job.part, answer, trace)

    def _settings(self) -> ReviewSettings:
        """With the analyzers that are left."""
        analyzers = tuple(name for name in self.settings.analyzers if name not in self.given_up)
        return self.settings.model_copy(update={"analyzers": analyzers, "max_findings": self.results.most})

    def _give_up(self, skips: Mapping[AnalyzerName, Skip]) -> None:
        """Note what need not be tried again; with nothing left to try, that is a failure like any other."""
        self.given_up |= {name for name, skip in skips.items() if skip.reason in _THE_SAME_EVERYWHERE}
        if self.given_up.issuperset(self.settings.analyzers):
            why = " ".join(dict.fromkeys(str(skip) for skip in skips.values()))
            self.results.failure = f"Nothing can be reviewed with {self.bound.name}. {why}"


def _named(path: str) -> str:
    """A path as a model is told of it: one line, whatever the file is called."""
    return "".join(character if character.isprintable() else "\ufffd" for character in path)
