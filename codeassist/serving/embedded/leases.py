"""Who still uses an engine: each client process holds a lock on a file of its own, and the kernel drops the
lock when the process ends, however it ends. A process number may be somebody else's by then; a lock cannot.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from codeassist.serving.folders import make_private

_ATTEMPTS = 5


class Lease:
    """A held lease; `release` it, or end the process."""

    def __init__(self, lock: FileLock) -> None:
        self._lock = lock
        self.path = Path(lock.lock_file)

    def release(self) -> None:
        """Give the lease back. Harmless if done before."""
        if not self._lock.is_locked:
            return
        self.path.unlink(missing_ok=True)  # Before unlocking: afterwards the engine may be looking at it.
        self._lock.release()


def take_lease(runtime: Path, key: str) -> Lease:
    """Take a lease on the engine `key`. Raises UnsafeFolder or OSError if the folder cannot be used."""
    folder = lease_folder(runtime, key)
    make_private(runtime)
    make_private(folder.parent)
    make_private(folder)
    for _ in range(_ATTEMPTS):
        lock = FileLock(folder / secrets.token_hex(8), timeout=2, thread_local=False)
        lock.acquire()
        # An engine that counts leases right now may have taken the new file for a dead one and deleted it.
        if Path(lock.lock_file).exists():
            return Lease(lock)
        lock.release()
    raise OSError(f"no lease could be taken in {folder}")


def live_leases(runtime: Path, key: str) -> int:
    """How many clients hold a lease now; files of clients that are gone are deleted."""
    folder = lease_folder(runtime, key)
    live = 0
    try:
        found = list(folder.iterdir())
    except OSError:
        return 0
    for path in found:
        lock = FileLock(path, timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            live += 1
        except OSError:
            continue  # Released and deleted between the listing and now.
        else:
            with suppress(OSError):  # Windows does not delete an open file; the next count will.
                path.unlink(missing_ok=True)
            lock.release()
    return live


def lease_folder(runtime: Path, key: str) -> Path:
    return runtime / "leases" / key
