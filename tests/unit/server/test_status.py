"""What the user is told of the state of things, and when."""

from __future__ import annotations

from typing import Any

import pytest

from codeassist.flow.trace import Trace
from codeassist.post.skip import Skip
from codeassist.server import status as status_module
from codeassist.server.status import Status


class Client:
    """Collects what it is told."""

    def __init__(self) -> None:
        self.statuses: list[dict[str, Any]] = []
        self.status = Status(lambda _, status: self.statuses.append(status), lambda *_: None)
        self.status.set("ready")

    def completed(self, total_ms: float) -> None:
        trace = Trace("completion")
        trace.started -= total_ms / 1000
        self.status.completed(trace)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes later does not come by itself."""
    monkeypatch.setattr(status_module, "_FIGURES_S", 3600.0)


async def test_figures_alone_come_later_and_only_the_last_ones() -> None:
    client = Client()
    client.completed(1_000)
    client.completed(2_000)
    assert len(client.statuses) == 1
    client.status.flush()
    assert [status["latencyMs"] for status in client.statuses] == [None, 2_000]


async def test_everything_else_comes_at_once_with_the_figures_that_wait() -> None:
    client = Client()
    client.completed(1_000)
    client.status.failed(Skip("model-unreachable"))
    assert [(status["state"], status["latencyMs"]) for status in client.statuses] == [
        ("ready", None),
        ("degraded", 1_000),
    ]
    client.status.flush()
    assert len(client.statuses) == 2


async def test_whoever_asks_is_told_what_waits() -> None:
    client = Client()
    client.completed(1_000)
    assert client.status.last["latencyMs"] == 1_000
    assert len(client.statuses) == 2


async def test_a_failure_is_named_for_editors_until_the_model_is_well() -> None:
    client = Client()
    client.status.failed(Skip("engine-model-missing"))
    client.status.answered()
    assert [status["reason"] for status in client.statuses] == [None, "engine-model-missing", None]
