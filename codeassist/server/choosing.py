"""`codeassist.models`: the models that the user may choose from, and the setting that each choice goes into."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

from pygls.exceptions import JsonRpcException

from codeassist.model.errors import ModelError
from codeassist.server.binding import Models
from codeassist.server.session import Session
from codeassist.settings import Settings, role_server

_NOT_NOW = -32803
"""The protocol's RequestFailed."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A model that could complete. `setting` gets `name` as its value; `installed` is False for a model that has to be
    downloaded first (`codeassist models pull NAME`), `current` True for the one that is asked now."""

    name: str
    setting: str
    detail: str
    installed: bool
    current: bool


class Choices:
    """What the server of completions lists, or the embedded models of the catalogue."""

    def __init__(self, session: Session, models: Models) -> None:
        self._session = session
        self._models = models

    async def offered(self) -> list[dict[str, Any]]:
        """The choices as plain data. Raises JsonRpcException with a sentence for the user if the server cannot say what
        it serves."""
        settings = self._session.settings
        if role_server(settings, "completion").url is None:
            choices = await asyncio.to_thread(_embedded, settings)
        else:
            choices = await self._served(settings)
        return [asdict(choice) for choice in choices]

    async def _served(self, settings: Settings) -> list[Choice]:
        try:
            bound = await self._models.bound(settings, "completion")
            served = await bound.model.served()
        except ModelError as error:
            raise JsonRpcException(str(error), code=_NOT_NOW) from error
        own = settings.completion.server
        setting = "completion.server.model" if own.url or own.model else "server.model"
        return [
            Choice(
                each.name,
                setting,
                f"reads {each.max_tokens:,} tokens" if each.max_tokens else "",
                installed=True,
                current=each.name == bound.name,
            )
            for each in served
        ]


def _embedded(settings: Settings) -> list[Choice]:
    from codeassist.serving.catalogue import catalogue
    from codeassist.serving.folders import folders
    from codeassist.serving.store import preferred, presence

    folder = folders(settings).models
    chosen = settings.engine.model
    current = preferred(folder) if chosen == "auto" else chosen
    return [
        Choice(
            entry.name,
            "engine.model",
            f"{entry.file.bytes / 1e6:,.0f} MB",
            installed=presence(folder, entry.file) == "installed",
            current=entry.name == current,
        )
        for entry in catalogue()
        if entry.file is not None
    ]
