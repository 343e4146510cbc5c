"""The keys of the servers that we start: made by us, one for each address, kept for their owner alone.

A key stays over restarts, so that editors on other machines need it once. It belongs to the address and not to the
model: serving another model there must not lock out those editors.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import sys
from contextlib import suppress
from pathlib import Path

from codeassist.serving.errors import EngineNotStarted
from codeassist.serving.folders import APPLICATION, make_private

KEY_BYTES = 32
_KEY = re.compile(r"[A-Za-z0-9_-]{32,256}")


def keys_folder() -> Path:
    """Where the keys of this user are kept. It need not exist."""
    import platformdirs

    return platformdirs.user_data_path(APPLICATION, appauthor=False) / "keys"


def key_path(folder: Path, url: str) -> Path:
    """The file of the key for the server at `url`. The name says host and port, as far as file names can."""
    plain = re.sub(r"[^a-z0-9.]+", "-", url.partition("://")[2].lower()).strip("-.")[-40:]
    return folder / f"{plain}-{hashlib.sha256(url.encode()).hexdigest()[:12]}.key"


def take_key(folder: Path, url: str, *, new: bool = False) -> tuple[str, Path]:
    """The key for the server at `url`, made if there is none or a `new` one is wanted, and its file.

    Raises UnsafeFolder or EngineNotStarted if the file cannot be written, could be read by others or is no key. Blocks.
    """
    make_private(folder)
    path = key_path(folder, url)
    if not new:
        found = _read(path)
        if found is not None:
            return found, path
    key = secrets.token_urlsafe(KEY_BYTES)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    if path.is_dir() and not path.is_symlink():
        raise EngineNotStarted(f"{path} should be the key file and is a folder; remove it, and a new key is made.")
    try:
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as stream:
            stream.write(key + "\n")
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise EngineNotStarted(
            f"The key file {path} cannot be written ({error.strerror or error}); see that you may write to {folder}, "
            "or set XDG_DATA_HOME to another folder."
        ) from error
    return key, path


def read_key(path: Path) -> str | None:
    """The key in a file of `take_key`, or None if it is gone, not ours alone, or no key. Blocks."""
    try:
        return _read(path)
    except EngineNotStarted:
        return None


def _read(path: Path) -> str | None:
    try:
        # Without O_NONBLOCK a pipe under that name would never open.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EngineNotStarted(
            f"The key file {path} cannot be read ({error.strerror or error}); remove it, and a new key is made."
        ) from error
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        raise EngineNotStarted(f"{path} should be the key file and is no file; remove it, and a new key is made.")
    with os.fdopen(handle, "rb") as stream:
        content = stream.read(1024).decode("ascii", "replace").strip()
    if sys.platform != "win32" and (found.st_uid != os.geteuid() or found.st_mode & 0o077):
        raise EngineNotStarted(
            f"Others can read or change the key file {path}; use --new-key, and the old key is worth nothing."
        )
    if not _KEY.fullmatch(content):
        raise EngineNotStarted(f"The file {path} holds no key of ours; remove it, and a new key is made.")
    return content
