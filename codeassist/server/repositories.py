"""Which workspace folders have an index, and what the editor tells of their files."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.uris import to_fs_path

from codeassist.context.facts import Facts
from codeassist.context.question import Question
from codeassist.flow.prepare import Ask
from codeassist.server.opened import OpenDocument
from codeassist.server.progress import Progress
from codeassist.server.repository import MOST_CHANGES, Repository
from codeassist.server.session import Session
from codeassist.workspace.ignore import NEVER, is_of_rules

_OLD_S = 60.0
"""Where nobody tells of changed files, a scan older than this is made again when a document is opened."""
_MOST_URIS = 4 * MOST_CHANGES
_READY_S = 0.03
"""How long a completion waits for what is to be known of other documents."""


class Repositories:
    """One `Repository` for each workspace folder on the disk, as far as the settings want it.

    `watched`: the editor tells of files that change. `on_trouble` gets one sentence, "" when it is over.
    """

    def __init__(self, session: Session, progress: Progress, on_trouble: Callable[[str], None]) -> None:
        self.watched = False
        self._session = session
        self._progress = progress
        self._on_trouble = on_trouble
        self._troubles: dict[Path, str] = {}
        self._made: dict[Path, Repository] = {}
        self._started = False

    def start(self) -> None:
        self._started = True
        self.follow()

    def follow(self) -> None:
        """Follow the workspace folders and the settings: begin, end, or begin anew."""
        settings = self._session.settings.index
        wanted = [root for root in self._session.roots if self._started and settings.enabled and _is_project(root)]
        for root, repository in list(self._made.items()):
            if root not in wanted or repository.settings != settings:
                del self._made[root]
                self._trouble(root, "")
                self._session.spawn(repository.stop())
        for root in wanted:
            if root not in self._made:
                self._made[root] = Repository(root, settings, self._session, self._progress, self._trouble)
        self._judge_all()

    async def stop(self) -> None:
        """End everything: no process is left behind."""
        self._started = False
        made, self._made = list(self._made.values()), {}
        await asyncio.gather(*(repository.stop() for repository in made))

    def ask(self, uri: str) -> Ask | None:
        """How a completion of this document asks the index of its folder, the other documents as they are now."""
        root, entry = self._session.root_of(uri), self._session.documents.get(uri)
        repository = self._made.get(root) if root is not None else None
        if repository is None or entry is None or not entry.document.language:
            return None
        others = self._session.others(uri, within=root)

        async def answer(question: Question) -> Facts:
            return await repository.answer(question, others, entry.choose_anew)

        return answer

    def is_scanning(self, uri: str) -> bool:
        """Whether the first scan of the document's folder is still on."""
        root = self._session.root_of(uri)
        return root in self._made and self._made[root].state in ("starting", "scanning")

    def look_around(self, uri: str) -> None:
        """What a question would notice besides its answer, for a completion that asks none."""
        root = self._session.root_of(uri)
        if root in self._made:
            self._made[root].look_around()

    async def catch_up(self, uri: str) -> None:
        """See that the other documents are parsed as they are now. Not at any price: what takes long goes on
        beside, and what is suggested until then does not outlast it."""
        session, own = self._session, self._session.documents.get(uri)
        others = [entry for other, entry in session.documents.items() if other != uri and _is_not_known(entry)]
        if own is not None and others:
            own.held = replace(own.held, line=-1)
            waiting = [session.spawn(_come_to_know(session, entry)) for entry in others]
            _, late = await asyncio.wait(waiting, timeout=_READY_S)
            if late:
                session.spawn(_choose_anew_then(own, late))

    def opened(self, uri: str) -> None:
        """A document was opened."""
        entry, root = self._session.documents[uri], self._session.root_of(uri)
        repository = self._made.get(root) if root is not None else None
        if repository is None:
            return
        self._judge(entry, repository)
        old = time.monotonic() - repository.scanned_at > _OLD_S and repository.state not in ("starting", "scanning")
        if old and not (self.watched and repository.state == "ready"):
            repository.rescan()

    def changed(self, changes: Sequence[types.FileEvent]) -> None:
        """Files came, went or changed. Any number of them: what is many is looked at by a scan."""
        own = [change for change in changes if not _is_of_version_control(change.uri)]
        if len(own) > _MOST_URIS:
            for repository in self._made.values():
                repository.rescan()
            return
        paths = [path for change in own if (path := to_fs_path(change.uri))]
        for repository in self._made.values():
            repository.changed(inside for path in paths if (inside := repository.relative(path)) is not None)
        if any(is_of_rules(path) for path in paths):
            self._judge_all()

    def saved(self, uri: str) -> None:
        self.changed([types.FileEvent(uri, types.FileChangeType.Changed)])

    async def counts(self) -> list[dict[str, Any]]:
        """For people: each folder with the number of its files that are known."""
        return [await repository.count() for repository in self._made.values()]

    def _judge_all(self) -> None:
        """Find out of each document whether prompts about others may show it."""
        for uri, entry in self._session.documents.items():
            root = self._session.root_of(uri)
            if root in self._made:
                self._judge(entry, self._made[root])

    def _judge(self, entry: OpenDocument, repository: Repository) -> None:
        """Until that is known, they may not."""

        async def judge() -> None:
            entry.hidden = await repository.hides(entry.path)

        entry.hidden = True
        entry.judging = self._session.spawn(judge())

    def _trouble(self, root: Path, sentence: str) -> None:
        before = self._troubles.get(root, "")
        if sentence:
            self._troubles[root] = sentence
        else:
            self._troubles.pop(root, None)
        if sentence != before:
            self._on_trouble(" ".join(self._troubles.values()))


def _is_not_known(entry: OpenDocument) -> bool:
    """Whether more will be known of an open document than is now."""
    judged = entry.judging is None or entry.judging.done()
    return not judged or (not entry.hidden and entry.is_behind)


async def _come_to_know(session: Session, entry: OpenDocument) -> bool:
    """Find out what prompts about others may show of a document. Whether they may show anything."""
    if entry.judging is not None:
        await asyncio.wait({entry.judging})
    if not entry.hidden and entry.is_behind:
        await session.syntax_at(entry, entry.document)
    return not entry.hidden


async def _choose_anew_then(own: OpenDocument, late: Collection[asyncio.Task[bool]]) -> None:
    """Of several that are late, each may be what the next completion wants."""
    while late:
        known, late = await asyncio.wait(late, return_when=asyncio.FIRST_COMPLETED)
        if any(not each.cancelled() and each.exception() is None and each.result() for each in known):
            own.choose_anew()


def _is_project(root: Path) -> bool:
    """Some editors take the user's home for the workspace when a single file is opened."""
    return root not in (Path.home(), Path(root.anchor))


def _is_of_version_control(uri: str) -> bool:
    return any(f"/{name}/" in uri for name in NEVER) and not uri.endswith("/.git/info/exclude")
