"""Where models, sockets and logs are kept, and whether those places are safe."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from codeassist.serving.errors import UnsafeFolder
from codeassist.settings import Settings

APPLICATION = "codeassist"


@dataclass(frozen=True, slots=True)
class Folders:
    """`models`: model files. `runtime`: sockets, locks and keys, open to their owner only. `logs`: log files.

    None of them needs to exist.
    """

    models: Path
    runtime: Path
    logs: Path


def folders(settings: Settings) -> Folders:
    """The folders of this user on this platform."""
    import platformdirs

    return Folders(
        models=settings.models.folder or platformdirs.user_data_path(APPLICATION, appauthor=False) / "models",
        runtime=_runtime(),
        logs=platformdirs.user_log_path(APPLICATION, appauthor=False),
    )


def make_private(folder: Path) -> None:
    """Create `folder` for its owner alone, or check that it is so.

    Raises UnsafeFolder if somebody else owns it or can look into it: they would have the engine's key.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise UnsafeFolder(
            f"The folder {folder} cannot be made ({error.strerror or error}); see that {folder.parent} is a folder "
            "where you may write."
        ) from error
    if not stat.S_ISDIR(found.st_mode):
        raise UnsafeFolder(f"{folder} is not a folder; remove it.")
    if sys.platform == "win32":
        return  # It lies in the user's profile, which other users cannot open.
    if found.st_uid != os.geteuid():
        raise UnsafeFolder(f"The folder {folder} belongs to another user; remove it or set XDG_RUNTIME_DIR.")
    if found.st_mode & 0o077:
        raise UnsafeFolder(f"Others can open the folder {folder}, which holds keys; run: chmod 700 {folder}")


def _runtime() -> Path:
    """The user's own runtime folder where the system has one, else a folder in the cache: never a guessable
    name in a folder that is open to all."""
    import platformdirs

    if sys.platform not in ("win32", "darwin"):
        base = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
        if base.is_absolute() and base.is_dir() and os.access(base, os.W_OK):
            return base / APPLICATION
    return platformdirs.user_cache_path(APPLICATION, appauthor=False) / "run"
