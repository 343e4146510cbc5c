"""Completions and reviews as people see them in VS Code."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.programs import BUGGY, RIGHT, knowing
from tests.editors.vscode.workbench import LIMIT_MS, Workbench
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")


def text_of(file: Path) -> str:
    return file.read_text(encoding="utf-8")


async def test_ghost_text_is_accepted_with_tab(window: Workbench, offered: Path) -> None:
    await window.press("Tab")
    await expect(window.ghost).to_have_count(0, timeout=LIMIT_MS)
    await window.save()
    assert text_of(offered) == "def total(prices):\n    return sum(prices)"


@pytest.mark.usefixtures("offered")
async def test_what_is_typed_through_stays_and_costs_no_request(window: Workbench, fake: FakeVllm) -> None:
    asked = len(fake.received)
    for typed, left in (("s", "um(prices)"), ("u", "m(prices)"), ("m", "(prices)")):
        await window.type(typed)
        await window.shows(left)
    assert len(fake.received) == asked


async def test_one_word_is_accepted(window: Workbench, offered: Path) -> None:
    await window.press("Control+ArrowRight")
    await window.shows("(prices)")
    await window.press("Escape")
    await expect(window.ghost).to_have_count(0, timeout=LIMIT_MS)
    await window.save()
    assert text_of(offered) == "def total(prices):\n    return sum"


async def test_a_finding_is_marked_where_it_is_and_mended_by_its_fix(
    window: Workbench, fake: FakeVllm, name: str
) -> None:
    """Behind an emoji, which editors and servers count differently."""
    fake.answer = knowing(BUGGY, RIGHT)
    file = await window.write(name, BUGGY.replace("len(prices)", "len(price)"))
    await window.open(name)
    await window.go(BUGGY[: BUGGY.index("prices)\n    return amount")].count("\n") + 1, "len(price")
    await window.type("s")
    await window.press("Escape")
    await window.save()
    await window.marks("len")
    await window.press("Control+Home", "F8")
    await window.page.locator(".marker-widget", has_text="codeassist").wait_for(timeout=LIMIT_MS)
    await window.press("Escape")
    await window.choose_fix("Replace with")
    await expect(window.squiggles).to_have_count(0, timeout=LIMIT_MS)
    await window.save()
    assert text_of(file) == BUGGY.replace("len(prices)", "sum(prices)")


async def test_nothing_but_loopback_is_reached(window: Workbench) -> None:
    assert window.outside == set()
