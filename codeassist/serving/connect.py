"""Settings in, a `Model` out. The one place that decides who serves which role, and over which transport."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from codeassist.model.api import Model
from codeassist.model.endpoint import Endpoint
from codeassist.model.errors import Unauthorised, Unreachable
from codeassist.model.vllm import VllmModel
from codeassist.prompt.families import FAMILIES, Family, family, family_for_model
from codeassist.serving.catalogue import can_review, entry_for_served
from codeassist.serving.embedded.engine import ORPHAN_S
from codeassist.serving.embedded.model import EmbeddedModel, Engines, OnState
from codeassist.serving.folders import Folders, folders
from codeassist.serving.remote.identity import cache_salt, session_id, user_secret
from codeassist.serving.remote.model import OneServer, OnNote, RemoteModel, Ways
from codeassist.serving.remote.probe import probe
from codeassist.serving.remote.remember import remember, remembered
from codeassist.serving.vllm.running.record import key_for
from codeassist.settings import Role, ServerSettings, Settings, role_server

__all__ = ["can_review", "connect", "embedded_engines", "family_of", "known_family", "open_server"]

SESSION_HEADER = "X-Session-ID"
"""What routers for vLLM keep a session together by. It is the only id that is sent: one that changes with each request
would be taken for the session by some of them."""


def connect(
    settings: Settings,
    role: Role,
    *,
    engines: Engines | None = None,
    workspace: Path | None = None,
    on_state: OnState | None = None,
    on_note: OnNote | None = None,
) -> Model:
    """The model that serves `role`. Connects to nothing yet; imports httpx and reads files, so call it off the event
    loop.

    Give both roles the same `engines` and they share one embedded engine; `on_state` belongs to the one that is made
    here otherwise. `on_note` gets what is to be known of several servers. `workspace`: its folder, for the session id.
    Raises Unauthorised for a key that cannot be one and Unreachable for an address that cannot.
    """
    server = role_server(settings, role)
    if server.url is None:
        return EmbeddedModel(engines or embedded_engines(settings, on_state), owns_engines=engines is None)
    return _remote_model(server, server.url, folders(settings), workspace, on_note)


def open_server(settings: Settings, role: Role, url: str) -> OneServer:
    """One of the servers of `role` by itself, for who looks at it closely; asked for nothing yet. Blocks, and raises
    as `connect` does."""
    server = role_server(settings, role)
    return _transport(_endpoint(server, url, server.model, folders(settings), session_id(user_secret(), None)))


def embedded_engines(
    settings: Settings, on_state: OnState | None = None, *, where: Folders | None = None, orphan_s: float = ORPHAN_S
) -> Engines:
    """The hold on the embedded engine that roles share, over our transport."""
    return Engines(settings, on_state, transport=VllmModel, where=where, orphan_s=orphan_s)


def _remote_model(
    server: ServerSettings, first_url: str, where: Folders, workspace: Path | None, on_note: OnNote | None
) -> RemoteModel:
    """The model on the first address and its fallbacks. Raises as `connect` does."""
    secret = user_secret()
    session = session_id(secret, workspace.resolve() if workspace is not None else None)
    urls = (first_url, *server.fallback_urls)
    for url in urls:
        _endpoint(
            server, url, server.model, where, session
        )  # A mistake in the settings is said before anyone is asked.

    def open_one(url: str, name: str | None) -> OneServer:
        return _transport(_endpoint(server, url, name, where, session))

    ways = Ways(open_one, _look, _study)
    salt = cache_salt(secret) if server.cache_salt == "user" else None
    return RemoteModel(urls, ways, name=server.model, salt=salt, on_note=on_note)


def family_of(settings: Settings, role: Role, served_name: str) -> str:
    """The name of the prompt family for a served model: the setting, the catalogue, or the name itself.

    "" for a model of which nothing is known.
    """
    wanted = role_server(settings, role).family
    return wanted if wanted != "auto" else known_family(served_name)


def known_family(served_name: str) -> str:
    """The prompt family of a served model by the catalogue, or the name itself; "" if nothing is known of it."""
    if entry := entry_for_served(served_name):
        return entry.family
    found = family_for_model(served_name)
    return found.name if found else ""


def _endpoint(server: ServerSettings, url: str, name: str | None, where: Folders, session: str) -> Endpoint:
    # Of a server that this user runs with `codeassist serve` the key is known.
    key = os.environ.get(server.api_key_env) or key_for(url, where)
    try:
        return Endpoint(url, model=name, api_key=key, headers={SESSION_HEADER: session})
    except ValueError as error:
        raise _as_model_error(error) from error


def _transport(endpoint: Endpoint) -> VllmModel:
    try:
        return VllmModel(endpoint)
    except ValueError as error:
        raise _as_model_error(error) from error


async def _look(model: OneServer, url: str) -> None:
    """What the server can do, as far as that is quickly found out or remembered."""
    name = await model.name()
    known = await asyncio.to_thread(remembered, url, name)
    found = await probe(model, known, depth="quick", families=_fim_families())
    if found.asked:
        await asyncio.to_thread(remember, url, name, found)


async def _study(model: OneServer, url: str) -> None:
    """What only takes time to find out, unless it is known from before."""
    if model.abilities.asked == "full":
        return
    name = await model.name()
    chat = family(known_family(name) or "chat")
    found = await probe(model, model.abilities, depth="full", families=_fim_families(), chat_family=chat)
    if found.asked:
        await asyncio.to_thread(remember, url, name, found)


def _fim_families() -> tuple[Family, ...]:
    return tuple(each for each in FAMILIES.values() if each.kind == "fim")


def _as_model_error(error: ValueError) -> Unauthorised | Unreachable:
    kind = Unauthorised if "key" in str(error) else Unreachable
    return kind(f"{error}; see the settings server.url and server.api_key_env.")
