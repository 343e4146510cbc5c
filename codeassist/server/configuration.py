"""The editor's settings: collected in the order in which they arrive, laid over the others, and what is wrong said."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from lsprotocol import types

from codeassist.server.session import Session
from codeassist.server.status import ShowMessage
from codeassist.settings import Problem, Settings, load, role_server

logger = logging.getLogger(__name__)

SECTION = "codeassist"
Ask = Callable[[types.ConfigurationParams], Awaitable[Sequence[Any]]]
_ANSWER_TIMEOUT_S = 5.0


class Configuration:
    """Keeps `session.settings` true. `initializationOptions` hold for the whole session; what the editor configures
    later lies over them, each time in full. `changed` is called with the settings before and after."""

    def __init__(
        self, session: Session, ask: Ask, show: ShowMessage, changed: Callable[[Settings, Settings], None]
    ) -> None:
        self._session = session
        self._ask = ask
        self._show = show
        self._changed = changed
        self._initial: Mapping[str, Any] = {}
        self._current: Mapping[str, Any] = {}
        self._said: frozenset[str] = frozenset()
        self.can_ask = False

    def initial(self, options: Any) -> None:
        """Take `initializationOptions`."""
        self._initial, problems = _own_part(options)
        self.reload(problems)

    async def notified(self, settings: Any) -> None:
        """Take the settings of `workspace/didChangeConfiguration`; clients that send none want to be asked."""
        if settings in (None, {}, []):
            await self.pull()
            return
        self._current, problems = _own_part(settings)
        self.reload(problems)

    async def pull(self) -> None:
        """Ask the editor for our section, if it can be asked. Any refusal leaves what holds."""
        if not self.can_ask:
            return
        item = types.ConfigurationItem(section=SECTION)
        # Shielded: pygls reports a cancelled wait to the user as an error.
        asked = asyncio.shield(asyncio.ensure_future(self._ask(types.ConfigurationParams(items=[item]))))
        try:
            answer = await asyncio.wait_for(asked, _ANSWER_TIMEOUT_S)
        except (asyncio.TimeoutError, Exception) as error:  # noqa: BLE001, RUF100  Two classes before Python 3.11.
            logger.info("the client gave no settings: %s", type(error).__name__)
            return
        if not answer or answer[0] is None:
            return
        self._current, problems = _own_part({SECTION: answer[0]})
        self.reload(problems)

    def reload(self, problems: Sequence[Problem] = ()) -> None:
        """Read all layers anew. Each problem is said once, until it is gone."""
        session = self._session
        root = session.roots[0] if session.roots else None
        before = session.settings
        session.settings, wrong = load(root, _laid_over(self._initial, self._current))
        logging.getLogger("codeassist").setLevel(session.settings.log.level.upper())
        # pygls logs whole messages, and with them code.
        logging.getLogger("pygls").setLevel(logging.INFO if session.settings.log.code else logging.CRITICAL)
        said = [str(problem) for problem in (*problems, *wrong)]
        for problem in said:
            if problem not in self._said:
                logger.warning("setting not taken: %s", problem)
                self._show(types.MessageType.Warning, f"codeassist: setting not taken: {problem}")
        self._said = frozenset(said)
        self._changed(before, session.settings)


def same_servers(before: Settings, after: Settings) -> bool:
    """Whether the same models answer under both settings, so that running requests may go on."""
    return (
        role_server(before, "completion") == role_server(after, "completion")
        and role_server(before, "review") == role_server(after, "review")
        and before.engine == after.engine
        and before.models == after.models
    )


def _own_part(values: Any) -> tuple[Mapping[str, Any], Sequence[Problem]]:
    """Settings as clients send them: bare, or under the section's name."""
    own = values.get(SECTION, values) if isinstance(values, Mapping) else values
    if own is None:
        return {}, ()
    if not isinstance(own, Mapping):
        return {}, (Problem("editor", "", f"settings must be an object, not {type(own).__name__}"),)
    return _without_nulls(own), ()


def _without_nulls(values: Mapping[str, Any]) -> dict[str, Any]:
    """Editors send null for what is not set; it must not hide the user's file or the environment."""
    return {
        key: _without_nulls(value) if isinstance(value, Mapping) else value
        for key, value in values.items()
        if value is not None
    }


def _laid_over(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            merged[key] = _laid_over(below, value)
        else:
            merged[key] = value
    return merged
