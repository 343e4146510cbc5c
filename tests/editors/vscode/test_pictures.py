"""The pictures of the documents: each shows what a test can see, in a project that could be anybody's.

They go to build/screenshots; `make pictures` puts them into the documents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.e2e.editor import KNOWN, environment
from tests.e2e.programs import knowing
from tests.editors.pictured import CART, STOCK, STOCK_RIGHT
from tests.editors.vscode.code_server import SERVED, code_server
from tests.editors.vscode.workbench import LIMIT_MS, Workbench, workbench
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")
LOOK = {"workbench.colorTheme": "Default Dark Modern", "editor.fontSize": 15, "workbench.layoutControl.enabled": False}
SIZE = {"width": 1000, "height": 560}


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def studio(engine: FakeVllm, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Workbench]:
    home = tmp_path_factory.mktemp("studio")
    folder = tmp_path_factory.mktemp("shop") / "shop"
    folder.mkdir()
    known = replace(KNOWN, priority="yes")
    variables = environment(home, known=known, SERVER__URL=engine.base_url, COMPLETION__LEAST_PROBABILITY="0")
    async with code_server(home, variables, {**SERVED, **LOOK}) as server, workbench(server, folder) as made:
        await made.page.set_viewport_size(SIZE)  # type: ignore[arg-type]  # A typed dictionary of playwright's own.
        engine.answer = "1\n"
        await made.wake()
        await made.press("Escape")
        await made.command("File: Revert File")
        yield made


async def test_ghost_text_and_the_menu(studio: Workbench, fake: FakeVllm) -> None:
    fake.answer = "eturn"
    await studio.write("cart.py", f"{CART}    ")
    await studio.open("cart.py")
    await studio.type("r")
    await studio.shows("eturn")
    fake.answer = "sum(line.cents * line.count for line in lines)"  # It ends by itself, and then says what was cached.
    await studio.type("eturn ")
    await studio.shows("sum(line.cents * line.count for line in lines)")
    await studio.picture("ghost-text")
    menu = await studio.menu()
    await expect(menu).to_contain_text("codeassist is ready")
    await studio.picture("menu")
    await studio.press("Escape")


async def test_a_finding_and_its_fix(studio: Workbench, fake: FakeVllm) -> None:
    fake.answer = knowing(STOCK, STOCK_RIGHT)
    await studio.write("stock.py", STOCK)
    await studio.open("stock.py")
    await studio.command("codeassist: Review This File")
    await studio.marks("<")
    await studio.press("Control+Home", "F8")
    await studio.page.locator(".marker-widget", has_text="codeassist").wait_for(timeout=LIMIT_MS)
    await studio.picture("finding")
    await studio.press("Escape")
    await studio.choose_fix("Replace with", "quick-fix")
    await expect(studio.squiggles).to_have_count(0, timeout=LIMIT_MS)
    await studio.save()


async def test_the_walkthrough_knows_what_is_done(studio: Workbench) -> None:
    await studio.command("codeassist: Get Started")
    steps = studio.page.locator(".getting-started-step")
    await expect(steps).to_have_count(5, timeout=LIMIT_MS)
    for title in (
        "Start the language server",
        "Choose who answers",
        "See the first completion",
        "See the first review",
        "Know where to look",
    ):
        step = steps.filter(has_text=title)
        await expect(step.locator(".codicon.complete")).to_be_visible(timeout=LIMIT_MS)
    await studio.picture("walkthrough")
    await studio.press("Control+W")


async def test_the_trace(studio: Workbench) -> None:
    await studio.command("codeassist: Show What the Last Requests Did")
    page = studio.page.frame_locator("iframe.webview").frame_locator("iframe")
    await expect(page.locator("tr", has_text="cart.py").first).to_contain_text("answered", timeout=LIMIT_MS)
    await studio.picture("trace")
