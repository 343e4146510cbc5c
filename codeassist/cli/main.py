"""The `codeassist` command: finds its sub-commands by name and imports only the one that is asked for."""

from __future__ import annotations

import importlib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from codeassist import __version__
from codeassist.cli.plain import plain

EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_MODEL = 3
EXIT_OTHER = 4

COMMANDS: dict[str, str] = {
    "lsp": "Run the language server (what editors start).",
    "serve": "Start vLLM for a model of the catalogue, or show how.",
    "engine": "Run, show or stop the embedded engine.",
    "models": "List, download and remove embedded models.",
    "complete": "Show the completion at a place in a file.",
    "review": "Review files and print findings.",
    "index": "Build or update the index of a folder.",
    "doctor": "Say what works, what does not, and what mends it.",
    "demo": "Show a completion and a review on an example project.",
}
"""Sub-commands with their one-line help, so that `--help` need not import them either."""


class Failure(click.ClickException):
    """An error that ends the command: one sentence on stderr, and an exit code of interfaces.md."""

    exit_code: int = EXIT_OTHER  # type: ignore[misc] # click declares a class variable and reads it from instances.

    def __init__(self, message: str, exit_code: int = EXIT_OTHER) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class _NobodyReads(Exception):
    """Whoever read our output has enough. No OSError: of such a one click would make exit code 1."""


class LazyGroup(click.Group):
    """A group whose commands are modules beside this file."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  The signature is click's.
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  As above.
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"codeassist.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  As above.
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _NobodyReads from error

    def main(self, args: Sequence[str] | None = None, *others: Any, **options: Any) -> Any:
        """Every way out has one of the documented exit codes, Ctrl-C, a closed pipe and bugs included."""
        options["standalone_mode"] = False  # click's own way out answers Ctrl-C with 1, which here means findings.
        try:
            status = super().main(args, *others, **options)
        except click.ClickException as error:
            _show(error)
            raise SystemExit(error.exit_code) from error
        except click.Abort as error:
            click.echo("codeassist: interrupted", err=True)
            raise SystemExit(EXIT_OTHER) from error
        except _NobodyReads as error:
            # The interpreter must not complain about it at its end.
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  Lives as long as we do.
            raise SystemExit(EXIT_OTHER) from error
        except Exception as error:  # noqa: BLE001, RUF100  The last line of defence; the traceback is for reports.
            _report(error)
            raise SystemExit(EXIT_OTHER) from error
        raise SystemExit(status if isinstance(status, int) else 0)


def _show(error: click.ClickException) -> None:
    """On stderr. What was typed, or came out of a file name, must not give orders to the terminal."""
    said = io.StringIO()
    error.show(said)
    click.echo("\n".join(map(plain, said.getvalue().split("\n"))), err=True, nl=False)


def _report(error: Exception) -> None:
    if os.environ.get("CODEASSIST_DEBUG"):
        traceback.print_exc()
    click.echo(
        f"codeassist: internal error: {type(error).__name__}: {error} "
        "(CODEASSIST_DEBUG=1 shows where; please report it)",
        err=True,
    )


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A coding assistant that runs on your own hardware.",
)
@click.version_option(__version__, prog_name="codeassist", message="%(prog)s %(version)s")
def cli() -> None:
    pass
