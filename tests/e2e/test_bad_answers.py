"""Engines that write what is no code, or do not stop: nothing of it is shown, each request is answered once.

What a whole answer comes to is in tests/cases/completion; here it takes the way through a server and an editor.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from codeassist.text.lines import plain_ends
from tests.e2e.editor import DEADLINE_S, Editor, environment
from tests.e2e.places import CURSOR, cut
from tests.e2e.programs import MODEL
from tests.e2e.wire import connected
from tests.fake_vllm import Behaviour, FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT, AT = cut(f"def total(prices):\n    return {CURSOR}\n")
FOREIGN = re.compile("[\0-\x08\x0e-\x1f\u202a-\u202e\ufeff\ud800-\udfff]|<[|｜/]?think>|<\\|\\w+\\|>|<fim_|EOT>|```")

ANSWERS: dict[str, tuple[str, str | None, str | None]] = {
    "token at the end": ("sum(prices)<|endoftext|>", "sum(prices)", None),
    "token first": ("<|fim_middle|>sum(prices)\n", None, "empty"),
    "token between": ("sum(prices)<|im_end|>\n<|im_start|>assistant\nsum", "sum(prices)", None),
    "StarCoder's token": ("sum(prices)<fim_suffix>x", "sum(prices)", None),
    "Code Llama's token": ("sum(prices) ▁<EOT>", "sum(prices)", None),
    "thought": ("<think>\nIt adds, I suppose.\n</think>\n\nsum(prices)\n", "sum(prices)", None),
    "thought without an end": ("<think>\nIt adds, I suppose.\n" * 9, None, "markup"),
    "thinking": ("<thinking>\nIt adds, I suppose.\n</thinking>\nsum(prices)\n", "sum(prices)", None),
    "channels": (
        "<|channel|>analysis<|message|>It adds.<|end|><|start|>assistant<|channel|>final<|message|>sum(prices)\n",
        "sum(prices)",
        None,
    ),
    "fence": ("```python\nsum(prices)\n```\n", None, "markup"),
    "prose and a fence": ("Here is the code:\n```python\nsum(prices)\n```\n", None, "markup"),
    "NUL": ("sum(prices)\0\0\n", "sum(prices)", None),
    "NUL alone": ("\0" * 40, None, "empty"),
    "escape sequences": ("sum(prices)\x1b[0m\n", "sum(prices)", None),
    "bell": ("sum(prices)\x07\n", "sum(prices)", None),
    "override of direction": ("sum(prices)\u202e\n", "sum(prices)", None),
    "byte order mark": ("\ufeffsum(prices)\n", "sum(prices)", None),
    "the prompt": (TEXT, None, "repeats-prefix"),
    "the prompt and an answer": (f"{TEXT.rstrip()} sum(prices)\n", "sum(prices)", None),
    "second set of control characters": ("sum(prices)\x85\u2028x", "sum(prices)", None),
    "the line": ("    return sum(prices)\n", "sum(prices)", None),
    "blank": (" \t" * 20, None, "blank"),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_only_code_is_shown(name: str, editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.answer, text, reason = ANSWERS[name]
    editor.open(uri, TEXT)
    shown = await editor.complete(uri, AT)
    assert (shown.text if shown else None) == text
    assert await editor.last_skip() == reason
    if shown:
        assert (shown.start, shown.end) == (AT, AT)
        assert not FOREIGN.search(shown.text)
    await fake.until(lambda counts: counts.running == 0)


@pytest.mark.parametrize(
    ("text", "answer", "shown"),
    [
        (f"# מחיר 😀\r\nname, שם = 'א', {CURSOR}\r\n", "'שלום 😀'\n", "'שלום 😀'"),
        (f"if a:\r\n\tx = [{CURSOR}]\r\n", "1,\n\t\t2]\n", "1,\r\n\t\t2"),
        (f"a = 0\rif a:\r\tx = [{CURSOR}]\r", "1,\n\t\t2]\n", "1,\r\t\t2"),
        (f"e\u0301 = '\U0001f469\u200d\U0001f4bb' + {CURSOR}\n", "'é'\n", "'é'"),
        (f"\u2028x = '\f' + {CURSOR}\n", "'y'\n", "'y'"),
    ],
    ids=["right to left", "tabs and CRLF", "lone returns", "joined characters", "no line ends"],
)
@pytest.mark.parametrize("editor", ["vscode", "neovim-0.12"], indirect=True)
async def test_the_place_is_right(text: str, answer: str, shown: str, editor: Editor, uri: str, fake: FakeVllm) -> None:
    """The applied text is what was meant, in each encoding."""
    document, at = cut(text)
    fake.answer = answer
    editor.open(uri, document)
    found = await editor.complete(uri, at)
    assert found is not None
    assert (found.text, found.start) == (shown, at)
    await editor.accept(uri, found)
    fake.answer = "later\n"
    await editor.complete(uri, at + len(found.text))
    prefix, _, _ = str(fake.received[-1].body["prompt"]).split("<|fim_prefix|>")[1].partition("<|fim_suffix|>")
    assert plain_ends(prefix) == plain_ends(document[:at] + shown)


@pytest.mark.parametrize("endless", ["x, " * 9000, "x\n" * 9000, "x = 1\ny = 2\nz = 3\n" * 3000, "(" * 9000])
async def test_what_does_not_end_is_broken_off(endless: str, editor: Editor, uri: str, fake: FakeVllm) -> None:
    """By us, or by the limit of tokens that we ask for; the engine is free then."""
    fake.answer = endless
    editor.open(uri, TEXT)
    shown = await editor.complete(uri, AT)
    assert shown is None or len(shown.text) < 1000
    await fake.until(lambda counts: counts.running == 0)
    fake.answer = "sum(prices)\n"
    assert await editor.complete(uri, AT) is not None


@pytest.mark.parametrize("endless", [" a1b2" * 100_000, "<think>" + " so\n" * 100_000, " " * 100_000, "(" * 400_000])
async def test_a_server_that_does_not_stop_is_left(endless: str, editor: Editor, uri: str, fake: FakeVllm) -> None:
    """After as many tokens as were asked for. Whatever came, others are answered meanwhile."""
    fake.answer, fake.behaviour.keeps_to_limit = endless, False
    editor.open(uri, TEXT)
    shown = await editor.complete(uri, AT)
    assert shown is None or len(shown.text) < 1000
    await fake.until(lambda counts: counts.running == 0)
    assert fake.counts.generated_tokens < 20_000
    (record,) = await editor.trace(1)
    assert record["tokens"]["generated"] < 200


@pytest.mark.parametrize("trouble", ["empty-events", "pings", "drip"])
async def test_what_says_nothing_for_ever_can_be_left(trouble: str, editor: Editor, uri: str, fake: FakeVllm) -> None:
    """However busy the line is; how long patience lasts is in tests/unit/model."""
    fake.behaviour = Behaviour(trouble=trouble)  # type: ignore[arg-type]  # A literal.
    fake.answer = "sum(price for price in prices)\n"
    editor.open(uri, TEXT)
    asked = editor.ask(uri, AT, request_id=uri)
    await fake.until(lambda counts: counts.running == 1)
    await editor.trace(1)
    assert not asked.done()
    editor.cancel(uri)
    with pytest.raises(Exception, match="cancel"):
        await asyncio.wait_for(asked, DEADLINE_S)
    await fake.until(lambda counts: (counts.running, counts.aborted) == (0, 1))


async def test_events_in_pieces_are_put_together(editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.behaviour = Behaviour(slice_bytes=3, comments=True)
    fake.answer = "'é 😀 שלום'\n"
    editor.open(uri, TEXT)
    shown = await editor.complete(uri, AT)
    assert shown is not None
    assert shown.text == "'é 😀 שלום'"


async def test_places_outside_are_the_nearest_ones(tmp_path: Path) -> None:
    async with (
        FakeVllm(models=(MODEL,), answer="sum(prices)\n") as fake,
        connected(environment(tmp_path, SERVER__URL=fake.base_url)) as wire,
    ):
        wire.open("file:///a.py", "def total(prices):\r\n\treturn ")
        places = [(1, 10**6), (10**6, 0), (2**31 - 1, 2**31 - 1), (1, 8)]
        for line, character in places:
            number = wire.ask("file:///a.py", line, character)
            (item,) = (await wire.answer(number))["result"]["items"]
            end = {"line": 1, "character": 8}
            assert (item["insertText"], item["range"]) == ("sum(prices)", {"start": end, "end": end})
        assert [len(answers) for answers in wire.answers.values()] == [1] * (len(places) + 1)
