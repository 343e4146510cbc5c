"""While a word grows nothing is looked up again: what was in the prompt stays, and the engine is asked sooner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.editor import Editor, environment, start
from tests.e2e.places import CURSOR, cut
from tests.e2e.test_repository import ready, until_index
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

MONEY = "class Money:\n    def rounded(self, digits: int) -> int:\n        return self.cents\n"
SHOP = f"from money import Money\n\n\ndef show(money: Money):\n    {CURSOR}\n\n\ndef after():\n    pass\n"
TAX = "def rate_of_tax(country: str) -> int:\n    return 19\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    for name, text in (("money.py", MONEY), ("tax.py", TAX), ("shop.py", cut(SHOP)[0])):
        (root / name).write_text(text)
    return root


async def keys(editor: Editor, uri: str, at: int, typed: str) -> list[dict[str, Any]]:
    """The records of the completions after each key."""
    found = []
    for number, key in enumerate(typed):
        editor.edit(uri, (at + number, at + number, key))
        await editor.complete(uri, at + number + 1, typed=True)
        found += await editor.trace(1)
    return found


async def test_a_word_is_looked_up_once(root: Path, fake: FakeVllm, tmp_path: Path) -> None:
    variables = environment(tmp_path / "home", SERVER__URL=fake.base_url, COMPLETION__DEBOUNCE_MS="0")
    fake.answer = "zzz()\n"  # Never what is typed.
    async with start("vscode", variables, roots=[root]) as editor:
        await until_index(editor, ready)
        text, at = cut(SHOP)
        uri = (root / "shop.py").as_uri()
        editor.open(uri, text)
        records = await keys(editor, uri, at, "money.rou")
        assert ["repository" in record["timings"] for record in records] == [True, *[False] * 4, True, *[False] * 3]
        prompts = [one.body["prompt"] for one in fake.received if one.path == "/v1/completions"]
        heads = [prompt[: prompt.index("def show(money")] for prompt in prompts]
        assert len(set(heads[:5])) == 1
        assert len(set(heads[5:])) == 1
        assert "def rounded(self, digits: int)" in heads[-1]
        for typed, prompt in zip("money.rou", prompts, strict=True):
            assert typed in prompt.partition("def show(money: Money):\n    ")[2].partition("<|fim_suffix|>")[0]


async def test_what_others_change_is_looked_up_in_the_middle_of_a_word(
    root: Path, fake: FakeVllm, tmp_path: Path
) -> None:
    variables = environment(tmp_path / "home", SERVER__URL=fake.base_url, COMPLETION__DEBOUNCE_MS="0")
    fake.answer = "zzz()\n"
    async with start("vscode", variables, roots=[root]) as editor:
        await until_index(editor, ready)
        text, at = cut(SHOP)
        uri, other = (root / "shop.py").as_uri(), (root / "tax.py").as_uri()
        editor.open(uri, text)
        editor.open(other, TAX)
        await keys(editor, uri, at, "mo")
        editor.edit(other, (0, 0, "# Of all countries\n"))
        (record,) = await keys(editor, uri, at + 2, "n")
        assert "repository" in record["timings"]
        assert "Of all countries" in fake.received[-1].body["prompt"]
