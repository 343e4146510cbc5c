"""The run: files are opened one by one, and their functions reviewed, as many at once as the engine has seats."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from codeassist.cli.model import bound_model
from codeassist.cli.reviewing.opening import Opened, Opener, opener
from codeassist.cli.reviewing.progress import Progress, shown_progress
from codeassist.cli.reviewing.results import Results
from codeassist.cli.reviewing.targets import Selection, Target
from codeassist.flow.admission import Admission
from codeassist.flow.asking import Bound
from codeassist.flow.review import NO_LIMIT, Region
from codeassist.flow.review import review as flow
from codeassist.flow.trace import Trace
from codeassist.model.errors import ModelError
from codeassist.post.skip import Skip
from codeassist.settings import AnalyzerName, ReviewSettings, Settings

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
                with shown_progress([target.size for target in selection.targets]) as progress:
                    everything = settings.review.model_copy(update={"max_lines": NO_LIMIT})
                    await _Run(bound, everything, jobs, results, progress).to_the_end()
        except ModelError as error:
            results.failure = str(error)


@dataclass(frozen=True, slots=True)
class _Job:
    """One function of a file that was opened. `number`: what results know the file by."""

    opened: Opened
    number: int
    region: Region
    is_last: bool


@dataclass(slots=True)
class _Jobs:
    """What is left to do: the functions of the file that was opened last, then the files behind it."""

    targets: Iterator[Target]
    opener: Opener
    results: Results
    _waiting: deque[_Job] = field(default_factory=deque)
    _passed: list[int] = field(default_factory=list)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def any_left(self) -> bool:
        """Open files until there is something to do."""
        async with self._opening:
            while not self._waiting:
                target = next(self.targets, None)
                if target is None:
                    return False
                # Off the loop, which has answers to read: a long file takes a second.
                opened = await asyncio.to_thread(self.opener.open, target)
                number = self.results.begin(opened)
                last = len(opened.regions) - 1
                self._waiting.extend(
                    _Job(opened, number, region, at == last) for at, region in enumerate(opened.regions)
                )
                if not opened.regions:
                    self._passed.append(target.size)
            return True

    async def next(self, progress: Progress) -> _Job | None:
        """The next function, or None at the end."""
        while await self.any_left():
            for size in self._passed:
                progress.file_done(size)
            self._passed.clear()
            if self._waiting:  # Somebody else may have been quicker.
                return self._waiting.popleft()
        return None


@dataclass(slots=True)
class _Run:
    bound: Bound
    settings: ReviewSettings
    jobs: _Jobs
    results: Results
    progress: Progress
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
        while not self.results.failure and (job := await self.jobs.next(self.progress)) is not None:
            await self._review(job)

    async def _review(self, job: _Job) -> None:
        source, trace = job.opened.source, Trace("review")
        if source.syntax is None:
            return
        analyzers = tuple(name for name in self.settings.analyzers if name not in self.given_up)
        settings = self.settings.model_copy(update={"analyzers": analyzers})
        path = _named(source.path)
        answer = await flow(source.syntax, [job.region], path, self.bound, settings, self.admission, trace)
        self._give_up(answer.skips)
        self.results.add(job.number, answer, trace)
        self.progress.function_done(source.path, job.opened.target.size, len(job.opened.regions), is_last=job.is_last)

    def _give_up(self, skips: Mapping[AnalyzerName, Skip]) -> None:
        """Note what need not be tried again; with nothing left to try, that is a failure like any other."""
        self.given_up |= {name for name, skip in skips.items() if skip.reason in _THE_SAME_EVERYWHERE}
        if self.given_up.issuperset(self.settings.analyzers):
            why = " ".join(dict.fromkeys(str(skip) for skip in skips.values()))
            self.results.failure = f"Nothing can be reviewed with {self.bound.name}. {why}"


def _named(path: str) -> str:
    """A path as a model is told of it: one line, whatever the file is called."""
    return "".join(character if character.isprintable() else "\ufffd" for character in path)
