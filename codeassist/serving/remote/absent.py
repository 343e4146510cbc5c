"""Why nobody answers at an address of this machine where `codeassist serve` belongs: said by what serve left there.

A lock stays at each address where this user has served, and is held while serve runs; vLLM's own words are in the log
beside it. Of an address where nobody has served we know only that something must be started there.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from filelock import Timeout

from codeassist.model.errors import ModelError, Unreachable
from codeassist.serving.folders import Folders, folders
from codeassist.serving.vllm.running.record import records_folder, serving_lock
from codeassist.settings import Settings

TAIL_BYTES = 256 << 10
TAIL_LINES = 600
_NEW_START = re.compile(r"vLLM (?:API server )?version|Application (?:startup|shutdown) complete|Shutting down")
"""What stands before such a line is over: an earlier start, or a server that was well or was stopped."""
_NO_REASON = frozenset({"silent", "signal", "killed"})


def with_reason(error: ModelError, url: str, where: Folders | None = None) -> ModelError:
    """`error` itself, or for an address of this machine at which nobody listens one that says why. Blocks a little."""
    if not isinstance(error, Unreachable) or error.silent or not _is_here(url):
        return error
    where = where or folders(Settings())
    cause = str(error).partition(";")[0]
    state, log = _state(where, url), _newest_log(where)
    reason = _reason(log) if log is not None and state != "never" else ""
    if state == "runs":
        last = f"its last attempt ended so: {reason}; the whole log is {log}" if reason else "wait until it is ready"
        return Unreachable(f"{cause}; `codeassist serve` is starting it: {last}.")
    if reason:
        return Unreachable(f"{cause}; the last vLLM of `codeassist serve` ended so: {reason}; the whole log is {log}.")
    how = "start it or correct server.url: `codeassist serve` starts one, or says why it cannot"
    return Unreachable(f"{cause}; {how}.")


def _is_here(url: str) -> bool:
    return url.startswith("unix:") or urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost")


def _state(where: Folders, url: str) -> str:
    """Whether serve "runs" there now, "ended" there, or "never" was there."""
    lock = serving_lock(where, url)
    if not records_folder(where).is_dir() or not Path(lock.lock_file).exists():
        return "never"
    try:
        lock.acquire()
    except Timeout:
        return "runs"
    except OSError:
        return "never"
    lock.release()
    return "ended"


def _newest_log(where: Folders) -> Path | None:
    """The log of the vLLM that wrote last, of those that answer editors: other nodes have logs of their own."""
    try:
        found = [path for path in where.logs.glob("vllm-*.log") if not re.search(r"-node\d+[.]log$", path.name)]
        return max(found, key=lambda path: path.stat().st_mtime, default=None)
    except OSError:
        return None


def _reason(log: Path) -> str:
    """Why vLLM ended, by the end of its log; "" if that tells nothing. Without a stop at its end."""
    from codeassist.serving.vllm.running.troubles import explain  # Compiles many patterns, which editors rarely need.

    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - TAIL_BYTES))
            lines = stream.read(TAIL_BYTES).decode("utf-8", "replace").splitlines()[-TAIL_LINES:]
    except OSError:
        return ""
    last = max((number for number, line in enumerate(lines) if _NEW_START.search(line)), default=-1)
    trouble = explain(lines[last + 1 :], None)
    return "" if trouble.kind in _NO_REASON else trouble.sentence.rstrip(".")
