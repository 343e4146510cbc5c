"""When the server stays silent though the model would answer, and how it is asked all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types

from tests.e2e.editor import Editor, environment, start
from tests.e2e.places import CURSOR, cut, position
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT, AT = cut(f"def total(prices):\n    return {CURSOR}\n")


def asked(fake: FakeVllm) -> int:
    return sum(one.path == "/v1/completions" for one in fake.received)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (f"# the sum {CURSOR}\n", "in-comment"),
        (f'name = "the {CURSOR}"\n', "in-string"),
        (f'def f():\n    """The\n    {CURSOR}\n    """\n', "in-string"),
    ],
)
async def test_comments_and_strings(editor: Editor, uri: str, fake: FakeVllm, code: str, reason: str) -> None:
    text, at = cut(code)
    editor.open(uri, text)
    assert await editor.complete(uri, at, typed=True) is None
    assert await editor.last_skip() == reason
    assert asked(fake) == 0
    assert await editor.complete(uri, at) is not None  # By hand.


async def test_after_a_deletion(editor: Editor, uri: str, fake: FakeVllm) -> None:
    editor.open(uri, TEXT.replace("return ", "return x"))
    editor.edit(uri, (AT, AT + 1, ""))
    assert await editor.complete(uri, AT, typed=True) is None
    assert await editor.last_skip() == "after-deletion"
    assert asked(fake) == 0
    editor.edit(uri, (AT - 1, AT, ""), (AT - 1, AT - 1, " "))  # The last thing that was done counts.
    assert await editor.complete(uri, AT, typed=True) is not None


async def test_what_the_engine_writes_is_left_where_there_is_silence(editor: Editor, uri: str, fake: FakeVllm) -> None:
    """Not every editor cancels: what was asked before the deletion would go on for nobody."""
    fake.behaviour.trouble = "hang"
    editor.open(uri, TEXT.replace("return ", "return x"))
    asked_before = editor.ask(uri, AT + 1, typed=True)
    await fake.until(lambda counts: counts.held == 1)
    editor.edit(uri, (AT, AT + 1, ""))
    assert await editor.complete(uri, AT, typed=True) is None
    await fake.until(lambda counts: counts.aborted == 1)
    await asked_before


async def test_deleting_elsewhere_is_no_reason(editor: Editor, uri: str, fake: FakeVllm) -> None:
    editor.open(uri, "import os\n" + TEXT)
    editor.edit(uri, (0, 10, ""))
    assert await editor.complete(uri, AT, typed=True) is not None


async def beside_menu(editor: Editor, uri: str, at: int, start: int, chosen: str) -> list[str]:
    """What is shown while an item is chosen in the editor's own menu, which would stand from `start` on."""
    place = position(editor.texts[uri], at, editor.encoding)
    span = types.Range(position(editor.texts[uri], start, editor.encoding), place)
    kind = types.InlineCompletionTriggerKind.Automatic
    context = types.InlineCompletionContext(kind, types.SelectedCompletionInfo(span, chosen))
    params = types.InlineCompletionParams(context, types.TextDocumentIdentifier(uri), place)
    answer = await editor.send(types.TEXT_DOCUMENT_INLINE_COMPLETION, params)
    return [str(item.insert_text) for item in answer.items]


async def test_where_the_editor_has_a_menu_of_its_own(editor: Editor, uri: str, fake: FakeVllm) -> None:
    editor.open(uri, TEXT)
    editor.edit(uri, (AT, AT, "su"))
    assert await beside_menu(editor, uri, AT + 2, AT, "sum") == []
    assert await editor.last_skip() == "menu-open"
    assert await editor.complete(uri, AT + 2, typed=True) is not None


@pytest.mark.parametrize(
    ("chosen", "shown"), [("super", []), ("sum", ["m(prices)"]), ("summarise", []), ("su", ["m(prices)"])]
)
async def test_what_is_chosen_in_the_menu_decides_whether_a_suggestion_goes_on(
    chosen: str, shown: list[str], editor: Editor, uri: str, fake: FakeVllm
) -> None:
    fake.answer = "sum(prices)\n"
    editor.open(uri, TEXT)
    assert await editor.complete(uri, AT, typed=True) is not None
    editor.edit(uri, (AT, AT, "su"))
    assert await beside_menu(editor, uri, AT + 2, AT, chosen) == shown
    assert await editor.last_skip() == (None if shown else "menu-open")
    assert await editor.complete(uri, AT + 2, typed=True) is not None  # The menu was closed.
    assert asked(fake) == 1


async def test_another_item_is_chosen_where_no_word_has_begun(editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.answer = "sum(prices)\n"
    editor.open(uri, TEXT)
    assert await beside_menu(editor, uri, AT, AT, "len") == []
    assert await editor.last_skip() == "menu-open"
    assert await beside_menu(editor, uri, AT, AT, "sum") == ["sum(prices)"]
    assert asked(fake) == 1


@pytest_asyncio.fixture(loop_scope="session")
async def careful(request: pytest.FixtureRequest, fake: FakeVllm, tmp_path: Path) -> AsyncIterator[Editor]:
    """An editor with settings of its own."""
    variables = environment(tmp_path, SERVER__URL=fake.base_url, **request.param)
    async with start("vscode", variables, roots=[tmp_path]) as editor:
        yield editor


@pytest.mark.parametrize("careful", [{"COMPLETION__LEAST_PROBABILITY": "0.3"}], indirect=True)
async def test_a_first_line_that_the_model_is_not_sure_of(careful: Editor, uri: str, fake: FakeVllm) -> None:
    """The fake gives every token the log-probability -0.125."""
    fake.answer = "sum(prices)\n"
    careful.open(uri, TEXT)
    shown = await careful.complete(uri, AT, typed=True)
    assert shown is not None
    assert 0.3 < (await careful.trace(1))[0]["confidence"] < 0.9
    await fake.until(lambda counts: counts.running == 0)
    aborted = fake.counts.aborted
    fake.behaviour.token_delay_s = 0.02
    fake.answer = "sum(price * count for price, count in prices)\n"
    careful.edit(uri, (AT, AT, "1 + "))
    assert await careful.complete(uri, AT + 4, typed=True) is None
    assert await careful.last_skip() == "unsure"
    await fake.until(lambda counts: counts.running == 0)
    assert fake.counts.aborted == aborted + 1  # It was left as soon as it was clear.
    assert await careful.complete(uri, AT + 4) is not None


@pytest.mark.parametrize("careful", [{"COMPLETION__LEAST_PROBABILITY": "1.0"}], indirect=True)
async def test_a_server_without_log_probabilities(careful: Editor, uri: str, fake: FakeVllm) -> None:
    fake.behaviour.logprobs = False
    careful.open(uri, TEXT)
    assert await careful.complete(uri, AT, typed=True) is not None


@pytest.mark.parametrize(
    "careful",
    [{"COMPLETION__EXCLUDE": '["generated/", "*.secret.py"]', "COMPLETION__LANGUAGES_OFF": '["markdown"]'}],
    indirect=True,
)
async def test_files_and_languages_that_are_switched_off(careful: Editor, fake: FakeVllm, tmp_path: Path) -> None:
    for name, language, shown in (
        ("generated/deep/a.py", "python", False),
        ("a.secret.py", "python", False),
        ("notes.md", "markdown", False),
        ("a.py", "python", True),
    ):
        uri = (tmp_path / name).as_uri()
        careful.open(uri, TEXT, language)
        found = await careful.complete(uri, AT)  # Even by hand.
        assert (found is not None) is shown, name
        assert shown or await careful.last_skip() == "switched-off"


@pytest.mark.parametrize("careful", [{"COMPLETION__COMMENTS_AND_STRINGS": "true"}], indirect=True)
async def test_comments_for_those_who_want_them(careful: Editor, uri: str, fake: FakeVllm) -> None:
    text, at = cut(f"# the sum {CURSOR}\n")
    careful.open(uri, text)
    assert await careful.complete(uri, at, typed=True) is not None


@pytest.mark.parametrize(
    ("name", "said", "keeps"),
    [
        ("Neovim", {}, True),
        ("Neovim", {"codeassist": {"keepsExpired": False}}, False),
        ("Visual Studio Code", {}, False),
        ("An editor", {"codeassist": {"keepsExpired": True}}, True),
    ],
)
async def test_an_editor_that_keeps_what_does_not_fit(
    name: str, said: dict[str, Any], keeps: bool, uri: str, fake: FakeVllm, tmp_path: Path
) -> None:
    """It is told at once, and the next key gets what the engine was asked for."""
    fake.answer = "sum(prices)\n"
    fake.behaviour.token_delay_s = 0.1
    variables = environment(tmp_path, SERVER__URL=fake.base_url)
    async with start("neovim-0.12", variables, roots=[tmp_path], name=name, experimental=said) as editor:
        editor.open(uri, TEXT)
        assert await editor.complete(uri, AT, typed=True) is not None  # It takes long, by now it is known.
        fake.answer = "en(prices)\n"
        editor.edit(uri, (AT, AT, "l"))
        first = await editor.complete(uri, AT + 1, typed=True)
        if not keeps:
            assert first is not None
            return
        assert first is None
        assert await editor.last_skip() == "expired"
        editor.edit(uri, (AT + 1, AT + 1, "e"))
        second = await editor.complete(uri, AT + 2, typed=True)
        assert second is not None
        assert second.text == "n(prices)"
        assert asked(fake) == 2
        await editor.accept(uri, second)  # What was taken has not expired.
        fake.answer = " + 1\n"
        at = AT + 2 + len(second.text)
        assert await editor.complete(uri, at, typed=True) is not None


@pytest.mark.parametrize(
    "careful",
    [{"COMPLETION__EXCLUDE": '["secrets/"]', "COMPLETION__WARM_UP": "true"}],
    indirect=True,
)
async def test_what_is_switched_off_never_leaves(careful: Editor, fake: FakeVllm, tmp_path: Path) -> None:
    """Not to read it ahead, and not in the prompts of other files."""
    hidden, shown = (tmp_path / "secrets" / "a.py").as_uri(), (tmp_path / "b.py").as_uri()
    careful.open(hidden, "def hidden_total(prices):\n    return 1\n")
    place = types.Position(1, 0)
    await careful.actions(hidden, types.Range(place, place))
    careful.open(shown, "x = hidden_total(\n" + TEXT)
    await fake.until(lambda counts: counts.finished >= 1)
    assert await careful.complete(shown, 17) is not None
    assert len([one for one in fake.received if one.path == "/v1/completions"]) == 2
    assert not any("def hidden_total" in str(one.body) for one in fake.received)
