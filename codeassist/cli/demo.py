"""`codeassist demo`: a completion and a review with its fix on the example project, through the language server.

The server is started over stdio exactly as an editor starts it, and driven by LSP messages only.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codeassist.cli.main import Failure

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

    from codeassist.cli.editor import Editor

FILE = "orders.py"
TYPED = '''

def customers_of(orders):
    """Return the names of all customers, each once, sorted."""
    '''
PLANTED_IN = "largest_line"
TOUCHED = '    """Return the order line with the largest total, or None if the order has no lines."""'
_REVIEW_LIMIT_S = 180.0
_COMPLETION_LIMIT_S = 60.0


@click.command(help="Show a completion and a review with its fix on an example project.")
@click.option("--keep", is_flag=True, help="Keep the working copy of the example and say where it is.")
def demo(keep: bool) -> None:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    example = _example()
    folder = Path(tempfile.mkdtemp(prefix="codeassist-demo-"))
    try:
        shop = folder / "shop"
        shutil.copytree(example, shop)
        _obtain_model(console)
        asyncio.run(_show(console, shop))
        if keep:
            console.print(f"The working copy is in {shop}")
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _example() -> Path:
    """The example project: in the repository, or inside the installed package."""
    here = Path(__file__).resolve()
    for place in (here.parents[2] / "examples" / "shop", here.parents[1] / "examples" / "shop"):
        if (place / FILE).is_file():
            return place
    raise Failure("the example project is missing; reinstall codeassist")


def _obtain_model(console: Console) -> None:
    from codeassist.cli.models import pull
    from codeassist.settings import load

    settings, _problems = load()
    if settings.server.url or settings.completion.server.url:
        console.print("Using the model server of your settings.")
        return
    click.get_current_context().invoke(pull)


class _Clock:
    """Names and seconds of what the demo waited for."""

    def __init__(self, console: Console) -> None:
        self.rows: list[tuple[str, float]] = []
        from codeassist.cli.model import Waiting

        self._console = console
        self._shown: Status | None = None
        self._what = ""
        self._lines = Waiting()

    def tell(self, message: str) -> None:
        """Say more about what is waited for just now."""
        if self._shown is not None:
            self._shown.update(f"{self._what} … {message}")
        else:
            self._lines.say(message)

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Say what is waited for while the body runs, and note how long it took."""
        begin = time.perf_counter()
        self._what = what
        if self._console.is_terminal:
            with self._console.status(f"{what} …") as self._shown:
                yield
            self._shown = None
        else:
            self._console.print(f"{what} …")
            yield
        self.rows.append((what, time.perf_counter() - begin))


async def _show(console: Console, shop: Path) -> None:
    from codeassist.cli.editor import Editor

    clock = _Clock(console)
    with clock.waiting("Starting the language server"):
        editor = await Editor.start(shop, clock.tell)
    try:
        await _completion(console, clock, editor, shop / FILE)
        await _review(console, clock, editor, shop / FILE)
    finally:
        await editor.stop()
    _table(console, clock)
    _next_steps(console)


async def _completion(console: Console, clock: _Clock, editor: Editor, file: Path) -> None:
    console.rule("1. An inline completion")
    editor.open(file)
    editor.insert_at_end(TYPED)
    console.print("You type:")
    _code(console, TYPED.strip("\n") + "▏")
    with clock.waiting("Starting the engine, reading the file, first completion"):
        item = await editor.completion(_COMPLETION_LIMIT_S)
    if item is None:
        raise Failure(f"no completion came: {await editor.why_silent()}")
    console.print("The model offers, and you accept with Tab:")
    _code(console, "    " + item.text)
    await editor.accept(item)
    editor.insert_at_end("\n\n\ndef order_count(orders, customer):\n    ")
    with clock.waiting("Second completion, with the file in the engine's cache"):
        again = await editor.completion(_COMPLETION_LIMIT_S)
    if again is not None:
        _code(console, "def order_count(orders, customer):\n    " + again.text)
        await editor.accept(again)


async def _review(console: Console, clock: _Clock, editor: Editor, file: Path) -> None:
    console.rule("2. A review on save")
    if _tests_pass(file.parent):
        raise Failure("the example's test passes before the fix: the planted bug is gone")
    console.print(f"The example's test fails: there is a bug in {PLANTED_IN}(). You change its docstring and save.")
    editor.replace(TOUCHED, TOUCHED.replace("Return the order line", "Return the line"))
    with clock.waiting("Reviewing the changed functions, line by line"):
        try:
            findings = await editor.save_and_wait(_REVIEW_LIMIT_S)
        except asyncio.TimeoutError:
            why = await editor.why_silent()
            raise Failure(f"the review is not done after {_REVIEW_LIMIT_S:.0f} s: {why}") from None
    for finding in findings:
        console.print(f"  {file.name}:{finding.range.start.line + 1}: {finding.message}", markup=False)
    planted = [finding for finding in findings if editor.in_function(finding, PLANTED_IN)]
    if not planted:
        raise Failure(f"the review did not find the planted bug: {await editor.why_silent()}")
    with clock.waiting("Applying the quick fix"):
        title = await editor.apply_fix(planted[0])
    console.print(f"Quick fix applied: {title}", markup=False)
    if not _tests_pass(file.parent):
        raise Failure("the quick fix was applied, but the example's test still fails")
    console.print("The example's own test passes now.")


def _tests_pass(folder: Path) -> bool:
    command = [sys.executable, "-B", "-m", "unittest", "-q", "test_orders"]
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=60, check=False).returncode == 0


def _code(console: Console, text: str) -> None:
    from rich.padding import Padding
    from rich.syntax import Syntax

    console.print(Padding(Syntax(text, "python", background_color="default"), (0, 0, 0, 4)))


def _table(console: Console, clock: _Clock) -> None:
    from rich.table import Table

    table = Table(title="What it took")
    table.add_column("Step")
    table.add_column("Seconds", justify="right")
    for name, seconds in clock.rows:
        table.add_row(name, f"{seconds:.2f}")
    console.print(table)


def _next_steps(console: Console) -> None:
    command = _command()
    console.rule("Next steps")
    console.print(
        f"""Neovim 0.11 or later, in init.lua:
    vim.opt.runtimepath:append('{_neovim_plugin()}')
    vim.lsp.config('codeassist', {{ cmd = {{ '{command}', 'lsp' }} }})
    vim.lsp.enable('codeassist')
    require('codeassist').setup()
VS Code: the extension (docs/editors.md) finds codeassist, or installs its own; to have it take this one:
    "codeassist.command": ["{command}"]
A larger model on your own GPU server: set server.url in {_user_file()} (README, "Your own server").
Without an editor:  codeassist complete FILE:LINE:COLUMN   codeassist review FILE   codeassist doctor""",
        markup=False,
    )


def _neovim_plugin() -> str:
    """Where the plugin is, if this is a clone; an installed package has none."""
    folder = Path(__file__).resolve().parents[2] / "editors" / "nvim"
    return str(folder) if folder.is_dir() else "/path/to/codeassist/editors/nvim"


def _command() -> str:
    """How an editor starts codeassist: its name if that is on the path, else the script beside this Python."""
    if shutil.which("codeassist"):
        return "codeassist"
    return str(Path(sys.executable).with_name("codeassist"))


def _user_file() -> Path:
    from codeassist.settings import user_file

    return user_file()
