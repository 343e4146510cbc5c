"""`codeassist review`: the editor's review for a terminal, a hook or CI: of files, or of what git says has changed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codeassist.cli.main import EXIT_FINDINGS, EXIT_MODEL, EXIT_OTHER, Failure
from codeassist.cli.plain import one_line, plain

if TYPE_CHECKING:
    from codeassist.cli.reviewing.known import Known
    from codeassist.cli.reviewing.results import Results
    from codeassist.cli.reviewing.targets import Selection
    from codeassist.settings import Settings

_NO_BASE = "\0"
"""What click gives for `--diff` without a revision; no revision can be called so."""
_FORMATS = ("text", "json", "sarif", "github")


class _Review(click.Command):
    """The command, with a word of its own for what click takes for an option of ours that it does not know."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for argument in args[: args.index("--")] if "--" in args else args:
            if argument.startswith("--diff=-"):
                base = plain(argument.removeprefix("--diff="))
                raise click.BadParameter(f"a revision does not begin with a dash: {base}", ctx, param_hint="--diff")
        return super().parse_args(ctx, args)


@click.command(
    cls=_Review,
    help="Review files, or all code files of folders, and print findings. With --diff or --staged only functions that "
    "changed are reviewed, and PATHS restrict which.",
    epilog="Exit codes: 0 done, 1 findings at or above --fail-on, 2 wrong usage, 3 the model cannot be reached, "
    "4 anything else.",
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATHS]...")
@click.option(
    "--diff",
    "base",
    is_flag=False,
    flag_value=_NO_BASE,
    metavar="[BASE]",
    help="Review what changed since this branch parted from BASE; without BASE, what is not committed. Write "
    "`--diff=BASE` or `--diff --` in front of paths.",
)
@click.option("--staged", is_flag=True, help="Review what the next commit changes, as it is in git's index.")
@click.option("--format", "form", type=click.Choice(_FORMATS), default="text", show_default=True)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info"]),
    help="Exit with 1 if there is a finding of this severity or a worse one.",
)
@click.option(
    "--baseline",
    "baseline_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Findings in this file are known: they are not shown and do not fail. "
    "[default: .codeassist-baseline.json of the repository or workspace, if it is there]",
)
@click.option("--no-baseline", is_flag=True, help="Show known findings, too.")
@click.option("--no-dismissals", is_flag=True, help="Show what you dismissed in your editor, too.")
@click.option("--update-baseline", is_flag=True, help="Take all findings into the baseline, instead of showing them.")
def review(  # noqa: PLR0913, PLR0917 - one parameter for each option of the command line.
    paths: tuple[Path, ...],
    base: str | None,
    staged: bool,
    form: str,
    fail_on: str | None,
    baseline_file: Path | None,
    no_baseline: bool,
    no_dismissals: bool,
    update_baseline: bool,
) -> None:
    from codeassist.cli.reviewing.dismissed import Dismissed
    from codeassist.cli.reviewing.results import Results
    from codeassist.workspace.dismissals import DismissalStore

    _check_usage(paths, base, staged=staged)
    if no_baseline and (baseline_file or update_baseline):
        raise click.UsageError("--no-baseline goes with neither --baseline nor --update-baseline")
    settings, selection = _selected(paths, base, staged=staged)
    known = _known(selection.root, baseline_file, ignore=no_baseline, update=update_baseline)
    # What is taken into the baseline is all there is, or the next run would find what had no room in this one.
    results = Results(known)
    if not update_baseline:
        dismissed = Dismissed(None if no_dismissals else DismissalStore(), lambda said: _say(one_line(said)))
        results = Results(known, settings.review.max_findings, dismissed)
    _run(selection, settings, results)
    _print(results, form, update=update_baseline)
    if update_baseline:
        _update(known, results)
    _say_rest(results)
    if results.was_interrupted:
        raise Failure("interrupted; what is shown is what was found so far", EXIT_OTHER)
    if results.failure:
        raise Failure(one_line(results.failure), EXIT_MODEL)
    if fail_on is not None and not update_baseline and results.worst_reaches(fail_on):
        raise SystemExit(EXIT_FINDINGS)


def _check_usage(paths: tuple[Path, ...], base: str | None, *, staged: bool) -> None:
    if staged and base is not None:
        raise click.UsageError("--diff and --staged exclude each other")
    if not paths and not staged and base is None:
        raise click.UsageError("name files or folders, or what changed: --diff [BASE] or --staged")


def _selected(paths: tuple[Path, ...], base: str | None, *, staged: bool) -> tuple[Settings, Selection]:
    """What to review, and the settings that hold for it."""
    from codeassist.cli.reviewing.targets import look_for_changes, root_for, select_changes, select_paths
    from codeassist.cli.source import settings_at

    if base is None and not staged:
        settings = settings_at(root_for(paths))
        return settings, select_paths(paths, settings)
    changes = look_for_changes(Path.cwd(), None if base in (None, _NO_BASE) else base, is_staged=staged)
    settings = settings_at(changes.top)
    return settings, select_changes(changes, paths, settings, is_staged=staged)


def _known(root: Path | None, file: Path | None, *, ignore: bool, update: bool) -> Known:
    from codeassist.cli.reviewing.known import Known, known_at

    return Known(None) if ignore else known_at(root, file, must_exist=file is not None and not update)


def _run(selection: Selection, settings: Settings, results: Results) -> None:
    from codeassist.cli.reviewing.run import review_all

    try:
        asyncio.run(review_all(selection, settings, results))
    except KeyboardInterrupt:
        results.was_interrupted = True
    results.settle()


def _print(results: Results, form: str, *, update: bool) -> None:
    """The findings, on stdout; with `update` as text only what does not fit into a count."""
    if form == "json":
        from codeassist.cli.reviewing.documents import json_document

        click.echo(_dumped(json_document(results)))
    elif form == "sarif":
        from codeassist.cli.reviewing.sarif import sarif_log

        click.echo(_dumped(sarif_log(results)))
    elif form == "github":
        from codeassist.cli.reviewing.github import annotation_lines

        for line in annotation_lines(results):
            click.echo(line)
    elif not update:
        from codeassist.cli.reviewing.frames import print_findings

        print_findings(results)


def _dumped(document: Any) -> str:
    return json.dumps(document, ensure_ascii=True)


def _update(known: Known, results: Results) -> None:
    """Write the baseline, unless not all was looked at: it would forget what was not."""
    if results.is_partial:
        click.echo("codeassist: the baseline was not written, for not all was reviewed", err=True)
        return
    changed = known.updated(results.wholly_reviewed, results.all_found)
    before, after = (len(each.baseline.findings) for each in (known, changed))
    changed.write()
    name = plain(str(known.file))
    click.echo(f"codeassist: {name} holds {_counted(after, 'finding')}; before there were {before}", err=True)


def _say_rest(results: Results) -> None:
    """How much was found, hidden and left out, on stderr."""
    from codeassist.cli.reviewing.results import HIDDEN
    from codeassist.post.skip import REASONS

    for path, reason in results.skips.items():
        if reason != "unsure" and not path.endswith(")"):
            click.echo(f"codeassist: {plain(path)}: {REASONS[reason]}", err=True)
    for analyzer, reason in results.silent_analyzers.items():
        click.echo(f"codeassist: {analyzer}: {REASONS[reason]}", err=True)
    hidden = [f"{results.hidden[why]} {said}" for why, said in HIDDEN.items() if results.hidden[why]]
    if not results.files and not results.skips and not results.is_partial:
        click.echo("nothing to review", err=True)
        return
    found = f"{_counted(len(results.shown), 'finding')} in {_counted(results.files, 'file')}"
    click.echo(", ".join([found, *hidden]), err=True)


def _say(message: str) -> None:
    click.echo(f"codeassist: {message}", err=True)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
