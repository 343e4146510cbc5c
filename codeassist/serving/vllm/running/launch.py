"""One life of vLLM as a process: started under a guard, its output kept in a small log, its whole family ended."""

from __future__ import annotations

import errno
import os
import secrets
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from codeassist.serving.errors import EngineNotStarted
from codeassist.serving.folders import Folders, make_private
from codeassist.serving.vllm.plan import SOCKET_PATH_BYTES, Address
from codeassist.serving.vllm.running import guard
from codeassist.serving.vllm.running.phases import phase_of

MAX_LOG_BYTES = 4 << 20
"""Of each of the two files of a log: the one written now and the one before."""
TAIL_LINES = 600
"""The reason of a failure stands above two or three tracebacks."""
MAX_LINE_BYTES = 16 << 10
MARKER = "CODEASSIST_SERVE_ID"
"""In the environment of all that comes from one start, so that it is known wherever it went."""

_STARTED = guard.STARTED.encode()
_NEVER = (
    # Prompts hold the user's code; they belong in no log.
    "VLLM_CONFIGURE_LOGGING",
    "VLLM_DEBUG_DUMP_PATH",
    "VLLM_DEBUG_LOG_API_SERVER_RESPONSE",
    "VLLM_LOGGING_CONFIG_PATH",
    # Progress and reasons are read from its log, in the form that it has by default.
    "VLLM_LOGGING_PREFIX",
    "VLLM_LOGGING_STREAM",
    # Opens endpoints that put the server to sleep or show its settings, behind no key.
    "VLLM_SERVER_DEV_MODE",
    # A server without its engine would answer errors for ever instead of being started again.
    "VLLM_KEEP_ALIVE_ON_ENGINE_DEATH",
)


class Log:
    """A log file that stays small: a full one is set aside, and there is one older one, never more.

    `secret` never gets into it. Raises OSError if the file cannot be opened. One thread writes.
    """

    def __init__(self, path: Path, secret: str = "", max_bytes: int = MAX_LOG_BYTES) -> None:
        self.path = path
        self._secret = secret.encode()
        self._max_bytes = max_bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._open()

    def write(self, line: bytes) -> None:
        """Add a line. A full disk costs lines, not the server."""
        line = line[:MAX_LINE_BYTES] + b"\n"
        if self._secret:
            line = line.replace(self._secret, b"***")
        with suppress(OSError):
            os.write(self._file, line)
            if os.fstat(self._file).st_size > self._max_bytes:
                self.path.replace(self.path.with_name(self.path.name + ".1"))
                full, self._file = self._file, self._open()
                os.close(full)

    def close(self) -> None:
        os.close(self._file)

    def _open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


class Process:
    """A running vLLM. Ends with `stop`, by itself, or when this process ends, however that happens."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], log: Log, grace_s: float) -> None:
        """Start `words`; `grace_s` is how long it may take to end when told to. Raises EngineNotStarted."""
        self._log = log
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._marker = environment.get(MARKER, "")
        self._session = 0
        self.heard = time.monotonic()
        """When it last wrote something, in seconds of the monotonic clock."""
        self.phase = ""
        """What it does while it starts, as far as its log says."""
        try:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", guard.__file__, str(grace_s), *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                env=dict(environment),
                cwd=log.path.parent,  # Not the workspace: Python would import modules from there.
                umask=0o077,
                start_new_session=True,  # Ctrl-C in the terminal is for us; we end it in order.
            )
        except OSError as error:
            raise EngineNotStarted(f"vLLM cannot be started: {error.strerror or error}.") from error
        self._reader = threading.Thread(target=self._read, daemon=True, name="codeassist-vllm-log")
        self._reader.start()

    @property
    def status(self) -> int | None:
        """Its exit status; negative for the number of the signal that ended it; None while it runs."""
        code = self._guard.poll()
        return code if code is None or code <= 128 else 128 - code

    def tail(self) -> list[str]:
        """The last lines of its log."""
        if self._guard.poll() is not None:
            self._reader.join(timeout=1.0)
        return list(self._tail)

    def stop(self) -> None:
        """End it and all that came from it; harmless if it has ended. Blocks until they are gone."""
        if self._guard.stdin is not None:
            with suppress(OSError):
                self._guard.stdin.close()
        self._guard.wait()  # It gives up by itself after the grace and guard.KILL_LIMIT_S.
        if self._guard.returncode < 0:  # It was killed and could not do its work.
            sweep(self._session, self._marker)
        self._reader.join(timeout=1.0)
        if self._guard.stdout is not None and not self._reader.is_alive():
            self._guard.stdout.close()

    def _read(self) -> None:
        stream = self._guard.stdout
        if stream is None:
            return
        rest = b""
        with suppress(OSError, ValueError):
            while piece := os.read(stream.fileno(), 1 << 16):
                self.heard = time.monotonic()
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    self._take(line)
                if b"\r" in rest:  # A progress bar that draws over itself.
                    *drawn, rest = rest.split(b"\r")
                    self._note(drawn[-1])
                    self._note(rest)
                rest = rest[:MAX_LINE_BYTES]
            self._take(rest)

    def _take(self, line: bytes) -> None:
        last = line.rstrip(b"\r").rpartition(b"\r")[2]
        if self._session == 0 and last.startswith(_STARTED):
            self._session = int(last.removeprefix(_STARTED))
        elif last.strip():
            self._log.write(last)
            self._tail.append(last.decode("utf-8", "replace"))
            self._note(last)

    def _note(self, line: bytes) -> None:
        self.phase = phase_of(line.decode("utf-8", "replace")) or self.phase


def environment_for(added: Mapping[str, str], key: str | None, base: Mapping[str, str]) -> dict[str, str]:
    """The environment of vLLM: that of the user, what the plan adds, the key, and nothing that spills prompts."""
    environment = {name: value for name, value in base.items() if name not in _NEVER}
    environment.update({
        "VLLM_LOGGING_LEVEL": "INFO",
        "VLLM_LOGGING_COLOR": "0",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "PYTHONUNBUFFERED": "1",
        MARKER: secrets.token_hex(16),
    })  # fmt: skip
    environment.update({name: value for name, value in added.items() if name not in _NEVER})
    environment.pop("VLLM_API_KEY", None)
    if key is not None:
        environment["VLLM_API_KEY"] = key
    return environment


def log_path(where: Folders, served_name: str, node_rank: int = 0) -> Path:
    """The log of the server of `served_name`; each node has its own."""
    plain = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in served_name).strip(".-")
    return where.logs / f"vllm-{plain or 'model'}{f'-node{node_rank}' * (node_rank > 0)}.log"


def clear_address(address: Address, where: Folders) -> None:
    """See that nobody listens at `address`, and remove the socket of a server that crashed.

    Raises EngineNotStarted with the next step; UnsafeFolder if our own folder for sockets is not ours alone.
    """
    if address.socket is None:
        _check_port(address.host, address.port)
        return
    path = address.socket
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES or not path.is_absolute():
        raise EngineNotStarted(
            f"{path} cannot be a socket: it must be a whole path of {SOCKET_PATH_BYTES} bytes at most; choose another "
            "with --socket."
        )
    if path.parent == where.runtime:
        make_private(path.parent)
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise EngineNotStarted(f"{path} exists and is no socket; choose another with --socket.")
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise EngineNotStarted(
                f"The folder {path.parent} is missing; make it, or choose another --socket."
            ) from None
        return
    if _connects(socket.AF_UNIX, str(path)):
        raise EngineNotStarted(f"Another process listens at {path}; stop it or choose another with --socket.")
    with suppress(OSError):
        path.unlink(missing_ok=True)


def sweep(session: int, marker: str) -> int:
    """Kill what a guard that was itself killed has left; how many. Linux only.

    vLLM's processes write their titles over what shows their environment; they stay in the `session` of the first.
    """
    if sys.platform != "linux":
        return 0
    wanted, killed, deadline = f"{MARKER}={marker}".encode(), 0, time.monotonic() + guard.KILL_LIMIT_S
    while time.monotonic() < deadline:
        among = guard.processes()
        left = {pid for pid, kin in among.items() if kin.session == session > 0 or (marker and _has(pid, wanted))}
        left |= guard.descendants(left, among)
        if not left:
            break
        for pid in left:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                killed += 1
        time.sleep(guard.STEP_S)
    return killed


def _has(pid: int, variable: bytes) -> bool:
    try:
        return variable in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except socket.gaierror as error:
            raise EngineNotStarted(f"{host} is no address of this machine; choose another with --host.") from error
        except OverflowError as error:
            raise EngineNotStarted(f"{port} is no port; choose one from 1024 to 65535 with --port.") from error
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                why = f"Port {port} on {host} is taken; stop what listens there or choose another with --port."
            elif error.errno == errno.EADDRNOTAVAIL:
                why = f"{host} is no address of this machine; choose another with --host."
            else:
                why = f"Port {port} on {host} cannot be used ({error.strerror}); choose another with --port."
            raise EngineNotStarted(why) from error


def _connects(family: int, address: str) -> bool:
    with socket.socket(family) as probe:
        probe.settimeout(1)
        try:
            probe.connect(address)
        except OSError:
            return False
    return True
