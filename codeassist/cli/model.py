"""The models of a command: bound for one run, with what they wait for said on stderr, and closed at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import click

from codeassist.flow.asking import Bound
from codeassist.model.scripted import ScriptedModel
from codeassist.prompt.families import family
from codeassist.server.binding import Models, family_name
from codeassist.serving.catalogue import DEFAULT_MODEL
from codeassist.settings import Role, Settings, role_server


@asynccontextmanager
async def bound_model(settings: Settings, role: Role, *, connect: bool = True) -> AsyncIterator[Bound]:
    """The model of `role`. With `connect` False nothing is started or asked: only the prompt's form is known.

    Raises ModelError if it cannot be reached.
    """
    if not connect:
        server = role_server(settings, role)
        name = server.model or ("" if server.url else DEFAULT_MODEL)
        yield Bound(ScriptedModel(""), family(family_name(settings, role, name) or "chat"), name)
        return
    models = Models(on_state=_say)
    try:
        yield await models.bound(settings, role)
    finally:
        await models.aclose()


def _say(state: Any) -> None:
    if state.busy:
        click.echo(f"codeassist: {state.message}", err=True)
