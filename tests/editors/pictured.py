"""The project that the pictures of the documents show, whatever the editor."""

from __future__ import annotations

from tests.e2e.programs import BUGGY, RIGHT

CART = '''\
from dataclasses import dataclass


@dataclass
class Line:
    title: str
    cents: int
    count: int


def total(lines: list[Line]) -> int:
    """What all of it costs, in cents."""
'''
"""The last line of it is written while one looks."""

STOCK, STOCK_RIGHT = (program.partition("\n\n")[0] + "\n" for program in (BUGGY, RIGHT))
"""A function with one mistake, and without."""
