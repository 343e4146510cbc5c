"""How `codeassist review` ends: by Ctrl-C, when nobody reads on, and in front of somebody at a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.commands import DONE, OTHER
from tests.e2e.editor import DEADLINE_S, environment
from tests.e2e.programs import BUGGY, RIGHT, is_review, knowing
from tests.fake_vllm import FakeVllm

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither these signals nor these terminals"),
]

FUNCTIONS = 12
MANY = "".join(f"def f{number}(a):\n    return a\n\n\n" for number in range(FUNCTIONS))
MANY_RIGHT = MANY.replace("return a", "return len(a)")


def started(home: Path, fake: FakeVllm, *arguments: str, **streams: Any) -> subprocess.Popen[bytes]:
    """The command in a process of its own session, so that what a terminal sends reaches it alone."""
    return subprocess.Popen(
        [sys.executable, "-m", "codeassist", "review", *arguments],
        env={**environment(home, SERVER__URL=fake.base_url), "TERM": "xterm-256color", **streams.pop("variables", {})},
        cwd=home,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams},
    )


async def ended(process: subprocess.Popen[bytes]) -> tuple[int, bytes, bytes]:
    out, err = await asyncio.to_thread(process.communicate, timeout=DEADLINE_S)
    return process.returncode, out or b"", err or b""


async def test_ctrl_c_leaves_what_was_found_so_far(fake: FakeVllm, tmp_path: Path) -> None:
    knows = knowing(MANY, MANY_RIGHT)
    asked = 0

    def answer(body: dict[str, Any]) -> str:
        nonlocal asked
        asked += is_review(body)
        if asked > FUNCTIONS - 2:
            fake.behaviour.trouble = "hang"
        return knows(body)

    fake.answer = answer
    (tmp_path / "many.py").write_text(MANY)
    process = started(tmp_path, fake, "many.py", "--format", "json", "--fail-on", "info")
    await fake.until(lambda counts: counts.held > 0)
    process.send_signal(signal.SIGINT)
    code, out, err = await ended(process)
    document = json.loads(out)
    assert code == OTHER
    assert 0 < len(document["findings"]) < FUNCTIONS
    assert document["stats"]["partial"]
    assert b"interrupted; what is shown is what was found so far" in err
    assert b"Traceback" not in err
    await fake.until(lambda counts: counts.held == 0)  # The engine was told, too.


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
async def test_nobody_reads_on(form: str, fake: FakeVllm, tmp_path: Path) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    (tmp_path / "shop.py").write_text(BUGGY)
    reads, writes = os.pipe()
    os.close(reads)
    process = started(tmp_path, fake, "shop.py", "--format", form, "--fail-on", "info", stdout=writes)
    os.close(writes)
    code, _, err = await ended(process)
    assert (code, err) == (OTHER, b"")


def seen_on(terminal: int) -> bytes:
    """All that was written to a terminal, until nobody can write any more."""
    seen = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # Linux's word for the end.
            return seen
        if not piece:
            return seen
        seen += piece


@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}])
async def test_at_a_narrow_terminal(variables: dict[str, str], fake: FakeVllm, tmp_path: Path) -> None:
    """Colours unless they are not wanted; progress comes and goes; lines of code are cut where the terminal ends."""
    import fcntl
    import pty
    import struct
    import termios

    long = BUGGY.replace("price < best:", "price < best and price == price and price == price and price == price:")
    fake.answer = knowing(long, long.replace("price < best", "price > best"))
    (tmp_path / "shop.py").write_text(long)
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    process = started(tmp_path, fake, "shop.py", stdout=inner, stderr=inner, variables=variables)
    os.close(inner)
    seen = await asyncio.to_thread(seen_on, outer)
    os.close(outer)
    code, _, _ = await ended(process)
    assert code == DONE
    assert b"wrong-operator" in seen
    assert (b"\x1b[33mwarning" in seen) == (not variables)
    (code_line,) = [line for line in seen.decode().split("\r\n") if "if price < best" in line]
    assert "…" in code_line
