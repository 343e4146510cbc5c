"""What the menu leads to: another model, and what the doctor says."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.e2e.programs import BUGGY, MODEL, RIGHT, knowing
from tests.editors.vscode.workbench import LIMIT_MS, Workbench
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")
MOST_TRIES = 30
OTHER = "Qwen/Qwen2.5-Coder-1.5B"


async def test_another_model_is_chosen_from_what_the_server_lists(window: Workbench, fake: FakeVllm, name: str) -> None:
    fake.models, fake.answer = (MODEL, OTHER), "sum(prices)\n"
    await window.write(name, "def total(prices):\n    return")
    await window.open(name)
    await window.menu()
    await window.choose("Choose Model...", stays=True)
    await window.choose(OTHER)
    await window.focus()
    for _ in range(MOST_TRIES):  # The setting comes to the server in its own time.
        await window.until_ghost()
        if asked_last(fake) == OTHER:
            break
        await window.press("Escape", "Backspace", "Backspace")
        await window.type("n")
    assert asked_last(fake) == OTHER
    await window.is_now(f"Model: {OTHER}")


def asked_last(fake: FakeVllm) -> str | None:
    """The model that was asked last; the server is looked at anew, too, which names none."""
    return next((one.body["model"] for one in reversed(fake.received) if "model" in one.body), None)


async def test_the_doctor_examines_what_the_editor_uses(window: Workbench, fake: FakeVllm, name: str) -> None:
    await window.write(name, "x = 1\n")
    await window.open(name)
    await window.ready()
    await window.command("codeassist: Run Doctor")
    report = window.page.locator(".editor-instance .view-lines").first
    await expect(report).to_contain_text("grammars:", timeout=2 * LIMIT_MS)
    await expect(report).to_contain_text(fake.base_url.removesuffix("/v1"), timeout=2 * LIMIT_MS)


async def test_changes_are_reviewed_before_they_are_saved(window: Workbench, fake: FakeVllm, name: str) -> None:
    """Those of all open files, and nothing else of them: `BUGGY` has another mistake."""
    fake.answer = knowing(BUGGY, RIGHT)
    await window.write(name, BUGGY.replace("len(prices)", "len(price)"))
    await window.open(name)
    await window.go(BUGGY[: BUGGY.index("prices)\n    return amount")].count("\n") + 1, "len(price")
    await window.type("s")
    await window.press("Escape")
    await window.menu()
    await window.choose("Review Changes")
    await window.marks("len")
    await expect(window.squiggles).to_have_count(1, timeout=LIMIT_MS)


@pytest.mark.usefixtures("fake")
async def test_the_log_is_opened(window: Workbench, name: str) -> None:
    """What is in it cannot be seen here: without its compiled logger this VS Code writes none."""
    await window.write(name, "x = 1\n")
    await window.open(name)
    await window.ready()
    await window.menu()
    await window.choose("Show Log")
    channel = window.page.locator(".panel .monaco-select-box option:checked").first
    await expect(channel).to_have_text("codeassist", timeout=LIMIT_MS)
    await window.command("View: Hide Panel")
