"""Orders: lines of articles with their prices, totals and discounts."""

from dataclasses import dataclass, field

from money import Price


@dataclass
class OrderLine:
    article: str
    price: Price
    count: int = 1

    def total(self):
        """The price of all pieces of this line."""
        return self.price.times(self.count)


@dataclass
class Order:
    customer: str
    lines: list = field(default_factory=list)

    def total(self):
        """The sum of all lines."""
        total = Price(0)
        for line in self.lines:
            total = total.plus(line.total())
        return total


def largest_line(order):
    """Return the order line with the largest total, or None if the order has no lines."""
    largest = None
    for line in order.lines:
        if largest is None or line.total().cents < largest.total().cents:
            largest = line
    return largest


def find_order(orders, customer):
    """Return the first order of the customer, or None."""
    for order in orders:
        if order.customer == customer:
            return order
    return None
