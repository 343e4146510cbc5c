"""The worker processes of a scan: who has which files, and what happens when one of them dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Batch = list[tuple[str, bool]]
"""Files, each with whether the index may know it."""

WORKER = (sys.executable, "-m", "codeassist.workspace.worker")
_MOST_STRIKES = 3
"""Workers in a row that die before they have a file: then it is not the files."""
_START_LIMIT_S = 60.0


class Died(Exception):
    """A worker process is gone: it crashed, or took too long and was ended."""


@dataclass(slots=True)
class Crew:
    """Threads that only wait, each with one worker process. `on_bad` is told a file that a worker died of."""

    arguments: Sequence[str]
    folder: Path
    """Where the workers stand: not the workspace, from which Python would import modules."""
    limit_s: float
    """For one file, and for one batch."""
    on_done: Callable[[int], None]
    on_bad: Callable[[str], None]
    command: Sequence[str] = WORKER
    trouble: str = ""
    """Why the scan cannot go on."""
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _waiting: deque[Batch] = field(default_factory=deque)
    _busy: int = 0
    _closed: bool = False
    _stopped: bool = False
    _threads: list[threading.Thread] = field(default_factory=list)
    _processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, count: int) -> None:
        """More workers, up to `count`."""
        while len(self._threads) < count:
            thread = threading.Thread(target=self._work, name=f"index-worker-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def give(self, batch: Batch) -> None:
        with self._changed:
            self._waiting.append(batch)
            self._changed.notify()

    def close(self) -> None:
        """No more batches come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Wait until all is done or given up, at most so long. Says whether it is."""
        for thread in self._threads:
            thread.join(seconds)
            if thread.is_alive():
                return False
        return True

    def stop(self, trouble: str = "") -> None:
        """End it now. What is not written is for the next scan."""
        with self._changed:
            self._stopped = True
            self.trouble = self.trouble or trouble
            self._changed.notify_all()
            processes = list(self._processes)
        for process in processes:
            with suppress(OSError):
                process.kill()

    def _work(self) -> None:
        hand: Hand | None = None
        try:
            while True:
                if hand is None or not hand.unwritten:
                    batch = self._take(wait=True)
                    if batch is None:
                        return
                else:
                    batch = self._take(wait=False) or []  # An empty one writes what is left.
                hand = hand or self._hire()
                if hand is None:
                    return
                hand = self._do(hand, batch)
        except OSError as error:
            self.stop(f"a worker process cannot be started: {error}")
        finally:
            if hand is not None:
                hand.end()

    def _do(self, hand: Hand, batch: Batch) -> Hand | None:
        """Have one batch done. None if the worker died of it."""
        alone = len(batch) == 1
        try:
            written = hand.ask(batch, flush=alone or not batch, limit_s=self.limit_s)
        except Died:
            self._lost(hand, batch)
            hand.end()
            return None
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()
        if "trouble" in written:
            self.stop(written["trouble"])
            return hand
        self.on_done(len(batch))
        return hand

    def _lost(self, hand: Hand, batch: Batch) -> None:
        """Sort out what a dead worker had: a file that it died of alone is bad, all others are tried again."""
        earlier = hand.unwritten
        guilty = len(batch) == 1 and not earlier
        with self._changed:
            if self._stopped:
                return
            if not guilty:
                self._waiting.extend([one] for one in batch)
            # Where it may have died of writing, each of what it wrote is suspect.
            parts = earlier if len(batch) > 1 else [[one] for files in earlier for one in files]
            self._waiting.extend(parts)
        self.on_done(guilty - sum(len(files) for files in earlier))
        if guilty:
            self.on_bad(batch[0][0])

    def _take(self, wait: bool) -> Batch | None:
        with self._changed:
            while not self._stopped:
                if self._waiting:
                    self._busy += 1
                    return self._waiting.popleft()
                if not wait:
                    self._busy += 1
                    return []
                # Another worker may die and leave its files to us.
                if self._closed and not self._busy:
                    return None
                self._changed.wait()
        return None

    def _hire(self) -> Hand | None:
        """A worker that answers; None if it is given up. Raises OSError."""
        for _ in range(_MOST_STRIKES):
            hand = hire(self.command, self.arguments, self.folder)
            with self._changed:
                self._processes.append(hand.process)
                if self._stopped:
                    hand.process.kill()
            try:
                answer = hand.ask([], flush=True, limit_s=_START_LIMIT_S)
            except Died:
                hand.end()
                continue
            if "trouble" not in answer:
                return hand
            hand.end()
            self.stop(answer["trouble"])
            return None
        self.stop("workers")
        return None


@dataclass(slots=True)
class Hand:
    """One worker process. `unwritten`: batches that it has read and not written yet."""

    process: subprocess.Popen[str]
    unwritten: list[Batch] = field(default_factory=list)

    def ask(self, batch: Batch, flush: bool, limit_s: float) -> dict[str, Any]:
        """Have a batch read. Raises Died."""
        process = self.process
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None:
            raise Died

        timer = threading.Timer(limit_s, process.kill)
        timer.start()
        try:
            stdin.write(json.dumps({"files": batch, "flush": flush}) + "\n")
            stdin.flush()
            line = stdout.readline()
        except OSError:
            line = ""
        finally:
            timer.cancel()
        if not line.endswith("\n"):
            raise Died
        answer: dict[str, Any] = json.loads(line)
        if answer.get("written"):
            self.unwritten.clear()
        elif batch:
            self.unwritten.append(batch)
        return answer

    def end(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def hire(command: Sequence[str], arguments: Sequence[str], folder: Path) -> Hand:
    """Start a worker process that stands in `folder`. Raises OSError."""
    return Hand(
        subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            text=True,
            encoding="utf-8",
            creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
            env={**os.environ, "PYTHONSAFEPATH": "1"},
        )
    )
