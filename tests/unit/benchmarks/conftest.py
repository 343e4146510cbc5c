"""The benchmarks' scripts, for tests of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest


@pytest.fixture
def script(request: pytest.FixtureRequest) -> Iterator[dict[str, ModuleType]]:
    """The scripts that the test's module names (`FOLDER`, `SCRIPTS`), as Python sees them when one of them is run: they
    import their neighbours by their bare names."""
    folder, names = str(request.module.FOLDER), request.module.SCRIPTS
    sys.path.insert(0, folder)
    try:
        yield {name: __import__(name) for name in names}
    finally:
        sys.path.remove(folder)
        for name in names:
            sys.modules.pop(name, None)
