"""`codeassist doctor`: what works, what does not, and the command that mends it."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from typing import Literal

import click

from codeassist.cli.main import EXIT_MODEL, EXIT_OTHER
from codeassist.settings import Role, Settings, load, role_server, user_file

State = Literal["ok", "warning", "failed"]
_MARK = {"ok": "ok  ", "warning": "note", "failed": "FAIL"}


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report. `mend` is the next step, "" where nothing is wrong."""

    name: str
    state: State
    message: str
    mend: str = ""


@click.command(help="Say what works, what does not, and what mends it. Starts the embedded engine if it is needed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def doctor(as_json: bool) -> None:
    checks = asyncio.run(_all_checks(quiet=as_json))
    if as_json:
        click.echo(json.dumps({"checks": [asdict(check) for check in checks]}))
    failed = [check for check in checks if check.state == "failed"]
    if any(check.name.endswith("model") for check in failed):
        raise SystemExit(EXIT_MODEL)
    if failed:
        raise SystemExit(EXIT_OTHER)


async def _all_checks(*, quiet: bool) -> list[Check]:
    """Run the checks one after the other; each is shown as soon as it is known."""
    settings, problems = load()
    checks: list[Check] = []

    def add(check: Check) -> None:
        checks.append(check)
        if not quiet:
            click.echo(f"{_MARK[check.state]}  {check.name}: {check.message}")
            if check.mend:
                click.echo(f"      {check.mend}")

    add(Check("Python", "ok", f"{sys.version.split()[0]} at {sys.executable}"))
    path = user_file()
    add(Check("settings", "ok", f"{path}{'' if path.exists() else ' (not there: all defaults)'}"))
    for problem in problems:
        add(Check("settings", "warning", str(problem), "correct or remove that key"))
    for check in (*_grammars(), *_embedded(settings)):
        add(check)
    async for check in _models(settings):
        add(check)
    return checks


def _grammars() -> Iterator[Check]:
    from codeassist.syntax.grammars import grammar
    from codeassist.syntax.languages import LANGUAGES

    missing = []
    for language in LANGUAGES:
        try:
            found = grammar(language.name)
        except Exception:  # noqa: BLE001, RUF100  Any way in which a wheel fails to load is the finding.
            found = None
        if found is None:
            missing.append(language.name)
    if missing:
        names = ", ".join(missing)
        yield Check("grammars", "failed", f"cannot load {names}", "pip install --force-reinstall codeassist")
    else:
        yield Check("grammars", "ok", f"{len(LANGUAGES)} languages")


def _embedded(settings: Settings) -> Iterator[Check]:
    """The embedded engine's parts, where a role uses it."""
    if all(role_server(settings, role).url for role in ("completion", "review")):
        return
    import importlib.util

    from codeassist.serving.errors import ServingError
    from codeassist.serving.folders import folders
    from codeassist.serving.store import locate

    if importlib.util.find_spec("xllamacpp") is None:
        yield Check("embedded engine", "failed", "not installed", "pip install 'codeassist[embedded]'")
    else:
        yield Check("embedded engine", "ok", "installed")
    try:
        located = locate(settings, folders(settings).models)
        yield Check("embedded model file", "ok", f"{located.name} at {located.path}")
    except ServingError as error:
        yield Check("embedded model file", "failed", str(error), _mend(error))


def _mend(error: Exception) -> str:
    """The next step for a model file that cannot be used."""
    from codeassist.serving.errors import ModelMissing

    command = re.search(r"codeassist models pull [\w.-]+", str(error))
    if command is not None:
        return command.group(0)
    return "codeassist models pull" if isinstance(error, ModelMissing) else "correct engine.model in your settings"


async def _models(settings: Settings) -> AsyncIterator[Check]:
    """Both roles' models, asked for a few tokens."""
    from codeassist.model.errors import ModelError, Unauthorised

    for role in ("completion", "review"):
        server = role_server(settings, role)
        where = server.url or "the embedded engine"
        try:
            yield await _ask(settings, role, where)
        except ModelError as error:
            key = f"put its key into the environment variable {server.api_key_env}"
            away = (
                key if isinstance(error, Unauthorised) else "start that server, or correct server.url in your settings"
            )
            yield Check(f"{role} model", "failed", str(error), away if server.url else "see the lines above")


async def _ask(settings: Settings, role: Role, where: str) -> Check:
    from codeassist.cli.model import bound_model
    from codeassist.flow.asking import read
    from codeassist.flow.trace import Trace
    from codeassist.model.api import CompletionRequest

    async with bound_model(settings, role) as bound:
        trace = Trace("doctor")
        with trace.stage("answer"):
            request = CompletionRequest(prompt="def add(a, b):\n    return", max_tokens=4, logprobs=1)
            chunks = [chunk async for chunk in read(bound.model.complete(request), trace)]
        logprobs = any(chunk.tokens for chunk in chunks)
        form = "fill in the middle" if bound.family.kind == "fim" else "hole filling by chat"
        able = ["completes" if role == "completion" else "infill check"]
        if role == "review" and bound.can_review:
            able.append("review in words")
        message = (
            f"{bound.name or 'the served model'} on {where}: {form} ({bound.family.name}), {', '.join(able)}, "
            f"answered in {trace.stages['answer']:.0f} ms"
        )
        if role == "review" and not (logprobs and bound.family.kind == "fim") and not bound.can_review:
            return Check(
                f"{role} model",
                "warning",
                f"{message}; but it reports no log-probabilities or cannot fill in, so nothing can review",
                "choose another server or model for review.server",
            )
        return Check(f"{role} model", "ok", message)
