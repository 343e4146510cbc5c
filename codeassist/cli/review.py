"""`codeassist review PATH...`: the editor's review, of whole files, for a terminal or CI."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codeassist.cli.main import EXIT_FINDINGS, EXIT_MODEL, Failure

if TYPE_CHECKING:
    from codeassist.cli.source import Source
    from codeassist.post.findings import Finding

_SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "venv", "build", "dist", "target", "vendor"})
_MOST_FILES = 2_000


@dataclass(slots=True)
class _Results:
    """What a run found, file by file, and what it cost."""

    found: list[tuple[Source, Finding]] = field(default_factory=list)
    skips: dict[str, str] = field(default_factory=dict)
    failure: str = ""
    stats: dict[str, Any] = field(default_factory=lambda: {"files": 0, "functions": 0, "requests": 0})
    tokens: dict[str, int] = field(default_factory=lambda: {"prompt": 0, "cached": 0, "generated": 0})


@click.command(help="Review files, or all code files of folders, and print findings.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info"]),
    help="Exit with 1 if there is a finding of this severity or a worse one.",
)
def review(paths: tuple[Path, ...], form: str, fail_on: str | None) -> None:
    results = asyncio.run(_review_all(list(_files(paths))))
    if form == "json":
        click.echo(json.dumps(_document(results), ensure_ascii=True))
    else:
        _print_text(results)
    if results.failure:
        raise Failure(results.failure, EXIT_MODEL)
    if fail_on is not None and _worst_reaches(results, fail_on):
        raise SystemExit(EXIT_FINDINGS)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """The files named, and those of a language with a grammar in the folders named."""
    from codeassist.syntax.languages import language_of

    count = 0
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for file in sorted(path.rglob("*")):
            inside = file.relative_to(path).parts
            hidden = any(part.startswith(".") or part in _SKIPPED_FOLDERS for part in inside)
            if hidden or not file.is_file() or not language_of(file.name):
                continue
            count += 1
            if count > _MOST_FILES:
                raise Failure(f"{path} holds more than {_MOST_FILES} code files; name fewer")
            yield file


async def _review_all(files: Sequence[Path]) -> _Results:
    from codeassist.cli.model import bound_model
    from codeassist.cli.source import read_source, root_of, settings_for
    from codeassist.flow.admission import Admission
    from codeassist.flow.review import NO_LIMIT, Watch, regions_of
    from codeassist.flow.review import review as flow
    from codeassist.flow.trace import Trace
    from codeassist.model.errors import ModelError
    from codeassist.post.skip import REASONS

    results = _Results()
    settings = settings_for(files[0]) if files else None
    if settings is None:
        return results
    everything = settings.review.model_copy(update={"max_lines": NO_LIMIT})
    try:
        async with bound_model(settings, "review", workspace=root_of(files[0])) as bound:
            for number, file in enumerate(files, 1):
                source = read_source(file, settings)
                results.stats["files"] += 1
                if source.unreadable or source.syntax is None:
                    reason = source.unreadable or "unknown-language"
                    results.skips[source.path] = reason
                    click.echo(f"codeassist: {source.path}: {REASONS[reason]}", err=True)
                    continue
                trace = Trace("review")
                regions = regions_of(source.syntax)
                with _progress(f"{source.path} ({number}/{len(files)})", len(regions)) as report:
                    answer = await flow(
                        source.syntax, regions, source.path, bound, everything, Admission(), trace, Watch(report)
                    )
                results.found += [(source, finding) for finding in answer.findings]
                results.stats["functions"] += len(answer.reviewed)
                results.stats["requests"] += trace.requests
                for name, count in trace.tokens().items():
                    results.tokens[name] += count or 0
                for name, skip in answer.skips.items():
                    if skip.reason != "not-able":
                        results.skips[f"{source.path} ({name})"] = skip.reason
                    if skip.is_failure:
                        results.failure = str(skip)
                if results.failure:
                    break
    except ModelError as error:
        results.failure = str(error)
    return results


def _progress(title: str, _regions: int) -> Any:
    """A progress line on stderr that goes away; nothing where stderr is no terminal."""
    from contextlib import contextmanager

    from rich.console import Console

    console = Console(stderr=True)

    @contextmanager
    def shown() -> Iterator[Any]:
        with console.status(f"Reviewing {title}") as status:
            yield lambda done, of_all: status.update(f"Reviewing {title}: function {done}/{of_all}")

    return shown()


def _document(results: _Results) -> dict[str, Any]:
    """The JSON document of interfaces.md."""
    return {
        "findings": [_entry(source, finding) for source, finding in results.found],
        "stats": {**results.stats, "tokens": results.tokens, "skips": results.skips},
    }


def _entry(source: Source, finding: Finding) -> dict[str, Any]:
    fix = None
    if finding.fix:
        fix = {"edits": [{**_ends(source, edit.start, edit.end), "text": edit.text} for edit in finding.fix]}
    return {
        "path": source.path,
        **_ends(source, finding.span.start, finding.span.end),
        "severity": finding.severity,
        "category": finding.category,
        "message": finding.message,
        "analyzer": finding.analyzer,
        "score": finding.score,
        "fingerprint": finding.fingerprint,
        "fix": fix,
    }


def _ends(source: Source, start: Any, end: Any) -> dict[str, dict[str, int]]:
    first, last = source.document.position_at(start), source.document.position_at(end)
    return {
        "start": {"line": first.line + 1, "column": first.column + 1},
        "end": {"line": last.line + 1, "column": last.column + 1},
    }


def _print_text(results: _Results) -> None:
    for source, finding in results.found:
        place = _ends(source, finding.span.start, finding.span.end)["start"]
        click.echo(
            f"{source.file}:{place['line']}:{place['column']}: {finding.severity} "
            f"[{finding.category}] {finding.message}"
        )
        if finding.fix:
            click.echo(f"    fix: {finding.fix_title}")
    count, files = len(results.found), results.stats["files"]
    click.echo(f"{count} finding{'s' * (count != 1)} in {files} file{'s' * (files != 1)}", err=True)


def _worst_reaches(results: _Results, least: str) -> bool:
    from codeassist.post.findings import SEVERITIES

    order: tuple[str, ...] = SEVERITIES
    return any(order.index(finding.severity) <= order.index(least) for _, finding in results.found)
