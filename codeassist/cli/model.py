"""The models of a command: bound for one run, with what they wait for said on stderr, and closed at its end."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from codeassist.flow.asking import Bound
from codeassist.model.scripted import ScriptedModel
from codeassist.prompt.families import family
from codeassist.server.binding import Models, family_name
from codeassist.serving.catalogue import DEFAULT_MODEL
from codeassist.settings import Role, Settings, role_server

T = TypeVar("T")

_LINE_CHARACTERS = 100
_PATIENCE_S = 1.0


@asynccontextmanager
async def bound_model(
    settings: Settings, role: Role, *, connect: bool = True, workspace: Path | None = None
) -> AsyncIterator[Bound]:
    """The model of `role`. With `connect` False nothing is started or asked: only the prompt's form is known.

    `workspace`: the project's folder, if there is one. Raises ModelError if it cannot be reached.
    """
    if not connect:
        server = role_server(settings, role)
        name = server.model or ("" if server.url else DEFAULT_MODEL)
        yield Bound(ScriptedModel(""), family(family_name(settings, role, name) or "chat"), name)
        return
    told = Waiting()
    models = Models(on_state=told.state, on_note=_say_note, workspace=lambda: workspace)
    try:
        where = role_server(settings, role).url or "the embedded engine"
        yield await waited(models.bound(settings, role), f"Waiting for {where}.", told)
    finally:
        told.over()
        await models.aclose()


def _say_note(note: str) -> None:
    if note:
        click.echo(f"codeassist: {note}", err=True)


async def waited(work: Awaitable[T], message: str, told: Waiting | None = None) -> T:
    """The result of `work`; after a second, `message` says what is waited for."""
    told = told or Waiting()
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=_PATIENCE_S)
        if not done:
            told.say(message)
        return await task
    finally:
        task.cancel()
        told.over()


class Waiting:
    """Says on stderr what is waited for: one line that changes in a terminal, one line for each new thing elsewhere."""

    def __init__(self) -> None:
        self._said = ""
        self._terminal = sys.stderr.isatty()

    def state(self, state: Any) -> None:
        """Take an EngineState."""
        if state.busy:
            self.say(state.message)
        else:
            self.over()

    def say(self, message: str) -> None:
        """Show `message`, in the place of the one before."""
        if self._terminal:
            click.echo("\r" + f"codeassist: {message}".ljust(_LINE_CHARACTERS), nl=False, err=True)
        elif _subject(message) != _subject(self._said):
            click.echo(f"codeassist: {message}", err=True)
        self._said = message

    def over(self) -> None:
        """Nothing is waited for any more: the changing line goes away."""
        if self._said and self._terminal:
            click.echo("\r" + " " * (_LINE_CHARACTERS + len("codeassist: ")) + "\r", nl=False, err=True)
        self._said = ""


def _subject(message: str) -> str:
    """A message without the seconds that it counts."""
    return message.split(" (", 1)[0]
