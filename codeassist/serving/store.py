"""The model files on this machine: which there are, where, and whether they are what they should be.

Hashing half a gigabyte at each start would cost seconds, so a file that was verified has a record beside it
(size, time of change, hash); while these agree the file is believed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from codeassist.serving.catalogue import DEFAULT_MODEL, ModelFile, catalogue, embedded_entry, find
from codeassist.serving.errors import ModelMissing, WrongModelFile
from codeassist.serving.machine import usable_cores
from codeassist.settings import Settings

GGUF_MAGIC = b"GGUF"
READ_BYTES = 4 << 20
LARGER_MODEL = "qwen2.5-coder-1.5b"
LARGER_MODEL_CORES = 8

Presence = Literal["installed", "partial", "wrong", "absent"]


@dataclass(frozen=True, slots=True)
class Located:
    """A model file to load. `name`: what it is served as. `key`: names its engine's socket, lock and log.

    `sha256` is empty for a file that the catalogue does not know.
    """

    name: str
    key: str
    path: Path
    size: int
    sha256: str


def locate(settings: Settings, folder: Path, name: str | None = None) -> Located:
    """The file of the model that `name` or the settings ask for: a catalogue name, `auto`, or a path.

    Raises UnknownModel, ModelMissing or WrongModelFile. Hashes the file if it was never verified.
    """
    wanted = name or settings.engine.model
    if wanted == "auto":
        wanted = preferred(folder)
    if find(wanted) is None and _looks_like_path(wanted):
        return _located_path(Path(wanted).expanduser())
    entry, file = embedded_entry(wanted)
    path = verify(folder, entry.name, file)
    return Located(entry.name, entry.name, path, file.bytes, file.sha256)


def preferred(folder: Path, cores: int | None = None) -> str:
    """What `auto` means on this machine."""
    cores = usable_cores() if cores is None else cores
    if cores >= LARGER_MODEL_CORES and presence(folder, embedded_entry(LARGER_MODEL)[1]) == "installed":
        return LARGER_MODEL
    return DEFAULT_MODEL


def presence(folder: Path, file: ModelFile) -> Presence:
    """What is there of a model, from sizes alone: cheap enough for a list."""
    path = folder / file.name
    try:
        size = path.stat().st_size
    except OSError:
        return "partial" if partial_path(folder, file).exists() else "absent"
    return "installed" if size == file.bytes else "wrong"


def verify(folder: Path, name: str, file: ModelFile, on_bytes: Callable[[int], None] | None = None) -> Path:
    """The path of a model whose hash is right; raises ModelMissing or WrongModelFile.

    Reads the whole file only if it has no valid record. `on_bytes` gets the number of bytes hashed so far.
    """
    path = folder / file.name
    try:
        found = path.stat()
    except OSError:
        raise ModelMissing(f"The model {name} is not installed; run: codeassist models pull {name}") from None
    again = f"run: codeassist models pull {name}"
    if found.st_size != file.bytes:
        raise WrongModelFile(f"{path} has {found.st_size} bytes instead of {file.bytes}; {again}")
    if _record(path) == _facts(found, file.sha256):
        return path
    if file_sha256(path, on_bytes) != file.sha256:
        raise WrongModelFile(f"{path} is not the model {name}: its SHA-256 is wrong; {again}")
    write_record(path, file.sha256)
    return path


def write_record(path: Path, sha256: str) -> None:
    """Remember that `path` was verified. A read-only folder costs a hash at each start, nothing more."""
    with suppress(OSError):
        draft = _record_path(path).with_suffix(".new")
        draft.write_text(json.dumps(_facts(path.stat(), sha256)), encoding="utf-8")
        draft.replace(_record_path(path))


def remove(folder: Path, file: ModelFile) -> int:
    """Delete a model, what was downloaded of it, and its records. Returns the bytes set free."""
    path, partial = folder / file.name, partial_path(folder, file)
    freed = 0
    for victim in (path, partial, _record_path(path), partial.with_name(partial.name + ".json")):
        with suppress(FileNotFoundError):
            size = victim.stat().st_size
            victim.unlink()
            freed += size
    return freed


def partial_path(folder: Path, file: ModelFile) -> Path:
    """Where an unfinished download of the file is kept."""
    return folder / f"{file.name}.partial"


def file_sha256(path: Path, on_bytes: Callable[[int], None] | None = None) -> str:
    """SHA-256 of a file in hexadecimal."""
    digest = hashlib.sha256()
    done = 0
    with path.open("rb") as stream:
        while block := stream.read(READ_BYTES):
            digest.update(block)
            done += len(block)
            if on_bytes is not None:
                on_bytes(done)
    return digest.hexdigest()


def installed(folder: Path) -> tuple[str, ...]:
    """Names of the embedded models whose files are there with the right size."""
    return tuple(e.name for e in catalogue() if e.file and presence(folder, e.file) == "installed")


def _looks_like_path(wanted: str) -> bool:
    return wanted.lower().endswith(".gguf") or "/" in wanted or os.sep in wanted


def _located_path(path: Path) -> Located:
    try:
        with path.open("rb") as stream:
            magic = stream.read(len(GGUF_MAGIC))
        size = path.stat().st_size
    except OSError as error:
        why = error.strerror or str(error)
        raise ModelMissing(
            f"The model file {path} cannot be read ({why}); give the path of a GGUF file, or run: "
            f"codeassist models pull {DEFAULT_MODEL}"
        ) from None
    if magic != GGUF_MAGIC:
        raise WrongModelFile(
            f"{path} is not a GGUF file; for a model that works run: codeassist models pull {DEFAULT_MODEL}"
        )
    whole = path.resolve()
    name = "".join(c if c.isalnum() or c in "._-" else "-" for c in path.stem)[:40] or "model"
    # Two files of one name in two folders are two models.
    key = f"{name}-{hashlib.sha256(os.fsencode(whole)).hexdigest()[:8]}"
    return Located(name, key, whole, size, "")


def _record_path(path: Path) -> Path:
    return path.with_name(path.name + ".verified.json")


def _facts(found: os.stat_result, sha256: str) -> dict[str, object]:
    return {"size": found.st_size, "mtime_ns": found.st_mtime_ns, "sha256": sha256}


def _record(path: Path) -> object:
    try:
        return json.loads(_record_path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
