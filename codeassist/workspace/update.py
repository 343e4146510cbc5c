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
from codeassist.workspace.ignore import IGNORE_FILES, Rules, is_ignored, rules_at
from codeassist.workspace.scan import ScanOptions, ScanState
from codeassist.workspace.store import StoreTrouble, database_path, open_to_write, trouble_of
from codeassist.workspace.walk import is_interesting, leads_inside
from codeassist.workspace.worker import bad_entry

MOST_AT_ONCE = 64
"""More changed files are the business of a scan, on several processes."""


@dataclass(frozen=True, slots=True)
class Updated:
    """How an update ended. `wants_scan`: it is more than a few files, or what is ignored has changed."""

    state: ScanState = "done"
    wants_scan: bool = False


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

    def warm(self) -> None:
        """Start the worker now, so that the first change need not wait for it."""
        with self._lock, suppress(OSError, StoreTrouble):
            self._prepare()

    def update(self, paths: Iterable[str | Path]) -> Updated:
        """Read these files anew: paths relative to the folder, or absolute. Never raises for what is on the disk."""
        with self._lock:
            try:
                return self._update(list(dict.fromkeys(paths)))
            except StoreTrouble as error:
                self._let_go()
                return Updated(error.trouble)
            except sqlite3.Error as error:
                self._let_go()
                return Updated(trouble_of(error))
            except OSError:
                self._let_go()
                return Updated("workers")

    def close(self) -> None:
        """End the worker and let go of the file."""
        with self._lock:
            self._let_go()

    def _update(self, paths: list[str | Path]) -> Updated:
        inside = [path for one in paths if (path := self._relative(one))]
        if len(inside) > MOST_AT_ONCE or any(path.rpartition("/")[2] in IGNORE_FILES for path in inside):
            self._rules = None
            return Updated(wants_scan=True)
        rules, connection = self._prepare()
        changed: list[str] = []
        gone: list[str] = []
        wants_scan = False
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

    def _have_read(self, connection: sqlite3.Connection, paths: list[str]) -> None:
        """One by one, so that the first is there at once, and a worker that dies of one takes no other with it."""
        for path in paths:
            if self._hand is None:
                self._hand = self._hire()
            try:
                answer = self._hand.ask([(path, True)], flush=True, limit_s=self._options.limit_s)
            except Died:
                self._hand.end()
                self._hand = None
                raw = read(str(self._root), path, self._options.max_file_bytes)
                if raw is not None:
                    writing.write(connection, [bad_entry(raw)])
                continue
            if "trouble" in answer:
                raise StoreTrouble(answer["trouble"])

    def _prepare(self) -> tuple[Rules, sqlite3.Connection]:
        if self._connection is None:
            self._connection = open_to_write(self._database)
        if self._rules is None:
            self._rules = rules_at(self._root, self._options.exclude)
        if self._hand is None:
            self._hand = self._hire()
        return self._rules, self._connection

    def _hire(self) -> Hand:
        options = self._options
        arguments = (str(self._root), str(self._database), str(options.max_file_bytes), str(options.limit_s))
        return hire(options.worker, arguments, self._database.parent)

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
        if absolute.is_symlink() and not leads_inside(self._root, str(absolute)):
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
        if self._hand is not None:
            self._hand.end()
        if self._connection is not None:
            self._connection.close()
        self._hand = self._connection = self._rules = None
