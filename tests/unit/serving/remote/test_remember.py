"""What is kept of a server from one session to the next, and what is not."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from codeassist.model.abilities import Abilities
from codeassist.serving.remote.remember import MOST_SERVERS, remember, remembered

URL = "http://10.0.0.7:8000/v1"
FULL = Abilities(
    engine="vllm",
    version="0.32.0",
    max_model_tokens=4096,
    refused_fields=frozenset({"seed", "stream_options.continuous_usage_stats"}),
    priority="yes",
    schema="no",
    fill_in_middle="qwen-coder",
    asked="full",
)


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_what_was_found_is_remembered_per_server_and_model(tmp_path: Path) -> None:
    remember(URL, "m", FULL, folder=tmp_path / "new" / "folder")
    assert remembered(URL, "m", folder=tmp_path / "new" / "folder") == FULL
    assert remembered(URL, "other", folder=tmp_path / "new" / "folder") is None
    assert remembered("http://10.0.0.8:8000/v1", "m", folder=tmp_path / "new" / "folder") is None


def test_the_address_and_the_model_are_not_written_down(tmp_path: Path) -> None:
    remember(URL, "secret-model", FULL, folder=tmp_path)
    path = only_file(tmp_path)
    assert "10.0.0.7" not in path.read_text() + path.name
    assert "secret" not in path.read_text() + path.name


def test_after_thirty_days_it_is_found_out_anew(tmp_path: Path) -> None:
    remember(URL, "m", FULL, folder=tmp_path)
    path = only_file(tmp_path)
    for days, known in ((29, FULL), (31, None), (-1, None)):
        moment = time.time() - days * 86_400
        os.utime(path, (moment, moment))
        assert remembered(URL, "m", folder=tmp_path) == known


def test_what_is_not_news_gets_no_younger(tmp_path: Path) -> None:
    remember(URL, "m", FULL, folder=tmp_path)
    path = only_file(tmp_path)
    moment = time.time() - 20 * 86_400
    os.utime(path, (moment, moment))
    remember(URL, "m", FULL, folder=tmp_path)
    assert path.stat().st_mtime == pytest.approx(moment)
    remember(URL, "m", FULL.without({"priority"}), folder=tmp_path)
    assert path.stat().st_mtime > moment + 86_400
    known = remembered(URL, "m", folder=tmp_path)
    assert known is not None
    assert known.priority == "no"


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "{",
        "[]",
        "null",
        '{"format": 2}',
        "[" * 10_000,
        "x" * 20_000,
        {"engine": "sglang"},
        {"priority": "maybe"},
        {"max_model_tokens": "many"},
        {"refused_fields": 3},
        {"asked": "twice"},
    ],
)
def test_a_broken_file_is_as_none(broken: Any, tmp_path: Path) -> None:
    remember(URL, "m", FULL, folder=tmp_path)
    path = only_file(tmp_path)
    text = broken if isinstance(broken, str) else json.dumps({**json.loads(path.read_text()), **broken})
    path.write_text(text)
    assert remembered(URL, "m", folder=tmp_path) is None
    remember(URL, "m", FULL, folder=tmp_path)
    assert remembered(URL, "m", folder=tmp_path) == FULL


def test_the_oldest_servers_give_way(tmp_path: Path) -> None:
    for number in range(MOST_SERVERS + 2):
        remember(URL, f"m{number}", FULL, folder=tmp_path)
        for path in tmp_path.iterdir():
            os.utime(path, (path.stat().st_mtime - 60,) * 2)
    assert len(list(tmp_path.iterdir())) == MOST_SERVERS
    assert remembered(URL, "m0", folder=tmp_path) is None
    assert remembered(URL, "m1", folder=tmp_path) is None
    assert remembered(URL, "m2", folder=tmp_path) == FULL


def test_what_a_crash_left_is_removed_in_time(tmp_path: Path) -> None:
    fresh, old = tmp_path / "a.1.part", tmp_path / "b.2.part"
    fresh.write_text("{")
    old.write_text("{")
    os.utime(old, (time.time() - 7200,) * 2)
    remember(URL, "m", FULL, folder=tmp_path)
    assert (fresh.exists(), old.exists()) == (True, False)


def test_a_folder_that_cannot_be_made_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    remember(URL, "m", FULL, folder=tmp_path / "file" / "servers")
    assert remembered(URL, "m", folder=tmp_path / "file" / "servers") is None
