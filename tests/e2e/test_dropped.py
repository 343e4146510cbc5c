"""What nobody wants any more is left at once, whether the editor cancels, asks again, or does neither."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.editor import DEADLINE_S, Editor, environment, start
from tests.e2e.places import CURSOR, cut
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT, AT = cut(f"def total(prices):\n    return {CURSOR}\n")
ANSWER = "sum(price for price in prices)\n"


async def held(editor: Editor, uri: str, fake: FakeVllm) -> asyncio.Future[Any]:
    """A request as somebody types, to an engine that has written its first token and goes no further."""
    fake.answer, fake.behaviour.trouble = ANSWER, "hold"
    editor.open(uri, TEXT)
    asked = editor.ask(uri, AT, typed=True)
    await fake.until(lambda counts: counts.held == 1)
    await editor.trace(1)
    return asked


async def is_left(editor: Editor, uri: str, fake: FakeVllm, asked: asyncio.Future[Any]) -> None:
    """The engine is left before it goes on, and the request is answered with nothing."""
    await fake.until(lambda counts: counts.running == 0)
    assert fake.counts.aborted == 1
    assert editor.offer(editor.texts[uri], await asyncio.wait_for(asked, DEADLINE_S)) is None


async def test_text_that_parts_from_what_is_written(editor: Editor, uri: str, fake: FakeVllm) -> None:
    asked = await held(editor, uri, fake)
    editor.edit(uri, (AT, AT, "len"))
    await is_left(editor, uri, fake, asked)


async def test_text_that_agrees_goes_on(editor: Editor, uri: str, fake: FakeVllm) -> None:
    await held(editor, uri, fake)
    editor.edit(uri, (AT, AT, "su"))
    following = editor.ask(uri, AT + 2, typed=True)
    await editor.trace(1)
    assert fake.counts.running == 1
    fake.release()
    shown = editor.offer(editor.texts[uri], await asyncio.wait_for(following, DEADLINE_S))
    assert shown is not None
    assert shown.text == "m(price for price in prices)"
    assert fake.counts.aborted == 0


async def test_an_edit_elsewhere(editor: Editor, uri: str, fake: FakeVllm) -> None:
    asked = await held(editor, uri, fake)
    editor.edit(uri, (0, 0, "import os\n"))
    await is_left(editor, uri, fake, asked)


async def test_a_deletion_that_silences_the_next_request(editor: Editor, uri: str, fake: FakeVllm) -> None:
    asked = await held(editor, uri, fake)
    editor.edit(uri, (AT - 1, AT, ""))
    assert await editor.complete(uri, AT - 1, typed=True) is None
    assert await editor.last_skip() == "after-deletion"
    await is_left(editor, uri, fake, asked)


@pytest.mark.parametrize("settings", [{"enabled": False}, {"exclude": ["*.py"]}, {"languages_off": ["python"]}])
async def test_switching_off(settings: dict[str, object], fake: FakeVllm, tmp_path: Path) -> None:
    variables = environment(tmp_path / "home", SERVER__URL=fake.base_url)
    async with start("vscode", variables, roots=[tmp_path]) as editor:
        uri = (tmp_path / "a.py").as_uri()
        asked = await held(editor, uri, fake)
        editor.configure({"codeassist": {"completion": settings}})
        await is_left(editor, uri, fake, asked)


@pytest.mark.parametrize("name", [".env", "id_rsa", "prod.pem"])
async def test_a_secret_file_is_not_sent_unasked(name: str, fake: FakeVllm, tmp_path: Path) -> None:
    """Neither when it is opened, nor where the cursor rests, nor while somebody types."""
    variables = environment(tmp_path / "home", SERVER__URL=fake.base_url, COMPLETION__WARM_UP="true")
    async with start("vscode", variables, roots=[tmp_path]) as editor:
        uri, other = (tmp_path / name).as_uri(), (tmp_path / "b.py").as_uri()
        text = "TOKEN=8f3b\nNAME="
        editor.open(uri, text)
        assert await editor.complete(uri, len(text), typed=True) is None
        assert await editor.last_skip() == "secret-file"
        editor.open(other, TEXT)  # It is read ahead, as the latest; the secret one would have been before it.
        await fake.until(lambda counts: counts.finished == 1)
        assert not any("8f3b" in str(one.body) for one in fake.received)
        assert await editor.complete(uri, len(text)) is not None  # By hand.
