"""What is being served on this machine now, so that editors of the same user find the address and need no key.

A server's process holds a lock from start to end, and the kernel drops it however the process ends. The record
is there only while vLLM answers: while it is down another program could listen at the address, and must not be
sent the key.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from codeassist.model.endpoint import Endpoint
from codeassist.serving.folders import Folders
from codeassist.serving.vllm.running.keys import read_key

MAX_RECORD_BYTES = 64 << 10


class ServingRecord(BaseModel):
    """A server that answers. `pid`: of the process that supervises vLLM. `started`: seconds of Unix time.

    `url`: as editors of this machine take it. `max_model_len`: in tokens, 0 if unknown. `seats`: --max-num-seqs.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    url: str
    model: str
    served_name: str
    pid: int = Field(gt=0)
    started: float
    log: str
    key_file: str
    vllm_version: str
    max_model_len: int = Field(ge=0)
    seats: int = Field(ge=0)


def key_for(url: str, where: Folders) -> str | None:
    """The key of the server at exactly `url` (a missing path means /v1), if this user serves there now. Blocks.

    None for every other address, and for one whose server has ended, whoever answers there now.
    """
    wanted = _address(url)
    if wanted is None:
        return None
    found = _read_live(where, _name(wanted))
    return read_key(Path(found.key_file)) if found is not None and _address(found.url) == wanted else None


def running(where: Folders) -> tuple[ServingRecord, ...]:
    """The servers of this user on this machine that answer now. Blocks."""
    found = (_read_live(where, path.stem) for path in sorted(records_folder(where).glob("*.json")))
    return tuple(record for record in found if record is not None)


def records_folder(where: Folders) -> Path:
    return where.runtime / "serve"


def serving_lock(where: Folders, url: str) -> FileLock:
    """The lock that who serves at `url` holds. Not acquired yet; its folder must exist."""
    return FileLock(_lock_path(where, _name(_address(url) or url)), timeout=0, thread_local=False)


def write_serving(where: Folders, record: ServingRecord) -> None:
    """Write the record for the owner's eyes only, whole or not at all. Raises OSError."""
    path = _record_path(where, record.url)
    draft = path.with_name(f"{path.stem}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(record.model_dump_json())
    draft.replace(path)


def remove_serving(where: Folders, url: str) -> None:
    """Take the record of `url` away. Harmless if there is none."""
    with suppress(OSError):
        _record_path(where, url).unlink(missing_ok=True)


def read_serving(where: Folders, url: str) -> ServingRecord | None:
    """The record of `url`, whether or not its server still lives."""
    return _read(_record_path(where, url))


def _read_live(where: Folders, name: str) -> ServingRecord | None:
    record = _read(records_folder(where) / f"{name}.json")
    return record if record is not None and _held(_lock_path(where, name)) else None


def _read(path: Path) -> ServingRecord | None:
    try:
        with path.open("rb") as stream:
            return ServingRecord.model_validate_json(stream.read(MAX_RECORD_BYTES))
    except (OSError, ValidationError):
        return None


def _held(path: Path) -> bool:
    if not path.exists():
        return False
    lock = FileLock(path, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError:
        return False
    lock.release()
    return False


def _record_path(where: Folders, url: str) -> Path:
    return records_folder(where) / f"{_name(_address(url) or url)}.json"


def _lock_path(where: Folders, name: str) -> Path:
    return records_folder(where) / f"{name}.lock"


def _name(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:24]


def _address(url: str) -> str | None:
    """One spelling for each address; None for what is none."""
    try:
        base, socket_path = Endpoint(url).address()
    except ValueError:
        return None
    return f"unix://{socket_path}" if socket_path is not None else base
