"""Events of a replay, as tests write them down."""

from __future__ import annotations

from typing import Any


def event(at: float, name: str, **fields: Any) -> dict[str, Any]:
    return {"at": at, "event": name, **fields}


def opened(text: str, **fields: Any) -> dict[str, Any]:
    return event(0.0, "opened", column="c", text=text, **fields)
