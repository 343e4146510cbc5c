"""Finding a running engine without one: folders, records, locks, leases, patience."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codeassist.serving.embedded import leases
from codeassist.serving.embedded.enginelog import MAX_LOG_BYTES, lines_since, open_log, reason_in
from codeassist.serving.embedded.patience import Patience, parse_metrics
from codeassist.serving.embedded.record import (
    EngineRecord,
    engine_lock,
    lock_path,
    read_record,
    record_path,
    records,
    remove_record,
    runs,
    write_record,
)
from codeassist.serving.embedded.supervise import answering, endpoint_of, stop_engine
from codeassist.serving.errors import UnsafeFolder
from codeassist.serving.folders import folders, make_private
from codeassist.settings import Settings

FACTS: dict[str, Any] = {
    "pid": 4_000_000,
    "url": "unix:///nowhere/engine.sock",
    "token": "t" * 43,
    "key": "small",
    "model": "small",
    "path": "/models/small.gguf",
    "size": 1,
    "sha256": "",
    "engine": "test",
    "started": 1.0,
    "context_tokens": 4096,
    "threads": 0,
    "idle_s": 600.0,
    "log": "/logs/small.log",
}


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    make_private(tmp_path / "run")
    return tmp_path / "run"


def test_a_record_is_for_its_owner_only_and_hides_its_key(runtime: Path) -> None:
    record = EngineRecord.model_validate(FACTS)
    write_record(runtime, record)
    assert read_record(runtime, "small") == record
    assert record_path(runtime, "small").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in runtime.iterdir()] == ["small.json"]
    assert record.token not in repr(record) + repr(endpoint_of(record))
    remove_record(runtime, "small")
    remove_record(runtime, "small")
    assert read_record(runtime, "small") is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff garbage",
        b"[]",
        b"{}",
        json.dumps(FACTS | {"pid": "me"}).encode(),
        json.dumps(FACTS | {"pid": 0}).encode(),
        json.dumps(FACTS | {"token": "short"}).encode(),
        json.dumps(FACTS | {"key": "another"}).encode(),
        json.dumps(FACTS | {"url": "http://example.org/v1"}).encode(),
        json.dumps(FACTS | {"url": "http://127.0.0.1@example.org/v1"}).encode(),
        json.dumps(FACTS | {"url": "unix://host/path"}).encode(),
        json.dumps(FACTS)[:-9].encode(),
    ],
)
def test_a_record_that_makes_no_sense_is_no_record(content: bytes, runtime: Path) -> None:
    record_path(runtime, "small").write_bytes(content)
    assert read_record(runtime, "small") is None
    assert records(runtime) == ()


def test_only_a_held_lock_makes_an_engine_run(runtime: Path) -> None:
    write_record(runtime, EngineRecord.model_validate(FACTS))
    assert not runs(runtime, "small")
    assert not lock_path(runtime, "small").exists()
    assert not stop_engine(runtime, "small")
    with engine_lock(runtime, "small", 0):
        assert runs(runtime, "small")
        assert [record.key for record in records(runtime)] == ["small"]
        # The lock alone is not enough: nobody answers there.
        assert answering(runtime, "small") is None
    assert not runs(runtime, "small")


def test_the_runtime_folder_must_be_ours_alone(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o755)
    with pytest.raises(UnsafeFolder, match="run: chmod 700"):
        make_private(open_to_all)
    link = tmp_path / "link"
    link.symlink_to(open_to_all)
    with pytest.raises(UnsafeFolder, match="is not a folder"):
        make_private(link)
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(UnsafeFolder):
        make_private(file)
    make_private(tmp_path / "new" / "own")
    assert (tmp_path / "new" / "own").stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to give a folder away")
def test_a_runtime_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    os.chown(other, 12_345, 12_345)
    with pytest.raises(UnsafeFolder, match="belongs to another user"):
        make_private(other)


def test_the_runtime_folder_is_the_users_own_or_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert folders(Settings()).runtime == tmp_path / "codeassist"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "missing"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert folders(Settings()).runtime == tmp_path / "cache" / "codeassist" / "run"


def test_leases_are_counted_and_dead_ones_deleted(runtime: Path) -> None:
    first, second = leases.take_lease(runtime, "small"), leases.take_lease(runtime, "small")
    assert leases.live_leases(runtime, "small") == 2
    assert leases.live_leases(runtime, "other") == 0
    first.release()
    first.release()
    assert leases.live_leases(runtime, "small") == 1
    (leases.lease_folder(runtime, "small") / "left-by-a-crash").touch()
    assert leases.live_leases(runtime, "small") == 1
    second.release()
    assert list(leases.lease_folder(runtime, "small").iterdir()) == []


def test_a_killed_client_loses_its_lease(runtime: Path) -> None:
    program = "import sys; from pathlib import Path; from codeassist.serving.embedded.leases import take_lease\n"
    program += "lease = take_lease(Path(sys.argv[1]), 'small'); print('taken', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(runtime)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "taken\n"
        assert leases.live_leases(runtime, "small") == 1
        client.kill()
        client.wait()
        assert leases.live_leases(runtime, "small") == 0


BUSY = {"requests_processing": 1.0}


def test_an_engine_without_requests_stops() -> None:
    patience = Patience(idle_s=60, orphan_s=10, now=0, expects_leases=False)
    assert patience.why_stop(59, {}, 1) is None
    assert patience.why_stop(60, {}, 1) == "no request came for 1 min"


def test_work_and_counters_that_grow_keep_an_engine() -> None:
    patience = Patience(idle_s=60, orphan_s=10, now=0, expects_leases=False)
    assert patience.why_stop(50, {"prompt_tokens_total": 5}, 1) is None
    assert patience.why_stop(109, {"prompt_tokens_total": 5}, 1) is None
    assert patience.why_stop(109.5, {"prompt_tokens_total": 5} | BUSY, 1) is None
    assert patience.why_stop(160, {"prompt_tokens_total": 5}, 1) is None
    assert patience.why_stop(170, {"prompt_tokens_total": 5}, 1) is not None


def test_an_engine_stops_some_time_after_its_last_client() -> None:
    patience = Patience(idle_s=1000, orphan_s=10, now=0, expects_leases=False)
    assert patience.why_stop(500, BUSY, 0) is None  # Started by hand: nobody is missed.
    assert patience.why_stop(501, BUSY, 1) is None
    assert patience.why_stop(502, BUSY, 0) is None
    assert patience.why_stop(511, BUSY, 0) is None
    assert patience.why_stop(511.5, BUSY, 1) is None  # Another editor came in time.
    assert patience.why_stop(512, BUSY, 0) is None
    assert patience.why_stop(522, BUSY, 0) == "no client is left"


def test_an_engine_whose_client_never_came_stops_too() -> None:
    patience = Patience(idle_s=1000, orphan_s=10, now=100, expects_leases=True)
    assert patience.why_stop(109, {}, 0) is None
    assert patience.why_stop(110, {}, 0) == "no client is left"


def test_metrics_are_read_and_the_rest_is_skipped() -> None:
    text = "# HELP llamacpp:a words 1\nllamacpp:a_total 5\nother 7\nllamacpp:b nonsense\nllamacpp:c 0.5\n\n"
    assert parse_metrics(text) == {"a_total": 5.0, "c": 0.5}


def test_a_full_log_is_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "engine.log"
    os.close(open_log(log))
    assert log.stat().st_mode & 0o777 == 0o600
    log.write_bytes(b"x" * (MAX_LOG_BYTES + 1))
    os.close(open_log(log))
    assert (log.stat().st_size, log.with_name("engine.log.1").stat().st_size) == (0, MAX_LOG_BYTES + 1)


def test_the_lines_of_a_log_begin_where_they_are_asked_to(tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    assert lines_since(log) == []
    log.write_bytes(b"old\n" + b"\xff one\n\ntwo\n")
    assert lines_since(log, 4) == ["� one", "two"]
    assert lines_since(log, 10_000) == ["old", "� one", "two"]  # It was set aside meanwhile.


def test_the_reason_is_found_whatever_is_written_after_it() -> None:
    assert reason_in(["noise codeassist engine: The file is damaged.", "E more noise"]) == "The file is damaged."
    assert reason_in(["noise"]) == ""
