"""Amounts of money in whole cents."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Price:
    """A price in cents, never negative."""

    cents: int

    def __post_init__(self):
        if self.cents < 0:
            raise ValueError("a price is never negative")

    def times(self, count):
        """The price of `count` pieces."""
        return Price(self.cents * count)

    def plus(self, other):
        """The sum of two prices."""
        return Price(self.cents + other.cents)
