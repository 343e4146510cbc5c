"""The index of a folder for one command: brought up to date, asked, and closed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from codeassist.flow.prepare import Ask
    from codeassist.settings import IndexSettings

_PATIENCE_S = 1.0


@contextmanager
def index_of(root: Path | None, settings: IndexSettings) -> Iterator[Ask | None]:
    """How to ask the index of the folder, which is brought up to date first. Why that cannot be done is said."""
    if root is None or not settings.enabled:
        yield None
        return
    from codeassist.context.facts import Facts
    from codeassist.context.question import Question
    from codeassist.workspace.index import Index
    from codeassist.workspace.lookup import Lookup
    from codeassist.workspace.scan import Phase, ScanOptions, scan

    say_from = time.monotonic() + _PATIENCE_S

    def tell(done: int, total: int, _phase: Phase) -> None:
        nonlocal say_from
        if time.monotonic() >= say_from:
            say_from = time.monotonic() + 3 * _PATIENCE_S
            click.echo(f"Indexing {root}: {done:,} of {total:,} files.", err=True)

    report = scan(root, ScanOptions(max_file_bytes=settings.max_file_bytes, exclude=settings.exclude), tell)
    if report.state not in ("done", "elsewhere"):
        click.echo(f"codeassist: the index of {root} is not up to date: {report.state}", err=True)
    index = Index(root)
    lookup = Lookup(index)

    async def ask(question: Question) -> Facts:
        return lookup.answer(question)

    try:
        yield ask
    finally:
        index.close()
