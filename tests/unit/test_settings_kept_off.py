"""What users have switched off, and what is theirs alone to say: no workspace changes it."""

from __future__ import annotations

from typing import Any, get_origin

import pytest

from codeassist.settings import USERS_OWN, WORKSPACE_MAY_SET, Layer, build, rule_of
from codeassist.workspace.ignore import leaves_out
from tests.unit.settings_tree import keys

RULES = {key: rule_of(section, name) for key, (section, name) in keys().items() if key not in USERS_OWN}


def test_a_workspace_only_adds_to_what_is_switched_off() -> None:
    own = {"completion": {"exclude": ["secrets/"], "languages_off": ["markdown"], "enabled": False, "learn": False}}
    theirs = {"completion": {"exclude": ["dist/"], "languages_off": [], "enabled": True, "learn": True}}
    settings, problems = build([Layer("user", own), Layer("workspace", theirs, trusted=False)])
    assert settings.completion.exclude == ("dist/", "secrets/")
    assert settings.completion.languages_off == ("markdown",)
    assert not settings.completion.enabled
    assert not settings.completion.learn
    assert [problem.key for problem in problems] == ["completion.learn"]


@pytest.mark.parametrize("own", [False, 0, "off"])
@pytest.mark.parametrize("key", [key for key, rule in RULES.items() if rule == "switch" and not key.startswith("log.")])
def test_a_workspace_switches_on_nothing_that_the_user_has_switched_off(key: str, own: Any) -> None:
    section, name = key.split(".")
    workspace = Layer("workspace", {section: {name: True}}, trusted=False)
    settings, problems = build([Layer("user", {section: {name: own}}), workspace])
    assert getattr(getattr(settings, section), name) is False
    assert problems == ()
    settings, _ = build([workspace])
    assert getattr(getattr(settings, section), name) is True, "the user has not said anything"
    settings, _ = build([Layer("user", {section: {name: True}}), Layer("repository", {section: {name: False}}, False)])
    assert getattr(getattr(settings, section), name) is False, "off is free"


@pytest.mark.parametrize("key", [key for key, rule in RULES.items() if rule == "grows"])
@pytest.mark.parametrize("theirs", [[], ["dist/"], ["secrets/", "dist/"], ["!secrets/", "!**"]])
def test_a_workspace_takes_nothing_from_what_the_user_has_excluded(key: str, theirs: list[str]) -> None:
    section, name = key.split(".")
    own = Layer("user", {section: {name: ["secrets/"]}})
    settings, _ = build([own, Layer("workspace", {section: {name: theirs}}, trusted=False)])
    found = getattr(getattr(settings, section), name)
    assert set(found) == {"secrets/", *theirs}
    assert leaves_out(found, "secrets/s.py")


def test_a_workspace_runs_no_more_than_the_user_does() -> None:
    own, theirs = {"review": {"analyzers": ["infill"]}}, {"review": {"analyzers": ["words", "infill"]}}
    settings, _ = build([Layer("user", own), Layer("workspace", theirs, trusted=False)])
    assert settings.review.analyzers == ("infill",)


def test_what_is_left_out_or_runs_is_under_a_rule() -> None:
    """A list of a section that workspaces may set is under one, or it is named here with the reason why not."""
    lists = {
        key for key, (section, name) in keys().items() if get_origin(section.model_fields[name].annotation) is tuple
    }
    lists = {key for key in lists if key.split(".")[0] in WORKSPACE_MAY_SET and ".server." not in key}
    assert lists == {key for key, rule in RULES.items() if rule in ("grows", "shrinks")}


@pytest.mark.parametrize("theirs", [0.0, 1.0])
def test_how_sure_the_model_must_be_is_for_the_user_to_say(theirs: float) -> None:
    own = Layer("user", {"completion": {"least_probability": 0.4}})
    workspace = Layer("workspace", {"completion": {"least_probability": theirs, "max_lines": 3}}, trusted=False)
    settings, problems = build([own, workspace])
    assert (settings.completion.least_probability, settings.completion.max_lines) == (0.4, 3)
    assert [problem.key for problem in problems] == ["completion.least_probability"]
    assert "not taken from a workspace" in problems[0].message
