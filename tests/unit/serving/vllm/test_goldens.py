"""`serve --print` of every servable model equals its golden file; `pytest --update-goldens` writes them anew."""

from __future__ import annotations

import re
import shlex

import pytest

from codeassist.serving.catalogue import Entry
from codeassist.serving.vllm.plan import Plan
from tests.unit.serving.vllm.planned import GOLDENS, asked, plan_for, printed, servable


@pytest.mark.parametrize("entry", servable(), ids=lambda entry: entry.name)
def test_golden(entry: Entry, request: pytest.FixtureRequest) -> None:
    path = GOLDENS / f"{entry.name}.txt"
    shown = printed(entry)
    if request.config.getoption("--update-goldens"):
        path.write_text(shown, encoding="utf-8")
    assert path.exists(), "pytest --update-goldens writes it"
    assert shown == path.read_text(encoding="utf-8")


def test_each_golden_has_its_model() -> None:
    assert {path.stem for path in GOLDENS.glob("*.txt")} == {entry.name for entry in servable()}


@pytest.mark.parametrize("entry", servable(), ids=lambda entry: entry.name)
def test_printed_commands_are_what_is_started(entry: Entry) -> None:
    """A shell splits what is printed into exactly the words and variables that the launcher uses."""
    for _, profile, options in asked(entry):
        plan = plan_for(entry, profile, options)
        for node in plan.nodes if isinstance(plan, Plan) else ():
            words = shlex.split(node.shell().replace("\\\n", " "))
            count = len(node.environment)
            assert dict(word.split("=", 1) for word in words[:count]) == dict(node.environment)
            assert tuple(words[count:]) == node.argv()


@pytest.mark.parametrize("entry", servable(), ids=lambda entry: entry.name)
def test_every_plan_is_guarded(entry: Entry) -> None:
    """No key among the arguments, no documentation pages, no reports to anybody, no code of the model's unasked."""
    for _, profile, options in asked(entry):
        plan = plan_for(entry, profile, options)
        if isinstance(plan, str):
            assert re.fullmatch(r".+[^.]\.", plan), plan
            continue
        flags = [{argument.flag for argument in node.arguments} for node in plan.nodes]
        assert "disable-fastapi-docs" in flags[0]
        assert "uds" in flags[0]
        assert all("headless" in others for others in flags[1:])
        for node, names in zip(plan.nodes, flags, strict=True):
            assert len(names) == len(node.arguments), "a flag is there twice"
            assert not names & {"api-key", "trust-remote-code", "enable-log-requests", "enable-log-outputs"}
            assert node.environment["VLLM_NO_USAGE_STATS"] == node.environment["DO_NOT_TRACK"] == "1"
            assert all(argument.why for argument in node.arguments)
