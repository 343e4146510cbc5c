"""The embedded engine as a process of its own: llama.cpp's server inside xllamacpp, one per user and model.

The kernel-held lock comes first and goes last; the state file appears when the engine answers. So whoever finds
a held lock finds a living engine, and what a crashed one left behind is swept away by the next.
"""

from __future__ import annotations

import errno
import os
import secrets
import signal
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import Timeout

from codeassist.serving.embedded import leases
from codeassist.serving.embedded.enginelog import EngineLog
from codeassist.serving.embedded.patience import Patience, parse_metrics
from codeassist.serving.embedded.record import (
    EngineRecord,
    engine_lock,
    read_record,
    remove_record,
    write_record,
)
from codeassist.serving.errors import EngineNotStarted
from codeassist.serving.folders import Folders, make_private
from codeassist.serving.machine import physical_cores
from codeassist.serving.store import Located

ORPHAN_S = 60.0
"""How long an engine outlives its last client: closing one editor and opening another costs no start."""
SEATS = 2
"""Slot 0 completes, slot 1 reviews, so that neither throws the other's prompt out of its cache."""
CACHE_RAM_MIB = 256
MAX_SOCKET_PATH = 100
"""Systems take 104 to 108 bytes."""
STOP_LIMIT_S = 5.0
LOCK_WAIT_S = 1.0
"""Somebody who only looks whether an engine lives holds the lock for a moment."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """`context_tokens`: of each seat. `threads`: 0 for all physical cores. `idle_s`, `orphan_s`: see Patience.

    `port`, `socket_path`: where to listen; None for a socket in the runtime folder, or a free port of loopback
    where that cannot be. `started_by_client`: it ends soon if no lease comes.
    """

    model: Located
    folders: Folders
    context_tokens: int = 4096
    threads: int = 0
    idle_s: float = 600.0
    orphan_s: float = ORPHAN_S
    port: int | None = None
    socket_path: Path | None = None
    started_by_client: bool = False


@dataclass(frozen=True, slots=True)
class _Address:
    host: str
    port: int

    @property
    def socket_path(self) -> Path | None:
        return Path(self.host) if self.host.endswith(".sock") else None


def run(options: EngineOptions, log: EngineLog, say: Say) -> int:
    """Run the engine until a signal, idleness or the last client ends it. The exit status of the process.

    Raises ServingError with one sentence if it cannot start. To be called in the main thread.
    """
    runtime, key = options.folders.runtime, options.model.key
    make_private(runtime)
    lock = engine_lock(runtime, key, LOCK_WAIT_S)
    try:
        lock.acquire()
    except Timeout:
        found = read_record(runtime, key)
        where = f" at {found.url} (process {found.pid})" if found else " and still loading"
        say(f"An engine for {options.model.name} is already running{where}.")
        return 0
    old_mask = os.umask(0o077)
    try:
        return _run_locked(options, log, say)
    finally:
        remove_record(runtime, key)
        lock.release()
        os.umask(old_mask)


def _run_locked(options: EngineOptions, log: EngineLog, say: Say) -> int:
    runtime, key = options.folders.runtime, options.model.key
    remove_record(runtime, key)
    address = _address(options)
    stop = threading.Event()
    _stop_on_signals(stop)
    token = secrets.token_urlsafe(32)
    library = _library()
    server = _serve(library, options, address, token, log)
    try:
        listening = str(server.listening_address)
        url = f"unix://{address.host}" if address.socket_path else f"{listening.rstrip('/')}/v1"
        write_record(
            runtime,
            EngineRecord(
                pid=os.getpid(),
                url=url,
                token=token,
                key=key,
                model=options.model.name,
                path=str(options.model.path),
                size=options.model.size,
                sha256=options.model.sha256,
                engine=f"xllamacpp {library.__version__}",
                started=time.time(),
                context_tokens=options.context_tokens,
                threads=options.threads,
                idle_s=options.idle_s,
                log=str(log.path),
            ),
        )
        say(f"{options.model.name} is ready at {url}.")
        reason = _watch(server, options, stop, log)
        say(f"{options.model.name} stops: {reason}.")
    finally:
        remove_record(runtime, key)
        if address.socket_path:
            address.socket_path.unlink(missing_ok=True)
        # Requests still being answered must not keep a process that was told to stop.
        last_resort = threading.Timer(STOP_LIMIT_S, os._exit, [0])
        last_resort.daemon = True
        last_resort.start()
        del server
        last_resort.cancel()
    return 0


def _watch(server: Any, options: EngineOptions, stop: threading.Event, log: EngineLog) -> str:
    patience = Patience(options.idle_s, options.orphan_s, time.monotonic(), expects_leases=options.started_by_client)
    step_s = min(1.0, options.idle_s / 4, options.orphan_s / 4)
    while not stop.wait(step_s):
        log.keep_small()
        metrics = parse_metrics(server.handle_metrics())
        clients = leases.live_leases(options.folders.runtime, options.model.key)
        if reason := patience.why_stop(time.monotonic(), metrics, clients):
            return reason
    return "it was told to"


def _library() -> Any:
    try:
        import xllamacpp
    except ImportError as error:
        raise EngineNotStarted(
            f"The embedded engine is not installed ({error}); run: pip install 'codeassist[embedded]'"
        ) from error
    return xllamacpp


def _serve(library: Any, options: EngineOptions, address: _Address, token: str, log: EngineLog) -> Any:
    try:
        return library.Server(_parameters(library, options, address, token))
    except RuntimeError as error:
        raise EngineNotStarted(
            f"The engine cannot load {options.model.path}: the file may be damaged or the memory too small; "
            f"its log is {log.path}"
        ) from error


def _parameters(library: Any, options: EngineOptions, address: _Address, token: str) -> Any:
    parameters = library.CommonParams()
    parameters.model.path = str(options.model.path)
    parameters.model_alias = {options.model.name}
    parameters.hostnames = [address.host]
    parameters.port = address.port
    parameters.api_keys = [token]
    parameters.n_parallel = SEATS
    parameters.kv_unified = False
    parameters.n_ctx = SEATS * options.context_tokens
    parameters.cache_ram_mib = CACHE_RAM_MIB
    parameters.endpoint_slots = True
    parameters.endpoint_metrics = True
    parameters.ui = False
    parameters.cors_origins_explicit = True
    parameters.cors_origins = parameters.cors_methods = parameters.cors_headers = ""
    parameters.cors_credentials = False
    parameters.verbosity = 2  # Warnings and errors; prompts are never logged at this level.
    threads = options.threads or physical_cores()
    if threads is not None:
        parameters.cpuparams.n_threads = options.threads or writing_threads(threads)
        parameters.cpuparams_batch.n_threads = threads
    # A dropped request is noticed between batches: this is how long a cancelled prompt still costs.
    parameters.n_batch = parameters.n_ubatch = batch_tokens(threads or 8)
    parameters.sse_ping_interval = 1
    return parameters


def writing_threads(cores: int) -> int:
    """Threads for generating tokens, which wait for each other at every layer: one core stays free for the rest.

    Measured on two cores with the 0.5B model: alone, two threads write 36 tokens a second and one writes 23; beside
    one busy program, two write 9 to 12 and one still 24. Reading prompts takes all cores: it loses little.
    """
    return max(1, cores - 1)


def batch_tokens(threads: int) -> int:
    """Prompt tokens per step. Measured on two cores: 128 prefill within a tenth as fast as 2048, in a second."""
    return max(128, min(512, 32 * threads))


def _address(options: EngineOptions) -> _Address:
    if options.port is not None:
        _check_port(options.port)
        return _Address("127.0.0.1", options.port)
    path = options.socket_path or options.folders.runtime / f"{options.model.key}.sock"
    fits = len(os.fsencode(path)) < MAX_SOCKET_PATH and path.suffix == ".sock"
    if sys.platform == "win32" or not fits:
        if options.socket_path:
            raise EngineNotStarted(
                f"{path} cannot be a socket: its name must end with .sock and be shorter than "
                f"{MAX_SOCKET_PATH} bytes, and not on Windows; leave --socket out."
            )
        return _Address("127.0.0.1", 0)
    _clear_socket(path.absolute())
    return _Address(str(path.absolute()), 0)


def _clear_socket(path: Path) -> None:
    """Remove the socket of a crashed engine; raise if the path is something else or in use."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise EngineNotStarted(f"{path} exists and is no socket; choose another with --socket.")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise EngineNotStarted(f"Another process listens at {path}; stop it or choose another with --socket.")


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            raise EngineNotStarted(
                f"Port {port} on 127.0.0.1 {why}; choose another with --port, or leave it out."
            ) from error


def _stop_on_signals(stop: threading.Event) -> None:
    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None:
            with suppress(ValueError):  # Not in the main thread: then the caller stops us some other way.
                signal.signal(number, lambda *_: stop.set())
