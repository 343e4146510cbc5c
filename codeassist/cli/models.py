"""`codeassist models`: which models there are, and getting the embedded ones onto this machine."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from codeassist.serving.sources import Progress
    from codeassist.settings import Settings

DEFAULT_MODEL = "qwen2.5-coder-0.5b"
PLAIN_LINE_EVERY_S = 3.0


@click.group()
def models() -> None:
    """The models that codeassist knows, and the files of the embedded ones."""


@models.command(name="list")
@click.option("--fits", is_flag=True, help="Only models that run on this machine.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def list_models(fits: bool, as_json: bool) -> None:
    """List the catalogue: what of it is installed, and what vLLM could serve on this machine."""
    from codeassist.cli.facts import facts, line, runs_here
    from codeassist.serving.catalogue import catalogue
    from codeassist.serving.vllm.hardware import detect

    folder = _folder()
    hardware = detect()
    _warn_of_user_models()
    found = [one for one in (facts(item, folder, hardware) for item in catalogue()) if runs_here(one) or not fits]
    if as_json:
        click.echo(json.dumps({"folder": str(folder), "hardware": hardware.described, "models": found}, indent=2))
        return
    for one in found:
        click.echo(line(one))
    click.echo(f"What fits in vLLM is computed for {hardware.described}.", err=True)


@models.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def show(name: str, as_json: bool) -> None:
    """Show all that is known of one model, with the source of each fact."""
    from codeassist.cli.facts import facts, lines
    from codeassist.serving.catalogue import entry
    from codeassist.serving.vllm.hardware import detect

    _warn_of_user_models()
    with _one_sentence():
        found = facts(entry(name), _folder(), detect())
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for text in lines(found):
        click.echo(text)


@models.command()
@click.argument("name", default=DEFAULT_MODEL)
@click.option("--from", "mirror", metavar="PATH_OR_URL", help="A GGUF file, a folder or a base URL, asked first.")
def pull(name: str, mirror: str | None) -> None:
    """Download a model and verify it. An interrupted download goes on where it stopped."""
    from codeassist.serving.catalogue import entry
    from codeassist.serving.download import pull as pull_model

    settings = _settings()
    folder = _folder(settings)
    began = time.monotonic()
    with _one_sentence(), _progress() as on_progress:
        pulled = pull_model(entry(name), folder, on_progress, mirror=mirror or settings.models.mirror)
    if pulled.source is None:
        click.echo(f"{name} is installed and verified: {pulled.path}", err=True)
    else:
        seconds = time.monotonic() - began
        click.echo(f"{name} is installed ({seconds:.0f} s, from {pulled.source}): {pulled.path}", err=True)


@models.command()
@click.argument("name", default=DEFAULT_MODEL)
def path(name: str) -> None:
    """Print the path of an installed, verified model."""
    from codeassist.serving.catalogue import embedded_entry
    from codeassist.serving.store import verify

    with _one_sentence():
        found, file = embedded_entry(name)
        click.echo(verify(_folder(), found.name, file))


@models.command()
@click.argument("name")
def remove(name: str) -> None:
    """Delete a model's file and what was downloaded of it."""
    from codeassist.serving.catalogue import embedded_entry
    from codeassist.serving.store import remove as remove_model

    with _one_sentence():
        found, file = embedded_entry(name)
        freed = remove_model(_folder(), file)
    said = f"{found.name} is removed ({freed / 1e6:,.0f} MB)." if freed else f"{found.name} is not installed."
    click.echo(said, err=True)


def _warn_of_user_models() -> None:
    from codeassist.serving.catalogue import user_problems

    for problem in user_problems():
        click.echo(f"codeassist models: {problem}", err=True)


def _settings() -> Settings:
    from codeassist.settings import load

    settings, problems = load()
    for problem in problems:
        click.echo(f"codeassist: {problem}", err=True)
    return settings


def _folder(settings: Settings | None = None) -> Path:
    from codeassist.serving.folders import folders

    return folders(settings or _settings()).models


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Errors as one sentence on stderr, with the exit status of their kind."""
    from codeassist.serving.errors import ServingError, UnknownModel

    try:
        yield
    except UnknownModel as error:
        _end(str(error), 2)
    except (ServingError, OSError) as error:
        _end(str(error), 4)
    except KeyboardInterrupt:
        _end("Interrupted; the same command goes on where it stopped.", 4)


def _end(sentence: str, exit_status: int) -> NoReturn:
    click.echo(f"codeassist models: {sentence}", err=True)
    raise click.exceptions.Exit(exit_status)


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal; elsewhere a line now and then."""
    if not sys.stderr.isatty():
        yield plain_progress(lambda line: click.echo(line, err=True), time.monotonic)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)

        def show_progress(now: Progress) -> None:
            if now.stage == "skipped":
                bar.console.print(now.message, markup=False, highlight=False)
            else:
                bar.update(task, description=now.message, completed=now.done_bytes, total=now.total_bytes)

        yield show_progress


def plain_progress(echo: Callable[[str], None], clock: Callable[[], float]) -> Callable[[Progress], None]:
    """Lines for a log: each new message once, and how far it is every PLAIN_LINE_EVERY_S seconds."""
    last_message = ""
    last_line = clock()

    def show_progress(now: Progress) -> None:
        nonlocal last_message, last_line
        fresh = now.message != last_message
        if now.stage == "done" or (not fresh and clock() - last_line < PLAIN_LINE_EVERY_S):
            return
        last_message, last_line = now.message, clock()
        done = f" {now.done_bytes / 1e6:,.0f} of {now.total_bytes / 1e6:,.0f} MB" if now.done_bytes else ""
        echo(now.message if now.stage == "skipped" else f"{now.message}{done}")

    return show_progress
