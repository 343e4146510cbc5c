"""A scan as a process of its own, so that the server only hears of it.

    python -m codeassist.workspace.scanner OPTIONS

It prints one JSON document a line, {"progress": [done, total, phase]} now and then and {"report": {...}} at the end,
and stops when its standard input ends.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from codeassist.workspace.scan import Phase, ScanOptions, ScanReport, scan
from codeassist.workspace.store import StoreTrouble, database_path, make_folder
from codeassist.workspace.worker import be_humble

_EVERY_S = 0.1


class ScanProcess:
    """A scan that runs. `on_progress` (done, total, phase) and `on_end` are called from a thread of its own."""

    def __init__(
        self,
        root: Path,
        options: ScanOptions,
        on_progress: Callable[[int, int, Phase], None] = lambda *_: None,
        on_end: Callable[[ScanReport], None] = lambda _: None,
    ) -> None:
        self._on_progress = on_progress
        self._on_end = on_end
        self._report = ScanReport("workers", "the scan ended without a report")
        self._process: subprocess.Popen[str] | None = None
        try:
            folder = database_path(root, options.folder).parent
            make_folder(folder)
            self._process = _started(root, options, folder)
        except StoreTrouble as error:
            self._report = ScanReport(error.trouble, str(error))
        except OSError as error:
            self._report = ScanReport("workers", str(error))
        self._thread = threading.Thread(target=self._listen, name="index-scan", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Ask it to stop; `on_end` follows. What is written stays."""
        process = self._process
        if process is not None and process.stdin is not None:
            with suppress(OSError, ValueError):
                process.stdin.close()

    def kill(self) -> None:
        """End it at once; its workers end with it."""
        if self._process is not None:
            with suppress(OSError):
                self._process.kill()

    def wait(self, seconds: float | None = None) -> ScanReport | None:
        """The report, or None if it still runs after so long."""
        self._thread.join(seconds)
        return None if self._thread.is_alive() else self._report

    def _listen(self) -> None:
        process = self._process
        if process is not None and process.stdout is not None:
            for line in process.stdout:
                said: dict[str, Any] = json.loads(line)
                if "report" in said:
                    self._report = ScanReport(**said["report"])
                else:
                    done, total, phase = said["progress"]
                    self._on_progress(done, total, phase)
            process.stdout.close()
            self.cancel()
            process.wait()
        self._on_end(self._report)


def _started(root: Path, options: ScanOptions, folder: Path) -> subprocess.Popen[str]:
    document = {**asdict(options), "root": str(root), "folder": str(options.folder) if options.folder else None}
    return subprocess.Popen(
        [sys.executable, "-m", __name__ if __name__ != "__main__" else "codeassist.workspace.scanner",
         json.dumps(document)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,  # Not the workspace: Python would import modules from there.
        text=True,
        encoding="utf-8",
        creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
    )  # fmt: skip


def main(arguments: list[str]) -> int:
    """The process."""
    document = json.loads(arguments[0])
    root = Path(document.pop("root"))
    folder = Path(document.pop("folder")) if document["folder"] else document.pop("folder")
    document["exclude"], document["worker"] = tuple(document["exclude"]), tuple(document["worker"])
    options = ScanOptions(folder=folder, **document)
    be_humble()
    cancelled = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        cancelled.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    last = 0.0

    def tell(done: int, total: int, phase: Phase) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _EVERY_S:
            last = now
            _say({"progress": [done, total, phase]})

    report = scan(root, options, tell, cancelled.is_set)
    _say({"report": report.as_dict()})
    return 0


def _say(document: dict[str, Any]) -> None:
    with suppress(OSError):
        sys.stdout.write(json.dumps(document) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
