"""`codeassist complete FILE:LINE:COLUMN`: the editor's flow, without an editor."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codeassist.cli.main import EXIT_MODEL, Failure

if TYPE_CHECKING:
    from codeassist.context.related import Snippet
    from codeassist.flow.prepare import Prepared

_PATIENCE_S = 1.0


@click.command(help="Show the completion at FILE:LINE:COLUMN (1-based; the column counts characters).")
@click.argument("place", metavar="FILE:LINE:COLUMN")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--no-model", is_flag=True, help="Stop before the model is asked: context and prompt only.")
def complete(place: str, as_json: bool, no_model: bool) -> None:
    match = re.fullmatch(r"(.+):(\d+):(\d+)", place, re.DOTALL)
    if match is None or "0" in (match[2].lstrip("0") or "0", match[3].lstrip("0") or "0"):
        raise click.UsageError("the place must be FILE:LINE:COLUMN, both counted from 1")
    from codeassist.post.skip import is_failure

    document = asyncio.run(_complete(Path(match[1]), int(match[2]), int(match[3]), no_model=no_model))
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=True))
    elif no_model:
        click.echo(document["prompt"])
    elif document["items"]:
        click.echo(document["items"][0]["text"])
    elif not is_failure(document["skip"]):
        click.echo(f"No completion: {document['detail']}", err=True)
    skip = document["skip"]
    if skip is not None and is_failure(skip):
        raise Failure(document["detail"], EXIT_MODEL)


async def _complete(file: Path, line: int, column: int, *, no_model: bool) -> dict[str, Any]:
    from codeassist.cli.indexed import index_of
    from codeassist.cli.model import bound_model, waited
    from codeassist.cli.source import read_source, settings_for
    from codeassist.flow.complete import Completion
    from codeassist.flow.complete import complete as flow
    from codeassist.flow.prepare import Prepared, Snapshot, prepare_with_repository
    from codeassist.flow.trace import Trace
    from codeassist.model.errors import ModelError
    from codeassist.post.skip import Skip
    from codeassist.text.document import Position

    settings = settings_for(file)
    source = read_source(file, settings)
    trace = Trace("completion")
    if source.unreadable is not None:
        return _document(source.document, Completion(None, Skip(source.unreadable)), trace)
    if line > source.document.line_count or column > len(source.document.line(line - 1)) + 1:
        raise click.UsageError(f"{file} has no line {line} with a column {column}")
    with index_of(source.root, settings.index) as ask:
        snapshot = Snapshot(
            document=source.document,
            syntax=source.syntax,
            offset=source.document.offset_at(Position(line - 1, column - 1)),
            path=source.path,
            repository=source.root.name if source.root else "",
            ask=ask if source.document.language else None,
        )
        try:
            async with bound_model(settings, "completion", connect=not no_model, workspace=source.root) as bound:
                if no_model:
                    prepared = await prepare_with_repository(snapshot, bound, settings.completion, trace)
                    skip = prepared if isinstance(prepared, Skip) else None
                    answer = Completion(None, skip, prepared if isinstance(prepared, Prepared) else None)
                else:
                    asked = flow(snapshot, bound, settings.completion, trace)
                    answer = await waited(asked, "Waiting for the completion.")
        except ModelError as error:
            answer = Completion(None, Skip(error.reason, str(error)))
    return _document(source.document, answer, trace)


def _document(document: Any, answer: Any, trace: Any) -> dict[str, Any]:
    """The JSON document of interfaces.md."""
    items = []
    if answer.item is not None:
        items.append(
            {
                "text": answer.item.text,
                "range": {
                    "start": _place(document, answer.item.span.start),
                    "end": _place(document, answer.item.span.end),
                },
            }
        )
    context = [place for snippet in answer.snippets for place in _places(snippet, answer.prepared)]
    return {
        "items": items,
        "skip": answer.skip.reason if answer.skip else None,
        "detail": str(answer.skip) if answer.skip else "",
        "context": context,
        "prompt": answer.prepared.prompt if answer.prepared else "",
        "timings": trace.timings(),
        "tokens": trace.tokens(),
    }


def _places(snippet: Snippet, prepared: Prepared) -> Iterator[dict[str, Any]]:
    """Each range that a snippet shows, with its own reason and cost where it is a definition."""
    chosen = {(each.path, each.tag.name_line): each for each in prepared.held.chosen}
    for start, end in snippet.ranges or ((snippet.start_line, snippet.end_line),):
        definition = chosen.get((snippet.path, start)) if snippet.ranges else None
        yield {
            "path": snippet.path,
            "start_line": start + 1,
            "end_line": end,
            "why": definition.why if definition else snippet.why,
            "tokens": definition.tokens if definition else snippet.tokens,
        }


def _place(document: Any, offset: int) -> dict[str, int]:
    position = document.position_at(offset)
    return {"line": position.line + 1, "column": position.column + 1}
