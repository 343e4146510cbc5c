"""Cases of completion that lie in files, and the repositories that they are cut from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any


@dataclass(frozen=True)
class Place:
    """A line (1-based) of a file."""

    path: str
    line: int


@dataclass(frozen=True)
class UnitTest:
    """How a program is made of a completion and tested: `program` with its placeholders filled ends with 0 in
    `timeout_s` seconds."""

    program: str
    test: str
    entry_point: str
    timeout_s: float


@dataclass(frozen=True)
class Case:
    """A cursor between `prefix` and `suffix`, and what stood there. `bundle`: the file with the repository, if any.

    `test`: None where the reference itself is what is asked for.
    """

    id: str
    language: str
    path: str
    prefix: str
    suffix: str
    reference: str
    max_tokens: int
    bundle: str = ""
    gold: tuple[Place, ...] = ()
    lines: str = "first_line"
    hard: bool = False
    kind: str = ""
    test: UnitTest | None = None


def read_cases(path: Path, limit: int | None = None) -> list[Case]:
    """Raises ValueError for a line that is no case."""
    cases = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            cases.append(_case(json.loads(line)))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{path}:{number}: no case of completion ({error!r})") from error
    return cases if limit is None else cases[:limit]


def _case(row: Mapping[str, Any]) -> Case:
    about, checker = row.get("meta") or {}, row.get("checker") or {}
    files = row.get("files") or ""
    return Case(
        id=str(row["id"]),
        language=str(row["lang"]),
        path=str(row["path"]),
        prefix=str(row["prefix"]),
        suffix=str(row["suffix"]),
        reference=str(row["reference"]),
        max_tokens=int(row.get("max_new_tokens") or 64),
        bundle=files if isinstance(files, str) else "",
        gold=tuple(Place(str(each["path"]), int(each["line"])) for each in row.get("gold_defs") or ()),
        lines=str(checker.get("truncate") or "first_line"),
        hard=not any(
            about.get(name, True) for name in ("symbol_seen_above", "line_also_in_file", "line_also_elsewhere")
        ),
        kind=str(about.get("kind") or ""),
        test=_test(checker) if checker.get("type") == "unittest" else None,
    )


def _test(checker: Mapping[str, Any]) -> UnitTest:
    return UnitTest(
        program=str(checker["program"]),
        test=str(checker["test"]),
        entry_point=str(checker["entry_point"]),
        timeout_s=float(checker["timeout_s"]),
    )


@dataclass
class Repository:
    """The files of a bundle as a folder."""

    root: Path
    files: dict[str, str] = field(default_factory=dict)

    @classmethod
    def unpack(cls, bundle: Path, root: Path) -> Repository:
        """Write the rows {path, text} of `bundle` below `root`. Raises ValueError for a path that leads out of it."""
        found = cls(root)
        for line in bundle.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found.write(row["path"], row["text"])
            found.files[row["path"]] = row["text"]
        return found

    def write(self, path: str, text: str) -> Path:
        parts = PurePosixPath(path)
        if parts.is_absolute() or ".." in parts.parts:
            raise ValueError(f"{path} leads out of the repository")
        target = self.root / parts
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="")
        return target

    @contextmanager
    def cut(self, case: Case) -> Iterator[Path]:
        """The case's file with the answer cut out; afterwards it is as before."""
        target = self.write(case.path, case.prefix + case.suffix)
        try:
            yield target
        finally:
            if case.path in self.files:
                self.write(case.path, self.files[case.path])
            else:
                target.unlink()


def covered(gold: Sequence[Place], context: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a line that defines what is needed stands in the context."""
    return any(
        place.path == each["path"] and each["start_line"] <= place.line <= each["end_line"]
        for place in gold
        for each in context
    )
