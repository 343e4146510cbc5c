"""Write the reference pages that are made from the code: `python docs/generate.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from codeassist.post.skip import REASONS
from codeassist.settings import WORKSPACE_MAY_SET, Settings, json_schema

REFERENCE = Path(__file__).resolve().parent / "reference"


def pages() -> dict[str, str]:
    """File name to text of each generated page."""
    return {
        "settings.md": settings_page(),
        "settings.schema.json": json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n",
        "silence.md": silence_page(),
    }


def settings_page() -> str:
    rows = [f"| `{key}` | {default} | {description} |" for key, default, description in _settings(Settings, "")]
    sections = ", ".join(f"`{name}.*`" for name in WORKSPACE_MAY_SET)
    return "\n".join(
        [
            "# Settings",
            "",
            "Made from `codeassist/settings/tree.py` by `docs/generate.py`.",
            "",
            "The same names hold everywhere; later layers win: built-in defaults, your `codeassist/config.toml` in the",
            "platform's configuration folder, the workspace's `.codeassist.toml`, environment variables",
            "(`CODEASSIST_COMPLETION__MAX_LINES=5`), your editor's settings (section `codeassist`).",
            f"A workspace may set {sections} only, and no `server` part: it can change how code is completed and",
            "reviewed, never where it is sent.",
            "",
            "| key | default | meaning |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def silence_page() -> str:
    rows = [f"| `{reason}` | {sentence} |" for reason, sentence in REASONS.items()]
    return "\n".join(
        [
            "# Reasons for silence",
            "",
            "Made from `codeassist/post/skip.py` by `docs/generate.py`.",
            "",
            "A request that shows nothing says why: in `codeassist/trace`, in `complete --json` under `skip`, and",
            "counted in `codeassist.showStatus`.",
            "",
            "| reason | meaning |",
            "|---|---|",
            *rows,
            "",
        ]
    )


def _settings(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _settings(field.annotation, f"{key}.")
        else:
            default = field.get_default(call_default_factory=True)
            yield key, _shown(default), (field.description or "").replace("|", "\\|")


def _shown(default: Any) -> str:
    if default is None or default == "" or default is PydanticUndefined:
        return ""
    return f"`{json.dumps(default)}`"


def main() -> None:
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
