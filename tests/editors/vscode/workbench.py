"""The workbench in a browser: keys go in, and what is seen comes out. Nothing here waits for a time to pass."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import FrameLocator, Locator, Page, Route, async_playwright, expect
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from tests.editors.vscode.code_server import CodeServer

LIMIT_MS = 30_000
FIRST = "first.py"
_MOST_TRIES = 15
_LOOKS_AGAIN_MS = 100
SCREENSHOTS = Path(__file__).resolve().parents[3] / "build" / "screenshots"
_SWITCHES = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
_GHOST_IS = """(text) => {
    const parts = [...document.querySelectorAll('.view-line .ghost-text-decoration, .view-line .ghost-text')];
    return parts.map((part) => part.textContent.replaceAll('\\u00a0', ' ')).join('') === text;
}"""

_STATUS_SAYS = """(said) => [...document.querySelectorAll("[role='button'][aria-label*='codeassist']")]
    .some((each) => each.getAttribute('aria-label').includes(said))"""

_PLACE_OF = """(text) => {
    for (const line of document.querySelectorAll('.view-line')) {
        const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            const at = node.data.indexOf(text);
            if (at < 0) continue;
            const range = document.createRange();
            range.setStart(node, at);
            range.setEnd(node, at + text.length);
            const { x, width } = range.getBoundingClientRect();
            return { x, width };
        }
    }
}"""
_NEAR_PIXELS = 2.0


@dataclass
class Workbench:
    """One window. `outside`: the hosts but for loopback that it wanted to reach, which were refused."""

    page: Page
    folder: Path
    outside: set[str] = field(default_factory=set)

    @property
    def ghost(self) -> Locator:
        """The suggestion behind the cursor, where there is one: a part for each of its lines."""
        return self.page.locator(".ghost-text-decoration, .ghost-text")

    @property
    def squiggles(self) -> Locator:
        return self.page.locator(".squiggly-error, .squiggly-warning, .squiggly-info")

    @property
    def status(self) -> Locator:
        """Our entry in the status bar."""
        return self.page.locator("[role='button'][aria-label*='codeassist']")

    @property
    def trace(self) -> FrameLocator:
        """The view of the last requests."""
        return self.page.frame_locator("iframe.webview").frame_locator("iframe")

    async def write(self, name: str, text: str) -> Path:
        """Put a file into the folder, and wait until the explorer shows it; it may not watch the folder yet."""
        file = self.folder / name
        file.write_text(text, encoding="utf-8")
        for _ in range(_MOST_TRIES):
            with suppress(PlaywrightTimeoutError):
                await self._row(name).wait_for(timeout=LIMIT_MS / _MOST_TRIES)
                return file
            await self.command("File: Refresh Explorer")
        raise AssertionError(f"the explorer does not show {name}")

    async def command(self, title: str) -> None:
        """Run a command from the palette. It knows those of extensions only after a while, and lists no new ones while
        it is open."""
        row = self.page.locator(".quick-input-list .monaco-list-row", has_text=title).first
        for _ in range(_MOST_TRIES):
            await self._ask_palette(title)
            with suppress(PlaywrightTimeoutError):
                await row.click(timeout=LIMIT_MS / _MOST_TRIES)
                return
            await self.press("Escape")
        raise AssertionError(f"there is no command {title!r}")

    async def _ask_palette(self, title: str) -> None:
        await self._ask("F1", f">{title}")

    async def _ask(self, key: str, text: str) -> None:
        """Open the field that a key opens, and write into it. It closes where something else gets the focus."""
        field = self.page.locator(".quick-input-widget input").first
        for _ in range(_MOST_TRIES):
            await self.press(key)
            with suppress(PlaywrightTimeoutError):
                await field.fill(text, timeout=LIMIT_MS / _MOST_TRIES)
                return
            await self.press("Escape")
        raise AssertionError(f"{key} opens nothing")

    async def offers_no_command(self, title: str) -> None:
        """See that the palette does not know a command, but some of similar names."""
        await self._ask_palette(title)
        await self.page.locator(".quick-input-list", has_text="similar commands").wait_for(timeout=LIMIT_MS)
        await expect(self.page.locator(".quick-input-list .monaco-list-row", has_text=title)).to_have_count(0)
        await self.press("Escape")

    async def open(self, name: str) -> None:
        """Open a file of the folder, with the cursor at its end, and wait for the language server."""
        await self._row(name).dblclick(timeout=LIMIT_MS)
        await self._at_its_end(name)

    async def _at_its_end(self, name: str) -> None:
        await self.page.locator(".tab.active", has_text=name).wait_for(timeout=LIMIT_MS)
        await self.page.locator(".editor-instance .monaco-editor .view-line").first.wait_for(timeout=LIMIT_MS)
        first = {"x": 3, "y": 8}  # Messages may lie over the lines below.
        await self.page.locator(".editor-instance .monaco-editor .view-lines").first.click(position=first)  # type: ignore[arg-type]  # A typed dictionary of playwright's own.
        await self.page.keyboard.press("Control+End")

    async def type(self, text: str) -> None:
        await self.page.keyboard.type(text)

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)

    async def go(self, line: int, behind: str) -> None:
        """Put the cursor behind some text of a line, from 1."""
        text = (self.folder / (await self._name())).read_text(encoding="utf-8").split("\n")[line - 1]
        column = text.index(behind) + len(behind)
        units = len(text[:column].encode("utf-16-le")) // 2
        await self._ask("Control+G", f":{line}:{units + 1}")
        await self.press("Enter")
        await self.page.locator(".statusbar-item", has_text=re.compile(f"Ln {line}, Col")).wait_for(timeout=LIMIT_MS)

    async def _name(self) -> str:
        """The file that is shown."""
        name = await self.page.locator(".tab.active").get_attribute("data-resource-name")
        assert name is not None
        return name

    async def save(self) -> None:
        """Save the file that is shown, and wait until it is on the disk."""
        await self.press("Control+S")
        await expect(self.page.locator(".tab.active.dirty")).to_have_count(0, timeout=LIMIT_MS)

    async def shows(self, text: str) -> None:
        """Wait until the suggestion at the cursor's line is `text`: the editor colours it, so it comes in parts."""
        await self.page.wait_for_function(_GHOST_IS, arg=text, timeout=LIMIT_MS)

    async def marks(self, text: str) -> None:
        """Wait until one squiggle is there, and see that it stands under `text`, the first of that in its line."""
        await expect(self.squiggles).to_have_count(1, timeout=LIMIT_MS)
        mark = await self.squiggles.bounding_box()
        place = await self.page.evaluate(_PLACE_OF, text)
        assert mark is not None
        assert abs(mark["x"] - place["x"]) < _NEAR_PIXELS, (mark, place)
        assert abs(mark["width"] - place["width"]) < _NEAR_PIXELS, (mark, place)

    async def choose_fix(self, title: str, picture: str = "") -> None:
        """Take a quick fix at the cursor. The editor loses keys while it moves the focus, so its menu may be asked for
        more than once."""
        item = self.page.locator(".action-widget .monaco-list-row", has_text=title)
        for _ in range(_MOST_TRIES):
            await self.press("Control+.")
            with suppress(PlaywrightTimeoutError):
                await item.first.wait_for(timeout=LIMIT_MS / _MOST_TRIES)
                break
        if picture:
            await self.picture(picture)
        await item.first.click()

    async def ready(self) -> None:
        """Wait until the status says that the language server is there and nothing is wrong."""
        await expect(self.status).to_have_attribute("aria-label", re.compile("is ready"), timeout=LIMIT_MS)

    async def is_now(self, said: str) -> None:
        """Wait until the status says so; some of what it says stays for a second only."""
        await self.page.wait_for_function(_STATUS_SAYS, arg=said, timeout=LIMIT_MS)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds that is not to be seen."""

        for _ in range(LIMIT_MS // _LOOKS_AGAIN_MS):
            if holds():
                return
            await asyncio.sleep(_LOOKS_AGAIN_MS / 1000)
        raise AssertionError("it does not come to hold")

    async def menu(self) -> Locator:
        """Open our menu, as a click on the status does."""
        await self.status.click(timeout=LIMIT_MS)
        shown = self.page.locator(".quick-input-widget", has_text="codeassist is")
        await shown.wait_for(timeout=LIMIT_MS)
        return shown

    async def choose(self, label: str, *, stays: bool = False) -> None:
        """Take an entry of a menu that is open; `stays` where another menu follows."""
        await self.page.locator(".quick-input-list .monaco-list-row", has_text=label).first.click(timeout=LIMIT_MS)
        if not stays:
            await self.page.locator(".quick-input-widget").wait_for(state="hidden", timeout=LIMIT_MS)

    def notice(self, text: str) -> Locator:
        """A message of ours that is shown."""
        return self.page.locator(".notification-toast", has_text=text)

    async def answer(self, text: str, button: str) -> None:
        """Press a button of a message."""
        shown = self.notice(text)
        await shown.wait_for(timeout=LIMIT_MS)
        await shown.locator(".monaco-button", has_text=button).first.click(timeout=LIMIT_MS)

    async def focus(self) -> None:
        """Go on writing where the cursor is."""
        await self.command("View: Focus Active Editor Group")

    async def until_ghost(self) -> None:
        """Type until there is a suggestion: an engine that failed is not asked at once again."""
        for _ in range(_MOST_TRIES):
            await self.type(" ")
            with suppress(PlaywrightTimeoutError):
                await self.ghost.first.wait_for(timeout=LIMIT_MS / _MOST_TRIES)
                return
            await self.press("Backspace")
        raise AssertionError("there is no suggestion")

    async def go_to(self, url: str) -> None:
        """Show another place in the same window. VS Code takes a workspace file for empty where it comes to reading it
        before it is connected; it does not look again."""
        row = self.page.locator(".explorer-folders-view .monaco-list-row").first
        for _ in range(_MOST_TRIES):
            await self.page.goto(url, wait_until="domcontentloaded", timeout=2 * LIMIT_MS)
            await self.page.locator(".explorer-folders-view, .explorer-viewlet").first.wait_for(timeout=2 * LIMIT_MS)
            with suppress(PlaywrightTimeoutError):
                await row.wait_for(timeout=LIMIT_MS / 3)
                return
        raise AssertionError(f"{url} has no folder")

    async def find(self, name: str) -> None:
        """Open a file of whatever folder by its name, with the cursor at its end."""
        await self._ask("Control+P", name)
        await self.page.locator(".quick-input-list .monaco-list-row", has_text=name).first.click(timeout=LIMIT_MS)
        await self._at_its_end(name)

    async def requests(self, name: str) -> Locator:
        """Show what the last requests did: the rows of a file, the newest first."""
        await self.command("codeassist: Show What the Last Requests Did")
        return self.trace.locator("tr", has_text=name)

    async def reload(self) -> None:
        """Load the window anew."""
        await self.page.reload(wait_until="domcontentloaded", timeout=2 * LIMIT_MS)
        await self.page.locator(".explorer-folders-view").wait_for(timeout=2 * LIMIT_MS)

    async def wake(self) -> None:
        """Type until there is a suggestion: no sign tells that the editor asks for them by now."""
        await self.open(FIRST)
        for _ in range(_MOST_TRIES):
            await self.type(" ")
            with suppress(PlaywrightTimeoutError):
                await self.ghost.first.wait_for(timeout=LIMIT_MS / _MOST_TRIES)
                return
        raise AssertionError("the editor asks for no suggestions")

    async def picture(self, name: str) -> None:
        """Take a screenshot for the documents."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    def _row(self, name: str) -> Locator:
        return self.page.locator(".explorer-folders-view .monaco-list-row", has_text=name)


@asynccontextmanager
async def workbench(server: CodeServer, folder: Path) -> AsyncIterator[Workbench]:
    """A window on `folder`, which has a first file then; it reaches nothing but loopback."""
    (folder / FIRST).write_text("price =", encoding="utf-8")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=list(_SWITCHES))
        context = await browser.new_context(viewport={"width": 1200, "height": 700})
        made = Workbench(await context.new_page(), folder)

        async def guard(route: Route) -> None:
            host = route.request.url.partition("://")[2].partition("/")[0]
            if host and not host.startswith("127.0.0.1"):
                made.outside.add(host)
                await route.abort()
            else:
                await route.continue_()

        await context.route("**/*", guard)
        try:
            await made.page.goto(server.url(folder), wait_until="domcontentloaded", timeout=2 * LIMIT_MS)
            await made.page.locator(".monaco-workbench").wait_for(timeout=2 * LIMIT_MS)
            await made.page.locator(".explorer-folders-view").wait_for(timeout=2 * LIMIT_MS)
            yield made
        except BaseException:
            with suppress(PlaywrightError):  # The page may be what is broken.
                await made.picture("failure")
            raise
        finally:
            await browser.close()


def chromium() -> str:
    """The browser of this machine."""
    import shutil

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert found is not None, "there is no Chromium: apt-get install chromium"
    return found
