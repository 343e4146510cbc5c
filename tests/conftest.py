"""Options of all tests."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest

collect_ignore = [] if find_spec("playwright") else ["editors"]
"""What drives them comes with `make test-editors` only."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-goldens",
        action="store_true",
        help="Write what cases give now into their golden sections, instead of comparing. Never in CI.",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--update-goldens") and os.environ.get("CI"):
        raise pytest.UsageError("--update-goldens is for people: in CI the goldens are what is tested.")
