"""`codeassist models` and `codeassist engine`: documents, sentences and exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from codeassist.cli.main import cli
from codeassist.cli.models import plain_progress
from codeassist.serving.catalogue import loading as catalogue
from codeassist.serving.sources import Progress
from tests.unit.serving.small_model import CONTENT, FILE_NAME, FileServer, small_entry

DEFAULT = "qwen2.5-coder-0.5b"


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The models folder of a user who has nothing yet."""
    monkeypatch.setenv("CODEASSIST_MODELS__FOLDER", str(tmp_path / "models"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "models"


@pytest.fixture
def small_only(models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue of one small model, which has no source but the one that is named."""
    monkeypatch.setattr(catalogue, "catalogue", lambda: (small_entry(hub=False),))
    return models


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def document(*arguments: str) -> Any:
    result = run(*arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


def test_the_list_says_what_is_installed(models: Path) -> None:
    listed = document("models", "list", "--json")
    assert listed["folder"] == str(models)
    states = {one["name"]: one["state"] for one in listed["models"]}
    assert (states[DEFAULT], states["qwen2.5-coder-1.5b"]) == ("absent", "absent")
    assert (states["qwen3-coder-30b-a3b"], states["kimi-k2"]) == ("remote", "remote")
    first = run("models", "list").stdout.splitlines()[0]
    assert first.startswith(f"{DEFAULT}               absent        491 MB  ")
    assert first.endswith("(default)")


def test_show_has_the_same_facts_as_the_list(models: Path) -> None:
    shown = document("models", "show", DEFAULT, "--json")
    assert shown == document("models", "list", "--json")["models"][0]
    assert f"sha256: {shown['sha256']}" in run("models", "show", DEFAULT).stdout


@pytest.mark.parametrize("command", ["show", "pull", "path", "remove"])
def test_an_unknown_model_is_wrong_usage(command: str, models: Path) -> None:
    result = run("models", command, "nonsense")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("codeassist models: There is no model 'nonsense' in the catalogue; it has ")
    assert result.stderr.count("\n") == 1


def test_the_path_of_a_missing_model_names_the_next_step(models: Path) -> None:
    result = run("models", "path")
    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr == (
        f"codeassist models: The model {DEFAULT} is not installed; run: codeassist models pull {DEFAULT}\n"
    )


def test_a_model_is_pulled_found_and_removed(small_only: Path, server: FileServer) -> None:
    pulled = run("models", "pull", "small", "--from", server.url)
    assert (pulled.exit_code, pulled.stdout) == (0, "")
    assert f"from {server.url}/{FILE_NAME}): {small_only / FILE_NAME}" in pulled.stderr
    assert (small_only / FILE_NAME).read_bytes() == CONTENT
    again = run("models", "pull", "small")
    assert (again.exit_code, again.stderr) == (0, f"small is installed and verified: {small_only / FILE_NAME}\n")
    assert run("models", "path", "small").stdout == f"{small_only / FILE_NAME}\n"
    assert run("models", "remove", "small").stderr == "small is removed (0 MB).\n"
    assert run("models", "remove", "small").stderr == "small is not installed.\n"


def test_a_pull_that_fails_is_one_sentence(small_only: Path) -> None:
    result = run("models", "pull", "small", "--from", "/nowhere")
    assert (result.exit_code, result.stdout) == (4, "")
    last = result.stderr.splitlines()[-1]
    assert last.startswith("codeassist models: No source gives the model small: /nowhere: No such file")


def test_the_mirror_of_the_settings_is_asked_first(
    small_only: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEASSIST_MODELS__MIRROR", server.url)
    assert run("models", "pull", "small").exit_code == 0
    assert len(server.requests) == 1


def test_plain_progress_is_a_line_now_and_then() -> None:
    lines: list[str] = []
    now = 0.0
    show = plain_progress(lines.append, lambda: now)
    show(Progress(0, 100_000_000, "connecting", "Connecting."))
    for step in range(1, 9):
        now = float(step)
        show(Progress(step * 10_000_000, 100_000_000, "downloading", "Downloading."))
    show(Progress(80_000_000, 100_000_000, "skipped", "It broke."))
    show(Progress(100_000_000, 100_000_000, "done", "Done."))
    assert lines == [
        "Connecting.",
        "Downloading. 10 of 100 MB",
        "Downloading. 40 of 100 MB",
        "Downloading. 70 of 100 MB",
        "It broke.",
    ]


def test_no_engine_is_said_in_words_and_as_a_document(models: Path) -> None:
    assert document("engine", "status", "--json") == {"engines": []}
    assert run("engine", "status").stdout == "No engine runs; editors start one when they need it.\n"
    stopped = run("engine", "stop")
    assert (stopped.exit_code, stopped.stderr) == (0, "No engine runs.\n")
    assert run("engine", "stop", "--model", "other").stderr == "No engine for other runs.\n"


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--port", "1", "--socket", "/tmp/a.sock"], 2, "--port and --socket exclude each other."),
        (["--port", "0"], 2, "0 is not in the range"),
        (["--model", "nonsense"], 2, "codeassist engine: There is no model 'nonsense' in the catalogue"),
        ([], 4, f"codeassist engine: The model {DEFAULT} is not installed; run: codeassist models pull {DEFAULT}"),
        (["--model", "./no.gguf"], 4, "codeassist engine: The model file no.gguf cannot be read"),
    ],
)
def test_an_engine_that_cannot_start_says_why(options: list[str], status: int, said: str, models: Path) -> None:
    result = run("engine", "--foreground", *options)
    assert (result.exit_code, result.stdout) == (status, "")
    assert said in result.stderr
