"""Keys in files: ours alone, stable, and never what somebody else put there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from codeassist.serving.errors import EngineNotStarted, UnsafeFolder
from codeassist.serving.folders import Folders
from codeassist.serving.vllm.running import keys as keys_module
from codeassist.serving.vllm.running.keys import key_path, keys_folder, read_key, take_key
from codeassist.serving.vllm.running.record import (
    ServingRecord,
    key_for,
    read_serving,
    records_folder,
    running,
    serving_lock,
    write_serving,
)

URL = "http://127.0.0.1:8000/v1"


def test_a_key_stays_until_a_new_one_is_wanted(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    key, path = take_key(folder, URL)
    assert len(key) >= 43
    assert (folder.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
    assert take_key(folder, URL) == (key, path)
    assert read_key(path) == key
    assert take_key(folder, URL, new=True)[0] != key
    assert [entry.name for entry in folder.iterdir()] == [path.name]


def test_each_address_has_its_own(tmp_path: Path) -> None:
    urls = [
        URL,
        "http://127.0.0.1:8001/v1",
        "unix:///run/user/1000/codeassist/vllm.sock",
        "unix:///run/other/vllm.sock",
    ]
    assert len({take_key(tmp_path / "keys", url)[0] for url in urls}) == 4
    assert key_path(tmp_path, URL).name.startswith("127.0.0.1-8000-v1-")
    assert key_path(tmp_path, "unix:///" + "x" * 500).parent == tmp_path


def test_a_key_that_others_can_read_is_refused_and_replaced_on_demand(tmp_path: Path) -> None:
    key, path = take_key(tmp_path / "keys", URL)
    path.chmod(0o640)
    with pytest.raises(EngineNotStarted, match="use --new-key"):
        take_key(tmp_path / "keys", URL)
    assert read_key(path) is None
    new, _ = take_key(tmp_path / "keys", URL, new=True)
    assert new != key
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "short", "x" * 40 + "\nand more", "ключ" * 20, "a" * 2000])
def test_what_is_no_key_is_not_used(tmp_path: Path, content: str) -> None:
    _, path = take_key(tmp_path / "keys", URL)
    path.write_text(content)
    with pytest.raises(EngineNotStarted, match=r"holds no key of ours; remove it"):
        take_key(tmp_path / "keys", URL)
    assert read_key(path) is None


def test_a_link_in_the_place_of_the_key_is_not_followed(tmp_path: Path) -> None:
    _, path = take_key(tmp_path / "keys", URL)
    secret = tmp_path / "secret"
    secret.write_text("s" * 43)
    secret.chmod(0o600)
    path.unlink()
    path.symlink_to(secret)
    assert read_key(path) is None
    with pytest.raises(EngineNotStarted, match="cannot be read"):
        take_key(tmp_path / "keys", URL)


@pytest.mark.parametrize("new", [False, True])
def test_a_folder_in_the_place_of_the_key_is_said_in_one_sentence(tmp_path: Path, new: bool) -> None:
    _, path = take_key(tmp_path / "keys", URL)
    path.unlink()
    path.mkdir()
    with pytest.raises(
        EngineNotStarted, match=rf"^{path} should be the key file .* remove it, and a new key is made\.$"
    ):
        take_key(tmp_path / "keys", URL, new=new)
    assert read_key(path) is None


def test_a_pipe_in_the_place_of_the_key_holds_nobody_up(tmp_path: Path) -> None:
    _, path = take_key(tmp_path / "keys", URL)
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(EngineNotStarted, match="is no file; remove it"):
        take_key(tmp_path / "keys", URL)


def test_a_folder_of_keys_that_cannot_be_written_is_said_with_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "keys").mkdir(mode=0o700)
    monkeypatch.setattr(keys_module.os, "open", full)
    with pytest.raises(
        EngineNotStarted, match=r"cannot be written \(No space left on device\); see that you may write"
    ):
        take_key(tmp_path / "keys", URL, new=True)


def test_a_folder_that_cannot_be_made_is_said_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnsafeFolder, match=r"cannot be made \(.*\); see that .* is a folder where you may write\.$"):
        take_key(tmp_path / "file" / "keys", URL)


def test_an_open_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys").chmod(0o755)
    with pytest.raises(UnsafeFolder, match="chmod 700"):
        take_key(tmp_path / "keys", URL)


def test_keys_lie_in_the_users_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert keys_folder() == tmp_path / "codeassist" / "keys"


def test_a_record_gives_its_key_to_its_address_while_its_lock_is_held(tmp_path: Path) -> None:
    where = Folders(tmp_path / "models", tmp_path / "run", tmp_path / "logs")
    assert running(where) == ()
    assert key_for(URL, where) is None
    records_folder(where).mkdir(parents=True)
    key, path = take_key(tmp_path / "keys", URL)
    record = ServingRecord(
        url=URL, model="m", served_name="m", pid=1, started=1.0, log="l", key_file=str(path), vllm_version="0.32.0",
        max_model_len=0, seats=1,
    )  # fmt: skip
    write_serving(where, record)
    assert read_serving(where, URL) == record
    assert key not in records_folder(where).joinpath(next(records_folder(where).glob("*.json"))).read_text()
    assert (key_for(URL, where), running(where)) == (None, ())
    with serving_lock(where, URL):
        assert running(where) == (record,)
        assert key_for(URL, where) == key_for("http://127.0.0.1:8000", where) == key_for(URL + "/", where) == key
        for other in (
            "http://127.0.0.1:8001/v1",
            "http://127.0.0.2:8000/v1",
            "https://127.0.0.1:8000/v1",
            "nonsense",
            "",
        ):
            assert key_for(other, where) is None
        # A record that was moved to the place of another address opens nothing.
        moved = record.model_copy(update={"url": "http://127.0.0.1:9/v1"})
        next(records_folder(where).glob("*.json")).write_text(moved.model_dump_json())
        assert key_for(URL, where) is None
        next(records_folder(where).glob("*.json")).write_text("{")
        assert (key_for(URL, where), running(where)) == (None, ())
    assert key_for(URL, where) is None
