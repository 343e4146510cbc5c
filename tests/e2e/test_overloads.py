"""Functions of one name in one document keep their own findings."""

from __future__ import annotations

import pytest
import pytest_asyncio
from lsprotocol import types

from tests.e2e.editor import Editor
from tests.e2e.places import offset
from tests.e2e.programs import knowing
from tests.e2e.reviewing import do, marked
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

one_each = pytest.mark.parametrize("editor", ["vscode", "neovim-0.11"], indirect=True)

HIGHEST = """\
def highest(prices):
    best = prices[0]
    for price in prices:
        if price < best:
            best = price
    return best
"""
ANOTHER = HIGHEST.replace("(prices)", "(prices, least)").replace("prices[0]", "least") + "\n\n"
BOTH = ANOTHER + HIGHEST


@pytest_asyncio.fixture(loop_scope="session")
async def editor(editor: Editor) -> Editor:
    """An editor whose server remembers no reviews of the tests before."""
    await editor.run("codeassist.restartModel")
    return editor


async def with_another_before(editor: Editor, uri: str, fake: FakeVllm) -> list[types.Diagnostic]:
    """What is shown once an overload was put before one with a finding in an equal line, and was reviewed."""
    fake.answer = knowing(HIGHEST, HIGHEST.replace("<", ">"))
    editor.open(uri, HIGHEST)
    await editor.run("codeassist.review", uri)
    assert marked(editor, uri, await editor.diagnostics(uri)) == ["<"]
    editor.edit(uri, (0, 0, ANOTHER))
    fake.answer = knowing(BOTH, BOTH.replace("<", ">"))
    return await editor.reviewed(uri)


def starts(editor: Editor, uri: str, shown: list[types.Diagnostic]) -> list[int]:
    return [offset(editor.texts[uri], each.range.start, editor.encoding) for each in shown]


@one_each
async def test_a_finding_does_not_take_the_place_of_one_in_an_overload(
    editor: Editor, uri: str, fake: FakeVllm
) -> None:
    found = await with_another_before(editor, uri, fake)
    assert starts(editor, uri, found) == [BOTH.index("<"), BOTH.rindex("<")]


@one_each
async def test_a_fix_is_made_where_it_was_chosen(editor: Editor, uri: str, fake: FakeVllm) -> None:
    _first, second = await with_another_before(editor, uri, fake)
    await do(editor, uri, second.range, "Replace with")
    at = BOTH.rindex("<")
    assert editor.texts[uri] == BOTH[:at] + ">" + BOTH[at + 1 :]


@one_each
async def test_an_undo_brings_the_finding_of_one_overload_back(editor: Editor, uri: str, fake: FakeVllm) -> None:
    found = await with_another_before(editor, uri, fake)
    at = BOTH.rindex("<")
    editor.edit(uri, (at, at + 1, "<="))
    await editor.until_diagnostics(uri, lambda shown: starts(editor, uri, shown) == [BOTH.index("<")])
    editor.edit(uri, (at, at + 2, "<"))
    await editor.until_diagnostics(uri, lambda shown: starts(editor, uri, shown) == starts(editor, uri, found))
