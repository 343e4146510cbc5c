"""Neovim without a terminal, driven over its own RPC by keys. Nothing here waits for a time to pass."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pynvim

from tests.editors.terminal.frames import Screen, screen

ROOT = Path(__file__).resolve().parents[3]
PLUGIN = ROOT / "editors" / "nvim"
LIMIT_S = 30.0
PROGRAMS = {
    "0.11": Path(sys.prefix) / "bin" / "nvim",
    "0.12": ROOT / ".editors" / "debian" / "root" / "usr" / "bin" / "nvim",
}
SERVED = f"vim.lsp.config('codeassist', {{ cmd = {{ '{sys.executable}', '-m', 'codeassist', 'lsp' }} }})"
"""The language server is the one that is tested."""


@dataclass
class Neovim:
    """A running one, which shows the files of `folder`."""

    api: pynvim.Nvim
    folder: Path
    screen: Screen

    def keys(self, keys: str) -> None:
        """Press keys, in Neovim's notation: `A<Space>` goes behind the line's end and writes a space."""
        self.api.input(keys)

    def type(self, keys: str) -> None:
        """Press keys of one character each, the next when what the one before changed was drawn."""
        for key in keys:
            self.screen.begin()
            self.keys("<lt>" if key == "<" else "<Space>" if key == " " else key)
            self.screen.until(lambda _: True)

    def shows(self, text: str) -> None:
        """Wait until the window has this and nothing below it, ghost text included."""
        wanted = tuple(line.rstrip() for line in text.split("\n"))
        self.screen.rests(lambda frame: frame.window == wanted, text)

    def lua(self, code: str, *args: object) -> Any:
        """What a chunk of Lua returns."""
        if self.api.request("nvim_get_mode")["blocking"]:  # It would never answer.
            raise AssertionError("Neovim waits for a key:\n" + "\n".join(self.screen.frames[-1].rows))
        return self.api.exec_lua(code, *args)

    def until(self, code: str, *args: object) -> Any:
        """What a chunk of Lua returns as soon as that is neither nil nor false."""
        return until(lambda: self.lua(code, *args), code)

    def open(self, name: str, text: str | None = None) -> Path:
        """Edit a file of the folder, made with `text` if given."""
        file = self.folder / name
        if text is not None:
            file.write_text(text, encoding="utf-8")
        self.api.command(f"edit {file}")
        return file

    @property
    def text(self) -> str:
        """What is in the buffer."""
        return "\n".join(self.lines)

    def attached(self) -> None:
        """Wait until the language server has begun with this buffer."""
        self.until("local c = vim.lsp.get_clients({ bufnr = 0, name = 'codeassist' })[1] return c and c.initialized")

    @property
    def lines(self) -> list[str]:
        return list(self.api.current.buffer[:])

    @property
    def messages(self) -> str:
        """What `:messages` shows."""
        return str(self.lua("return vim.api.nvim_exec2('messages', { output = true }).output"))


def until(found: Callable[[], Any], what: str) -> Any:
    """What `found` returns as soon as that is true. `what` names it in the error."""
    end = time.monotonic() + LIMIT_S
    while True:
        if value := found():
            return value
        assert time.monotonic() < end, f"not within {LIMIT_S:.0f} s: {what}"
        time.sleep(0.02)


@contextmanager
def neovim(program: Path, folder: Path, variables: Mapping[str, str], init: str = SERVED) -> Iterator[Neovim]:
    """Start it for a user with `variables` as environment and `init` as init.lua, in `folder`, on which a workspace
    begins. The plugin is on the runtime path."""
    (folder / ".codeassist.toml").touch()
    file = folder.parent / f"{folder.name}.init.lua"
    file.write_text(f"vim.opt.runtimepath:append('{PLUGIN}')\n{init}\n", encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="nvim") as short:  # The name of a socket must not be long.
        socket = f"{short}/socket"
        words = ["env", "-C", str(folder), "-i", *(f"{name}={value}" for name, value in variables.items())]
        switches = ["--embed", "--headless", "-n", "-i", "NONE", "--listen", socket, "-u", str(file)]
        api = pynvim.attach("child", argv=[*words, str(program), *switches])
        try:
            api.vars["started"] = True  # It answers: the socket is there.
            with screen(socket) as seen:
                yield Neovim(api, folder, seen)
        finally:
            _end(api)


def _end(api: pynvim.Nvim) -> None:
    """End it whatever it waits for."""
    with suppress(OSError, EOFError):
        api.command("qall!", async_=True)
    api.close()
