"""The models that an editor lets its user choose from, and what it is told when there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pygls.exceptions import JsonRpcException

from tests.e2e.editor import environment, start
from tests.e2e.programs import MISSING, MODEL
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def offered_to(variables: dict[str, str]) -> list[dict[str, Any]]:
    async with start("vscode", variables) as editor:
        offered: list[dict[str, Any]] = await editor.run("codeassist.models")
        return offered


async def test_what_the_server_lists_can_be_chosen(tmp_path: Path) -> None:
    async with FakeVllm(models=(MODEL, "other")) as fake:
        offered = await offered_to(environment(tmp_path, SERVER__URL=fake.base_url))
    assert [(each["name"], each["setting"], each["current"]) for each in offered] == [
        (MODEL, "server.model", True),
        ("other", "server.model", False),
    ]
    assert offered[0]["detail"] == "reads 8,192 tokens"


async def test_a_choice_goes_where_the_choice_before_it_was_made(tmp_path: Path) -> None:
    async with FakeVllm(models=(MODEL, "other")) as fake:
        variables = environment(tmp_path, COMPLETION__SERVER__URL=fake.base_url, COMPLETION__SERVER__MODEL="other")
        offered = await offered_to(variables)
    assert {each["setting"] for each in offered} == {"completion.server.model"}
    assert [each["name"] for each in offered if each["current"]] == ["other"]


async def test_a_server_that_is_away_lists_nothing_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(JsonRpcException, match=r"127\.0\.0\.1:9"):
        await offered_to(environment(tmp_path, known=None, SERVER__URL="http://127.0.0.1:9/v1"))


async def test_without_a_server_the_embedded_models_can_be_chosen_installed_or_not(tmp_path: Path) -> None:
    offered = await offered_to(environment(tmp_path))
    assert {each["setting"] for each in offered} == {"engine.model"}
    assert not any(each["installed"] for each in offered)
    assert len([each for each in offered if each["current"]]) == 1


async def test_an_editor_is_told_that_the_model_is_missing(tmp_path: Path) -> None:
    uri = "file:///workspace/total.py"
    async with start("vscode", environment(tmp_path)) as editor:
        editor.open(uri, "def total(prices):\n    return ")
        assert await editor.complete(uri, 30) is None
        assert (editor.statuses[-1]["state"], editor.statuses[-1]["reason"]) == ("degraded", MISSING.reason)
