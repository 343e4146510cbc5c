"""All mutable state of the server: open documents and their trees, findings, tasks, settings, recent traces.

Nothing else in the project changes across requests, except caches that bound themselves. Everything here runs on the
event loop; parsing that takes longer runs beside it, on documents that never change.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any, Literal, TypeVar
from urllib.parse import unquote, urlsplit

from codeassist.context.related import OpenFile
from codeassist.flow.trace import Trace
from codeassist.post.findings import Finding
from codeassist.post.skip import Skip
from codeassist.settings import Settings
from codeassist.syntax.languages import language_of
from codeassist.syntax.tree import Syntax, parse, reparse
from codeassist.text.document import Document
from codeassist.text.edits import Edit, reanchor, shift
from codeassist.text.hygiene import ReadLimits, why_unreadable
from codeassist.text.positions import Encoding

T = TypeVar("T")
Kind = Literal["completion", "review"]

_PARSE_INLINE_CHARACTERS = 60_000
"""Above this size even an incremental parse runs beside the event loop."""
_MOST_TRACES = 200
_MOST_ITEMS = 64
_MOST_STEPS = 2_000


@dataclass(slots=True)
class OpenDocument:
    """One open document. `base` is the text that `syntax` is (or will be) the parse of, `steps` lead from it to
    `document`; `edits` are the latest edits by version."""

    document: Document
    path: str
    base: Document
    unreadable: str | None = None
    syntax: Syntax | None = None
    steps: list[tuple[tuple[Edit, ...], Document]] = field(default_factory=list)
    edits: deque[tuple[int, tuple[Edit, ...]]] = field(default_factory=lambda: deque(maxlen=_MOST_STEPS))
    known: frozenset[str] = frozenset()
    baseline_taken: bool = False
    findings: tuple[Finding, ...] = ()
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class Session:
    """The state of one client connection."""

    settings: Settings = field(default_factory=Settings)
    encoding: Encoding = "utf-16"
    roots: tuple[Path, ...] = ()
    locale: str = ""
    documents: dict[str, OpenDocument] = field(default_factory=dict)
    traces: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_MOST_TRACES))
    skips: dict[str, int] = field(default_factory=dict)
    items: OrderedDict[str, str] = field(default_factory=OrderedDict)
    dismissed: set[str] = field(default_factory=set)
    _tasks: dict[tuple[str, Kind], asyncio.Task[Any]] = field(default_factory=dict)
    _superseded: set[asyncio.Task[Any]] = field(default_factory=set)
    _background: set[asyncio.Task[Any]] = field(default_factory=set)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, "codeassist-parse"))
    _next_item: int = 0

    def open(self, uri: str, text: str, language_id: str, version: int) -> OpenDocument:
        """Start to keep a document. What cannot be worked with is kept all the same, with the reason."""
        path = self.path_of(uri)
        size = len(text.encode("utf-8", "replace"))
        limits = ReadLimits(max_bytes=self.settings.index.max_file_bytes)
        language = language_of(path, language_id, text[:200].split("\n", 1)[0])
        document = Document.create(uri, text, language, version)
        entry = OpenDocument(document, path, document, why_unreadable(text, size, limits))
        self.documents[uri] = entry
        return entry

    def change(self, uri: str, steps: Sequence[tuple[tuple[Edit, ...], Document]]) -> bool:
        """Take over changes of a document. True if that dropped findings, so that they must be shown anew."""
        entry = self.documents[uri]
        dropped = False
        for edits, document in steps:
            entry.document = document
            entry.edits.append((document.version, edits))
            entry.steps.append((edits, document))
            moved = moved_findings(entry.findings, edits)
            dropped = dropped or len(moved) < len(entry.findings)
            entry.findings = moved
        if len(entry.steps) > _MOST_STEPS:
            entry.base, entry.syntax, entry.steps = entry.document, None, []
        text = entry.document.text
        limits = ReadLimits(max_bytes=self.settings.index.max_file_bytes)
        if entry.unreadable or len(text) > limits.max_bytes // 4:
            entry.unreadable = why_unreadable(text, len(text.encode("utf-8", "replace")), limits)
        return dropped

    def close(self, uri: str) -> None:
        self.documents.pop(uri, None)
        for kind in ("completion", "review"):
            self.drop_task(uri, kind)

    async def syntax_at(self, entry: OpenDocument, document: Document) -> Syntax | None:
        """The parse of `document`, a version of `entry`; None without a grammar or if a newer version was parsed."""
        if not document.language or entry.unreadable:
            return None
        async with entry.lock:
            known = entry.syntax
            if known is not None and known.document is document:
                return known
            count = _steps_to(entry, document)
            if count is None:
                return None
            steps = entry.steps[:count]
            if known is not None and len(document.text) <= _PARSE_INLINE_CHARACTERS:
                syntax = _catch_up(known, steps, document)
            else:
                syntax = await self.off_loop(lambda: _catch_up(known, steps, document))
            if entry.steps[:count] == steps:  # Unless the history was cut meanwhile.
                entry.base, entry.syntax, entry.steps = document, syntax, entry.steps[count:]
            return syntax

    async def off_loop(self, work: Callable[[], T]) -> T:
        """Run `work` on a thread; the event loop goes on meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def others(self, uri: str) -> tuple[OpenFile, ...]:
        """The other open documents as they are parsed now; those not parsed yet count by their text."""
        found = []
        for other, entry in self.documents.items():
            if other != uri and entry.unreadable is None:
                syntax = entry.syntax
                document = syntax.document if syntax is not None else entry.document
                found.append(OpenFile(entry.path, syntax, document))
        return tuple(found)

    def edits_since(self, entry: OpenDocument, version: int) -> tuple[tuple[Edit, ...], ...]:
        """The edits after `version`, step by step."""
        return tuple(edits for after, edits in entry.edits if after > version)

    async def newest(self, uri: str, kind: Kind, work: Callable[[], Awaitable[T]]) -> T | Skip:
        """Run `work()`; a newer call for the same document and kind ends it with Skip("superseded")."""
        self.drop_task(uri, kind)
        task: asyncio.Task[T] = asyncio.ensure_future(_started(work))
        self._tasks[(uri, kind)] = task
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task in self._superseded:
                return Skip("superseded")
            if task.cancelled():
                return Skip("cancelled")  # From the client's progress display.
            task.cancel()
            raise
        finally:
            self._superseded.discard(task)
            if self._tasks.get((uri, kind)) is task:
                del self._tasks[(uri, kind)]

    def drop_task(self, uri: str, kind: Kind) -> None:
        """End the running work of that kind on a document, if there is any."""
        task = self._tasks.pop((uri, kind), None)
        if task is not None and not task.done():
            self._superseded.add(task)
            task.cancel()

    def spawn(self, work: Awaitable[object]) -> asyncio.Task[Any]:
        """Run something beside the handler that starts it, and keep it from being collected."""
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    def remember(self, trace: Trace, uri: str, skip: Skip | None) -> None:
        """Keep the record of a finished request and count its silence."""
        if skip is not None:
            trace.skip, trace.detail = skip.reason, skip.detail
            self.skips[skip.reason] = self.skips.get(skip.reason, 0) + 1
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
        """The document's path for people and prompts: relative to its workspace root, with forward slashes."""
        parts = urlsplit(uri)
        path = unquote(parts.path)
        if parts.scheme not in ("file", ""):
            return path.rsplit("/", 1)[-1] or "untitled"
        pure = PurePath(path[1:] if len(path) > 2 and path[2] == ":" else path)
        inside = [root for root in self.roots if pure.is_relative_to(root)]
        if inside:
            return pure.relative_to(max(inside, key=lambda root: len(root.parts))).as_posix()
        return pure.name

    def repository_of(self, uri: str) -> str:
        """The name of the workspace folder that holds the document, or ""."""
        root = self.root_of(uri)
        return root.name if root is not None else ""

    def root_of(self, uri: str) -> Path | None:
        path = PurePath(unquote(urlsplit(uri).path))
        inside = [root for root in self.roots if path.is_relative_to(root)]
        return max(inside, key=lambda root: len(root.parts)) if inside else None

    async def shut_down(self) -> None:
        """End all work and wait until it has ended."""
        tasks = [task for task in (*self._tasks.values(), *self._background) if not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._pool.shutdown(wait=False, cancel_futures=True)


def moved_findings(findings: Sequence[Finding], edits: Sequence[Edit]) -> tuple[Finding, ...]:
    """`findings` at their new places after `edits`; one whose code was touched is gone."""
    moved = []
    for finding in findings:
        span = reanchor(finding.span, edits)
        fix = [reanchored_edit(edit, edits) for edit in finding.fix]
        if span is not None and all(fix):
            moved.append(replace(finding, span=span, fix=tuple(edit for edit in fix if edit is not None)))
    return tuple(moved)


def reanchored_edit(fix: Edit, edits: Sequence[Edit]) -> Edit | None:
    """`fix` for the text after `edits`, or None if they touched what it replaces."""
    start, end = fix.start, fix.end
    for edit in sorted(edits, key=lambda item: -item.start):
        if edit.start < end and start < edit.end or edit.start == edit.end and start < edit.start < end:
            return None
        start, end = shift(start, edit), shift(end, edit)
    return Edit(start, end, fix.text)


def _catch_up(
    known: Syntax | None, steps: Sequence[tuple[tuple[Edit, ...], Document]], document: Document
) -> Syntax | None:
    if known is None:
        return parse(document)
    for edits, after in steps:
        known = reparse(known, edits, after)
    return known


def _steps_to(entry: OpenDocument, document: Document) -> int | None:
    """How many steps lead from the parsed text to `document`; None if it is older than that text."""
    if document is entry.base:
        return 0
    return next((number + 1 for number, step in enumerate(entry.steps) if step[1] is document), None)


async def _started(work: Callable[[], Awaitable[T]]) -> T:
    return await work()
