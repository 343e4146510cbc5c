"""What a role's model is taken for: by its name, else by what its server was found to be able to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codeassist.flow.asking import FAST, SLOW
from codeassist.model.abilities import Abilities
from codeassist.model.scripted import ScriptedModel
from codeassist.server.binding import Models
from codeassist.serving.remote.model import RemoteModel
from codeassist.settings import Settings
from tests.unit.serving.test_remote_model import A, Team

URL = {"server": {"url": A, "model": "nobody-knows-this"}}


def settings_of(tree: dict[str, Any]) -> Settings:
    return Settings.model_validate(tree)


def models_over(team: Team) -> Models:
    return Models(lambda _settings, _role: team.model)


@pytest.mark.parametrize(
    ("name", "family", "found", "taken_for"),
    [
        ("Qwen/Qwen2.5-Coder-7B", "auto", "starcoder2", "qwen-coder"),
        ("nobody-knows-this", "auto", "starcoder2", "starcoder2"),
        ("nobody-knows-this", "auto", "", "chat"),
        ("Qwen/Qwen2.5-Coder-7B", "granite-4", "starcoder2", "granite-4"),
    ],
)
async def test_the_family_is_the_users_the_names_or_what_the_vocabulary_shows(
    name: str, family: str, found: str, taken_for: str
) -> None:
    team = Team(A, name=name)
    team.servers[A].able = Abilities(fill_in_middle=found, asked="quick")
    settings = settings_of({"server": {"url": A, "model": name, "family": family}})
    bound = await models_over(team).bound(settings, "completion")
    assert (bound.family.name, bound.name) == (taken_for, name)
    assert (bound.parallel, bound.cost) == (4, FAST)


async def test_a_model_that_nobody_knows_is_not_asked_to_review_in_words() -> None:
    bound = await models_over(Team(A, name="nobody-knows-this")).bound(settings_of(URL), "review")
    assert not bound.can_review


async def test_what_is_found_out_later_holds_from_then_on() -> None:
    team = Team(A, name="nobody-knows-this")
    models = models_over(team)
    first = await models.bound(settings_of(URL), "completion")
    assert (first.family.name, first.rule.give_way) == ("chat", "always")
    team.servers[A].abilities = Abilities(asked="full", priority="yes", fill_in_middle="qwen-coder")
    second = await models.bound(settings_of(URL), "completion")
    assert (second.family.name, second.rule.give_way) == ("qwen-coder", "while-read")


async def test_a_scripted_model_stands_for_a_small_engine() -> None:
    models = Models(lambda _settings, _role: ScriptedModel(""))
    bound = await models.bound(settings_of({"server": {"family": "qwen-coder"}}), "completion")
    assert (bound.parallel, bound.cost, bound.abilities) == (1, SLOW, Abilities())


@pytest.mark.parametrize(
    ("review", "shared"),
    [
        ({}, True),
        ({"family": "chat"}, True),  # That changes how a request is written, not where it goes.
        ({"model": "another"}, False),
        ({"fallback_urls": ["http://other/v1"]}, False),
        ({"url": "http://other/v1"}, False),
    ],
)
async def test_roles_of_one_server_share_one_model(
    review: dict[str, Any], shared: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    models = Models(workspace=lambda: tmp_path)
    settings = settings_of({**URL, "review": {"server": review}})
    for role in ("completion", "review"):
        models._made[role] = (settings, models._connect(settings, role))  # type: ignore[index]
    first, second = (models._made[role][1] for role in ("completion", "review"))  # type: ignore[index]
    assert isinstance(first, RemoteModel)
    assert (first is second) == shared
    await models.aclose()
