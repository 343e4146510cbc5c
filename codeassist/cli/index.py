"""`codeassist index [PATH]`: bring the index of a folder up to date, and say what it holds."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codeassist.cli.main import Failure

if TYPE_CHECKING:
    from codeassist.workspace.index import Index
    from codeassist.workspace.scan import Phase, ScanReport

_PLAIN_LINE_EVERY_S = 3.0
_MOST_NAMED = 20
_WHY = {
    "elsewhere": "another process indexes this folder now; it does the same work",
    "full": "there is no room on the disk for the index",
    "read-only": "the index cannot be written: it or its folder is read-only",
    "damaged": "the index is damaged and could not be set aside",
    "locked": "another process holds the index; try again",
    "unwritable": "the folder of the index cannot be made",
    "workers": "the worker processes end whatever they read",
    "no-folder": "this is no folder",
    "cancelled": "interrupted; the same command goes on where it stopped",
}


@click.command(help="Build or update the index of a folder (default: this one).")
@click.argument("path", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--stats", is_flag=True, help="Say what the index holds.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def index(path: Path, stats: bool, as_json: bool) -> None:
    from codeassist.workspace.index import Index

    root = path.resolve()
    began = time.monotonic()
    report = _scan(root)
    seconds = time.monotonic() - began
    reader = Index(root)
    if as_json:
        click.echo(json.dumps(_document(reader, report, seconds), indent=2))
    elif report.state == "done":
        _say(reader, report, seconds, stats)
    if report.state != "done":
        raise Failure(f"{path}: {_WHY.get(report.state, report.state)}" + (f" ({report.detail})" * bool(report.detail)))


def _scan(root: Path) -> ScanReport:
    from codeassist.settings import load
    from codeassist.workspace.scan import ScanOptions, scan

    settings, problems = load(root)
    for problem in problems:
        click.echo(f"codeassist: {problem}", err=True)
    options = ScanOptions(max_file_bytes=settings.index.max_file_bytes, exclude=settings.index.exclude)
    with _progress() as tell, _interrupts() as was_interrupted:
        return scan(root, options, tell, was_interrupted)


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Ctrl-C ends the scan in order."""
    import signal

    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _progress() -> Iterator[Callable[[int, int, Phase], None]]:
    """A bar on a terminal; elsewhere a line now and then."""
    if not sys.stderr.isatty():
        last = time.monotonic()

        def line(done: int, total: int, phase: Phase) -> None:
            nonlocal last
            if phase == "reading" and time.monotonic() - last >= _PLAIN_LINE_EVERY_S:
                last = time.monotonic()
                click.echo(f"{done:,} of {total:,} files", err=True)

        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("looking", total=None)
        yield lambda done, total, phase: bar.update(task, description=phase, completed=done, total=total or None)


def _document(reader: Index, report: ScanReport, seconds: float) -> dict[str, Any]:
    counts = reader.counts()
    return {
        "root": str(reader.root),
        "database": str(reader.database),
        "seconds": round(seconds, 3),
        "scan": report.as_dict(),
        "counts": {
            "files": counts.files,
            "lines": counts.lines,
            "definitions": counts.definitions,
            "imports": counts.imports,
            "chunks": counts.chunks,
            "database_bytes": counts.database_bytes,
            "states": dict(counts.states),
            "languages": dict(counts.languages),
        },
    }


def _say(reader: Index, report: ScanReport, seconds: float, stats: bool) -> None:
    click.echo(
        f"{report.found:,} files, {report.read:,} of them new or changed, {report.removed:,} gone; {seconds:.1f} s."
    )
    for path in report.bad[:_MOST_NAMED]:
        click.echo(f"left out, its grammar fails on it: {path}", err=True)
    if report.unreadable_folders:
        click.echo(f"{report.unreadable_folders:,} folders cannot be read.", err=True)
    if report.odd_names:
        click.echo(f"{report.odd_names:,} files are left out: their names are not UTF-8.", err=True)
    if not stats:
        return
    counts = reader.counts()
    click.echo(
        f"{counts.lines:,} lines, {counts.definitions:,} definitions, {counts.imports:,} imports, "
        f"{counts.chunks:,} stretches; {counts.database_bytes / 1e6:,.1f} MB in {reader.database}"
    )
    for language, files in counts.languages.items():
        click.echo(f"  {language:<12} {files:>8,} files")
    for state, files in counts.states.items():
        if state != "indexed":
            click.echo(f"  {state:<12} {files:>8,} files not indexed")
