"""From a file to the regions of it that are to be reviewed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from codeassist.cli.main import EXIT_OTHER, Failure
from codeassist.cli.reviewing.targets import Selection, Target
from codeassist.cli.source import Source, listed_path, read_source, source_of, text_of, unread_source
from codeassist.flow.regions import Region, codes_of, fingerprints_of, regions_of
from codeassist.post.ignored import NOTHING_IGNORED, Ignored, ignored
from codeassist.settings import Settings
from codeassist.syntax.tree import Syntax, parse
from codeassist.text.document import Document
from codeassist.workspace.changes import Blobs, GitError, blobs


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that was read. `regions` are those to review; `skip` says why there are none, where that is not because
    nothing changed. `is_whole`: nothing of the file was left out. `comments`: what comments in it ask for."""

    target: Target
    source: Source
    regions: tuple[Region, ...] = ()
    skip: str | None = None
    is_whole: bool = False
    comments: Ignored = NOTHING_IGNORED


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens files, one at a time; blocks."""

    root: Path | None
    settings: Settings
    contents: Blobs | None

    def open(self, target: Target) -> Opened:
        """Read, parse, and see what there is to review. Raises Failure where that is nobody's fault but git's."""
        try:
            # The root may be that of another repository than the file's: what is listed together has one.
            source = replace(self._source(target), listed=listed_path(target.file, self.root))
        except Failure:
            # Gone or locked since it was listed: the others can be reviewed all the same.
            return Opened(target, unread_source(target.file, self.root, "unreadable-file"), skip="unreadable-file")
        except GitError as error:
            raise Failure(str(error), EXIT_OTHER) from error
        if source.unreadable is not None:
            return Opened(target, source, skip=source.unreadable)
        if source.syntax is None:
            # Named files deserve an answer; among changed ones there are texts of all kinds.
            return Opened(target, source, skip="unknown-language" if target.change is None else None)
        comments = ignored(source.syntax)
        if comments.everything:
            return Opened(target, source, skip="ignored-file", is_whole=True, comments=comments)
        regions = self._regions(target, source.syntax)
        kept = tuple(_without_lines(regions, comments.silent_lines))
        return Opened(target, source, kept, None, target.change is None, comments)

    def _source(self, target: Target) -> Source:
        change = target.change
        if change is None:
            return read_source(target.file, self.settings)
        if target.is_staged:
            data = self._content(change.blob) if change.blob else b""
            if data is None:
                return unread_source(target.file, self.root, "too-large")
            return source_of(target.file, self.root, data, self.settings)
        if target.file.is_symlink():  # Git does not say so of files that it does not know.
            return unread_source(target.file, self.root, "link")
        return read_source(target.file, self.settings, root=self.root)

    def _regions(self, target: Target, syntax: Syntax) -> tuple[Region, ...]:
        """All regions of a file that was named; of one that changed those with new code, and which lines it is."""
        if target.change is None or not target.change.old_blob:
            return regions_of(syntax)
        before = self._content(target.change.old_blob)
        if before is None:
            return regions_of(syntax)
        earlier = parse(Document.create("", text_of(before), syntax.document.language))
        return regions_of(syntax, fingerprints_of(earlier), codes_of(earlier)) if earlier else regions_of(syntax)

    def _content(self, blob: str) -> bytes | None:
        if self.contents is None:
            return None
        return self.contents.read(blob, self.settings.index.max_file_bytes)


@contextmanager
def opener(selection: Selection, settings: Settings) -> Iterator[Opener]:
    """How to open the files of a selection. Raises Failure if git is needed and cannot be started."""
    if selection.root is None or not any(target.change for target in selection.targets):
        yield Opener(selection.root, settings, None)
        return
    try:
        with blobs(selection.root) as contents:
            yield Opener(selection.root, settings, contents)
    except GitError as error:
        raise Failure(str(error), EXIT_OTHER) from error


def _without_lines(regions: Iterable[Region], silent: frozenset[int]) -> Iterator[Region]:
    """Regions without the lines of which nothing is to be shown: they need not be asked about."""
    for region in regions:
        lines = tuple(line for line in region.lines if line not in silent)
        if lines or not region.lines:
            yield replace(region, lines=lines)
