"""Both unit files, the one that is printed and the one of the team, by systemd's own verifier."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.deploy.printed import FOLDER, printed

VERIFIER = shutil.which("systemd-analyze")
UNITS = {"printed": printed("systemd"), "team": (FOLDER / "codeassist-vllm.service").read_text()}

needs_systemd = pytest.mark.skipif(VERIFIER is None, reason="systemd-analyze is not on this machine")


def complaints(unit: str, folder: Path) -> str:
    """What systemd says of it. The programs are not installed here, so one that exists stands in for each."""
    path = folder / "codeassist-vllm.service"
    for program in ("/opt/codeassist/vllm/bin/vllm", "/usr/bin/curl"):
        unit = unit.replace(program, sys.executable)
    path.write_text(unit)
    command = [str(VERIFIER), "verify", "--man=no", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    # Units of the machine itself are loaded too, and spoken of.
    return "\n".join(line for line in done.stderr.splitlines() if "codeassist-vllm" in line)


@needs_systemd
@pytest.mark.parametrize("name", UNITS)
def test_systemd_has_nothing_to_complain_of(name: str, tmp_path: Path) -> None:
    assert complaints(UNITS[name], tmp_path) == ""


@needs_systemd
@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("NoNewPrivileges=yes", "NoNewPrivilege=yes", "Unknown key"),
        ("Restart=on-failure", "Restart=sometimes", "Failed to parse"),
        ("KillMode=mixed", "KillMode=all", "Failed to parse"),
    ],
)
@pytest.mark.parametrize("name", UNITS)
def test_systemd_would_complain(name: str, right: str, wrong: str, complaint: str, tmp_path: Path) -> None:
    assert right in UNITS[name]
    assert complaint in complaints(UNITS[name].replace(right, wrong), tmp_path)


@pytest.mark.parametrize("name", UNITS)
def test_no_unit_holds_the_key(name: str) -> None:
    assert "api-key" not in UNITS[name]
    assert "VLLM_API_KEY=" not in UNITS[name].replace("# VLLM_API_KEY=...", "")
