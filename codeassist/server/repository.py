"""The indexes of the workspace folders: made, kept in step with the disk, and asked.

All that reads the disk or the database is done by other processes and on threads; the event loop only hears of it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codeassist.context.facts import NO_FACTS, Facts
from codeassist.context.question import Question
from codeassist.context.related import OpenFile
from codeassist.server.lane import Lane
from codeassist.server.mending import Mending
from codeassist.server.progress import Progress
from codeassist.server.protocol import log_error
from codeassist.server.session import Session
from codeassist.settings import IndexSettings
from codeassist.workspace import git

if TYPE_CHECKING:
    from codeassist.workspace.ignore import Rules
    from codeassist.workspace.index import Index
    from codeassist.workspace.lookup import Lookup
    from codeassist.workspace.scan import ScanOptions, ScanReport
    from codeassist.workspace.scanner import ScanProcess
    from codeassist.workspace.update import Updater

logger = logging.getLogger(__name__)

MOST_CHANGES = 64
"""More changed files at once, as after a checkout, are read by a scan, on several processes."""
_ANSWER_S = 0.06
_GATHER_S, _CALM_S = 0.02, 0.4
"""Changes are gathered for so long before files are read, and before a scan."""
_SILENT_S = 0.3
"""A scan that takes no longer shows no progress."""
_REPORT_EVERY_S, _FORGET_EVERY_S, _LOOK_EVERY_S = 0.25, 1.0, 0.25
_ELSEWHERE_S = (1.0, 30.0)
"""Another server scans the folder: first and longest wait until it is asked again."""
_ENOUGH_S = 1.0
"""A scan that was asked to end is killed after so long."""
_KEPT_ANSWERS = 32
_NOTHING = Question("", "python")

TROUBLES = {
    "full": "there is no room on the disk for it",
    "read-only": "its file or the folder that holds it is read-only",
    "damaged": "it is damaged and cannot be set aside",
    "locked": "another process keeps it locked",
    "unwritable": "the folder that holds it cannot be made",
    "workers": "the processes that read files end at once",
}


class Repository:
    """The index of one workspace folder. `on_trouble` is given one sentence, "" when it is over."""

    def __init__(
        self,
        root: Path,
        settings: IndexSettings,
        session: Session,
        progress: Progress,
        on_trouble: Callable[[Path, str], None],
    ) -> None:
        self.root = root
        self.settings = settings
        self.state = "starting"
        self.scanned_at = float("-inf")
        self._session = session
        self._progress = progress
        self._on_trouble = on_trouble
        self._lookups, self._updates = Lane("lookup"), Lane("update")
        self._index: Index | None = None
        self._lookup: Lookup | None = None
        self._updater: Updater | None = None
        self._rules: Rules | None = None
        self._loop = asyncio.get_running_loop()
        self._mending = Mending()
        self._checkout_files: tuple[Path, ...] = ()
        self._scanned_git: tuple[int, ...] = ()
        self._looked_at = 0.0
        self._last: OrderedDict[str, Facts] = OrderedDict()
        self._late: dict[str, asyncio.Future[Facts]] = {}
        self._changed: dict[str, None] = {}
        self._scan_wanted = False
        self._scanning: asyncio.Task[None] | None = None
        self._updating: asyncio.Task[None] | None = None
        self._opening = self._lookups.run(self._open)
        self._opening.add_done_callback(self._opened)
        self.rescan()

    async def answer(
        self, question: Question, others: Sequence[OpenFile], late: Callable[[], None] = lambda: None
    ) -> Facts:
        """What the index knows, with the open documents `others` over it. Never raises but for cancellation. One that
        comes too late is for the next question of that document; until then its last answer has to do, and `late` is
        called once there is one that says something else."""
        path = question.path
        if path in self._late:
            self._late.pop(path).cancel()
        asked = self._lookups.run(lambda: self._answered(question, others))
        try:
            await asyncio.wait({asked}, timeout=_ANSWER_S)
        except asyncio.CancelledError:
            asked.cancel()
            raise
        if not asked.done():
            self._late[path] = asked
            given = self._last.get(path, NO_FACTS)

            def came(answer: asyncio.Future[Facts]) -> None:
                if self._late.get(path) is answer:
                    del self._late[path]
                if not answer.cancelled() and answer.exception() is None and _says_else(answer.result(), given):
                    late()

            asked.add_done_callback(came)
            return given
        return NO_FACTS if asked.cancelled() else asked.result()

    def look_around(self) -> None:
        """See whether another branch was checked out, where no question is asked that would."""
        now = time.monotonic()
        if self._opening.done() and now - self._looked_at >= _LOOK_EVERY_S:
            self._looked_at = now
            self._lookups.run(self._look_around)

    def changed(self, paths: Iterable[str]) -> None:
        """These files, by paths relative to the folder, may have changed, come or gone."""
        self._changed.update(dict.fromkeys(paths))
        if self._changed and (self._updating is None or self._updating.done()):
            self._updating = self._session.spawn(self._update())

    def rescan(self) -> None:
        """Compare the index with the disk. One scan runs at a time."""
        self._scan_wanted = True
        if self._scanning is None or self._scanning.done():
            self._scanning = self._session.spawn(self._scan_while_wanted())

    def relative(self, path: str) -> str | None:
        """A file's path relative to this folder, with forward slashes, or None if it is elsewhere."""
        for root in (self.root, *(real for real, root in self._session.real_roots.items() if root == self.root)):
            with suppress(ValueError):
                return Path(path).relative_to(root).as_posix()
        return None

    async def hides(self, path: str) -> bool:
        """Whether a file is none that prompts about other files may show: ignored, or by its name a secret."""
        with suppress(asyncio.CancelledError):
            return await self._lookups.run(lambda: self._hides(path))
        return True

    async def count(self) -> dict[str, Any]:
        """For people: how many files are known, and what is being done. Who asks may be the first to notice that the
        index is lost."""
        index = self._index

        def counted(index: Index) -> int:
            files = index.counts().files
            self._look_around()
            return files

        files = await self._lookups.run(lambda: counted(index)) if index is not None else 0
        return {"folder": self.root.name, "state": self.state, "files": files}

    async def stop(self) -> None:
        """End its processes and threads. The index stays for the next time."""
        tasks = {task for task in (self._scanning, self._updating) if task is not None and not task.done()}
        for task in tasks:
            task.cancel()
        if self._updater is not None:
            self._updater.kill()  # It may be in the middle of a file that never ends.
        closing = {self._updates.run(self._close_updater), self._lookups.run(self._close_index)}
        self._updates.close()
        self._lookups.close()
        await asyncio.wait(tasks | closing, timeout=2 * _ENOUGH_S)

    # On the lanes ----------------------------------------------------------------------------------------------------

    def _open(self) -> Path:
        from codeassist.workspace.index import Index
        from codeassist.workspace.lookup import Lookup
        from codeassist.workspace.update import Updater

        self._index = Index(self.root)
        self._lookup = Lookup(self._index)
        self._updater = Updater(self.root, _options(self.settings))
        return Path(os.path.realpath(self.root))

    def _answered(self, question: Question, others: Sequence[OpenFile]) -> Facts:
        from codeassist.workspace.overlay import Overlaid

        if self._lookup is None or self._index is None:
            return NO_FACTS
        try:
            facts = self._lookup.answer(question, Overlaid.of(self._index, others))
        except Exception as error:  # noqa: BLE001, RUF100  A completion without it is better than none.
            log_error(error, "asking the index")
            return NO_FACTS
        self._look_around()
        self._last[question.path] = facts
        self._last.move_to_end(question.path)
        while len(self._last) > _KEPT_ANSWERS:
            self._last.popitem(last=False)
        return facts

    def _look_around(self) -> None:
        """Whether the index is still there and of this checkout."""
        settled = self._mending.settled
        if settled and self._is_lost():
            _soon(self._loop, lambda: self._mend(settled))
        elif git.state_of(self._checkout_files) != self._scanned_git:
            _soon(self._loop, self._follow_git)

    def _forget(self) -> bool:
        """Look at the index anew. Says whether there is one."""
        self._last.clear()
        if self._lookup is not None:
            self._lookup.forget()
        if self._index is None:
            return False
        self._index.exists("")  # It opens the file anew if it is another one.
        return self._index.state == "ready"

    def _settle(self) -> None:
        """After a scan: look at the index anew, and so that the first completion need not open it."""
        if self._forget() and self._lookup is not None:
            try:
                self._lookup.answer(_NOTHING)
            except Exception as error:  # noqa: BLE001, RUF100  As for a completion.
                log_error(error, "asking the index")
        self._mending.settle(self._index.database if self._index is not None else None)

    def _is_lost(self) -> bool:
        """Whether the last scan or update failed, or what it left is gone."""
        return self._index is not None and (self.state in TROUBLES or self._mending.is_lost(self._index))

    def _hides(self, path: str) -> bool:
        from codeassist.workspace.content import is_secret
        from codeassist.workspace.ignore import is_ignored, rules_at
        from codeassist.workspace.walk import leads_inside

        *folders, name = path.split("/")
        if is_secret(name) or any(is_secret(folder, is_folder=True) for folder in folders):
            return True
        root = Path(os.path.realpath(self.root))
        self._rules = self._rules or rules_at(root, self.settings.exclude)
        link = root / path
        return is_ignored(root, path, self._rules) or (
            link.is_symlink() and not leads_inside(root, str(link), self._rules)
        )

    def _before_scan(self) -> None:
        self._rules = None
        self._checkout_files = git.checkout_files(self.root)
        self._scanned_git = git.state_of(self._checkout_files)

    def _close_updater(self) -> None:
        if self._updater is not None:
            self._updater.close()

    def _close_index(self) -> None:
        if self._index is not None:
            self._index.close()

    # On the event loop -----------------------------------------------------------------------------------------------

    def _opened(self, opening: asyncio.Future[Path]) -> None:
        if opening.cancelled():
            return
        error = opening.exception()
        if error is not None:
            log_error(error, "opening the index")
        elif opening.result() != self.root:
            self._session.real_roots[opening.result()] = self.root
            self._session.name_anew()

    async def _update(self) -> None:
        """Take changes in until there are none left."""
        while self._changed:
            await asyncio.sleep(_GATHER_S)
            paths, self._changed = list(self._changed), {}
            updater = self._updater
            if updater is None or len(paths) > MOST_CHANGES:
                await asyncio.sleep(_CALM_S)
                self.rescan()
                continue
            updated = await self._updates.run(lambda: updater.update(paths))  # noqa: B023  Waited for in this round.
            await self._lookups.run(self._forget)
            self._session.choose_anew(self.root, paths)
            if updated.wants_scan:
                await asyncio.sleep(_CALM_S)
                self.rescan()
            elif updated.state in TROUBLES:
                self._tell(updated.state)
                # What has changed is not in the index. A scan that runs may have read it before.
                self.state = updated.state
                if self._is_scanning:
                    self.rescan()
                else:
                    self._mend(self._mending.settled)

    def _follow_git(self) -> None:
        """Not every editor tells of files that change, and some not of all."""
        if not self._is_scanning:
            self.rescan()

    @property
    def _is_scanning(self) -> bool:
        return self._scanning is not None and not self._scanning.done()

    def _mend(self, settled: int) -> None:
        """Make an index again that was found to be lost after so many scans."""
        if not self._is_scanning and self._mending.may_begin(settled):
            self.rescan()

    async def _scan_while_wanted(self) -> None:
        wait_s = _ELSEWHERE_S[0]
        while self._scan_wanted:
            self._scan_wanted = False
            await asyncio.wait({self._opening})
            await self._lookups.run(self._before_scan)
            self.state = "scanning"
            try:
                report = await self._scan()
            except asyncio.CancelledError:
                self.state = "cancelled"
                raise
            self.state = report.state if report.state != "done" else "ready"
            is_first, self.scanned_at = self.scanned_at < 0, time.monotonic()
            await self._lookups.run(self._settle)
            if self._updater is not None and report.state in ("done", "elsewhere"):
                self._updates.run(self._updater.warm)
            if is_first or report.read or report.removed:  # Before the first one little was known.
                self._session.choose_anew(self.root)
            self._tell(report.state)
            if report.state == "elsewhere":
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _ELSEWHERE_S[1])
                self._scan_wanted = True
            logger.info(
                "index: %s; %d files, %d read, %d removed", report.state, report.found, report.read, report.removed
            )

    def _tell(self, state: str) -> None:
        sentence = TROUBLES.get(state)
        self._on_trouble(self.root, f"The index of {self.root.name} is not kept: {sentence}." if sentence else "")

    async def _scan(self) -> ScanReport:
        """One scan, as a process. Cancelled, it is ended."""
        from codeassist.workspace.scanner import ScanProcess

        loop = asyncio.get_running_loop()
        ended: asyncio.Future[ScanReport] = loop.create_future()
        seen = _Seen(self._lookups, self._forget)

        def start() -> ScanProcess:
            return ScanProcess(
                self.root,
                _options(self.settings),
                lambda done, of_all, _phase: _soon(loop, lambda: seen.note(done, of_all)),
                lambda report: _soon(loop, lambda: None if ended.done() else ended.set_result(report)),
            )

        starting = asyncio.ensure_future(self._session.off_loop(start))
        process: ScanProcess | None = None
        try:
            process = await asyncio.shield(starting)
            await asyncio.wait({ended}, timeout=_SILENT_S)
            if not ended.done():
                async with self._progress.shown(f"Indexing {self.root.name}") as report:
                    seen.report = report
                    await asyncio.wait({ended})
            return ended.result()
        finally:
            seen.report = None
            if not ended.done():
                process = process or await starting
                process.cancel()
                await asyncio.wait({ended}, timeout=_ENOUGH_S)
                process.kill()


@dataclass(slots=True)
class _Seen:
    """What is heard of a scan while it runs: it is shown now and then, and what it found is used."""

    lookups: Lane
    forget: Callable[[], object]
    report: Callable[[int, int], None] | None = None
    reported: float = field(default_factory=time.monotonic)
    forgotten: float = field(default_factory=time.monotonic)

    def note(self, done: int, of_all: int) -> None:
        now = time.monotonic()
        if self.report is not None and of_all and now - self.reported >= _REPORT_EVERY_S:
            self.reported = now
            self.report(done, of_all)
        if done and now - self.forgotten >= _FORGET_EVERY_S:
            self.forgotten = now
            self.lookups.run(self.forget)


def _says_else(facts: Facts, before: Facts) -> bool:
    """Whether there are other files or passages; how much each is worth changes with every word that is typed."""
    return facts.files != before.files or facts.passages != before.passages or facts.types != before.types


def _options(settings: IndexSettings) -> ScanOptions:
    from codeassist.workspace.scan import ScanOptions

    return ScanOptions(max_file_bytes=settings.max_file_bytes, exclude=settings.exclude)


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    """From another thread; nothing once the loop is closed."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call)
