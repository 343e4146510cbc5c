"""What the documents tell people to write into their own files."""

from __future__ import annotations

import re
from pathlib import Path

EDITORS = Path(__file__).resolve().parents[1] / "docs" / "editors.md"

_BLOCK = re.compile(r"^```(?P<language>[\w-]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def snippets(section: str, language: str, page: Path = EDITORS) -> list[str]:
    """The code blocks of a section, which its heading names, in one language."""
    for part in re.split(r"^##+ ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        heading, _, text = part.partition("\n")
        if heading == section:
            return [found["text"] for found in _BLOCK.finditer(text) if found["language"] == language]
    raise LookupError(f"{page.name} has no section {section!r}")
