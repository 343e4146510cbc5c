"""Pulling a model over HTTP and from files: sources in order, hash, resume, room, two at once."""

from __future__ import annotations

import errno
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from codeassist.serving import sources
from codeassist.serving.download import Pulled, pull
from codeassist.serving.errors import DiskFull, PullFailed, UnknownModel
from codeassist.serving.partial import Disk, RawFile
from codeassist.serving.sources import Progress
from codeassist.serving.store import partial_path, verify
from tests.unit.serving.small_model import CONTENT, FILE_NAME, FileServer, serving, small_entry

ENTRY = small_entry()
FILE = ENTRY.file
assert FILE is not None


def test_a_model_is_downloaded_verified_and_moved_into_place(
    server: FileServer, folder: Path, seen: list[Progress]
) -> None:
    pulled = pull(ENTRY, folder, seen.append, hub_url=server.url)
    assert pulled == Pulled(folder / FILE_NAME, f"{server.url}/owner/small/resolve/main/{FILE_NAME}")
    assert pulled.path.read_bytes() == CONTENT
    assert verify(folder, ENTRY.name, FILE) == pulled.path
    assert sorted(path.name for path in folder.glob("[!.]*")) == [FILE_NAME, f"{FILE_NAME}.verified.json"]
    assert seen[-1] == Progress(len(CONTENT), len(CONTENT), "done", "small is installed.")
    done = [now.done_bytes for now in seen if now.stage == "downloading"]
    assert done == sorted(done)


def test_an_installed_model_is_not_downloaded_again(server: FileServer, folder: Path, seen: list[Progress]) -> None:
    pull(ENTRY, folder, seen.append, hub_url=server.url)
    assert pull(ENTRY, folder, seen.append, hub_url=server.url) == Pulled(folder / FILE_NAME, None)
    assert len(server.requests) == 1


def test_a_damaged_installed_model_is_replaced(server: FileServer, folder: Path, seen: list[Progress]) -> None:
    folder.mkdir()
    (folder / FILE_NAME).write_bytes(b"GGUF" + bytes(len(CONTENT) - 4))
    assert pull(ENTRY, folder, seen.append, hub_url=server.url).source is not None
    assert (folder / FILE_NAME).read_bytes() == CONTENT


def test_a_connection_cut_again_and_again_costs_only_what_was_cut(
    server: FileServer, folder: Path, seen: list[Progress]
) -> None:
    server.cut_after = [50_000, 60_000, 70_000]
    pull(ENTRY, folder, seen.append, hub_url=server.url)
    ranges = [(request.get("range"), request.get("if-range")) for request in server.requests]
    assert ranges == [
        (None, None),
        ("bytes=50000-", '"one"'),
        ("bytes=110000-", '"one"'),
        ("bytes=180000-", '"one"'),
    ]
    assert (folder / FILE_NAME).read_bytes() == CONTENT


class Interrupted(Exception):
    pass


def interrupt_at(done_bytes: int) -> Callable[[Progress], None]:
    def on_progress(now: Progress) -> None:
        if now.stage == "downloading" and now.done_bytes >= done_bytes:
            raise Interrupted

    return on_progress


def test_an_interrupted_pull_goes_on_where_it_stopped(server: FileServer, folder: Path, seen: list[Progress]) -> None:
    server.cut_after = [80_000]
    with pytest.raises(Interrupted):
        pull(ENTRY, folder, interrupt_at(1), hub_url=server.url)
    kept = json.loads((folder / f"{FILE_NAME}.partial.json").read_text())["good_bytes"]
    assert kept > 0
    pull(ENTRY, folder, seen.append, hub_url=server.url)
    assert server.requests[-1]["range"] == f"bytes={kept}-"
    assert (folder / FILE_NAME).read_bytes() == CONTENT


def test_bytes_written_after_the_last_mark_do_not_count(server: FileServer, folder: Path, seen: list[Progress]) -> None:
    with pytest.raises(Interrupted):
        pull(ENTRY, folder, interrupt_at(1), hub_url=server.url)
    # What a kill in the middle of a write leaves behind.
    with partial_path(folder, FILE).open("ab") as stream:
        stream.write(b"half a block")
    pull(ENTRY, folder, seen.append, hub_url=server.url)
    assert (folder / FILE_NAME).read_bytes() == CONTENT


@pytest.mark.parametrize("mark", ["", "nonsense", '{"good_bytes": -1}', '{"good_bytes": 999999999}', "[]"])
def test_a_mark_that_makes_no_sense_means_from_the_start(
    mark: str, server: FileServer, folder: Path, seen: list[Progress]
) -> None:
    folder.mkdir()
    partial_path(folder, FILE).write_bytes(b"x" * 1000)
    (folder / f"{FILE_NAME}.partial.json").write_text(mark)
    pull(ENTRY, folder, seen.append, hub_url=server.url)
    assert "range" not in server.requests[0]
    assert (folder / FILE_NAME).read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_starts_over(server: FileServer, folder: Path, seen: list[Progress]) -> None:
    with pytest.raises(Interrupted):
        pull(ENTRY, folder, interrupt_at(1), hub_url=server.url)
    server.etag = '"two"'
    pull(ENTRY, folder, seen.append, hub_url=server.url)
    assert server.requests[-1]["if-range"] == '"one"'
    assert (folder / FILE_NAME).read_bytes() == CONTENT


def test_a_server_without_a_validator_starts_over(server: FileServer, folder: Path, seen: list[Progress]) -> None:
    server.etag = None
    with pytest.raises(Interrupted):
        pull(ENTRY, folder, interrupt_at(1), hub_url=server.url)
    pull(ENTRY, folder, seen.append, hub_url=server.url)
    assert "range" not in server.requests[-1]
    assert (folder / FILE_NAME).read_bytes() == CONTENT


def test_old_bytes_that_do_not_belong_to_the_new_ones_cost_one_more_round(
    server: FileServer, folder: Path, seen: list[Progress]
) -> None:
    with pytest.raises(Interrupted):
        pull(ENTRY, folder, interrupt_at(1), hub_url=server.url)
    with partial_path(folder, FILE).open("r+b") as stream:
        stream.write(b"damage")
    pull(ENTRY, folder, seen.append, hub_url=server.url)
    assert "range" in server.requests[-2]
    assert "range" not in server.requests[-1]
    assert (folder / FILE_NAME).read_bytes() == CONTENT


def test_a_wrong_hash_is_said_and_the_next_source_is_tried(
    server: FileServer, folder: Path, tmp_path: Path, seen: list[Progress]
) -> None:
    wrong = tmp_path / "wrong.gguf"
    wrong.write_bytes(CONTENT[:-1] + b"?")
    pulled = pull(ENTRY, folder, seen.append, mirror=str(wrong), hub_url=server.url)
    note = f"{wrong}: its file is not the model, the SHA-256 is wrong"
    assert pulled.notes == (note,)
    assert [now.message for now in seen if now.stage == "skipped"] == [f"{note}."]
    assert pulled.path.read_bytes() == CONTENT


def test_when_all_sources_fail_each_reason_and_the_next_step_are_told(folder: Path, seen: list[Progress]) -> None:
    with serving(FileServer(status=404)) as missing, pytest.raises(PullFailed) as failed:
        pull(ENTRY, folder, seen.append, mirror=str(folder / "nowhere"), hub_url=missing.url)
    message = str(failed.value)
    assert "nowhere: No such file or directory" in message
    assert "127.0.0.1 answers 404" in message
    assert message.endswith("run: codeassist models pull small --from PATH_OR_URL")
    assert not (folder / FILE_NAME).exists()


@pytest.mark.parametrize("content", [CONTENT[:-5], CONTENT + b"more", b"<html>not here</html>"])
def test_another_size_is_refused_before_anything_is_downloaded(
    content: bytes, server: FileServer, folder: Path, seen: list[Progress]
) -> None:
    server.content = content
    with pytest.raises(PullFailed, match=f"has {len(content)} bytes instead of {len(CONTENT)}"):
        pull(ENTRY, folder, seen.append, hub_url=server.url)
    assert not partial_path(folder, FILE).exists()


def test_an_address_where_nothing_listens_is_said(folder: Path, seen: list[Progress]) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # Not listening: connecting is refused.
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        with pytest.raises(PullFailed, match=r"127\.0\.0\.1 cannot be reached"):
            pull(ENTRY, folder, seen.append, hub_url=url)


def test_a_host_that_swallows_connections_is_given_up_after_the_budget(
    folder: Path, seen: list[Progress], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "CONNECT_BUDGET_S", 0.2)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(4):  # Fill the queue of connections; the next one gets no answer at all.
            other = socket.socket()
            other.setblocking(False)
            other.connect_ex(full.getsockname())
            waiting.append(other)
        with pytest.raises(PullFailed, match=r"no connection within|timed out"):
            pull(ENTRY, folder, seen.append, hub_url=f"http://127.0.0.1:{full.getsockname()[1]}")
        for other in waiting:
            other.close()


@pytest.mark.parametrize("kind", ["file", "folder", "base URL", "URL of the file"])
def test_a_mirror_may_be_a_file_a_folder_or_an_address(
    kind: str, server: FileServer, folder: Path, tmp_path: Path, seen: list[Progress]
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / FILE_NAME).write_bytes(CONTENT)
    mirror = {
        "file": str(tmp_path / "here" / FILE_NAME),
        "folder": str(tmp_path / "here"),
        "base URL": f"{server.url}/models/",
        "URL of the file": f"{server.url}/other-name.gguf",
    }[kind]
    pulled = pull(small_entry(hub=False), folder, seen.append, mirror=mirror)
    assert pulled.path.read_bytes() == CONTENT
    paths = [request["path"] for request in server.requests]
    assert paths == {"base URL": [f"/models/{FILE_NAME}"], "URL of the file": ["/other-name.gguf"]}.get(kind, [])


def test_the_password_of_a_mirror_is_never_shown(folder: Path, seen: list[Progress]) -> None:
    with serving(FileServer(status=403)) as refusing:
        place = refusing.url.replace("//", "//user:secret@")
        with pytest.raises(PullFailed) as failed:
            pull(small_entry(hub=False), folder, seen.append, mirror=place)
    assert "answers 403" in str(failed.value)
    assert "secret" not in str(failed.value) + "".join(now.message for now in seen)


class SmallDisk(Disk):
    """Has `free` bytes; the file meets its end `hidden` bytes earlier than promised."""

    def __init__(self, free: int, room: int) -> None:
        self.free = free
        self.room = room

    def free_bytes(self, folder: Path) -> int:
        return self.free

    def open(self, path: Path) -> RawFile:
        return FullFile(super().open(path), self)


class FullFile:
    def __init__(self, inner: RawFile, disk: SmallDisk) -> None:
        self._inner = inner
        self._disk = disk
        self.seek, self.truncate, self.fileno, self.close = inner.seek, inner.truncate, inner.fileno, inner.close

    def write(self, block: memoryview, /) -> int | None:
        if self._disk.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self._inner.write(block[: self._disk.room]) or 0
        self._disk.room -= written
        return written


def test_too_little_room_is_said_before_anything_is_asked(
    server: FileServer, folder: Path, seen: list[Progress]
) -> None:
    with pytest.raises(DiskFull, match=r"has 64 MB free and 64 MB are needed; make room.*models\.folder"):
        pull(ENTRY, folder, seen.append, hub_url=server.url, disk=SmallDisk(64_000_000, 0))
    assert server.requests == []


def test_a_disk_that_fills_up_ends_the_pull_and_keeps_what_is_good(
    server: FileServer, folder: Path, seen: list[Progress]
) -> None:
    with pytest.raises(DiskFull, match=r"is full: 1 MB more are needed; make room and pull again"):
        pull(ENTRY, folder, seen.append, hub_url=server.url, disk=SmallDisk(10**9, 90_000))
    pull(ENTRY, folder, seen.append, hub_url=server.url)
    assert "range" in server.requests[-1]
    assert (folder / FILE_NAME).read_bytes() == CONTENT


def test_a_second_pull_waits_for_the_first(server: FileServer, folder: Path, seen: list[Progress]) -> None:
    folder.mkdir()
    first = FileLock(folder / f".{FILE_NAME}.lock", thread_local=False)
    first.acquire()

    def on_progress(now: Progress) -> None:
        seen.append(now)
        if now.stage == "waiting":
            (folder / FILE_NAME).write_bytes(CONTENT)
            first.release()

    assert pull(ENTRY, folder, on_progress, hub_url=server.url).source is None
    assert seen[0] == Progress(0, len(CONTENT), "waiting", "Waiting for another download of small.")
    assert server.requests == []


def test_a_remote_model_cannot_be_pulled(folder: Path, seen: list[Progress]) -> None:
    remote = small_entry().model_copy(update={"file": None, "kind": "remote"})
    with pytest.raises(UnknownModel, match="small is served by vLLM"):
        pull(remote, folder, seen.append)
