"""`codeassist serve`: start vLLM for a model of the catalogue, or show how."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from codeassist.serving.vllm.hardware import Hardware
    from codeassist.serving.vllm.plan import Plan
    from codeassist.serving.vllm.running.supervise import ServeOptions
    from codeassist.serving.vllm.written.render import Format
    from codeassist.settings import Settings

FORMATS = ("shell", "json", "compose", "systemd", "helm", "ray")
SPECULATIONS = ("off", "ngram", "suffix", "catalogue")
QUANTISATIONS = ("bf16", "fp8", "int8", "int4", "mxfp4", "nvfp4")


@click.command(context_settings={"ignore_unknown_options": False})
@click.argument("model", required=False)
@click.argument("extra", nargs=-1, metavar="[-- VLLM_ARGUMENTS...]")
@click.option("--print", "print_only", is_flag=True, help="Show the commands and start nothing.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="What --print shows; default: shell.")
@click.option("--hardware", "profile", metavar="PROFILE", help="For this hardware (h100, 2x48@8.9); with --print.")
@click.option("--nodes", type=click.IntRange(1, 64), default=1, help="Machines that hold the model together.")
@click.option("--node-rank", type=click.IntRange(0, 63), help="Start this machine's part: 0 on the first.")
@click.option("--master", metavar="ADDRESS", help="Address of node 0 as all nodes reach it.")
@click.option("--executor", type=click.Choice(("mp", "ray")), default="mp", help="What starts processes on nodes.")
@click.option("--developers", type=click.IntRange(1, 100_000), default=1, help="Size it for so many people.")
@click.option("--quantisation", type=click.Choice(QUANTISATIONS), help="Form of the weights; default: what fits best.")
@click.option("--max-model-len", "context_tokens", type=click.IntRange(1024, 10_000_000), help="Prompt and answer.")
@click.option("--socket", "socket_path", type=click.Path(path_type=Path), help="Listen on this UNIX socket.")
@click.option("--host", help="Listen on this address; 127.0.0.1 with --port alone.")
@click.option("--port", type=click.IntRange(1, 65_535), help="Listen on this port.")
@click.option("--speculate", type=click.Choice(SPECULATIONS), default="off", help="Guess tokens ahead.")
@click.option("--lever", "levers", multiple=True, metavar="NAME=VALUE", help="Set a lever (docs/reference/levers.md).")
@click.option("--without", multiple=True, metavar="NAME", help="Leave a lever to vLLM.")
@click.option("--trust-remote-code", is_flag=True, help="Let the model's repository run its code on this machine.")
@click.option("--weights", metavar="PATH", help="Weights in this folder, not from the model hub.")
@click.option("--new-key", is_flag=True, help="Replace the key that editors need for this address.")
@click.option("--python", type=click.Path(path_type=Path), help="The Python that has vLLM.")
@click.pass_context
def serve(  # noqa: PLR0913, PLR0917  One parameter for each option.
    context: click.Context,
    model: str | None,
    extra: tuple[str, ...],
    print_only: bool,
    form: Format | None,
    profile: str | None,
    nodes: int,
    node_rank: int | None,
    master: str | None,
    executor: Literal["mp", "ray"],
    developers: int,
    quantisation: str | None,
    context_tokens: int | None,
    socket_path: Path | None,
    host: str | None,
    port: int | None,
    speculate: str,
    levers: tuple[str, ...],
    without: tuple[str, ...],
    trust_remote_code: bool,
    weights: str | None,
    new_key: bool,
    python: Path | None,
) -> None:
    """Start vLLM for MODEL, tuned for completions. Without MODEL: list what fits this machine."""
    if model is not None and model.startswith("-"):
        raise click.UsageError("Arguments for vLLM follow a MODEL: codeassist serve MODEL -- --flag value")
    _check(print_only or model is None, form, profile, nodes, node_rank, master, executor)
    if weights is not None and not Path(weights).expanduser().is_dir():
        raise click.BadParameter(
            f"{weights!a} is no folder; name the one that has config.json.", param_hint="--weights"
        )
    if python is not None and not python.expanduser().is_file():
        raise click.BadParameter(
            f"{str(python)!a} is no file; name an interpreter, such as ~/vllm/bin/python.", param_hint="--python"
        )
    from codeassist.serving.catalogue import entry, user_problems
    from codeassist.serving.errors import ServingError, UnknownModel
    from codeassist.serving.folders import folders
    from codeassist.serving.vllm.arguments import CannotServe, PlanOptions, WrongOptions
    from codeassist.serving.vllm.hardware import UnknownHardware, detect, named
    from codeassist.serving.vllm.planning import make_plan
    from codeassist.serving.vllm.running.supervise import ServeOptions
    from codeassist.settings import load

    settings, problems = load()
    for problem in (*problems, *user_problems()):
        click.echo(f"codeassist: {problem}", err=True)
    try:
        hardware = named(profile) if profile is not None else detect()
        if model is None:
            _list_fitting(hardware)
            return
        options = PlanOptions(
            runtime_folder=folders(settings).runtime,
            nodes=nodes,
            master=master,
            executor=executor,
            developers=developers,
            quantisation=quantisation,
            context_tokens=context_tokens,
            socket=socket_path.absolute() if socket_path else None,
            host=host,
            port=port,
            speculate=speculate,
            levers=_pairs(levers),
            without=frozenset(without),
            trust_remote_code=trust_remote_code,
            weights=str(Path(weights).expanduser().absolute()) if weights is not None else None,
            extra=extra,
        )
        plan = make_plan(entry(model), hardware, options)
        if print_only:
            _print(plan, form or "shell")
            return
        rank = 0 if node_rank is None else node_rank
        status = _run(plan, settings, ServeOptions(rank, python, trust_remote_code, new_key))
    except (CannotServe, UnknownHardware, UnknownModel) as error:
        click.echo(f"codeassist serve: {error}", err=True)
        context.exit(2 if isinstance(error, (UnknownHardware, UnknownModel, WrongOptions)) else 4)
    except (ServingError, OSError) as error:
        click.echo(f"codeassist serve: {error}", err=True)
        context.exit(4)
    context.exit(status)


def _check(
    print_only: bool,
    form: str | None,
    profile: str | None,
    nodes: int,
    node_rank: int | None,
    master: str | None,
    executor: str,
) -> None:
    if not print_only and form is not None:
        raise click.UsageError("--format says what --print shows; add --print.")
    if not print_only and profile is not None:
        raise click.UsageError("--hardware plans for another machine; add --print.")
    if node_rank is not None and node_rank >= nodes:
        raise click.UsageError(f"--node-rank {node_rank} needs --nodes {node_rank + 1} or more.")
    if not print_only and nodes > 1 and executor == "mp" and (node_rank is None or not master):
        raise click.UsageError(
            "Each of several nodes is started by its own --node-rank and the same --master; "
            "--print shows the commands of all."
        )


def _pairs(levers: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for pair in levers:
        name, equals, value = pair.partition("=")
        if not equals:
            raise click.UsageError(f"--lever {pair} has no value; write it as --lever NAME=VALUE.")
        found[name] = value
    return found


def _print(plan: Plan, form: Format) -> None:
    from codeassist.serving.vllm.written.render import render

    click.echo(render(plan, form, (sys.executable, "-m", "codeassist")), nl=False)
    if form not in ("shell", "json"):
        for note in plan.notes:
            click.echo(note, err=True)


def _run(plan: Plan, settings: Settings, options: ServeOptions) -> int:
    """Serve this node's part until stopped."""
    import asyncio

    from codeassist.serving.vllm.running.supervise import serve_plan

    last = ""

    def say(line: str) -> None:
        click.echo(f"\r\x1b[K{line}" if terminal else line, err=True)

    def progress(line: str) -> None:
        nonlocal last
        phase = line.split(" (", 1)[0]
        if terminal:
            click.echo(f"\r\x1b[K{line}", err=True, nl=False)
        elif phase != last:  # A log gets a line for each phase, not for each second.
            click.echo(line, err=True)
        last = phase

    terminal = sys.stderr.isatty()
    for note in plan.notes:
        say(note)
    try:
        return asyncio.run(serve_plan(plan, options, settings=settings, say=say, progress=progress))
    except KeyboardInterrupt:
        return 0


def _list_fitting(hardware: Hardware) -> None:
    """What of the catalogue fits, one line each, and one to begin with."""
    from codeassist.serving.catalogue import catalogue
    from codeassist.serving.vllm.fit import Fit
    from codeassist.serving.vllm.suggest import candidates, suggestion

    click.echo(f"For {hardware.described}:", err=True)
    if hardware.gpu_trouble:
        click.echo(hardware.gpu_trouble, err=True)
    found = candidates(catalogue(), hardware)
    for one in found:
        if isinstance(one.fit, Fit):
            where = f"{one.fit.gpus_per_node} GPU{'s' * (one.fit.gpus_per_node > 1)}" if hardware.gpus else "processor"
            size = f"{one.fit.weights.quantisation.upper()} {one.fit.weights.gib:,.1f} GiB"
            other = "next edits only" if one.entry.next_edit else "reviews only"
            kind = {"fim": "completes", "chat": "completes by chat", "no": other}[one.entry.completes]
            click.echo(f"{one.entry.name:<32} {size:<15} {where:<10} {kind:<18} {one.entry.title}")
    first = suggestion(found)
    if first is None:
        click.echo("No model that completes fits; the embedded engine needs no GPU: codeassist models pull", err=True)
    else:
        click.echo(f"To begin with: codeassist serve {first.name}", err=True)
