"""The state file by which clients find a running engine, and the lock that says it really runs.

An engine holds its lock from start to end, so "the lock is held" and "the engine of this record lives" are
one thing, whatever a crash left behind and whoever has its process number now.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

MAX_RECORD_BYTES = 64 << 10


class EngineRecord(BaseModel):
    """A running engine. `started` is in seconds of Unix time, `token` its key.

    `context_tokens` (per seat), `threads` and `idle_s` are as it was told, so that changed settings can be seen.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    pid: int = Field(gt=0)
    url: str
    token: str = Field(min_length=16, repr=False)
    key: str
    model: str
    path: str
    size: int
    sha256: str
    engine: str
    started: float
    context_tokens: int = Field(gt=0)
    threads: int = Field(ge=0)
    idle_s: float = Field(gt=0)
    log: str

    @field_validator("url")
    @classmethod
    def _stays_here(cls, value: str) -> str:
        """Code goes to this machine only, whatever somebody wrote into the file."""
        parts = urlsplit(value)
        socket_file = parts.scheme == "unix" and not parts.netloc and parts.path.startswith("/")
        loopback = parts.scheme == "http" and parts.hostname == "127.0.0.1" and parts.username is None
        if not socket_file and not loopback:
            raise ValueError("is neither a UNIX socket nor on 127.0.0.1")
        return value


def record_path(runtime: Path, key: str) -> Path:
    return runtime / f"{key}.json"


def lock_path(runtime: Path, key: str) -> Path:
    return runtime / f"{key}.lock"


def write_record(runtime: Path, record: EngineRecord) -> None:
    """Write the record for the owner's eyes only, whole or not at all."""
    draft = runtime / f"{record.key}.{os.getpid()}.new"
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(record.model_dump_json())
    draft.replace(record_path(runtime, record.key))


def read_record(runtime: Path, key: str) -> EngineRecord | None:
    """The record of the engine `key`, or None if there is none that can be read."""
    try:
        with record_path(runtime, key).open("rb") as stream:
            content = stream.read(MAX_RECORD_BYTES)
        record = EngineRecord.model_validate_json(content)
    except (OSError, ValidationError):
        return None
    return record if record.key == key else None


def remove_record(runtime: Path, key: str) -> None:
    with suppress(OSError):
        record_path(runtime, key).unlink(missing_ok=True)


def records(runtime: Path) -> tuple[EngineRecord, ...]:
    """The records of all engines that run now."""
    found = (read_record(runtime, path.stem) for path in sorted(runtime.glob("*.json")))
    return tuple(record for record in found if record is not None and runs(runtime, record.key))


def engine_lock(runtime: Path, key: str, timeout_s: float) -> FileLock:
    """The lock that an engine holds while it lives. Not acquired yet."""
    return FileLock(lock_path(runtime, key), timeout=timeout_s, thread_local=False)


def runs(runtime: Path, key: str) -> bool:
    """Whether an engine `key` lives, loading or ready."""
    if not lock_path(runtime, key).exists():
        return False
    lock = engine_lock(runtime, key, 0)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError:
        return False
    lock.release()
    return False
