"""All mutable state of the server: open documents and their trees, findings, tasks, settings, recent traces.

Nothing else in the project changes across requests, except caches that bound themselves. Everything here runs on the
event loop; parsing that takes longer runs beside it, on documents that never change.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Literal, TypeVar
from urllib.parse import unquote, urlsplit
from weakref import WeakSet

from codeassist.context.choose import NOTHING_HELD
from codeassist.context.related import OpenFile
from codeassist.flow.rhythm import Rhythm
from codeassist.flow.trace import Trace
from codeassist.post.skip import Skip
from codeassist.server.client import Client
from codeassist.server.opened import OpenDocument, are_plain, catch_up, move_on, moved_findings, steps_to
from codeassist.server.remembered import Remembered
from codeassist.server.running import Running
from codeassist.settings import Settings
from codeassist.syntax.languages import language_of
from codeassist.syntax.outline import imports
from codeassist.syntax.tree import Syntax, settled
from codeassist.text.document import Document
from codeassist.text.edits import Edit
from codeassist.text.hygiene import ReadLimits, why_unreadable
from codeassist.text.positions import Encoding
from codeassist.workspace.content import is_secret
from codeassist.workspace.ignore import leaves_out

T = TypeVar("T")
SomeSyntax = TypeVar("SomeSyntax", Syntax, Syntax | None)
Kind = Literal["completion", "ahead", "review"]
_KINDS: tuple[Kind, ...] = ("completion", "ahead", "review")

_PARSE_INLINE_CHARACTERS = 60_000
"""Above this size even an incremental parse runs beside the event loop."""
_PARSE_FIRST_CHARACTERS = 40_000
"""Up to this size a prompt waits for the parse: 2 ms at most, even in Python, where an edit has all that is behind it
parsed again. In longer documents it took 20 ms, which the engine can work in."""
_REST_S = 0.1
_MOST_TRACES = 200
_MOST_ITEMS = 64
_LONG_INSERT = 1_000
"""Text inserted at once from this length on, in characters, makes a document worth looking at anew."""
_MOST_STEP_CHARACTERS = 16_000_000
"""Documents kept between two parses, in characters of all their texts; beyond that the next parse is a full one."""


@dataclass(slots=True)
class Session:
    """The state of one client connection."""

    settings: Settings = field(default_factory=Settings)
    encoding: Encoding = "utf-16"
    roots: tuple[Path, ...] = ()
    real_roots: dict[Path, Path] = field(default_factory=dict)
    """Workspace folders that are links, by where they lead: other programs may name their files so."""
    locale: str = ""
    documents: dict[str, OpenDocument] = field(default_factory=dict)
    traces: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_MOST_TRACES))
    skips: dict[str, int] = field(default_factory=dict)
    items: OrderedDict[str, str] = field(default_factory=OrderedDict)
    remembered: Remembered = field(default_factory=Remembered)
    warming: asyncio.Task[None] | None = None
    rhythm: Rhythm = field(default_factory=Rhythm)
    client: Client = field(default_factory=Client)
    _tasks: dict[tuple[str, Kind], asyncio.Task[Any]] = field(default_factory=dict)
    _superseded: WeakSet[asyncio.Task[Any]] = field(default_factory=WeakSet)
    _background: set[asyncio.Task[Any]] = field(default_factory=set)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, "codeassist-parse"))
    _patient: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "codeassist-review"))
    _next_item: int = 0
    _edits: int = 0
    _opened: int = 0

    def open(self, uri: str, text: str, language_id: str, version: int) -> OpenDocument:
        """Start to keep a document. What cannot be worked with is kept all the same, with the reason."""
        self.drop_tasks(uri)
        self._opened += 1
        path = self.path_of(uri)
        unreadable = self._why_unreadable(text)
        kept = unreadable != "too-large"  # Its line index alone would cost seconds and hundreds of megabytes.
        language = language_of(path, language_id, text[:200].split("\n", 1)[0])
        document = Document.create(uri, text if kept else "", language, version)
        entry = OpenDocument(document, path, language_id, document, unreadable, kept)
        *folders, name = _parts(uri)[1].split("/")
        entry.is_secret = is_secret(name) or any(is_secret(folder, is_folder=True) for folder in folders)
        entry.hidden = entry.is_secret
        self.documents[uri] = entry
        return entry

    def change(self, uri: str, steps: Sequence[tuple[tuple[Edit, ...], Document]]) -> bool:
        """Take over changes of a document. True if that dropped findings, so that they must be shown anew."""
        entry = self.documents[uri]
        dropped = False
        self.rhythm.key(time.monotonic())
        for edits, document in steps:
            self._edits += 1
            entry.edited = self._edits
            if edits and max(len(edits[0].text), edits[0].end - edits[0].start) < _LONG_INSERT:
                entry.edited_line = document.position_at(edits[0].start).line
            only_less = bool(edits) and all(not edit.text and edit.end > edit.start for edit in edits)
            entry.deleted_line = document.position_at(edits[0].start).line if only_less else None
            entry.edited_by(edits)
            entry.document = document
            entry.steps.append((edits, document))
            for follower in entry.followers.values():
                follower.append(edits)
            moved = moved_findings(entry.findings, edits)
            dropped = dropped or len(moved) < len(entry.findings)
            entry.findings = moved
        if entry.running is not None:
            entry.running.changed()
        inserted = [edit.text for edits, _document in steps for edit in edits]
        if entry.unreadable is not None or any("\0" in text or len(text) > _LONG_INSERT for text in inserted):
            entry.unreadable = self._why_unreadable(entry.document.text)
        elif _size(entry.document.text) > self.settings.index.max_file_bytes:
            entry.unreadable = "too-large"
        parsed = entry.document.language and entry.unreadable is None
        if not parsed or len(entry.steps) * len(entry.document.text) > _MOST_STEP_CHARACTERS:
            entry.base, entry.syntax, entry.steps = entry.document, None, []
        return dropped

    def close(self, uri: str) -> None:
        self.drop_tasks(uri)
        self.documents.pop(uri, None)
        self._opened += 1

    def is_current(self, entry: OpenDocument, document: Document) -> bool:
        """Whether the document is still open, and has not changed since `document` was taken from `entry`."""
        return self.documents.get(document.uri) is entry and entry.document is document

    @contextmanager
    def following(self, entry: OpenDocument) -> Iterator[list[tuple[Edit, ...]]]:
        """Collects the edits made to a document while the body runs, step by step. Versions do not tell: a change may
        have several steps, and clients number as they like."""
        edits: list[tuple[Edit, ...]] = []
        entry.followers[id(edits)] = edits
        try:
            yield edits
        finally:
            del entry.followers[id(edits)]

    async def syntax_at(self, entry: OpenDocument, document: Document) -> Syntax | None:
        """The parse of `document`, a version of `entry`; None without a grammar or if a newer version was parsed."""
        if not document.language or entry.unreadable:
            return None
        async with entry.lock:
            known = entry.syntax
            if known is not None and known.document is document:
                return known
            count = steps_to(entry, document)
            if count is None:
                return None
            base, steps = entry.base, entry.steps[:count]
            if known is not None and len(document.text) <= _PARSE_INLINE_CHARACTERS:
                syntax = catch_up(known, steps, document)
            else:
                syntax = await self.off_loop(lambda: _with_imports(catch_up(known, steps, document)))
            if entry.base is base:  # Unless the history was cut meanwhile.
                entry.base, entry.syntax, entry.steps = document, syntax, entry.steps[count:]
            return syntax

    async def syntax_for_prompt(self, entry: OpenDocument, document: Document) -> Syntax | None:
        """As `syntax_at`; of a long document, after plain edits, the last parse with all at its place: `settle` it once
        the engine is at work."""
        known, count = entry.syntax, steps_to(entry, document)
        if known is not None and count and len(document.text) > _PARSE_FIRST_CHARACTERS:
            steps = entry.steps[:count]
            between = move_on(known, steps) if are_plain(known.document, steps) else None
            if between is not None:
                return between
        return await self.syntax_at(entry, document)

    async def settle(self, entry: OpenDocument, between: Syntax) -> Syntax:
        """The parse of a tree that was only moved."""
        document = between.document
        async with entry.lock:
            known = entry.syntax
            if known is not None and known.document is document:
                return known
            syntax = await self.off_loop(lambda: _with_imports(settled(between)))
            count = steps_to(entry, document)
            if count is not None and entry.unreadable is None:
                entry.base, entry.syntax, entry.steps = document, syntax, entry.steps[count:]
            return syntax

    def catch_up_soon(self, entry: OpenDocument) -> None:
        """Parse a long document once it rests: the prompt that comes next would have to wait for it, if what was
        changed is not plain."""

        def rested() -> None:
            document = entry.document
            busy = entry.running is not None and entry.running.is_on
            if entry.is_behind and not busy and self.documents.get(document.uri) is entry:
                self.spawn(self.syntax_at(entry, document))

        if entry.resting is not None:
            entry.resting.cancel()
            entry.resting = None
        if entry.syntax is not None and len(entry.document.text) > _PARSE_FIRST_CHARACTERS:
            entry.resting = asyncio.get_running_loop().call_later(_REST_S, rested)

    async def off_loop(self, work: Callable[[], T]) -> T:
        """Run `work` on a thread; the event loop goes on meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def in_background(self, work: Callable[[], T]) -> T:
        """As `off_loop`, for what comes many at a time and has time: no completion waits behind it for a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._patient, work)

    def others(self, uri: str, *, within: Path | None = None) -> tuple[OpenFile, ...]:
        """The other open documents as they are parsed now, but for those that are not to be shown; those edited last
        come first. `within`: those of one workspace folder only. Those not parsed yet count by their text.

        Files outside of the workspace are not shown in it: their folders' rules are not known.
        """
        found = []
        outside = self.root_of(uri) is None
        limits = self.settings.index
        excludes = limits.exclude, self.settings.completion.exclude
        for other, entry in sorted(self.documents.items(), key=lambda item: -item[1].edited):
            excluded = any(leaves_out(patterns, entry.path) for patterns in excludes)
            usable = entry.unreadable is None and not entry.hidden and not excluded
            root = self.root_of(other)
            foreign = root is None and not outside and _file_path(other) is not None
            if other != uri and limits.enabled and usable and within in (None, root) and not foreign:
                syntax = entry.syntax
                document = syntax.document if syntax is not None else entry.document
                found.append(OpenFile(entry.path, syntax, document, entry.edited_line))
        return tuple(found)

    def surroundings(self, uri: str) -> tuple[object, ...]:
        """What a completion in a document depends on besides its text: equal as long as an earlier one may be used."""
        edited = max((entry.edited for other, entry in self.documents.items() if other != uri), default=0)
        era = self.documents[uri].era if uri in self.documents else 0
        return self.settings, self._opened, edited, era

    def doubt_suggestions(self, *uris: str) -> None:
        """Earlier completions of documents, by default of all, are used no more, nor those on their way by others."""
        for uri in uris or tuple(self.documents):
            if uri in self.documents:
                self.documents[uri].era += 1

    async def newest(self, uri: str, kind: Kind, work: Callable[[], Coroutine[Any, Any, T]]) -> T | Skip:
        """Run `work()`; a newer call for the same document and kind ends it with Skip("superseded")."""
        task = self.start(uri, kind, work())
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task in self._superseded:
                return Skip("superseded")
            if task.cancelled():
                return Skip("cancelled")  # From the client's progress display.
            task.cancel()
            raise

    def start(self, uri: str, kind: Kind, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run `work` as the only one of its kind on a document; an older one is dropped."""
        self.drop_task(uri, kind)
        # Spawned, so that shutting down waits for it even after it was dropped here.
        task: asyncio.Task[T] = self.spawn(work)
        self._tasks[(uri, kind)] = task

        def ended(_: object) -> None:
            for each in _KINDS:  # It may be of another kind by now.
                if self._tasks.get((uri, each)) is task:
                    del self._tasks[(uri, each)]

        task.add_done_callback(ended)
        return task

    def drop_tasks(self, uri: str) -> None:
        """End all running work on a document."""
        for kind in _KINDS:
            self.drop_task(uri, kind)

    def drop_task(self, uri: str, kind: Kind) -> None:
        """End the running work of that kind on a document, if there is any."""
        entry = self.documents.get(uri)
        if kind == "completion" and entry is not None and entry.running is not None:
            entry.running.supersede()
            entry.running = None  # Nobody may join it from here on.
        elif kind == "ahead" and entry is not None:
            entry.ahead = None
        task = self._tasks.pop((uri, kind), None)
        if task is not None and not task.done():
            self._superseded.add(task)
            task.cancel()

    def come_to(self, entry: OpenDocument) -> Running | None:
        """What was asked ahead of the user is waited for now: it takes the place of the completion that runs."""
        uri, ahead = entry.document.uri, entry.ahead
        self.drop_task(uri, "completion")
        entry.running, entry.ahead = ahead, None
        if (uri, "ahead") in self._tasks:
            self._tasks[(uri, "completion")] = self._tasks.pop((uri, "ahead"))
        return ahead

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run something beside the handler that starts it, and keep it from being collected."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    def _why_unreadable(self, text: str) -> str | None:
        limits = ReadLimits(max_bytes=self.settings.index.max_file_bytes)
        if len(text) > limits.max_bytes:
            return "too-large"  # However few bytes its characters have.
        return why_unreadable(text, _size(text), limits)

    def remember(self, trace: Trace, uri: str, skip: Skip | None) -> None:
        """Keep the record of a finished request and count its silence."""
        if skip is not None:
            self.skips[skip.reason] = self.skips.get(skip.reason, 0) + 1
        self.note(trace, uri, skip)

    def note(self, trace: Trace, uri: str, skip: Skip | None) -> None:
        """Keep the record of something that nobody waits for."""
        if skip is not None:
            trace.skip, trace.detail = skip.reason, skip.detail
        self.traces.append({"uri": uri, **trace.record()})

    def new_item(self, uri: str) -> str:
        """An id for a shown completion; the last few are remembered, for the reports about them."""
        self._next_item += 1
        item_id = f"{self._next_item}"
        self.items[item_id] = uri
        while len(self.items) > _MOST_ITEMS:
            self.items.popitem(last=False)
        return item_id

    def path_of(self, uri: str) -> str:
        """The document's path for people and prompts: relative to its workspace root, with forward slashes. The name
        alone for one outside of all roots or not on disk."""
        path, place = _file_path(uri), self._place_of(uri)
        if path is None:
            return _parts(uri)[1].rsplit("/", 1)[-1] or "untitled"
        return place[1].as_posix() if place is not None else path.name

    def repository_of(self, uri: str) -> str:
        """The name of the workspace folder that holds the document, or ""."""
        root = self.root_of(uri)
        return root.name if root is not None else ""

    def root_of(self, uri: str) -> Path | None:
        """The innermost workspace folder that holds the document, or None."""
        place = self._place_of(uri)
        return place[0] if place is not None else None

    def name_anew(self) -> None:
        """The workspace folders are others: documents may have other paths."""
        for uri, entry in self.documents.items():
            path = self.path_of(uri)
            if path != entry.path:
                entry.path, entry.held, entry.era = path, NOTHING_HELD, entry.era + 1

    def choose_anew(self, root: Path, changed: Collection[str] = ()) -> None:
        """The repository knows other things now, for all documents of a workspace folder. `changed`: paths, if only
        these files did."""
        for uri, entry in self.documents.items():
            if tuple(changed) != (entry.path,) and self.root_of(uri) == root:
                entry.choose_anew()

    def _place_of(self, uri: str) -> tuple[Path, PurePath] | None:
        """The innermost workspace folder that holds the document, and its path in there."""
        path = _file_path(uri)
        if path is None:
            return None
        ways = [(root, root) for root in self.roots]
        ways += [(root, real) for real, root in self.real_roots.items() if root in self.roots]
        inside = [(root, way) for root, way in ways if path.is_relative_to(way)]
        if not inside:
            return None
        root, way = max(inside, key=lambda pair: len(pair[1].parts))
        return root, path.relative_to(way)

    async def shut_down(self) -> None:
        """End all work and wait until it has ended."""
        tasks = [task for task in (*self._tasks.values(), *self._background) if not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for pool in (self._pool, self._patient):
            pool.shutdown(wait=False, cancel_futures=True)


def _with_imports(syntax: SomeSyntax) -> SomeSyntax:
    """A parse with its imports, which the next prompt wants to have at hand."""
    if syntax is not None:
        imports(syntax)
    return syntax


def _size(text: str) -> int:
    """Bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _parts(uri: str) -> tuple[str, str]:
    """Scheme and path of a URI; a text that is none is taken for a path."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "", uri
    return parts.scheme, unquote(parts.path)


def _file_path(uri: str) -> PurePath | None:
    """The path of a document on disk; None for one that lives in the editor only."""
    scheme, path = _parts(uri)
    if scheme not in ("file", "") or not path:
        return None
    return PurePath(path[1:] if len(path) > 2 and path[0] == "/" and path[2] == ":" else path)
