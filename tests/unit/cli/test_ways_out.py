"""Every way out of the command line has a documented exit code."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from codeassist.cli.main import COMMANDS, LazyGroup, cli


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (KeyboardInterrupt(), 4, "interrupted"),
        (click.Abort(), 4, "interrupted"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 4, ""),
        (RuntimeError("oops"), 4, "internal error: RuntimeError"),
        (click.UsageError("no"), 2, "no"),
        (SystemExit(1), 1, ""),
        (None, 0, ""),
    ],
)
def test_exit_codes(raised: BaseException | None, status: int, said: str) -> None:
    @click.command()
    def work() -> None:
        if raised is not None:
            raise raised

    class Group(LazyGroup):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            return work if cmd_name == "lsp" else None

    assert "lsp" in COMMANDS
    result = CliRunner().invoke(Group("codeassist"), ["lsp"])
    assert result.exit_code == status
    assert said in result.output


def test_what_is_no_file_is_wrong_usage(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "missing.py"):
        result = CliRunner().invoke(cli, ["complete", f"{place}:1:1"])
        assert result.exit_code == 2, result.output


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    result = CliRunner().invoke(cli, ["complete", f"{tmp_path / 'pipe.py'}:1:1"])
    assert result.exit_code == 2
    assert "not a regular file" in result.output
