"""Work-done progress for anything that may take over a second, for clients that show it."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from lsprotocol import types

from codeassist.server.protocol import Server

logger = logging.getLogger(__name__)

Report = Callable[[int, int], None]

_CREATE_TIMEOUT_S = 2.0
"""A client that does not answer is not waited for: progress is a courtesy, the work is not."""


class Progress:
    """Creates progress tokens at the client. Cancelling at the client cancels the task that runs the work."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.supported = False

    @asynccontextmanager
    async def shown(self, title: str) -> AsyncIterator[Report]:
        """Show `title` while the body runs. The body may call the yielded function with (done, of all)."""
        token = f"codeassist-{uuid.uuid4()}"
        if not self.supported or not await self._created(token):
            yield lambda _done, _all: None
            return
        progress = self._server.work_done_progress
        task = asyncio.current_task()
        cancelled = progress.tokens[token]
        cancelled.add_done_callback(lambda future: task.cancel() if task and future.cancelled() else None)
        progress.begin(token, types.WorkDoneProgressBegin(title=title, cancellable=True, percentage=0))

        percentage = 0

        def report(done: int, of_all: int) -> None:
            nonlocal percentage
            # More to do may be found on the way; what is shown never goes back.
            percentage = max(percentage, 100 * done // of_all if of_all else 0)
            progress.report(token, types.WorkDoneProgressReport(message=f"{done}/{of_all}", percentage=percentage))

        try:
            yield report
        finally:
            progress.end(token, types.WorkDoneProgressEnd())
            progress.tokens.pop(token, None)

    async def _created(self, token: str) -> bool:
        """Ask the client for a token. Shielded: pygls reports a cancelled wait to the user as an error."""
        try:
            created = asyncio.shield(self._server.work_done_progress.create_async(token))
            await asyncio.wait_for(created, _CREATE_TIMEOUT_S)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001, RUF100  A client that refuses a token gets its work without one.
            logger.info("the client takes no progress: %s", type(error).__name__)
            return False
        return True
