"""How many processors there are for an engine: those it may use, and how many of them are whole cores."""

from __future__ import annotations

import os
from pathlib import Path

_PROCESSORS = Path("/sys/devices/system/cpu")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Logical processors that this process may use: its affinity, and the quota of its container."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(found, _quota_cores(_read(_QUOTA)) or found))


def physical_cores() -> int | None:
    """Whole cores that this process may use, or None where the system does not say.

    Two threads of one core share its arithmetic: a second one makes an engine slower, not faster.
    """
    if not hasattr(os, "sched_getaffinity"):
        return None
    siblings = {
        _read(_PROCESSORS / f"cpu{number}" / "topology" / "thread_siblings_list") or str(number)
        for number in os.sched_getaffinity(0)
    }
    return max(1, min(len(siblings), usable_cores()))


def _quota_cores(content: str) -> int | None:
    """`cpu.max` of cgroup v2: "max 100000" or "200000 100000"; a share of a core counts as a core."""
    quota, _, period = content.partition(" ")
    if not quota.isdecimal() or not period.isdecimal() or int(period) == 0:
        return None
    return max(1, -(-int(quota) // int(period)))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
