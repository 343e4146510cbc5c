"""What keeps an engine from starting, without starting one: ports, sockets, a missing package."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from codeassist.serving.embedded import supervise
from codeassist.serving.embedded.engine import EngineOptions, batch_tokens, run, writing_threads
from codeassist.serving.embedded.enginelog import EngineLog
from codeassist.serving.embedded.record import engine_lock, record_path
from codeassist.serving.errors import EngineNotStarted
from codeassist.serving.folders import Folders
from codeassist.serving.store import Located


@pytest.fixture
def where(tmp_path: Path) -> Folders:
    return Folders(models=tmp_path / "models", runtime=tmp_path / "run", logs=tmp_path / "logs")


def start(where: Folders, **options: Any) -> tuple[int, list[str]]:
    said: list[str] = []
    model = Located("small", "small", where.models / "small.gguf", 4, "")
    log = EngineLog(where.logs / "engine.log", redirect=False)
    return run(EngineOptions(model, where, **options), log, said.append), said


def test_a_taken_port_is_named_with_the_next_step(where: Folders) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(EngineNotStarted, match=rf"^Port {port} on 127\.0\.0\.1 is taken; choose another with"):
            start(where, port=port)


def test_a_second_engine_says_that_one_runs_and_is_no_failure(where: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codeassist.serving.embedded.engine.LOCK_WAIT_S", 0)
    where.runtime.mkdir(mode=0o700)
    with engine_lock(where.runtime, "small", 0):
        assert start(where) == (0, ["An engine for small is already running and still loading."])


def test_a_missing_package_names_the_command_that_installs_it(where: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(EngineNotStarted, match=r"run: pip install 'codeassist\[embedded\]'"):
        start(where)


@pytest.mark.parametrize("name", ["x" * 100 + ".sock", "no-suffix"])
def test_a_path_that_cannot_be_a_socket_is_refused(name: str, where: Folders) -> None:
    with pytest.raises(EngineNotStarted, match="leave --socket out"):
        start(where, socket_path=Path("/tmp") / name)


def test_a_file_in_the_place_of_the_socket_is_left_alone(where: Folders, tmp_path: Path) -> None:
    precious = Path("/tmp") / f"codeassist-test-{tmp_path.name[-20:]}.sock"
    precious.write_text("mine")
    try:
        with pytest.raises(EngineNotStarted, match="is no socket"):
            start(where, socket_path=precious)
        assert precious.read_text() == "mine"
    finally:
        precious.unlink()


def test_a_file_that_the_engine_cannot_load_is_explained_and_nothing_is_left(
    where: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise RuntimeError("Failed to init server")

    parameters = SimpleNamespace(
        model=SimpleNamespace(), cpuparams=SimpleNamespace(), cpuparams_batch=SimpleNamespace()
    )
    library = SimpleNamespace(CommonParams=lambda: parameters, Server=refuse, __version__="0")
    monkeypatch.setitem(sys.modules, "xllamacpp", library)
    with pytest.raises(EngineNotStarted, match=r"cannot load .*small\.gguf.*its log is .*engine\.log"):
        start(where)
    assert not record_path(where.runtime, "small").exists()
    assert parameters.n_ctx == 2 * 4096
    assert parameters.n_parallel == 2
    assert len(parameters.api_keys[0]) >= 32
    assert parameters.endpoint_metrics is True
    assert parameters.cors_origins == ""


def test_small_machines_read_prompts_in_small_steps() -> None:
    assert [writing_threads(cores) for cores in (1, 2, 4)] == [1, 1, 3]
    assert [batch_tokens(threads) for threads in (1, 2, 8, 64)] == [128, 128, 256, 512]


def test_an_engine_of_a_checkout_is_of_the_same_one() -> None:
    first = supervise._environment()["PYTHONPATH"].split(os.pathsep)[0]
    assert (Path(first) / "codeassist" / "__init__.py").is_file()
