"""Runs one command and sees to it that nothing of it outlives us. A program of its own, with no imports of ours.

    python guard.py GRACE_SECONDS COMMAND...

It ends the command and every process that came from it, however those have detached themselves, when its standard
input ends (whoever started it is gone, or wants it so), at SIGTERM, SIGINT and SIGHUP, and when the command itself
ends. First the command is asked (SIGTERM), so that it can close its GPUs in order; after the grace all are killed.
Its exit status is that of the command, or 128 and the number of the signal that ended it. The first line of its output
names the command's process, which leads a session of its own: `The guard started process 123`.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
"""Linux, <linux/prctl.h>."""
CHILDREN_GRACE_S = 3.0
"""For what the command leaves behind when it ends: it had its own time to end them."""
KILL_LIMIT_S = 10.0
"""A process inside a GPU driver dies when the driver lets it; waiting longer for it helps nobody."""
STEP_S = 0.05
STARTED = "The guard started process "


def main(grace_s: float, command: list[str]) -> int:
    """Run `command` to its end or to ours. Its exit status."""
    _process_control(PR_SET_CHILD_SUBREAPER, 1)  # Orphans of the command become our children, so none is lost.
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    told: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda found, _: told.append(found))
    signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_die_with_guard(os.getpid()),  # noqa: PLW1509  This process has one thread.
        )
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be run: {error.strerror or error}\n")
        return 127
    sys.stdout.write(f"{STARTED}{child.pid}\n")
    sys.stdout.flush()
    family = _Family(child.pid)
    while family.status is None and not told:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            with suppress(BlockingIOError):
                os.read(woken, 4096)
            family.reap()
        if 0 in ready and not os.read(0, 4096):
            break
    if family.status is None:
        with suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGTERM)
        _wait(family.leader_gone, grace_s)
    family.send(signal.SIGTERM)
    if not _wait(family.gone, CHILDREN_GRACE_S if family.status is not None else 0):
        _wait(family.killed, KILL_LIMIT_S)
    child.returncode = family.status or 0  # It was reaped here: Popen must not look for it.
    return 128 + signal.SIGKILL if family.status is None else _exit_status(family.status)


class _Family:
    """The command's process and all that came from it. `status`: as wait gives it; None while it lives."""

    def __init__(self, leader: int) -> None:
        self.status: int | None = None
        self._leader = leader

    def reap(self) -> None:
        """Take the status of all children that have ended."""
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._leader:
                    self.status = status

    def leader_gone(self) -> bool:
        self.reap()
        return self.status is not None

    def gone(self) -> bool:
        return self.leader_gone() and not self._members()

    def killed(self) -> bool:
        """Kill all there are now; whether none is left. Again and again: they may have made new ones meanwhile."""
        self.send(signal.SIGKILL)
        return self.gone()

    def send(self, number: int) -> None:
        members = self._members()
        if self.status is None:
            members.add(self._leader)
        for pid in members:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)

    def _members(self) -> set[int]:
        return descendants([os.getpid()], processes())


@dataclass(frozen=True)
class Kin:
    """Where a process comes from. `session`: 0 where that cannot be told."""

    parent: int
    session: int


def processes() -> dict[int, Kin]:
    """The processes of this machine that are no zombies."""
    if sys.platform != "linux":
        return _processes_by_ps()
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError, ValueError, IndexError):
            # The name in parentheses may hold anything, also parentheses and blanks.
            state, parent, _, session = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[:4]
            if state not in "ZX":
                found[int(folder.name)] = Kin(int(parent), int(session))
    return found


def descendants(roots: Iterable[int], among: Mapping[int, Kin]) -> set[int]:
    """All that came from `roots`, without these."""
    found = set(roots)
    while more := {pid for pid, kin in among.items() if kin.parent in found and pid not in found}:
        found |= more
    return found - set(roots)


def _processes_by_ps() -> dict[int, Kin]:
    asked = subprocess.Popen(["/bin/ps", "-axo", "pid=,ppid=,state="], stdout=subprocess.PIPE, text=True)
    said, _ = asked.communicate()
    rows = (line.split() for line in said.splitlines())
    return {
        int(row[0]): Kin(int(row[1]), 0)
        for row in rows
        if len(row) == 3 and row[2][0] != "Z" and int(row[0]) != asked.pid
    }


def _wait(done: Callable[[], bool], limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while not done():
        if time.monotonic() >= deadline:
            return False
        time.sleep(STEP_S)
    return True


def _exit_status(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def _process_control(option: int, value: int) -> None:
    """Linux's prctl; elsewhere nothing."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _die_with_guard(guard: int) -> Callable[[], None]:
    def before_exec() -> None:
        _process_control(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:  # It died before that was set.
            os._exit(1)

    return before_exec


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
