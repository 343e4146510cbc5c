"""Make the extension's icon.png of its icon.svg: `python -m tests.editors.vscode.icon`."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.editors.vscode.workbench import chromium

MEDIA = Path(__file__).resolve().parents[3] / "editors" / "vscode" / "media"
SIDE_PIXELS = 128


def main() -> None:
    svg = (MEDIA / "icon.svg").read_text(encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": SIDE_PIXELS, "height": SIDE_PIXELS})
        page.set_content(f"<style>body {{ margin: 0 }} svg {{ display: block }}</style>{svg}")
        page.screenshot(path=MEDIA / "icon.png", omit_background=True)
        browser.close()


if __name__ == "__main__":
    main()
