"""Who asks, without saying who: opaque ids that stay the same, for routers and caches that keep prompts together.

A team's router sends requests of one session id to the same engine, where the prompt is cached already. The id is a
keyed hash of the workspace's path: nobody can learn the path from it, or tell that two users have the same one.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

SECRET_BYTES = 32
FILE_NAME = "identity"


def session_id(secret: bytes, workspace: Path | None) -> str:
    """The id of a workspace, or of no workspace at all. 32 hexadecimal digits."""
    return _keyed(secret, b"session\0" + os.fsencode(str(workspace or "")))


def cache_salt(secret: bytes) -> str:
    """The salt that keeps this user's cached prompts apart from those of others. 32 hexadecimal digits."""
    return _keyed(secret, b"cache-salt\0")


def user_secret(folder: Path | None = None) -> bytes:
    """The user's random secret, made once, in a file that only its owner may read.

    `folder`: where it is kept; the platform's data folder by default. Where it cannot be kept, one that lasts as long
    as this process.
    """
    if folder is None:
        import platformdirs

        folder = platformdirs.user_data_path("codeassist", appauthor=False)
    path = folder / FILE_NAME
    try:
        return _read(path) or _made(path)
    except OSError:
        return _of_this_process()


def _keyed(secret: bytes, what: bytes) -> str:
    return hmac.new(secret, what, hashlib.sha256).hexdigest()[:32]


@cache
def _of_this_process() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


def _read(path: Path) -> bytes | None:
    """The secret in `path`; None if there is none that is fit to use."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError("not a regular file")
        if sys.platform != "win32" and (found.st_uid != os.geteuid() or found.st_mode & 0o077):
            return None  # Others know it: a new one is made.
        secret = file.read(SECRET_BYTES + 1)
    return secret if len(secret) == SECRET_BYTES else None


def _made(path: Path) -> bytes:
    """A new secret in `path`, or the one that another process put there at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    secret = secrets.token_bytes(SECRET_BYTES)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret)
        try:
            os.link(fresh, path)  # Whole or not at all, and never over one that is there.
        except FileExistsError:
            if (other := _read(path)) is not None:
                return other
            fresh.replace(path)
        except OSError:  # A file system without links.
            fresh.replace(path)
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
    return secret
