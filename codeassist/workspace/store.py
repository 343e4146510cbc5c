"""The file that holds a workspace folder's index: where it is, how it is opened, and what to do when it is broken."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from codeassist.workspace import schema

Trouble = Literal["full", "read-only", "damaged", "locked", "unwritable"]
"""Why an index cannot be written: no room on the disk, no right to write the file, its content makes no sense,
another process holds it too long, or its folder cannot be made."""

_BUSY_MS = 5_000
_SET_ASIDE = ".set-aside"
_MESSAGES: tuple[tuple[str, Trouble], ...] = (
    ("is full", "full"), ("readonly", "read-only"), ("locked", "locked"), ("busy", "locked"),
    ("malformed", "damaged"), ("not a database", "damaged"), ("unable to open", "unwritable"),
    ("disk i/o error", "full"), ("no such table", "damaged"), ("no such column", "damaged"), ("vtable", "damaged"),
)  # fmt: skip


class _Writer(sqlite3.Connection):
    """A connection whose end takes nothing away.

    The last one to close a database deletes what is written ahead of it and the shared memory of that, by their names.
    SQLite looks whether the names still belong to its file, except where it found the file empty: then, when somebody
    had emptied the file and another one was made, it took those of the new one away from all who use it, and what was
    written afterwards nobody saw. Only who may write can be the last: `guard`, which may not, is closed after it.
    """

    guard: sqlite3.Connection | None = None

    def close(self) -> None:
        super().close()
        if self.guard is not None:
            self.guard.close()


class StoreTrouble(Exception):
    """The index cannot be written."""

    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        super().__init__(f"{trouble}: {detail}" if detail else trouble)
        self.trouble: Trouble = trouble


def trouble_of(error: sqlite3.Error) -> Trouble:
    """The kind of an error. By its message: Python 3.10 gives no codes."""
    said = str(error).lower()
    return next((trouble for words, trouble in _MESSAGES if words in said), "damaged")


def database_path(root: Path, folder: Path | None = None) -> Path:
    """The index of a workspace folder, whether or not it exists. `folder`: where indexes are kept, if not in the
    user's cache."""
    if folder is None:
        import platformdirs

        folder = platformdirs.user_cache_path("codeassist", appauthor=False) / "index"
    name = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:32]
    return folder / f"{name}.sqlite3"


def open_to_write(path: Path) -> sqlite3.Connection:
    """Open an index, or make it. One of another version or without sense is set aside, and an empty one made.

    Raises StoreTrouble. The connection is in autocommit: who writes says BEGIN IMMEDIATE.
    """
    make_folder(path.parent)
    _sweep(path)
    if _is_distrusted(path):
        set_aside(path)
    try:
        return _opened(path)
    except StoreTrouble as error:
        if error.trouble != "damaged":
            raise
    set_aside(path)
    return _opened(path)


def open_to_read(path: Path) -> sqlite3.Connection | None:
    """Open an index of our version, or None if there is none. Never writes, never raises."""
    connection: sqlite3.Connection | None = None
    try:
        if not _has_content(path):  # Of an empty file SQLite would take away what is written ahead.
            return None
        connection = _connected_to_read(path)
        # Not mapped: where somebody truncates the file, the system would end the server (SIGBUS).
        connection.execute("PRAGMA mmap_size = 0")
        connection.execute("PRAGMA cache_size = -32768")
        if connection.execute("PRAGMA user_version").fetchone()[0] == schema.VERSION:
            return connection
    except (OSError, sqlite3.Error):
        pass
    if connection is not None:
        connection.close()
    return None


def identity(path: Path) -> tuple[int, int] | None:
    """Which file this is now, None if there is none: another one of the same name has another identity."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def beside(path: Path) -> tuple[tuple[int, int] | None, ...]:
    """Which files hold what is written ahead of a database, and the shared memory of that. They stay the same as long
    as somebody reads it."""
    return tuple(identity(rest) for rest in _rests(path))


def stamp(path: Path) -> tuple[int, int] | None:
    """Size and time of the last change, None if there is no file. What is written ahead does not change them."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def can_be_read(path: Path) -> bool:
    """Whether the file can be opened as an index now, by a connection that has read nothing yet: others answer from
    their caches, whatever was written over the file. It is not looked at without SQLite: see `_begin`."""
    connection = open_to_read(path)
    if connection is not None:
        connection.close()
    return connection is not None


def make_folder(folder: Path) -> None:
    """Make the folder of indexes, for its owner alone. Raises StoreTrouble."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if sys.platform != "win32" and folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise StoreTrouble(_of_system(error), str(error)) from error


def distrust(path: Path, seen: tuple[int, int] | None) -> None:
    """Note, for whoever opens it next to write, that an index is damaged: a reader saw what a writer may not. `seen`:
    the identity of the file that it saw; there may be another one by now, which is not to be blamed."""
    if seen is None or _said_of(path) == repr(seen):
        return
    # In one piece: who opens the index to write looks but once.
    whole = path.with_name(f"{path.name}.distrusted.{os.getpid()}-{threading.get_ident()}")
    with suppress(OSError):
        whole.write_text(repr(seen))
        whole.replace(_distrusted(path))


def set_aside(path: Path) -> None:
    """Move a broken index away, once for all processes: whoever comes second finds a good one and leaves it."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(f"{path}.repair", timeout=_BUSY_MS / 1000):
            try:
                broken = _is_distrusted(path)
                _opened(path).close()
            except StoreTrouble as error:
                if error.trouble != "damaged":
                    raise
                broken = True
            if broken:
                move_away(path)
                _distrusted(path).unlink(missing_ok=True)
    except (Timeout, OSError) as error:
        raise StoreTrouble("unwritable", str(error)) from error


def move_away(path: Path) -> None:
    """Rename an index, so that the next one starts empty. One that was set aside before is replaced."""
    aside = path.with_name(path.name + _SET_ASIDE)
    if path.is_dir() or aside.is_dir():  # Nobody of us made them; a folder and a file do not replace each other.
        with suppress(OSError):
            shutil.rmtree(aside) if aside.is_dir() and not aside.is_symlink() else aside.unlink(missing_ok=True)
    try:
        os.replace(path, aside)  # noqa: PTH105  As its neighbours.
    except FileNotFoundError:
        pass
    except OSError:
        # Windows, and somebody reads it; then at least its content goes.
        with suppress(OSError):
            os.truncate(path, 0)
    for rest in _rests(path):
        with suppress(OSError):
            rest.unlink()


def _rests(path: Path) -> tuple[Path, ...]:
    return tuple(path.with_name(path.name + ending) for ending in ("-wal", "-shm"))


def _sweep(path: Path) -> None:
    """Where an index was deleted or emptied, take what was written ahead of it away too: SQLite would put it into the
    new one, or wait for those who still read the old one. One that is being made has nothing beside it while empty."""
    from filelock import FileLock, Timeout

    rests = _rests(path)
    if _has_content(path) or not any(rest.exists() for rest in rests):
        return
    try:
        with FileLock(f"{path}.repair", timeout=_BUSY_MS / 1000):
            if not _has_content(path):
                for rest in (path, *rests):
                    rest.unlink(missing_ok=True)
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except (Timeout, OSError) as error:
        raise StoreTrouble("unwritable", str(error)) from error


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def _connected_to_read(path: Path) -> sqlite3.Connection:
    """One that makes the shared memory if there is none, but cannot take it away: see `_Writer`."""
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode=ro", uri=True, timeout=_BUSY_MS / 1000, isolation_level=None,
        check_same_thread=False, cached_statements=256,
    )  # fmt: skip


def _is_distrusted(path: Path) -> bool:
    """Whether this file is, and not one that was here before it."""
    return _said_of(path) == repr(identity(path))


def _said_of(path: Path) -> str:
    """The identity of the file that somebody distrusts, "" if nobody does."""
    try:
        return _distrusted(path).read_text()
    except OSError:
        return ""


def _distrusted(path: Path) -> Path:
    return path.with_name(path.name + ".distrusted")


def _opened(path: Path) -> sqlite3.Connection:
    connection: _Writer | None = None
    try:
        _begin(path)
        before = identity(path)
        connection = sqlite3.connect(
            path, timeout=_BUSY_MS / 1000, isolation_level=None, check_same_thread=False, cached_statements=64,
            factory=_Writer,
        )  # fmt: skip
        _configure(connection)
        _check(connection)
        connection.guard = _connected_to_read(path)
        if _version(connection.guard) != schema.VERSION or identity(path) != before:
            raise StoreTrouble("damaged", "it was replaced while it was opened")
    except OSError as error:
        raise StoreTrouble(_of_system(error), str(error)) from error
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise StoreTrouble(trouble_of(error), str(error)) from error
    except StoreTrouble:
        if connection is not None:
            connection.close()
        raise
    return connection


def _begin(path: Path) -> None:
    """See that there is a file, for its user alone: SQLite gives its other files the rights of this one.

    One that is there must not be opened and closed. With that this process would lose all its locks on it (POSIX),
    others would take the database for unused and delete what is written ahead, and our readers would go on without
    seeing what is written from then on: "How To Corrupt An SQLite Database File", 2.2.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if path.is_dir():
            raise StoreTrouble("damaged", "it is a folder") from None


def _configure(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA page_size = 8192")
    connection.execute("PRAGMA journal_mode = WAL")
    # After a power cut the last changes may be missing: the next scan brings them back.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -16384")
    connection.execute("PRAGMA wal_autocheckpoint = 2000")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    connection.execute("PRAGMA temp_store = MEMORY")


def _check(connection: sqlite3.Connection) -> None:
    """That the tables are ours, of this version; an empty file gets them."""
    if _version(connection) == schema.VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")  # From here on no other process makes them.
    try:
        if _version(connection) == schema.VERSION:
            connection.execute("ROLLBACK")
            return
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] or _version(connection):
            raise StoreTrouble("damaged", "it is of another version")
        schema.create(connection)
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _of_system(error: OSError) -> Trouble:
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "full"
    return "read-only" if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM) else "unwritable"
