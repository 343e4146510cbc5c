"""Commands as their users run them: exit code, standard output and standard error."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.editor import DEADLINE_S, environment

DONE, FINDINGS, USAGE, MODEL_FAILED, OTHER = range(5)


@dataclass(frozen=True)
class Result:
    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The one JSON document that stdout must be."""
        return json.loads(self.stdout)


Run = Callable[..., Awaitable[Result]]


def runner(home: Path, server_url: str) -> Run:
    """What runs commands for a user who lives in `home` and has a model server."""

    async def run(
        *arguments: str | Path,
        server: str | None = server_url,
        folder: Path = home,
        variables: Mapping[str, str] = {},
    ) -> Result:
        own = environment(home, **({"SERVER__URL": server} if server else {}))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "codeassist", *map(str, arguments)),
            env={**own, **variables},
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), DEADLINE_S)
        assert process.returncode is not None
        return Result(process.returncode, out.decode(), err.decode())

    return run
