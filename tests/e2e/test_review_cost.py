"""What a review costs, by the engine's own report, when its first finding is shown, and how many run at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.e2e.editor import Editor
from tests.e2e.programs import BUGGY, RIGHT, is_review, knowing
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

PARALLEL = 4
"""Lines that a review checks at a time on a server of one's own."""
EDITED = "def edited(prices):\n    count = 0\n    for price in prices:\n        count += price\n    return count\n\n\n"


def others(side: str, count: int) -> list[str]:
    """Functions that nobody touches. Those next to the one that is edited are the same, however many there are."""
    return [f"def {side}{n:04}(a):\n    b = a + {n % 10}\n    c = b * 2\n    return c\n\n\n" for n in range(count)]


def long_file(count: int) -> str:
    return "".join([*reversed(others("above", count)), EDITED, *others("below", count)])


async def cost_of_an_edit(editor: Editor, uri: str, fake: FakeVllm, text: str) -> tuple[int, int]:
    """Lines that were asked about, and tokens of the review of one changed line."""
    await editor.run("codeassist.restartModel")  # Nothing is remembered of other documents.
    fake.answer = lambda _body: "\n"
    editor.open(uri, text)
    editor.replace(uri, "count = 0", "count = 1")
    fake.received.clear()
    before = fake.counts.prefix_queries, fake.counts.generated_tokens
    await editor.reviewed(uri)
    asked = [each.body for each in fake.received if is_review(each.body)]
    for body in asked:
        lines_before = body["prompt"].split("<|fim_suffix|>")[0]
        assert lines_before.rpartition("def ")[2].startswith("edited("), (
            "only lines of the changed function are asked about"
        )
    after = fake.counts.prefix_queries, fake.counts.generated_tokens
    return len({body["prompt"].partition("<|fim_middle|>")[0] for body in asked}), sum(after) - sum(before)


async def test_an_edit_in_a_file_of_2000_lines_costs_what_it_costs_in_a_short_one(
    editor: Editor, uri: str, fake: FakeVllm
) -> None:
    short, long = long_file(80), long_file(180)
    assert long.count("\n") > 2_000
    costs = [await cost_of_an_edit(editor, f"{uri}/{len(text)}.py", fake, text) for text in (short, long)]
    assert costs[0] == costs[1]
    assert costs[0][0] == 3, "the changed line, and the two that depend on it"


async def test_an_unchanged_function_costs_nothing_ever(editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.answer = lambda _body: "\n"
    editor.open(uri, long_file(3))
    editor.replace(uri, "    count = 0\n", "\n    # Why.\n    count = (\n        0\n    )  # What.\n")
    editor.replace(uri, "count = (\n        0\n    )", "count = 0")
    editor.replace(uri, EDITED.partition("\n")[0], "# Moved.\n\n\n" + EDITED.partition("\n")[0])
    for _ in range(3):
        await editor.reviewed(uri)
    assert [each for each in fake.received if is_review(each.body)] == []


@pytest.mark.parametrize("editor", ["vscode", "neovim-0.11"], indirect=True)
async def test_the_first_finding_is_shown_while_others_are_looked_for(editor: Editor, uri: str, fake: FakeVllm) -> None:
    await editor.run("codeassist.restartModel")
    known = knowing(BUGGY, RIGHT)

    def answer(body: dict[str, Any]) -> str:
        if "label" in body["prompt"].split("<|fim_suffix|>")[0].rpartition("def ")[2]:
            fake.behaviour.trouble = "hold"  # From the second function on.
        return known(body)

    fake.answer = answer
    editor.open(uri, BUGGY)
    review = asyncio.ensure_future(editor.run("codeassist.review", uri))
    await editor.until_diagnostics(uri, lambda found: [each.code for each in found] == ["wrong-operator"])
    await fake.until(lambda counts: counts.held > 0)
    assert not review.done()
    (first,) = await editor.diagnostics(uri)
    fake.behaviour.trouble = ""
    fake.release()
    await review
    found = await editor.diagnostics(uri)
    assert [each.code for each in found] == ["wrong-operator", "wrong-name"]
    assert found[0] == first, "nothing flickers"


async def test_a_save_every_second_leaves_one_review_running(editor: Editor, uri: str, fake: FakeVllm) -> None:
    await editor.run("codeassist.restartModel")
    fake.answer = knowing(BUGGY, RIGHT)
    fake.behaviour.trouble = "hold"
    editor.open(uri, BUGGY.replace("best = price\n", "best = (price)\n"))
    editor.replace(uri, "(price)", "price")
    for _ in range(8):
        editor.save(uri)
        await editor.trace(1)
        await fake.until(lambda counts: 0 < counts.held == counts.running <= PARALLEL)
    fake.behaviour.trouble = ""
    fake.release()
    await editor.until_diagnostics(uri, lambda found: [each.code for each in found] == ["wrong-operator"])
    await editor.trace_holds(lambda entry: (entry["kind"], entry["uri"], entry["skip"]) == ("review", uri, None))
    reviews = [each for each in await editor.trace(50) if (each["kind"], each["uri"]) == ("review", uri)]
    assert [each["skip"] for each in reviews if each["skip"] not in {"superseded", "nothing-changed"}] == [None]


async def test_a_file_with_keys_or_passwords_is_reviewed_only_by_hand(editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    secret = uri.rpartition("/")[0] + "/.env.py/secrets.env"
    editor.open(secret, BUGGY.replace("best = price\n", "best = (price)\n"))
    editor.replace(secret, "(price)", "price")
    editor.save(secret)
    await editor.trace_holds(lambda entry: (entry["uri"], entry["skip"]) == (secret, "secret-file"))
    assert [each for each in fake.received if each.body] == []
    await editor.run("codeassist.review", secret)
    assert [each.code for each in await editor.diagnostics(secret)] == ["wrong-operator", "wrong-name"]
