"""Files as the command line reads them, with the same rules and reasons as the editor's documents."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from codeassist.cli.main import EXIT_USAGE, Failure
from codeassist.cli.plain import plain
from codeassist.settings import Settings, load
from codeassist.syntax.languages import language_of
from codeassist.syntax.tree import Syntax, parse
from codeassist.text.document import Document
from codeassist.text.hygiene import ReadLimits, why_unreadable

ROOT_MARKS = (".git", ".hg", ".codeassist.toml")


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read. `path` is relative to `root` where it lies in it, and its name elsewhere: what a model is
    told. `listed` names it among others, see `listed_path`. `unreadable` says why not to use it."""

    file: Path
    path: str
    root: Path | None
    document: Document
    syntax: Syntax | None
    unreadable: str | None
    listed: str

    @property
    def real(self) -> Path:
        """Where it lies, whatever links lead there; it may be one itself."""
        inside = _inside(self.file, self.root) if self.root is not None else None
        if self.root is not None and inside is not None:
            return self.root.resolve() / inside
        return self.file.absolute().parent.resolve() / self.file.name


def read_source(file: Path, settings: Settings, *, root: Path | None = None) -> Source:
    """Read and parse `file`, of the workspace at `root` or the one that holds it. Raises Failure with one sentence if
    that cannot be done."""
    root, name = root or root_of(file), plain(os.fspath(file))
    most_bytes = settings.index.max_file_bytes
    try:
        state = file.stat()
        if not stat.S_ISREG(state.st_mode):
            raise Failure(
                f"{name} is {'a folder' if stat.S_ISDIR(state.st_mode) else 'not a regular file'}", EXIT_USAGE
            )
        if state.st_size > most_bytes:
            return unread_source(file, root, "too-large")
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise Failure(f"there is no file {name}", EXIT_USAGE) from error
    except OSError as error:
        raise Failure(f"cannot read {name}: {error.strerror or error}") from error
    return source_of(file, root, data, settings)


def source_of(file: Path, root: Path | None, data: bytes, settings: Settings) -> Source:
    """`file` with the content `data`, parsed."""
    text = text_of(data)
    reason = "binary" if b"\0" in data else why_unreadable(text, len(data), _limits(settings))
    path = _path(file, root)
    language = language_of(path, "", text[:200].split("\n", 1)[0])
    document = Document.create(file.absolute().as_uri(), text, language)
    syntax = parse(document) if reason is None else None
    return Source(file, path, root, document, syntax, reason, listed_path(file, root))


def unread_source(file: Path, root: Path | None, reason: str) -> Source:
    """`file` without its content, and why."""
    document = Document.create(file.absolute().as_uri(), "")
    return Source(file, _path(file, root), root, document, None, reason, listed_path(file, root))


def listed_path(file: Path, root: Path | None) -> str:
    """What tells a file from all others: relative to `root` if it lies in it, or else to the folder where the command
    was started; absolute if it lies in neither."""
    found = _inside(file, root) if root is not None else None
    return found or _inside(file, Path.cwd()) or Path(os.path.normpath(file.absolute())).as_posix()


def text_of(data: bytes) -> str:
    """Code as text: UTF-8, without the mark that some editors put in front."""
    return data.decode("utf-8", "replace").removeprefix("\ufeff")


def root_of(file: Path) -> Path | None:
    """The folder of the repository or workspace that holds `file`, or None."""
    for folder in real_path(file).parents:
        if any((folder / mark).exists() for mark in ROOT_MARKS):
            return folder
    return None


def real_path(file: Path) -> Path:
    """Where a file lies, whatever links lead there; as it is named where they lead nowhere but to each other."""
    try:
        return file.resolve()
    except (OSError, RuntimeError):
        return file.absolute()


def settings_for(file: Path) -> Settings:
    """All settings that hold for `file`; problems are said on stderr and change nothing else."""
    return settings_at(root_of(file))


def settings_at(root: Path | None) -> Settings:
    """All settings that hold in a workspace; problems are said on stderr and change nothing else."""
    import click

    settings, problems = load(root)
    for problem in problems:
        click.echo(f"codeassist: setting not taken: {problem}", err=True)
    return settings


def _limits(settings: Settings) -> ReadLimits:
    return ReadLimits(max_bytes=settings.index.max_file_bytes)


def _path(file: Path, root: Path | None) -> str:
    return (_inside(file, root) if root is not None else None) or file.name


def _inside(file: Path, folder: Path) -> str | None:
    """Relative to `folder`, by the place that it is named with, or else by its real one; None if it lies elsewhere."""
    for place in (Path(os.path.normpath(file.absolute())), real_path(file)):
        for top in (folder, folder.resolve()):
            if place.is_relative_to(top):
                return place.relative_to(top).as_posix()
    return None
