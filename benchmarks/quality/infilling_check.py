"""Whether a completion does what is asked for: its program passes the case's tests, or it is what stood there.

The programs are what a model wrote, and they are run. They get limits, a folder and an environment of their own, but no
walls: run this in a container that is thrown away. POSIX systems only.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from math import ceil
from pathlib import Path

from fim_cases import Case, UnitTest
from fim_measure import exact
from infilling_replay import Answer

_DOCUMENT = "{prefix}{completion}{suffix}"
_PLACEHOLDER = re.compile(r"\{(prefix|test|entry_point)\}")
_RUN = """\
import resource, runpy, sys
path, seconds, memory, file_size = sys.argv[1], *map(int, sys.argv[2:])
for name, limit in (("RLIMIT_CPU", seconds), ("RLIMIT_AS", memory), ("RLIMIT_FSIZE", file_size)):
    try:
        resource.setrlimit(getattr(resource, name), (limit, limit))
    except (OSError, ValueError):
        pass  # macOS has no limit of address space.
sys.argv[:] = [path]
runpy.run_path(path, run_name="__main__")
"""
_MEMORY_BYTES = 1024**3
_FILE_BYTES = 1024**2


def check(asked: Sequence[tuple[Case, Answer]]) -> list[bool]:
    """Whether each answer is right, in order. As many programs run at a time as there are processors.

    Raises ValueError for a case whose program is not made of the document and what comes behind it.
    """
    programs = {program_of(case.test, answer.program): case.test for case, answer in asked if case.test}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = pool.map(passes, programs, [test.timeout_s for test in programs.values()])
        passed = dict(zip(programs, outcomes, strict=True))
    return [
        passed[program_of(case.test, answer.program)] if case.test else exact(answer.inserted, case)
        for case, answer in asked
    ]


def program_of(test: UnitTest, document: str) -> str:
    """The program that tests `document`."""
    if test.program.count(_DOCUMENT) != 1:
        raise ValueError(f"the program of a test holds {_DOCUMENT} once, not {test.program!r}")
    texts = {"prefix": document, "test": test.test, "entry_point": test.entry_point}
    return _PLACEHOLDER.sub(lambda found: texts[found[1]], test.program.replace(_DOCUMENT, "{prefix}"))


def passes(program: str, timeout_s: float) -> bool:
    """Run a Python program and whatever it starts for at most `timeout_s` seconds; whether it ended with 0."""
    with tempfile.TemporaryDirectory(prefix="codeassist-infilling-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "program.py"
        path.write_text(program, encoding="utf-8", errors="surrogatepass")
        limits = (str(ceil(timeout_s)), str(_MEMORY_BYTES), str(_FILE_BYTES))
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", _RUN, str(path), *limits],
            cwd=folder,
            env={"PATH": os.environ.get("PATH", os.defpath)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return process.wait(timeout_s) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
