"""One changed file, or a few: in the index some milliseconds later, without a scan."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from codeassist.workspace import writing
from codeassist.workspace.content import is_secret
from codeassist.workspace.crew import Died, Hand, hire
from codeassist.workspace.extract import read
from codeassist.workspace.ignore import Rules, is_ignored, is_of_rules, rules_at
from codeassist.workspace.scan import ScanOptions, ScanState
from codeassist.workspace.store import StoreTrouble, database_path, distrust, identity, open_to_write, trouble_of
from codeassist.workspace.walk import is_interesting, leads_inside
from codeassist.workspace.worker import bad_entry

_TYPICAL = """
SELECT path FROM files WHERE state = 'indexed' AND language = (
  SELECT language FROM files WHERE state = 'indexed' GROUP BY language ORDER BY count(*) DESC LIMIT 1
) ORDER BY abs(size - 2000) LIMIT 1
"""
"""A small file of the language that the folder is mostly written in."""
_MOST_STRIKES, _START_LIMIT_S = 3, 60.0
"""As of a crew: tries to start a worker, and how long it may take until it answers."""
MOST_AT_ONCE = 64
"""More changed files are the business of a scan, on several processes."""


@dataclass(frozen=True, slots=True)
class Updated:
    """How an update ended. `wants_scan`: it is more than a few files, what is ignored has changed, or the index was
    gone and holds nothing but these files now."""

    state: ScanState = "done"
    wants_scan: bool = False


class _Killed(Exception):
    """The updater shall end."""


class Updater:
    """Keeps one worker process ready, so that neither a slow file nor a grammar that crashes is felt in the server.

    `update` blocks for as long as the files take, and may be called from any thread.
    """

    def __init__(self, root: Path, options: ScanOptions) -> None:
        self._root = Path(os.path.realpath(root))
        self._options = options
        self._database = database_path(self._root, options.folder)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._rules: Rules | None = None
        self._hand: Hand | None = None
        self._opened_as: tuple[int, int] | None = None
        self._is_new = False
        self._killed = False

    def warm(self) -> None:
        """Start the worker now, and have it read a file, so that the first change waits neither for it nor for its
        grammar."""
        with self._lock, suppress(OSError, StoreTrouble, sqlite3.Error, _Killed):
            _, connection = self._prepare()
            self._have_read(connection, [row[0] for row in connection.execute(_TYPICAL)], known=False)

    def update(self, paths: Iterable[str | Path]) -> Updated:
        """Read these files anew: paths relative to the folder, or absolute. Never raises for what is on the disk."""
        with self._lock:
            try:
                return self._update(list(dict.fromkeys(paths)))
            except StoreTrouble as error:
                return self._failed(error.trouble)
            except sqlite3.Error as error:
                return self._failed(trouble_of(error))
            except OSError:
                return self._failed("workers")
            except _Killed:
                return self._failed("cancelled")

    def kill(self) -> None:
        """End it for good, without waiting, from any thread: the worker dies whatever it reads, and an update that
        runs ends soon, its files left for the next scan."""
        self._killed = True  # Before the look at the worker: who hires one looks here after that.
        hand = self._hand
        if hand is not None:
            with suppress(OSError):
                hand.process.kill()

    def close(self) -> None:
        """End the worker and let go of the file."""
        with self._lock:
            self._let_go()

    def _update(self, paths: list[str | Path]) -> Updated:
        inside = [path for one in paths if (path := self._relative(one))]
        if len(inside) > MOST_AT_ONCE or any(is_of_rules(path) for path in inside):
            self._rules = None
            return Updated(wants_scan=True)
        rules, connection = self._prepare()
        changed: list[str] = []
        gone: list[str] = []
        wants_scan, self._is_new = self._is_new, False
        for path in inside:
            absolute = self._root / path
            if absolute.is_dir():
                wants_scan = wants_scan or not is_ignored(self._root, path, rules)
            elif not os.path.lexists(absolute):
                gone += self._below(connection, path)
            elif self._is_wanted(path, rules):
                changed.append(path)
            else:
                gone.append(path)
        if gone:
            writing.remove(connection, gone)
        self._have_read(connection, changed)
        return Updated(wants_scan=wants_scan)

    def _failed(self, state: ScanState) -> Updated:
        self._let_go()
        if state == "damaged":
            distrust(self._database, self._opened_as)
        return Updated(state)

    def _have_read(self, connection: sqlite3.Connection, paths: list[str], known: bool = True) -> None:
        """One by one, so that the first is there at once, and a worker that dies of one takes no other with it."""
        for path in paths:
            hand = self._ready_hand()
            try:
                answer = hand.ask([(path, known)], flush=True, limit_s=self._options.limit_s)
            except Died:
                self._end_hand()
                if self._killed:
                    raise _Killed from None
                raw = read(str(self._root), path, self._options.max_file_bytes)
                if raw is not None:
                    writing.write(connection, [bad_entry(raw)])
                continue
            if "trouble" in answer:
                raise StoreTrouble(answer["trouble"])

    def _prepare(self) -> tuple[Rules, sqlite3.Connection]:
        if self._connection is not None and identity(self._database) != self._opened_as:
            self._let_go()  # What is written to a file that is gone, nobody reads.
        if self._connection is None:
            before = identity(self._database)
            self._connection = open_to_write(self._database)
            self._opened_as = identity(self._database)
            self._is_new = before is None or before != self._opened_as
        if self._rules is None:
            self._rules = rules_at(self._root, self._options.exclude)
        self._ready_hand()
        return self._rules, self._connection

    def _ready_hand(self) -> Hand:
        """The worker, or a new one if it is gone, once it answers: what it dies of then is the file that it reads.

        Raises OSError, StoreTrouble, _Killed.
        """
        if self._hand is not None and self._hand.process.poll() is None:
            return self._hand
        self._end_hand()
        options = self._options
        arguments = (str(self._root), str(self._database), str(options.max_file_bytes), str(options.limit_s))
        for _ in range(_MOST_STRIKES):
            self._hand = hand = hire(options.worker, arguments, self._database.parent)
            try:
                if self._killed:
                    raise _Killed
                answer = hand.ask([], flush=True, limit_s=_START_LIMIT_S)
            except Died:
                self._end_hand()
                continue
            if "trouble" in answer:
                raise StoreTrouble(answer["trouble"])
            return hand
        raise OSError("the worker ends at once")

    def _end_hand(self) -> None:
        hand, self._hand = self._hand, None
        if hand is not None:
            if self._killed:
                with suppress(OSError):
                    hand.process.kill()
            hand.end()

    def _relative(self, path: str | Path) -> str:
        """The path in the folder, "" if it is outside or its name is not UTF-8."""
        text = os.path.relpath(path, self._root) if os.path.isabs(path) else str(path)  # noqa: PTH117  Either kind.
        text = text.replace(os.sep, "/")
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return ""
        return "" if text == "." or ".." in text.split("/") else text

    def _is_wanted(self, path: str, rules: Rules) -> bool:
        folder, _, name = path.rpartition("/")
        if not is_interesting(name) or is_secret(name):
            return False
        if any(is_secret(part, is_folder=True) for part in folder.split("/")):
            return False
        absolute = self._root / path
        if absolute.is_symlink() and not leads_inside(self._root, str(absolute), rules):
            return False
        around = (absolute.parents[number] for number in range(path.count("/")))
        if any(one.is_symlink() or (one / "pyvenv.cfg").is_file() for one in around):
            return False
        return not is_ignored(self._root, path, rules)

    @staticmethod
    def _below(connection: sqlite3.Connection, path: str) -> list[str]:
        """The known files that were this path, or in a folder of this path."""
        rows = connection.execute(
            "SELECT path FROM files WHERE path = ? OR (path > ? AND path < ?)", (path, f"{path}/", f"{path}0")
        )
        return [row[0] for row in rows]  # "0" follows "/".

    def _let_go(self) -> None:
        self._end_hand()
        if self._connection is not None:
            self._connection.close()
        self._connection = self._rules = None
