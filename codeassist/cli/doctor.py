"""`codeassist doctor`: what works, what does not, and the command that mends it."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import click

from codeassist.cli.main import EXIT_MODEL, EXIT_OTHER
from codeassist.settings import Role, Settings, load, role_server, user_file

if TYPE_CHECKING:
    from codeassist.model.abilities import Abilities
    from codeassist.model.api import Chunk

ANSWER_LIMIT_S = 60.0
"""For four tokens after a dozen: the editors wait longer, for longer prompts."""

EMBEDDED = "the embedded engine"

State = Literal["ok", "warning", "failed"]
_MARK = {"ok": "ok  ", "warning": "note", "failed": "FAIL"}


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report. `mend` is the next step, "" where nothing is wrong. `server`: the address it is about;
    `abilities`: all that was found out there, with the line that names the engine."""

    name: str
    state: State
    message: str
    mend: str = ""
    server: str = ""
    abilities: dict[str, Any] | None = None


@click.command(help="Say what works, what does not, and what mends it. Starts the embedded engine if it is needed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def doctor(as_json: bool) -> None:
    checks = asyncio.run(_all_checks(quiet=as_json))
    if as_json:
        click.echo(json.dumps({"checks": [asdict(check) for check in checks], "suggestions": _suggestions()}))
    failed = [check for check in checks if check.state == "failed"]
    if any(check.name.endswith("model") for check in failed):
        raise SystemExit(EXIT_MODEL)
    if failed:
        raise SystemExit(EXIT_OTHER)


def _suggestions() -> dict[str, Any]:
    """What became of suggestions on this machine, by model; {} where nothing is known."""
    import sqlite3

    from codeassist.workspace.outcomes import OutcomeStore

    try:
        return OutcomeStore().totals()
    except (sqlite3.Error, OSError):
        return {}


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
    for check in (*_grammars(), *_embedded(settings), *_served_here(settings)):
        add(check)
    async for check in _servers(settings):
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


def _served_here(settings: Settings) -> Iterator[Check]:
    """What `codeassist serve` runs on this machine now."""
    from codeassist.serving.folders import folders
    from codeassist.serving.vllm.running.record import running

    for record in running(folders(settings)):
        message = (
            f"{record.served_name} at {record.url}, vLLM {record.vllm_version}, {record.seats} seats, "
            f"process {record.pid}; its log is {record.log}"
        )
        yield Check("codeassist serve", "ok", message, server=record.url)


async def _servers(settings: Settings) -> AsyncIterator[Check]:
    """Each server of the settings by itself: what it is, and what it can do. That one cannot be asked is a failure only
    where no other is there: then the checks of the models say so."""
    from codeassist.model.errors import ModelError
    from codeassist.serving.remote.absent import with_reason
    from codeassist.serving.remote.advice import mend_for_failure

    seen: set[tuple[str, str | None]] = set()
    roles: tuple[Role, ...] = ("completion", "review")
    for role in roles:
        server = role_server(settings, role)
        for url in (server.url, *server.fallback_urls) if server.url else ():
            if url is None or (url, server.model) in seen:
                continue
            seen.add((url, server.model))
            try:
                for check in await _examine(settings, role, url):
                    yield check
            except ModelError as error:
                setting = "server.url" if url == server.url else "server.fallback_urls"
                mend = mend_for_failure(error, setting, server.api_key_env)
                yield Check("server", "warning", str(await asyncio.to_thread(with_reason, error, url)), mend, url)


async def _examine(settings: Settings, role: Role, url: str) -> list[Check]:
    """Ask one server everything anew, and remember it for the editors. Raises ModelError if it cannot be asked."""
    from codeassist.cli.model import waited
    from codeassist.prompt.families import FAMILIES, family
    from codeassist.serving.connect import known_family, open_server
    from codeassist.serving.remote.probe import probe
    from codeassist.serving.remote.remember import remember

    model = await asyncio.to_thread(open_server, settings, role, url)
    try:
        name = await model.name()
        chat = family(known_family(name) or "chat")
        asking = probe(model, depth="full", families=tuple(FAMILIES.values()), chat_family=chat)
        abilities = await waited(asking, f"Trying out what {url} can do.")
        await asyncio.to_thread(remember, url, name, abilities)
        docs = await model.document("/docs") is not None or await model.document("/openapi.json") is not None
    finally:
        await model.aclose()
    return [_engine(url, name, abilities), *_abilities(url, abilities), *_open_pages(url, abilities, docs)]


def _engine(url: str, name: str, abilities: Abilities) -> Check:
    """Engine, version, model and context length; a warning for a version with known holes."""
    from codeassist.serving.remote.advice import as_document, named
    from codeassist.serving.vllm.running.install import known_holes, version_key

    length = (
        f"{abilities.max_model_tokens} tokens of context" if abilities.max_model_tokens else "context length unsaid"
    )
    message = f"{url} is {named(abilities)} with {name}, {length}"
    if abilities.fill_in_middle:
        message += f", knows the markers of {abilities.fill_in_middle}"
    if abilities.refused_fields:
        message += f"; refuses, and is not sent: {', '.join(sorted(abilities.refused_fields))}"
    state: State = "ok"
    mend = ""
    holes = known_holes()
    version, least = version_key(abilities.version), version_key(holes.least)
    if abilities.engine == "vllm" and version is not None and least is not None and version < least:
        has = [
            f"{hole.name} ({hole.what})"
            for hole in holes.known
            if (version_key(hole.since) or ()) <= version < (version_key(hole.fixed) or ())
        ]
        state, mend = "warning", f"upgrade vLLM to {holes.least} or newer"
        message += f"; it has known holes: {'; '.join(has)}" if has else f"; it is older than {holes.least}"
    return Check("server", state, message, mend, url, as_document(abilities))


def _abilities(url: str, abilities: Abilities) -> Iterator[Check]:
    from codeassist.serving.remote.advice import ADVICE

    for advice in ADVICE:
        if not advice.matters(abilities.engine):
            continue
        name = f"server {advice.ability.replace('_', ' ')}"
        known = advice.known(abilities)
        if known == "yes":
            yield Check(name, "ok", advice.has, server=url)
        elif known == "no":
            message = f"it lacks {advice.lacks}: {advice.means}"
            yield Check(name, "warning", message, advice.mend_for(abilities.engine), url)
        else:
            yield Check(name, "ok", f"no telling whether {advice.has}: {advice.unseen}", server=url)


def _open_pages(url: str, abilities: Abilities, docs: bool) -> Iterator[Check]:
    """Pages that no key guards. Only said of vLLM, which has a flag against them."""
    if abilities.engine == "vllm" and docs:
        message = "anyone who reaches it can read its interface at /docs, without the key"
        yield Check("server pages", "warning", message, "start vLLM with --disable-fastapi-docs", url)


async def _models(settings: Settings) -> AsyncIterator[Check]:
    """Both roles' models, asked for a few tokens."""
    from codeassist.model.errors import ModelError
    from codeassist.serving.remote.advice import mend_for_failure

    for role in ("completion", "review"):
        server = role_server(settings, role)
        where = server.url or EMBEDDED
        try:
            yield await _ask(settings, role, where)
        except ModelError as error:
            mend = mend_for_failure(error, "server.url", server.api_key_env) if server.url else "see the lines above"
            yield Check(f"{role} model", "failed", str(error), mend)


async def _ask(settings: Settings, role: Role, where: str) -> Check:
    from codeassist.cli.model import bound_model
    from codeassist.flow.asking import read
    from codeassist.flow.trace import Trace
    from codeassist.model.api import CompletionRequest

    async with bound_model(settings, role) as bound:
        trace = Trace("doctor")
        with trace.stage("answer"):
            request = CompletionRequest(prompt="def add(a, b):\n    return", max_tokens=4, logprobs=1)
            chunks = await _answer(read(bound.model.complete(request), trace), where)
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


async def _answer(stream: AsyncIterator[Chunk], where: str) -> list[Chunk]:
    """All of a short answer. Raises Unreachable if it takes longer than any server that works."""
    from codeassist.model.errors import Unreachable

    async def read() -> list[Chunk]:
        return [chunk async for chunk in stream]

    task = asyncio.ensure_future(read())
    done, _ = await asyncio.wait({task}, timeout=ANSWER_LIMIT_S)
    if not done:
        task.cancel()
        await asyncio.wait({task})
        name = "The embedded engine" if where == EMBEDDED else f"The model server at {where}"
        said = f"{name} wrote no answer of four tokens within {ANSWER_LIMIT_S:g} s"
        raise Unreachable(f"{said}; see in its log what holds it up, or start it anew.", silent=True)
    return task.result()
