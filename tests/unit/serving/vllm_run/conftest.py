"""A fake vLLM that is installed in an interpreter of its own, and a place to serve in."""

from __future__ import annotations

import json
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from codeassist.serving.folders import Folders
from codeassist.serving.vllm.plan import Address, Argument, NodeCommand, Plan
from codeassist.serving.vllm.running.guard import processes

PYTHON = sys.executable
"""Kept: tests put another in its place."""


def install(folder: Path, version: str, distribution: str = "vllm") -> Path:
    """An interpreter that has the fake as vLLM of that version."""
    site = folder / "site"
    metadata = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    for package in ("", "entrypoints", "entrypoints/cli", "entrypoints/openai"):
        (site / "vllm" / package).mkdir(parents=True, exist_ok=True)
        (site / "vllm" / package / "__init__.py").touch()
    fake = Path(__file__).with_name("fake_main.py")
    shutil.copy(fake, site / "vllm" / "entrypoints" / "cli" / "main.py")
    shutil.copy(fake, site / "vllm" / "entrypoints" / "openai" / "api_server.py")
    return script(folder / "python", f'#!/bin/sh\nPYTHONPATH="{site}" exec "{PYTHON}" "$@"\n')


def script(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@dataclass
class Fake:
    """Where the fake is and what it noted."""

    folder: Path
    where: Folders
    python: Path

    @property
    def socket(self) -> Path:
        return self.where.runtime / "vllm.sock"

    def plan(self, *arguments: Argument, address: Address | None = None, **behaviour: Any) -> Plan:
        address = address or Address(socket=self.socket)
        if address.socket:
            listen = [Argument("uds", str(address.socket), "local")]
        else:
            listen = [Argument("host", address.host, "local"), Argument("port", str(address.port), "local")]
        served = Argument("served-model-name", "coder", "short")
        environment = {"FAKE_VLLM": json.dumps({**behaviour, "notes": str(self.folder)})}
        command = NodeCommand(0, "org/coder", (served, *listen, *arguments), environment)
        return Plan("coder", "coder", address, (command,), "a test", "bf16", 8, 1, 4096)

    def note(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text())

    @property
    def starts(self) -> int:
        path = self.folder / "starts"
        return len(path.read_text().splitlines()) if path.exists() else 0

    @property
    def alive(self) -> set[int]:
        """The processes of the fake that live."""
        path = self.folder / "pids"
        return {int(line) for line in path.read_text().splitlines()} & processes().keys() if path.exists() else set()

    def log(self) -> str:
        return "".join(path.read_text() for path in self.where.logs.glob("vllm-*.log"))


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    """A fake vLLM 0.32.0. Its sockets lie in a folder with a short name, as sockets must."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    runtime = Path(tempfile.mkdtemp(prefix="ca-"))
    where = Folders(tmp_path / "models", runtime, tmp_path / "logs")
    found = Fake(tmp_path, where, install(tmp_path / "vllm", "0.32.0"))
    yield found
    shutil.rmtree(runtime, ignore_errors=True)
    assert found.alive == set(), "a test left processes of the fake"
