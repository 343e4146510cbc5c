import unittest

from money import Price
from orders import Order, OrderLine, find_order, largest_line


class OrdersTest(unittest.TestCase):
    def setUp(self):
        self.order = Order(
            "Ada", [OrderLine("pen", Price(120), 2), OrderLine("desk", Price(9900)), OrderLine("lamp", Price(2500))]
        )

    def test_total(self):
        self.assertEqual(self.order.total(), Price(120 * 2 + 9900 + 2500))

    def test_largest_line(self):
        self.assertEqual(largest_line(self.order).article, "desk")
        self.assertIsNone(largest_line(Order("Bob")))

    def test_find_order(self):
        self.assertIs(find_order([Order("Bob"), self.order], "Ada"), self.order)
        self.assertIsNone(find_order([self.order], "Eve"))


if __name__ == "__main__":
    unittest.main()
