"""`codeassist engine`: the embedded engine as a process of its own, and what runs of it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click


@click.group(invoke_without_command=True)
@click.option("--model", metavar="NAME_OR_PATH", help="Catalogue name or GGUF file; default: engine.model.")
@click.option("--port", type=click.IntRange(1, 65_535), help="Listen on this port of 127.0.0.1.")
@click.option("--socket", "socket_path", type=click.Path(path_type=Path), help="Listen on this UNIX socket.")
@click.option("--foreground", is_flag=True, help="Write the log to this terminal, not to the log file.")
@click.option("--context-tokens", type=click.IntRange(512, 131_072), help="Context of each of its two seats.")
@click.option("--threads", type=click.IntRange(0, 1024), help="Processor threads; 0: all physical cores.")
@click.option("--idle-minutes", type=click.FloatRange(min=0.001), help="Stop after this long without a request.")
@click.option("--orphan-seconds", type=click.FloatRange(min=0.1), hidden=True)
@click.option("--started-by-client", is_flag=True, hidden=True)
@click.option("--models-folder", type=click.Path(path_type=Path), hidden=True)
@click.option("--runtime-folder", type=click.Path(path_type=Path), hidden=True)
@click.option("--logs-folder", type=click.Path(path_type=Path), hidden=True)
@click.pass_context
def engine(  # noqa: PLR0913, PLR0917  One parameter for each option.
    context: click.Context,
    model: str | None,
    port: int | None,
    socket_path: Path | None,
    foreground: bool,
    context_tokens: int | None,
    threads: int | None,
    idle_minutes: float | None,
    orphan_seconds: float | None,
    started_by_client: bool,
    models_folder: Path | None,
    runtime_folder: Path | None,
    logs_folder: Path | None,
) -> None:
    """Run the embedded engine until it is idle or stopped. Editors start it by themselves."""
    if context.invoked_subcommand is not None:
        return
    if port is not None and socket_path is not None:
        raise click.UsageError("--port and --socket exclude each other.")
    from codeassist.serving.embedded.engine import ORPHAN_S, EngineOptions, run
    from codeassist.serving.embedded.enginelog import ERROR_PREFIX, EngineLog, log_path
    from codeassist.serving.errors import ServingError, UnknownModel
    from codeassist.serving.folders import Folders, folders
    from codeassist.serving.store import locate
    from codeassist.settings import load

    settings, _ = load()
    usual = folders(settings)
    where = Folders(models_folder or usual.models, runtime_folder or usual.runtime, logs_folder or usual.logs)
    terminal = sys.stderr
    if not foreground and not started_by_client:
        # The log takes over this process's output; who typed the command still gets its sentences.
        terminal = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace")
    try:
        located = locate(settings, where.models, model)
        log = EngineLog(log_path(where, located.key), redirect=not foreground)
        log.open()
        options = EngineOptions(
            model=located,
            folders=where,
            context_tokens=context_tokens or settings.engine.context_tokens,
            threads=settings.engine.threads if threads is None else threads,
            idle_s=60 * (idle_minutes or settings.engine.idle_minutes),
            orphan_s=orphan_seconds or ORPHAN_S,
            port=port,
            socket_path=socket_path,
            started_by_client=started_by_client,
        )
        status = run(options, log, lambda message: print(message, file=terminal, flush=True))
    except (ServingError, OSError) as error:
        print(f"{ERROR_PREFIX}{error}", file=terminal, flush=True)
        context.exit(2 if isinstance(error, UnknownModel) else 4)
    context.exit(status)


@engine.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def status(as_json: bool) -> None:
    """Show the engines that run now."""
    from codeassist.serving.embedded.leases import live_leases
    from codeassist.serving.embedded.record import records
    from codeassist.serving.embedded.supervise import answering
    from codeassist.serving.folders import folders
    from codeassist.settings import load

    runtime = folders(load()[0]).runtime
    found = [
        {
            **record.model_dump(exclude={"token", "key"}),
            "clients": live_leases(runtime, record.key),
            "answers": answering(runtime, record.key) is not None,
        }
        for record in records(runtime)
    ]
    if as_json:
        click.echo(json.dumps({"engines": found}, indent=2))
    elif not found:
        click.echo("No engine runs; editors start one when they need it.")
    else:
        for one in found:
            state = "ready" if one["answers"] else "does not answer"
            click.echo(f"{one['model']}: {state}, process {one['pid']}, {one['clients']} clients")
            click.echo(f"  {one['url']}, log {one['log']}")


@engine.command()
@click.option("--model", metavar="NAME_OR_PATH", help="Only the engine of this model; default: all of them.")
@click.pass_context
def stop(context: click.Context, model: str | None) -> None:
    """Stop the engines that run now. The next request of an editor starts one again."""
    from codeassist.model.errors import ModelError
    from codeassist.serving.embedded.enginelog import ERROR_PREFIX
    from codeassist.serving.embedded.record import records
    from codeassist.serving.embedded.supervise import stop_engine
    from codeassist.serving.folders import folders
    from codeassist.settings import load

    runtime = folders(load()[0]).runtime
    path = str(Path(model).expanduser().resolve()) if model else None
    stopped = 0
    for record in records(runtime):
        if model and model not in (record.model, record.key) and path != record.path:
            continue
        try:
            stopped += stop_engine(runtime, record.key)
        except (ModelError, OSError) as error:
            click.echo(f"{ERROR_PREFIX}{error}", err=True)
            context.exit(4)
        click.echo(f"The engine for {record.model} stopped.", err=True)
    if not stopped:
        click.echo("No engine runs." if not model else f"No engine for {model} runs.", err=True)
