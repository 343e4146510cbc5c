"""The file of findings that are known already: read, asked, and brought up to date."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from codeassist.cli.main import EXIT_USAGE, Failure
from codeassist.cli.plain import plain
from codeassist.cli.source import Source
from codeassist.post.baseline import BASELINE_FILE, LARGEST_BASELINE_BYTES, Baseline, BaselineError, parse_baseline
from codeassist.post.findings import Finding


@dataclass(frozen=True, slots=True)
class Known:
    """What is known already. `file`: where that stands or would stand; None: nothing is known and nothing is kept."""

    file: Path | None
    baseline: Baseline = field(default_factory=Baseline)

    def path_of(self, source: Source) -> str:
        """A file as the baseline names it: relative to the folder of the baseline, with forward slashes."""
        if self.file is None:
            return source.listed
        folder = self.file.absolute().parent.resolve()
        with suppress(ValueError):  # On another drive of Windows.
            return Path(os.path.relpath(source.real, folder)).as_posix()
        return source.listed

    def covers(self, source: Source, finding: Finding) -> bool:
        return self.baseline.covers(self.path_of(source), finding)

    def updated(self, reviewed: Collection[str], found: Iterable[tuple[str, Finding]]) -> Known:
        """With all that was `found`, and of the files that were `reviewed` as a whole with nothing else."""
        listed = list(found)
        return Known(self.file, self.baseline.pruned(reviewed, listed).with_findings(listed))

    def write(self) -> None:
        """Put it into its file, whole or not at all. Raises Failure."""
        if self.file is None:
            return
        folder = self.file.absolute().parent
        try:
            handle, name = tempfile.mkstemp(prefix=".codeassist-", dir=folder)
            try:
                with os.fdopen(handle, "w", encoding="ascii", newline="\n") as writer:
                    writer.write(self.baseline.text)
                Path(name).chmod(0o644)  # It is made to be committed; temporary files are readable by one only.
                Path(name).replace(self.file)
            finally:
                with suppress(FileNotFoundError):
                    Path(name).unlink()
        except OSError as error:
            raise Failure(
                f"cannot write the baseline {plain(os.fspath(self.file))}: {error.strerror or error}"
            ) from error


def known_at(root: Path | None, named: Path | None, *, must_exist: bool) -> Known:
    """The baseline in `named`, or else in the file of the usual name in `root`, if it is there. Raises Failure for one
    that cannot be read or is none, and where `must_exist` if it is not there."""
    file = named or ((root or Path()) / BASELINE_FILE)
    name = plain(os.fspath(file))
    try:
        # A pipe or a terminal would be read for ever, and a repository can have a link to one.
        if not stat.S_ISREG(file.stat().st_mode):
            raise Failure(f"{name}: not a regular file, so this is no baseline", EXIT_USAGE)
        with file.open("rb") as reader:
            data = reader.read(LARGEST_BASELINE_BYTES + 1)
        if len(data) > LARGEST_BASELINE_BYTES:
            megabytes = LARGEST_BASELINE_BYTES // 1_000_000
            raise Failure(f"{name}: larger than {megabytes} MB, so this is no baseline", EXIT_USAGE)
        return Known(file, parse_baseline(data.decode("utf-8")))
    except FileNotFoundError as error:
        if must_exist:
            raise Failure(f"there is no baseline {name}; `--update-baseline` makes one", EXIT_USAGE) from error
        return Known(file)
    except UnicodeDecodeError as error:
        raise Failure(f"{name}: not UTF-8, so this is no baseline", EXIT_USAGE) from error
    except BaselineError as error:
        mend = "mend it, or remove it and make it anew with `--update-baseline`"
        raise Failure(f"{name}: {error}; {mend}", EXIT_USAGE) from error
    except OSError as error:
        raise Failure(f"cannot read the baseline {name}: {error.strerror or error}", EXIT_USAGE) from error
