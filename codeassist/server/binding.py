"""From settings to the models that flows are given: one for each role, made at first use, kept until they change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codeassist.flow.asking import SEATS, Bound
from codeassist.flow.speed import FAST, SLOW, Speed
from codeassist.model.abilities import Abilities
from codeassist.model.api import Model
from codeassist.prompt.families import FAMILIES, family
from codeassist.settings import Role, Settings, role_server

if TYPE_CHECKING:
    from codeassist.serving.embedded.model import Engines

ModelFactory = Callable[[Settings, Role], Model]
"""How a role's model is reached; tests give a scripted one."""

Workspace = Callable[[], Path | None]


class Models:
    """Owns the connections. `factory` defaults to `serving.connect`, imported when the first model is needed.

    `on_state` gets what the embedded engine does, `on_note` what is to be known of the servers although answers come.
    `workspace`: the folder that is worked in, asked for when a connection is made.
    """

    def __init__(
        self,
        factory: ModelFactory | None = None,
        on_state: Callable[[Any], None] | None = None,
        *,
        on_note: Callable[[str], None] | None = None,
        workspace: Workspace = lambda: None,
    ) -> None:
        self._factory = factory
        self._on_state = on_state
        self._on_note = on_note
        self._workspace = workspace
        self._engines: Engines | None = None
        self._made: dict[Role, tuple[Settings, Model]] = {}
        self._bound: dict[Role, Bound] = {}
        self._lock = asyncio.Lock()

    async def bound(self, settings: Settings, role: Role) -> Bound:
        """The model of `role` with its family and name. Raises ModelError if the server cannot say what it serves."""
        made, bound = self._made.get(role), self._bound.get(role)
        if made is not None and made[0] is settings and bound is not None and bound.abilities == _abilities(made[1]):
            return bound  # As at most keys.
        while True:
            async with self._lock:
                made = self._made.get(role)
                if made is not None and not _same_server(made[0], settings, role):
                    await self._drop_all()
                if role not in self._made:
                    self._made[role] = (settings, await asyncio.to_thread(self._connect, settings, role))
                model = self._made[role][1]
            bound = self._bound.get(role)
            if bound is not None and bound.model is model:
                abilities = _abilities(model)  # More is found out as time goes on.
                if bound.abilities.asked or not abilities.asked:
                    bound = self._bound[role] = replace(bound, abilities=abilities)
                    return bound
                # It could not be looked at before: what it was taken for was a guess.
            # Not under the lock: a server that does not answer must not hold up the other role's.
            bound = await _bind(settings, role, model)
            made = self._made.get(role)
            if made is not None and made[1] is model:
                self._bound[role] = bound
                return bound
            # The connection was given up meanwhile; what was learned over it may not hold for the next.

    def orders_queue(self, role: Role) -> bool:
        """Whether what has a lower priority waits at the server of a role, as far as is known."""
        bound = self._bound.get(role)
        return bound is not None and bound.abilities.priority == "yes"

    async def restart(self) -> None:
        """Forget all connections; the next request makes them anew."""
        async with self._lock:
            await self._drop_all()

    async def aclose(self) -> None:
        await self.restart()

    def _connect(self, settings: Settings, role: Role) -> Model:
        if self._factory is not None:
            return self._factory(settings, role)
        from codeassist.serving.connect import connect, embedded_engines

        for other, (others, model) in self._made.items():
            if _asks_alike(others, other, settings, role):
                return model  # One look at the server, one judgement of its health, one set of connections.
        if self._engines is None:
            self._engines = embedded_engines(settings, self._on_state)
        return connect(settings, role, engines=self._engines, workspace=self._workspace(), on_note=self._on_note)

    async def _drop_all(self) -> None:
        self._bound.clear()
        made, self._made = self._made, {}
        engines, self._engines = self._engines, None
        for model in {id(model): model for _settings, model in made.values()}.values():
            await model.aclose()
        if engines is not None:
            await engines.aclose()


async def _bind(settings: Settings, role: Role, model: Model) -> Bound:
    from codeassist.serving.catalogue import always_thinks, can_review
    from codeassist.serving.remote.model import RemoteModel

    server = role_server(settings, role)
    if isinstance(model, RemoteModel):
        await model.find_out()
        name = await model.name()
        chosen = family_name(settings, role, name) or model.abilities.fill_in_middle or "chat"
    else:
        served = () if server.model else await model.served()
        name = server.model or (served[0].name if served else "")
        chosen = family_name(settings, role, name) or await _probed(model)
    remote = server.url is not None
    return Bound(
        model=model,
        family=family(chosen),
        name=name,
        can_review=can_review(name),
        thinks=always_thinks(name),
        parallel=SEATS if remote else 1,
        cost=FAST if remote else SLOW,
        abilities=_abilities(model),
        speed=Speed(FAST if remote else SLOW),
    )


def _abilities(model: Model) -> Abilities:
    """What is known now of who answers; nothing of the scripted models of tests."""
    found = getattr(model, "abilities", None)
    return found if isinstance(found, Abilities) else Abilities()


async def _probed(model: Model) -> str:
    """The family of a model of which nothing is known: the first whose markers are single tokens for its tokenizer,
    else the chat form, which any instruct model understands."""
    for name, candidate in FAMILIES.items():
        if candidate.kind == "fim":
            counts = [await model.count_tokens(marker) for marker in (candidate.prefix, candidate.suffix)]
            if counts == [1, 1]:
                return name
            if None in counts:
                break  # This server has no tokenizer to ask.
    return "chat"


def family_name(settings: Settings, role: Role, served: str) -> str:
    """The prompt family of a role's model, by the settings, the catalogue or its name; "" if nothing is known."""
    from codeassist.serving.connect import family_of

    return family_of(settings, role, served)


def _asks_alike(first_settings: Settings, first: Role, second_settings: Settings, second: Role) -> bool:
    """Whether two roles send the same requests to the same servers, but for how they are written."""
    one, other = role_server(first_settings, first), role_server(second_settings, second)
    return one.url is not None and one.model_copy(update={"family": other.family}) == other


def _same_server(before: Settings, now: Settings, role: Role) -> bool:
    return (
        role_server(before, role) == role_server(now, role)
        and before.engine == now.engine
        and before.models == now.models
    )
