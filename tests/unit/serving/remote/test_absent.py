"""What is said of an address of this machine at which nobody listens: the words of the serve that belongs there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from codeassist.model.errors import Overloaded, Unreachable
from codeassist.serving.folders import Folders
from codeassist.serving.remote.absent import with_reason
from codeassist.serving.vllm.running.record import records_folder, serving_lock

URL = "http://127.0.0.1:8000/v1"
AWAY = Unreachable(f"The model server at {URL} is not there (Connection refused); start it or correct server.url.")
OUT_OF_MEMORY = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.50 GiB."
START = "INFO 01-01 00:00:00 [utils.py:1] vLLM API server version 0.33.0"


@pytest.fixture
def where(tmp_path: Path) -> Folders:
    found = Folders(tmp_path / "models", tmp_path / "run", tmp_path / "logs")
    found.logs.mkdir()
    return found


def served(where: Folders, *lines: str, name: str = "vllm-coder.log", age_s: float = 0.0) -> Path:
    """As serve leaves it: a lock that nobody holds, and a log."""
    records_folder(where).mkdir(parents=True, exist_ok=True)
    with serving_lock(where, URL):
        pass
    path = where.logs / name
    path.write_text("".join(f"{line}\n" for line in lines))
    now = path.stat().st_mtime
    os.utime(path, (now - age_s, now - age_s))
    return path


def test_where_nobody_has_served(where: Folders) -> None:
    (where.logs / "vllm-coder.log").write_text(OUT_OF_MEMORY)
    assert str(with_reason(AWAY, URL, where)) == (
        f"The model server at {URL} is not there (Connection refused); start it or correct server.url: "
        "`codeassist serve` starts one, or says why it cannot."
    )
    assert not where.runtime.exists()


def test_what_ended_the_last_serve(where: Folders) -> None:
    log = served(where, START, OUT_OF_MEMORY)
    served(where, START, "ValueError: another story", name="vllm-older.log", age_s=100)
    served(where, START, "ValueError: of a helper", name="vllm-coder-node1.log")
    said = str(with_reason(AWAY, URL, where))
    assert "is not there (Connection refused); the last vLLM of `codeassist serve` ended so: The GPU's memory" in said
    assert said.endswith(f"; the whole log is {log}.")
    assert "choose a smaller quantisation" in said


@pytest.mark.parametrize("over", [START, "INFO:     Application startup complete.", "INFO:     Shutting down"])
def test_what_was_before_a_new_start_is_over(over: str, where: Folders) -> None:
    served(where, START, OUT_OF_MEMORY, over)
    assert "`codeassist serve` starts one" in str(with_reason(AWAY, URL, where))


def test_one_that_runs_is_waited_for(where: Folders) -> None:
    served(where, START)
    with serving_lock(where, URL):
        assert str(with_reason(AWAY, URL, where)).endswith(
            "; `codeassist serve` is starting it: wait until it is ready."
        )
        served_again = where.logs / "vllm-coder.log"
        served_again.write_text(f"{START}\n{OUT_OF_MEMORY}\n")
        said = str(with_reason(AWAY, URL, where))
    assert "is starting it: its last attempt ended so: The GPU's memory is too small" in said


def test_other_errors_and_other_machines_are_left_alone(where: Folders) -> None:
    served(where, START, OUT_OF_MEMORY)
    for error, url in (
        (Overloaded("Full; wait."), URL),
        (Unreachable("Silent; wait.", silent=True), URL),
        (AWAY, "http://gpu.example:8000/v1"),
    ):
        assert with_reason(error, url, where) is error


def test_folders_that_cannot_be_read_are_no_reason(where: Folders) -> None:
    served(where)
    where.logs.joinpath("vllm-coder.log").unlink()
    where.logs.joinpath("vllm-coder.log").mkdir()
    assert "`codeassist serve` starts one" in str(with_reason(AWAY, URL, where))
