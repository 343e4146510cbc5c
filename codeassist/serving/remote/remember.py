"""Remembers per server what it can do, so that connecting again costs two small requests.

One file for each server, in the user's cache folder: editors that run side by side do not undo each other's writes.
Named by a hash, and without keys, addresses or code in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from codeassist.model.abilities import Abilities
from codeassist.serving.folders import APPLICATION

MOST_SERVERS = 64
KEPT_DAYS = 30
_MOST_BYTES = 16_384
_FORMAT = 1
_ADAPTER = TypeAdapter(Abilities)


def remembered(url: str, model: str, *, folder: Path | None = None) -> Abilities | None:
    """What was found of the server at `url` for `model` ("" for its first) in the last 30 days; None for nothing.

    Give it to `probe` as `known`: that checks whether the engine is still the same one.
    """
    try:
        path = _path(url, model, folder)
        if not 0 <= time.time() - path.stat().st_mtime <= KEPT_DAYS * 86_400 or path.stat().st_size > _MOST_BYTES:
            return None
        return _read(path.read_bytes())
    except (OSError, ValidationError, ValueError, TypeError, RecursionError):
        return None  # Nothing there, or nothing of ours: it is found out anew.


def remember(url: str, model: str, abilities: Abilities, *, folder: Path | None = None) -> None:
    """Keep `abilities` for the server; the files that are oldest give way. Never raises: a cache may be missing."""
    if remembered(url, model, folder=folder) == abilities:
        return  # What is not news does not get older days.
    with suppress(OSError):
        path = _path(url, model, folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        document = {**asdict(abilities), "refused_fields": sorted(abilities.refused_fields), "format": _FORMAT}
        _write(path, document)
        _prune(path.parent)


def _path(url: str, model: str, folder: Path | None) -> Path:
    if folder is None:
        import platformdirs

        folder = platformdirs.user_cache_path(APPLICATION, appauthor=False) / "servers"
    name = hashlib.sha256("\n".join((url, model)).encode("utf-8", "replace")).hexdigest()
    return folder / f"{name}.json"


def _read(data: bytes) -> Abilities:
    document = json.loads(data)
    if not isinstance(document, dict) or document.pop("format", None) != _FORMAT:
        raise ValueError("another form of the file")
    return _ADAPTER.validate_python({**document, "refused_fields": frozenset(document.get("refused_fields", ()))})


def _write(path: Path, document: Mapping[str, Any]) -> None:
    """Whole or not at all, also if two of us write at once."""
    draft = path.with_suffix(f".{os.getpid()}.part")
    try:
        draft.write_text(json.dumps(document, sort_keys=True), encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _prune(folder: Path) -> None:
    """At most so many servers; the ones that were seen longest ago go, and what a crash left behind."""

    def age(path: Path) -> float:
        try:
            return -path.stat().st_mtime
        except OSError:
            return 0.0  # Another process removed it.

    for path in sorted(folder.glob("*.json"), key=age)[MOST_SERVERS:]:
        path.unlink(missing_ok=True)
    for path in folder.glob("*.part"):
        if age(path) > 0 or time.time() + age(path) > 3600:
            path.unlink(missing_ok=True)
