"""What is found and not shown: dismissed by the user, known to the team, ignored by a comment in the code.

Findings stay where they are, so that what is taken back is there again at once and without the engine. Files are read
and written on a thread of their own; what cannot be written holds until the server ends, and the user is told once.
"""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from codeassist.post.baseline import BASELINE_FILE, LARGEST_BASELINE_BYTES, Baseline, BaselineError, parse_baseline
from codeassist.post.findings import Finding
from codeassist.server.lane import Lane
from codeassist.server.opened import OpenDocument
from codeassist.server.session import Session
from codeassist.workspace.dismissals import Dismissal, DismissalStore

T = TypeVar("T")

_READY_S = 2.0
"""So long a review waits for the files at most: a disk that hangs must not keep findings away."""
_LEAVING_S = 1.0

Stamp = tuple[int, int] | None
"""By which a file is known to be the same as before; None if there is none."""
Change = tuple[tuple[Dismissal, ...], tuple[Dismissal, ...]]
"""Dismissals that are new, and those that are gone."""


@dataclass(slots=True)
class Folder:
    """What is known of one workspace folder. `root` is None for documents outside of all: nothing of theirs is kept.
    `dismissed` is in order, the latest last; `places`: the paths by fingerprint. `wanted` counts the looks asked for.
    `complaint`: what the user was told about the team's file, "" if it is in order or not there."""

    root: Path | None
    dismissed: dict[Dismissal, None] = field(default_factory=dict)
    places: dict[str, set[str]] = field(default_factory=dict)
    baseline: Baseline = field(default_factory=Baseline)
    stamp: Stamp = None
    complaint: str = ""
    unwritten: list[Change] = field(default_factory=list)
    wanted: int = 0
    looking: asyncio.Task[None] | None = None
    writing: asyncio.Task[None] | None = None

    def apply(self, new: Iterable[Dismissal], gone: Iterable[Dismissal]) -> None:
        for each in gone:
            self.dismissed.pop(each, None)
            self.places.get(each.fingerprint, set()).discard(each.path)
        for each in new:
            self.dismissed.pop(each, None)
            self.dismissed[each] = None
            self.places.setdefault(each.fingerprint, set()).add(each.path)

    def gone_from(self, finding: Finding) -> tuple[Dismissal, ...]:
        """Dismissals of the finding in files that are there no more: it came from one of them."""
        paths = self.places.get(finding.fingerprint) if self.root is not None else None
        return tuple(
            Dismissal(path, finding.fingerprint, finding.category)
            for path in paths or ()
            if self.root is not None and not (self.root / path).exists()
        )


@dataclass(frozen=True, slots=True)
class TeamFile:
    """The team's file as it is now: `text` is "" where there is none yet. `document` if an editor has it open."""

    uri: str
    text: str
    document: OpenDocument | None
    exists: bool


class Hiding:
    """One for each session. `show` tells the user something; `changed` is called with the URI of each document of
    which something else is to be shown now. `elsewhere` leaves out what linters and type checkers say already."""

    def __init__(
        self,
        session: Session,
        show: Callable[[str], None],
        store: DismissalStore | None = None,
    ) -> None:
        self._session = session
        self._show = show
        self.changed: Callable[[str], None] = lambda _uri: None
        self.elsewhere: Callable[[OpenDocument, tuple[Finding, ...]], tuple[Finding, ...]] = lambda _entry, found: found
        self._store = store or DismissalStore()
        self._folders: dict[Path | None, Folder] = {}
        self._lane: Lane | None = None
        self._told = False
        self._closed = False

    # What is shown ---------------------------------------------------------------------------------------------------

    def shown(self, entry: OpenDocument) -> tuple[Finding, ...]:
        """The findings of a document but for those that somebody does not want to see."""
        wanted = tuple(
            finding
            for finding in entry.findings
            if finding.fingerprint not in entry.silenced and not self.hides(entry, finding)
        )
        return self.elsewhere(entry, wanted)

    def hides(self, entry: OpenDocument, finding: Finding) -> bool:
        """Whether the user or the team does not want to see a finding of a document."""
        folder, path = self._folder_of(entry.document.uri), self._name_of(entry)
        return folder.baseline.covers(path, finding) or self._is_dismissed(folder, path, finding)

    def is_dismissed(self, entry: OpenDocument, finding: Finding) -> bool:
        """Whether the user has dismissed a finding or its category, so that it can be taken back."""
        folder = self._folder_of(entry.document.uri)
        return self._is_dismissed(folder, self._name_of(entry), finding)

    def _is_dismissed(self, folder: Folder, path: str, finding: Finding) -> bool:
        own = Dismissal(path, finding.fingerprint, finding.category)
        if own in folder.dismissed or Dismissal("", "", finding.category) in folder.dismissed:
            return True
        # A file that was renamed where nobody told of it keeps what was dismissed in it. One that is not there itself
        # takes nothing: two such would take it from each other for ever.
        moved = folder.gone_from(finding)
        if moved and folder.root is not None and not (folder.root / path).exists():
            return False
        if moved:
            self._change(folder, (own,), moved)
        return bool(moved)

    # What the user does ----------------------------------------------------------------------------------------------

    def dismiss(self, uri: str, fingerprint: str) -> None:
        """A finding of an open document is not shown again."""
        entry = self._session.documents.get(uri)
        if entry is not None:
            found = [each for each in entry.findings if each.fingerprint == fingerprint]
            new = [Dismissal(self._name_of(entry), fingerprint, each.category) for each in found[:1]]
            self._change(self._folder_of(uri), new, ())

    def dismiss_category(self, uri: str, category: str) -> None:
        """A category is not shown in all documents of the workspace folder that holds `uri`."""
        self._change(self._folder_of(uri), [Dismissal("", "", category)], ())

    def restore(self, uri: str, fingerprint: str = "") -> int:
        """Take dismissals back: of one finding in this document, with that of its category if there is one; or all of
        the workspace folder. How many were taken back."""
        folder, entry = self._folder_of(uri), self._session.documents.get(uri)
        gone = tuple(folder.dismissed)
        if fingerprint:
            found = [each.category for each in entry.findings if each.fingerprint == fingerprint] if entry else []
            path = self._name_of(entry) if entry else ""  # A copy of the function in another file has the same name.
            gone = tuple(
                each
                for each in gone
                if (each.fingerprint == fingerprint and each.path == path)
                or (each.is_category and each.category in found)
            )
        self._change(folder, (), gone)
        return len(gone)

    def renamed(self, old: str, new: str) -> None:
        """The editor has renamed a file or a folder: what was dismissed in it stays dismissed."""
        root = self._session.root_of(old)
        if root is None or root != self._session.root_of(new):
            return
        folder, before, after = self._folder_of(old), self._session.path_of(old), self._session.path_of(new)
        moved = [
            (each, Dismissal(after + each.path[len(before) :], each.fingerprint, each.category))
            for each in folder.dismissed
            if each.path == before or each.path.startswith(f"{before}/")
        ]
        self._change(folder, [each for _, each in moved], [each for each, _ in moved])

    def _change(self, folder: Folder, new: Iterable[Dismissal], gone: Iterable[Dismissal]) -> None:
        change = tuple(new), tuple(gone)
        if not any(change):
            return
        folder.apply(*change)
        if folder.root is not None and not self._closed:
            folder.unwritten.append(change)
            if folder.writing is None or folder.writing.done():
                folder.writing = self._session.spawn(self._write(folder, folder.root))
        self._show_anew(folder)

    # Files -----------------------------------------------------------------------------------------------------------

    async def ready(self, uri: str) -> None:
        """See that what is kept of a document's workspace folder is known as it is now. Not at any price."""
        folder = self._folder_of(uri)
        if folder.root is not None and not self._closed:
            folder.wanted += 1
            if folder.looking is None or folder.looking.done():
                folder.looking = self._session.spawn(self._look(folder, folder.root))
            await asyncio.wait({folder.looking}, timeout=_READY_S)

    def follow(self, uri: str) -> None:
        """Something may have happened to a team's file."""
        if uri.rsplit("/", 1)[-1] == BASELINE_FILE and self._session.root_of(uri) in self._folders:
            self._session.spawn(self.ready(uri))

    async def team_file(self, uri: str) -> TeamFile | None:
        """The team's file for a document's workspace folder; None outside of all. Raises OSError and BaselineError."""
        root = self._session.root_of(uri)
        if root is None:
            return None
        entry = self._open_baseline(root)
        if entry is not None:
            return TeamFile(entry.document.uri, entry.document.text, entry, exists=True)
        text = await self._run(lambda: _read(root / BASELINE_FILE))
        return TeamFile((root / BASELINE_FILE).as_uri(), text or "", None, exists=text is not None)

    async def aclose(self) -> None:
        """Take no more, and wait a moment until what was dismissed is written."""
        self._closed = True
        writing = {folder.writing for folder in self._folders.values() if folder.writing is not None}
        if writing:
            await asyncio.wait(writing, timeout=_LEAVING_S)
        if self._lane is not None:
            self._lane.close()

    async def _look(self, folder: Folder, root: Path) -> None:
        done = -1
        while done != folder.wanted:  # Something may have happened since the file was read.
            done = folder.wanted
            before = dict(folder.dismissed), folder.baseline
            try:
                kept = await self._run(lambda: self._store.of(root))
            except (sqlite3.Error, OSError) as error:
                self._tell(error)
            else:
                folder.dismissed, folder.places = {}, {}
                folder.apply(kept, ())
                for new, gone in folder.unwritten:
                    folder.apply(new, gone)
            await self._look_at_baseline(folder, root)
            if before != (folder.dismissed, folder.baseline):
                self._show_anew(folder)

    async def _look_at_baseline(self, folder: Folder, root: Path) -> None:
        entry, path, stamp = self._open_baseline(root), root / BASELINE_FILE, folder.stamp
        try:
            if entry is not None:
                text, folder.stamp = entry.document.text, (-1, -1)
                folder.baseline = await self._run(lambda: parse_baseline(text))
            elif (now := await self._run(lambda: _stamp(path))) != stamp:
                folder.stamp = now
                folder.baseline = await self._run(lambda: parse_baseline(_read(path) or Baseline().text))
        except (BaselineError, OSError) as error:
            if entry is not None:
                return  # Somebody is writing it: what it said last holds.
            folder.baseline = Baseline()
            complaint = str(error) if isinstance(error, BaselineError) else error.strerror or type(error).__name__
            if complaint != folder.complaint:
                folder.complaint = complaint
                self._show(f"{BASELINE_FILE} of {root.name} hides nothing until it is mended: {complaint}.")
        else:
            if folder.baseline.findings or folder.stamp is None or folder.stamp != stamp:
                folder.complaint = ""

    async def _write(self, folder: Folder, root: Path) -> None:
        try:
            while folder.unwritten:
                new, gone = folder.unwritten[0]
                await self._run(lambda new=new, gone=gone: self._store.change(root, new=new, gone=gone))  # type: ignore[misc]  # Bound now.
                del folder.unwritten[0]
        except (sqlite3.Error, OSError) as error:
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        if not self._told:
            self._told = True
            self._show(f"What you dismiss cannot be kept, and holds until the editor is closed: {error}.")

    def _run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        self._lane = self._lane or Lane("dismissals")
        return self._lane.run(work)

    def _show_anew(self, folder: Folder) -> None:
        for uri, entry in self._session.documents.items():
            if entry.findings and self._session.root_of(uri) == folder.root:
                self.changed(uri)

    def _open_baseline(self, root: Path) -> OpenDocument | None:
        for uri, entry in self._session.documents.items():
            if entry.path == BASELINE_FILE and entry.kept and self._session.root_of(uri) == root:
                return entry
        return None

    def _folder_of(self, uri: str) -> Folder:
        root = self._session.root_of(uri)
        if root not in self._folders:
            self._folders[root] = Folder(root)
        return self._folders[root]

    def _name_of(self, entry: OpenDocument) -> str:
        """What a document is called among dismissals: outside of all folders its name alone would not do."""
        uri = entry.document.uri
        return entry.path if self._session.root_of(uri) is not None else uri


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size


def _read(path: Path) -> str | None:
    """The text of a team's file; None if there is none. Raises OSError and BaselineError."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise BaselineError(1, "not a file")  # A pipe would be read for ever.
    with path.open("rb") as file:
        data = file.read(LARGEST_BASELINE_BYTES + 1)
    if len(data) > LARGEST_BASELINE_BYTES:
        raise BaselineError(1, f"larger than {LARGEST_BASELINE_BYTES:,} bytes")
    return data.decode("utf-8", "replace")
