"""Find the engine that runs, or start it and wait until it answers. Two editors at once end with one engine.

Nobody decides from outside whether an engine lives: a new process is started, and the lock lets one of them stay.
"""

from __future__ import annotations

import asyncio
import http.client
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from codeassist.model.abilities import Abilities
from codeassist.model.endpoint import Endpoint
from codeassist.serving.embedded.engine import ORPHAN_S
from codeassist.serving.embedded.enginelog import lines_since, log_path, open_log, reason_in
from codeassist.serving.embedded.leases import live_leases
from codeassist.serving.embedded.record import EngineRecord, read_record, remove_record, runs
from codeassist.serving.errors import EngineError, EngineModelMissing, EngineNotInstalled, ServingError
from codeassist.serving.folders import Folders, folders, make_private
from codeassist.serving.store import Located, locate
from codeassist.settings import Settings

START_LIMIT_S = 180.0
"""A 1.5B model on a slow disk with a cold cache loads in well under a minute."""
READ_TIMEOUT_S = 120.0
"""A long prompt on two slow cores that do other things as well is silent for a while."""
POLL_S = 0.1
SPAWN_EVERY_S = 2.0
SPEAK_EVERY_S = 1.0
PROBE_S = 2.0
STOP_LIMIT_S = 10.0
EMBEDDED = Abilities(
    engine="llama.cpp",
    priority="no",
    schema="yes",
    logprobs="yes",
    cached_tokens="yes",
    tokenizer="yes",
    cancel="yes",
    streams="yes",
    asked="full",
)
"""Of the engine that we ship: known, so that nothing has to be found out. Its context is what the settings say."""

OnProgress = Callable[[str], None]


async def ensure_engine(
    settings: Settings, on_progress: OnProgress, *, where: Folders | None = None, orphan_s: float = ORPHAN_S
) -> Endpoint:
    """The endpoint of the user's engine, started if need be. Raises EngineError and its kinds.

    Hold a lease (`leases.take_lease`) before, or the engine stops `orphan_s` after it started. One that runs
    with other settings is replaced, unless another client uses it.
    `on_progress` gets a sentence about once a second while it takes long.
    """
    return endpoint_of(await find_or_start(settings, on_progress, where=where, orphan_s=orphan_s))


def endpoint_of(record: EngineRecord) -> Endpoint:
    """How a client reaches the engine of `record`."""
    return Endpoint(
        record.url,
        model=record.model,
        api_key=record.token,
        abilities=EMBEDDED,
        # After a streamed answer this server drops about every third connection that it promised to keep.
        headers={"Connection": "close"},
        read_timeout_s=READ_TIMEOUT_S,
    )


async def find_or_start(
    settings: Settings, on_progress: OnProgress, *, where: Folders | None = None, orphan_s: float = ORPHAN_S
) -> EngineRecord:
    """The record of the user's engine for the model of the settings; see `ensure_engine`."""
    where = where or folders(settings)
    model = await asyncio.to_thread(located, settings, where)
    began = spoken = time.monotonic()
    process: _Process | None = None
    next_spawn = 0.0
    while True:
        record = await asyncio.to_thread(answering, where.runtime, model.key)
        if record is not None:
            if process is not None and process.pid != record.pid:
                process.withdraw()
            if _as_wanted(record, settings) or await asyncio.to_thread(live_leases, where.runtime, model.key) > 1:
                return record
            on_progress(f"Restarting the engine for {model.name} with the changed settings.")
            await asyncio.to_thread(stop_engine, where.runtime, model.key)
        now = time.monotonic()
        if now - began > START_LIMIT_S:
            raise EngineError(
                f"The engine for {model.name} was not ready within {START_LIMIT_S:.0f} s; its log is "
                f"{log_path(where, model.key)}; `codeassist engine stop` ends it."
            )
        if process is None and now >= next_spawn:
            on_progress(f"Starting the engine for {model.name}.")
            process = await asyncio.to_thread(_Process, settings, model, where, orphan_s)
        elif process is not None and process.ended:
            if process.failed:
                raise process.failure()
            # Another engine was first. If that one fails, ours must try, so that its reason is told here too.
            process, next_spawn = None, now + SPAWN_EVERY_S
        if now - spoken >= SPEAK_EVERY_S:
            spoken = now
            on_progress(f"The engine loads {model.name} ({now - began:.0f} s).")
        await asyncio.sleep(POLL_S)


def located(settings: Settings, where: Folders) -> Located:
    """The model that the settings ask for. Raises EngineModelMissing or EngineNotInstalled. Blocks."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise EngineNotInstalled("The embedded engine is not installed; run: pip install 'codeassist[embedded]'")
    try:
        return locate(settings, where.models)
    except ServingError as error:
        raise EngineModelMissing(str(error)) from error


def answering(runtime: Path, key: str) -> EngineRecord | None:
    """The record of the engine `key` if it lives and takes its key now. Blocks for PROBE_S at most."""
    record = read_record(runtime, key)
    # Without the lock the address may be somebody else's by now, who must not get the key.
    if record is None or not runs(runtime, key) or not _takes_key(record):
        return None
    return record


def stop_engine(runtime: Path, key: str) -> bool:
    """End the engine `key`. False if there is none. Raises EngineError if it does not end. Blocks."""
    record = read_record(runtime, key)
    if record is None or not runs(runtime, key):
        return False
    with suppress(ProcessLookupError):
        os.kill(record.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_LIMIT_S
    # Another engine that waited for the lock may hold it by then: the process counts, too.
    while runs(runtime, key) and _exists(record.pid):
        if time.monotonic() > deadline:
            raise EngineError(f"The engine (process {record.pid}) does not stop; end that process by hand.")
        time.sleep(POLL_S)
    if not runs(runtime, key):  # What a process that was ended hard has left.
        remove_record(runtime, key)
    return True


def _as_wanted(record: EngineRecord, settings: Settings) -> bool:
    """Whether the engine runs with these settings. If not, it gives way, unless somebody else uses it."""
    engine = settings.engine
    wanted = (engine.context_tokens, engine.threads, engine.idle_minutes * 60)
    return (record.context_tokens, record.threads, record.idle_s) == wanted


class _Process:
    """An engine process on its way. It is no child that dies with us: other editors may use it by then."""

    def __init__(self, settings: Settings, model: Located, where: Folders, orphan_s: float) -> None:
        self._log = log_path(where, model.key)
        self._name = model.name
        try:
            make_private(where.runtime)
            handle = open_log(self._log)
        except (ServingError, OSError) as error:
            raise EngineError(f"The engine cannot start: {error}") from error
        try:
            self._log_start = os.fstat(handle).st_size
            self._process = subprocess.Popen(
                _command(settings, model, where, orphan_s),
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=handle,
                cwd=where.runtime,  # Not the workspace: Python would import modules from there.
                env=_environment(),
                start_new_session=sys.platform != "win32",
                creationflags=_detached(),
            )
        except OSError as error:
            raise EngineError(f"The engine cannot start: {error}") from error
        finally:
            os.close(handle)
        # Somebody must wait for it, or it stays in the process table after its end.
        threading.Thread(target=self._process.wait, daemon=True, name="codeassist-engine").start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def withdraw(self) -> None:
        """Another engine was first: do not let this one wait to take its place."""
        self._process.terminate()

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def failed(self) -> bool:
        return bool(self._process.returncode)

    def failure(self) -> EngineError:
        """Why it ended, in its own words if it found some."""
        lines = lines_since(self._log, self._log_start)
        if sentence := reason_in(lines):
            return EngineError(sentence)
        code, said = self._process.returncode, " / ".join(lines[-3:])
        why = f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
        return EngineError(f"The engine for {self._name} {why}; its log is {self._log}" + f": {said}" * bool(said))


def _command(settings: Settings, model: Located, where: Folders, orphan_s: float) -> list[str]:
    """Everything that it needs is said: it must not read other settings than the editor that starts it."""
    name = model.name if model.key == model.name else str(model.path)
    engine = settings.engine
    return [
        *(sys.executable, "-m", "codeassist", "engine", "--model", name, "--started-by-client"),
        *("--models-folder", str(where.models), "--runtime-folder", str(where.runtime)),
        *("--logs-folder", str(where.logs), "--context-tokens", str(engine.context_tokens)),
        *("--threads", str(engine.threads), "--idle-minutes", str(engine.idle_minutes)),
        *("--orphan-seconds", str(orphan_s)),
    ]


def _environment() -> dict[str, str]:
    environment = dict(os.environ)
    package = Path(__file__).resolve().parents[3]
    if not package.name.endswith("-packages"):  # A checkout: the engine must be of the same one.
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(package), environment.get("PYTHONPATH"))))
    return environment


def _detached() -> int:
    if sys.platform == "win32":
        return subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    else:  # noqa: RET505  mypy knows a platform by its branch.
        return 0


def _exists(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # There, asking so would end the process.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _takes_key(record: EngineRecord) -> bool:
    """Whether the engine answers and knows its key. `/v1/models` would not say: llama.cpp shows it to all."""
    parts = urlsplit(record.url)
    connection = http.client.HTTPConnection("localhost", timeout=PROBE_S)
    try:
        if parts.scheme == "unix":
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(PROBE_S)
            connection.sock.connect(parts.path)
        else:
            connection.sock = socket.create_connection(("127.0.0.1", parts.port or 80), PROBE_S)
        connection.request("GET", "/props", headers={"Authorization": f"Bearer {record.token}"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
