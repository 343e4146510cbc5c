"""Servers as a team has them: several, busy ones, ones that order their queue; and what they are told about us."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.editor import DEADLINE_S, KNOWN, Editor, environment, start
from tests.e2e.places import CURSOR, cut
from tests.e2e.programs import BUGGY, MODEL, RIGHT, is_review, knowing
from tests.fake_vllm import Behaviour, FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT, AT = cut(f"def total(prices):\n    return {CURSOR}\n")
URI = "file:///workspace/total.py"
BUGGY_URI = "file:///workspace/buggy.py"
PARALLEL = 4


def server(**changes: Any) -> FakeVllm:
    return FakeVllm(models=(MODEL,), answer="sum(prices)\n", **changes)


async def until_completed(editor: Editor) -> None:
    """Ask until there is an answer: a server that was in trouble is asked again after a moment."""
    end = asyncio.get_running_loop().time() + DEADLINE_S
    while await editor.complete(URI, AT) is None:
        assert asyncio.get_running_loop().time() < end, editor.statuses[-1]


async def test_another_server_answers_while_the_first_is_in_trouble(tmp_path: Path) -> None:
    async with server() as first, server() as second:
        urls = {"SERVER__URL": first.base_url, "SERVER__FALLBACK_URLS": second.base_url}
        async with start("vscode", environment(tmp_path, **urls)) as editor:
            editor.open(URI, TEXT)
            assert await editor.complete(URI, AT) is not None
            assert second.received == []
            first.behaviour = Behaviour(status=500)
            for _ in range(3):
                assert await editor.complete(URI, AT) is not None
            (message,) = editor.messages
            assert "failed (500: because the test says so)" in message
            assert f"{second.base_url} answers instead" in message
            assert editor.statuses[-1]["state"] == "ready"
            assert f"{second.base_url} answers instead" in editor.statuses[-1]["message"]
            first.behaviour = Behaviour()
            before = len([each for each in first.received if each.body])
            end = asyncio.get_running_loop().time() + DEADLINE_S
            while len([each for each in first.received if each.body]) == before:
                assert await editor.complete(URI, AT) is not None
                assert asyncio.get_running_loop().time() < end
            await editor.until(lambda: "instead" not in editor.statuses[-1]["message"], "the status to be plain again")
            assert len(editor.messages) == 1


async def test_a_full_server_is_left_alone_by_completions_and_waited_for_by_reviews(tmp_path: Path) -> None:
    async with server() as fake, start("vscode", environment(tmp_path, SERVER__URL=fake.base_url)) as editor:
        fake.answer = knowing(BUGGY, RIGHT)
        editor.open(URI, TEXT)
        editor.open(BUGGY_URI, BUGGY)
        assert await editor.complete(URI, AT) is not None
        fake.received.clear()
        fake.behaviour = Behaviour(status=503, retry_after="2")
        for _ in range(3):
            assert await editor.complete(URI, AT) is None
            assert await editor.last_skip() == "model-overloaded"
        assert len(fake.received) == 1, "none while it is left alone"
        fake.behaviour = Behaviour()
        await editor.run("codeassist.review", BUGGY_URI)
        assert [each.code for each in await editor.diagnostics(BUGGY_URI)] == ["wrong-operator", "wrong-name"]
        assert len(editor.messages) == 1
        await until_completed(editor)


@pytest.mark.parametrize(("answered", "times"), [(True, 1), (False, 2)])
async def test_reviews_that_are_answered_run_on_where_completions_come_first(
    tmp_path: Path, answered: bool, times: int
) -> None:
    """Four of them at most, so that a seat is left; those whose prompts are still read are asked again."""
    known = replace(KNOWN, priority="yes")
    async with (
        server() as fake,
        start("vscode", environment(tmp_path, known=known, SERVER__URL=fake.base_url)) as editor,
    ):
        fake.answer = knowing(BUGGY, RIGHT)
        editor.open(URI, TEXT)
        editor.open(BUGGY_URI, BUGGY)
        fake.behaviour = Behaviour(trouble="hold", trouble_after=1 if answered else 0)
        review = asyncio.ensure_future(editor.run("codeassist.review", BUGGY_URI))
        await fake.until(lambda counts: counts.held == PARALLEL)
        held = [each.body["prompt"] for each in fake.received if each.body][-PARALLEL:]
        fake.behaviour = Behaviour()
        assert await editor.complete(URI, AT) is not None
        if answered:
            assert fake.counts.held == PARALLEL
        else:
            await fake.until(lambda counts: counts.held == 0)
        fake.release()
        await asyncio.wait_for(review, DEADLINE_S)
        prompts = [each.body["prompt"] for each in fake.received if each.body]
        assert [prompts.count(prompt) for prompt in held] == [times] * PARALLEL
        assert [each.code for each in await editor.diagnostics(BUGGY_URI)] == ["wrong-operator", "wrong-name"]


async def test_both_roles_share_one_look_at_the_server(tmp_path: Path) -> None:
    async with server() as fake, start("vscode", environment(tmp_path, SERVER__URL=fake.base_url)) as editor:
        fake.answer = knowing(BUGGY, RIGHT)
        editor.open(URI, TEXT)
        editor.open(BUGGY_URI, BUGGY)
        assert await editor.complete(URI, AT) is not None
        looked = [each.path for each in fake.received if not each.body]
        await editor.run("codeassist.review", BUGGY_URI)
        assert [each.path for each in fake.received if not each.body] == looked


async def test_a_workspace_has_one_opaque_id_that_stays(tmp_path: Path) -> None:
    """So that a router sends it where its prompts are cached. There is no other id in a request."""
    seen = []
    for folder in ("shop", "bank", "shop"):
        root = tmp_path / folder
        root.mkdir(exist_ok=True)
        variables = {"SERVER__CACHE_SALT": "user"}
        async with server() as fake:
            known = environment(tmp_path, SERVER__URL=fake.base_url, **variables)
            async with start("vscode", known, roots=[root]) as editor:
                editor.open(BUGGY_URI, BUGGY)
                fake.answer = knowing(BUGGY, RIGHT)
                await editor.run("codeassist.review", BUGGY_URI)
                assert await editor.complete(BUGGY_URI, len(BUGGY)) is not None
            assert {is_review(each.body) for each in fake.received if each.body} == {True, False}
            ids = {each.headers["x-session-id"] for each in fake.received}
            salts = {each.body["cache_salt"] for each in fake.received if each.body}
            assert not any("x-request-id" in each.headers for each in fake.received)
            assert len(ids) == len(salts) == 1
            seen.append((ids.pop(), salts.pop()))
    (shop, salt), (bank, same_salt), again = seen
    assert again == (shop, salt)
    assert shop != bank
    assert salt == same_salt
    assert not any(word in shop + salt for word in ("shop", tmp_path.name))


async def test_no_salt_unless_it_is_wanted(tmp_path: Path) -> None:
    async with server() as fake, start("vscode", environment(tmp_path, SERVER__URL=fake.base_url)) as editor:
        editor.open(URI, TEXT)
        assert await editor.complete(URI, AT) is not None
        assert not any("cache_salt" in each.body for each in fake.received)
