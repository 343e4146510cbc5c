"""What is on the disk: right, wrong, half there or missing, and what `auto` and paths mean."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from codeassist.serving import machine, store
from codeassist.serving.catalogue import embedded_entry
from codeassist.serving.errors import ModelMissing, UnknownModel, WrongModelFile
from codeassist.settings import Settings
from tests.unit.serving.small_model import CONTENT, FILE_NAME, small_entry

FILE = small_entry().file
assert FILE is not None


def settings_for(model: str) -> Settings:
    return Settings.model_validate({"engine": {"model": model}})


def test_a_verified_file_is_hashed_once(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(CONTENT)
    hashed: list[int] = []
    store.verify(tmp_path, "small", FILE, hashed.append)
    assert hashed[-1] == len(CONTENT)
    hashed.clear()
    assert store.verify(tmp_path, "small", FILE, hashed.append) == tmp_path / FILE_NAME
    assert hashed == []


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], b"?" + CONTENT[1:]])
def test_a_wrong_file_names_the_next_step(content: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(WrongModelFile, match=r"; run: codeassist models pull small$"):
        store.verify(tmp_path, "small", FILE)


def test_a_file_changed_after_it_was_verified_is_hashed_again(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(CONTENT)
    store.verify(tmp_path, "small", FILE)
    path.write_bytes(b"?" + CONTENT[1:])
    os.utime(path, ns=(1, 1))
    with pytest.raises(WrongModelFile, match="SHA-256"):
        store.verify(tmp_path, "small", FILE)


def test_a_missing_model_names_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"run: codeassist models pull qwen2\.5-coder-0\.5b"):
        store.locate(Settings(), tmp_path)


@pytest.mark.parametrize(
    ("content", "error"), [(b"GGML....", WrongModelFile), (b"", WrongModelFile), (None, ModelMissing)]
)
def test_a_path_must_be_a_gguf_file(content: bytes | None, error: type[Exception], tmp_path: Path) -> None:
    path = tmp_path / "some.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match="codeassist models pull"):
        store.locate(settings_for(str(path)), tmp_path)


def test_two_files_of_one_name_have_engines_of_their_own(tmp_path: Path) -> None:
    keys = set()
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "my model.gguf"
        path.write_bytes(b"GGUF")
        found = store.locate(settings_for(str(path)), tmp_path)
        assert (found.name, found.size, found.sha256) == ("my-model", 4, "")
        keys.add(found.key)
    assert len(keys) == 2


@pytest.mark.parametrize("name", ["nonsense", "qwen3-coder-30b-a3b"])
def test_what_is_no_embedded_model_is_said(name: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownModel):
        store.locate(settings_for(name), tmp_path)


def test_auto_takes_the_larger_model_only_where_it_is_installed_and_cores_are_many(tmp_path: Path) -> None:
    larger = embedded_entry("qwen2.5-coder-1.5b")[1]
    assert store.preferred(tmp_path, cores=64) == "qwen2.5-coder-0.5b"
    with (tmp_path / larger.name).open("wb") as sparse:
        sparse.truncate(larger.bytes)
    assert store.preferred(tmp_path, cores=8) == "qwen2.5-coder-1.5b"
    assert store.preferred(tmp_path, cores=7) == "qwen2.5-coder-0.5b"


def test_presence_and_removal(tmp_path: Path) -> None:
    assert store.presence(tmp_path, FILE) == "absent"
    store.partial_path(tmp_path, FILE).write_bytes(b"12345")
    assert store.presence(tmp_path, FILE) == "partial"
    (tmp_path / FILE_NAME).write_bytes(b"123")
    assert store.presence(tmp_path, FILE) == "wrong"
    (tmp_path / FILE_NAME).write_bytes(CONTENT)
    assert store.presence(tmp_path, FILE) == "installed"
    assert store.remove(tmp_path, FILE) == len(CONTENT) + 5
    assert store.remove(tmp_path, FILE) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", None), ("200000 100000", 2), ("150000 100000", 2), ("5000 100000", 1), ("", None)],
)
def test_a_container_quota_counts_whole_cores(quota: str, cores: int | None) -> None:
    assert machine._quota_cores(quota) == cores


def test_there_is_at_least_one_core_of_each_kind() -> None:
    assert 1 <= (machine.physical_cores() or 1) <= machine.usable_cores()
