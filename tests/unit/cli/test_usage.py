"""Commands that were called wrongly: exit code 2, one sentence on stderr, nothing on stdout."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from codeassist.cli.main import EXIT_USAGE, cli


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own, with one file, and nobody's settings."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.py").write_text("x = 1\n")
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ("telepathy",),
        ("complete",),
        ("complete", "shop.py"),
        ("complete", "shop.py:2"),
        ("complete", "shop.py:0:1"),
        ("complete", "shop.py:1:0"),
        ("complete", "shop.py:1:00"),
        ("complete", "shop.py:9:1"),
        ("complete", "shop.py:1:99"),
        ("complete", "shop.py:-1:1"),
        ("complete", "shop.py:1:1", "--jsonl"),
        ("review",),
        ("review", "missing.py"),
        ("review", "shop.py", "--format", "xml"),
        ("review", "shop.py", "--fail-on", "never"),
        ("lsp", "--stdio", "--tcp", "127.0.0.1:0"),
        ("lsp", "--tcp", "0.0.0.0:4711"),
        ("lsp", "--tcp", "192.0.2.1:4711"),
        ("lsp", "--tcp", "localhost"),
        ("lsp", "--tcp", "localhost:99999"),
        ("lsp", "--tcp", "localhost:x"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli, arguments)
    assert (result.exit_code, result.stdout) == (EXIT_USAGE, "")
    assert "Error: " in result.stderr
