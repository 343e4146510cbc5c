"""One life of the process: its log, its family, and the guard that may itself be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codeassist.serving.errors import EngineNotStarted
from codeassist.serving.folders import Folders
from codeassist.serving.vllm.arguments import WrongOptions
from codeassist.serving.vllm.plan import SOCKET_PATH_BYTES, Address
from codeassist.serving.vllm.running import guard
from codeassist.serving.vllm.running.launch import Log, Process, clear_address, environment_for, log_path, sweep
from tests.unit.serving.vllm.making import SOURCE, gpus, model, planned

SLEEP = "import time; time.sleep(600)"
FAMILY = """
import pathlib, subprocess, sys, time
hides = sys.argv[2:] == ["hide"]
# vLLM's processes stay in the session but hide their environment; others do the opposite.
child = subprocess.Popen(
    [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=not hides, env={} if hides else None
)
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
time.sleep(600)
"""


def until(true: Callable[[], Any]) -> None:
    while not true():
        time.sleep(0.02)


def alive(pid: int) -> bool:
    return pid in guard.processes()


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "logs" / "vllm.log", "the-secret-key")


def test_the_status_is_that_of_the_command_and_the_log_its_words(tmp_path: Path, log: Log) -> None:
    code = "print('one'); print('bar 1/2\\rbar 2/2'); print('with the-secret-key in it'); raise SystemExit(7)"
    process = Process([sys.executable, "-c", code], environment_for({}, None, os.environ), log, 1)
    until(lambda: process.status is not None)
    assert process.status == 7
    assert process.tail() == ["one", "bar 2/2", "with the-secret-key in it"]
    process.stop()
    process.stop()
    assert log.path.read_text() == "one\nbar 2/2\nwith *** in it\n"
    assert log.path.stat().st_mode & 0o777 == 0o600


def test_a_signal_is_told_as_one(log: Log) -> None:
    process = Process(
        [sys.executable, "-c", "import os; os.kill(os.getpid(), 11)"], environment_for({}, None, os.environ), log, 1
    )
    until(lambda: process.status is not None)
    assert process.status == -signal.SIGSEGV
    process.stop()


def test_a_command_that_does_not_exist_is_told(log: Log) -> None:
    process = Process(["/nowhere/python"], environment_for({}, None, os.environ), log, 1)
    until(lambda: process.status is not None)
    assert process.status == 127
    assert "/nowhere/python cannot be run" in process.tail()[0]
    process.stop()


def test_a_progress_bar_without_line_ends_is_seen_and_not_logged(log: Log) -> None:
    code = (
        "import sys, time\nfor at in (1, 2):\n"
        "    sys.stdout.write(f'\\rCapturing CUDA graphs (FULL):  9%| | {at}/9 [')\n"
        "    sys.stdout.flush()\ntime.sleep(600)"
    )
    process = Process([sys.executable, "-c", code], environment_for({}, None, os.environ), log, 1)
    until(lambda: process.phase == "capturing graphs, 2/9")
    assert log.path.read_text() == ""
    process.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process cannot be told to die with another")
@pytest.mark.parametrize("hides", [False, True], ids=["by its mark", "by its session"])
def test_what_a_killed_guard_leaves_is_found(tmp_path: Path, log: Log, hides: bool) -> None:
    environment = environment_for({}, None, os.environ)
    note = tmp_path / "child"
    process = Process([sys.executable, "-c", FAMILY, str(note), "hide" * hides], environment, log, 1)
    until(lambda: note.exists() and note.read_text())
    child = int(note.read_text())
    among = guard.processes()
    ours = [pid for pid, kin in among.items() if kin.parent == os.getpid()]
    (guardian,) = [pid for pid in ours if child in guard.descendants([pid], among)]
    os.kill(guardian, signal.SIGKILL)
    until(lambda: process.status is not None)
    assert process.status == -signal.SIGKILL
    assert alive(child)
    process.stop()
    assert not alive(child)
    assert sweep(0, "") == 0


def test_the_guard_ends_all_when_it_is_told_to(tmp_path: Path) -> None:
    note = tmp_path / "child"
    words = [sys.executable, guard.__file__, "1", sys.executable, "-c", FAMILY, str(note)]
    found = subprocess.Popen(words, stdin=subprocess.PIPE)
    until(lambda: note.exists() and note.read_text())
    child = int(note.read_text())
    found.send_signal(signal.SIGTERM)
    assert found.wait() == 128 + signal.SIGTERM
    assert not alive(child)
    assert found.stdin is not None
    found.stdin.close()


def test_a_full_log_is_set_aside_once(tmp_path: Path) -> None:
    log = Log(tmp_path / "vllm.log", max_bytes=100)
    for at in range(60):
        log.write(f"line {at}".encode())
    log.write(b"x" * 100_000)
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vllm.log", "vllm.log.1"]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 20_000


def test_names_of_logs_are_file_names(tmp_path: Path) -> None:
    where = Folders(tmp_path, tmp_path, tmp_path / "logs")
    assert log_path(where, "org/../model:7b").name == "vllm-org-..-model-7b.log"
    assert log_path(where, "../..").name == "vllm-model.log"
    assert log_path(where, "m", 2).name == "vllm-m-node2.log"


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        (Address(host="192.0.2.1", port=8000), "192.0.2.1 is no address of this machine"),
        (Address(host="no such host.invalid", port=8000), "is no address of this machine"),
        (Address(port=99_999), "99999 is no port"),
        (Address(socket=Path("/tmp") / ("x" * 107)), "a whole path of 10[37] bytes at most"),
        (Address(socket=Path("vllm.sock")), "a whole path"),
        (Address(socket=Path("/nowhere/vllm.sock")), "The folder /nowhere is missing"),
    ],
)
def test_an_address_that_cannot_be_is_refused_with_the_next_step(
    tmp_path: Path, address: Address, sentence: str
) -> None:
    with pytest.raises(EngineNotStarted, match=sentence):
        clear_address(address, Folders(tmp_path, tmp_path / "run", tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other limits")
def test_the_longest_path_of_a_socket_is_that_of_the_system() -> None:
    with tempfile.TemporaryDirectory(prefix="ca-") as folder:
        for length, fits in ((SOCKET_PATH_BYTES, True), (SOCKET_PATH_BYTES + 1, False)):
            path = Path(folder) / ("x" * (length - len(folder) - 1))
            where = Folders(Path(folder), Path(folder), Path(folder))
            entry = model(serving={"source": SOURCE})
            if fits:
                clear_address(planned(entry, gpus(1, 80), socket=path).address, where)
                with socket.socket(socket.AF_UNIX) as bound:
                    bound.bind(str(path))
                continue
            with pytest.raises(EngineNotStarted, match="bytes at most"):
                clear_address(Address(socket=path), where)
            with pytest.raises(WrongOptions, match="bytes at most"):
                planned(entry, gpus(1, 80), socket=path)
