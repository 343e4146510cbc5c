"""Tests that drive real editors, each kind in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A file of the test's own."""
    whole = request.node.name.removeprefix("test_").partition("[")[0]
    return f"{whole[:30]}.py"


@pytest.hookimpl(tryfirst=True)  # The marker must be there before `-m` is looked at.
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """These tests run only when asked for by marker or by path: most machines have no editors for them."""
    ours = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.editors)
    asked_for = (config.option.markexpr or "", *map(str, config.invocation_params.args))
    if ours and not any("editors" in word for word in asked_for):
        config.hook.pytest_deselected(items=ours)
        items[:] = [item for item in items if item not in ours]
