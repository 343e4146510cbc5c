"""The type of what stands before the dot, as far as the text above tells."""

from __future__ import annotations

from dataclasses import replace

import pytest

from codeassist.context.cursor import cursor_view
from codeassist.context.limits import ContextLimits
from codeassist.context.receiver import Receiver, receiver_at, types_in
from codeassist.syntax.tree import parse
from codeassist.text.document import Document, Offset

CURSOR = "<CURSOR>"


def receiver(marked: str, language: str = "python") -> Receiver | None:
    """What is known of it, besides its name."""
    found = as_written(marked, language)
    return found and replace(found, name="")


def as_written(marked: str, language: str = "python") -> Receiver | None:
    document = Document.create("file:///a", marked.replace(CURSOR, ""), language)
    syntax = parse(document)
    assert syntax is not None
    return receiver_at(cursor_view(syntax, Offset(marked.index(CURSOR)), ContextLimits()))


@pytest.mark.parametrize(
    ("language", "code", "types"),
    [
        ("python", "def f(cart: Cart):\n    cart.<CURSOR>", ("Cart",)),
        ("python", "def f(cart: Optional[shop.Cart] = None):\n    cart.to<CURSOR>", ("shop", "Cart")),
        ("python", "cart = Cart(1)\ncart.<CURSOR>", ("Cart",)),
        ("python", "cart = Cart.load(1)\ncart.<CURSOR>", ("Cart",)),
        ("python", "with Session(engine) as session:\n    session.<CURSOR>", ("Session",)),
        (
            "python",
            "class A:\n    def f(self, storage: Store):\n        '''storage: Token storage.'''\n"
            "        self.s = storage\n        self.s.<CURSOR>",
            ("Store",),
        ),
        ("csharp", "class A { void F() {\n var g = 1;\n Gadget t = registry.Lookup(1);\n t.<CURSOR>\n} }", ("Gadget",)),
        ("java", "class A { void f() {\n Gadget t = new Other().lookup(1);\n t.<CURSOR>\n} }", ("Gadget",)),
        ("cpp", "void f() {\n Gadget* t = registry.lookup(1);\n t-><CURSOR>\n}", ("Gadget",)),
        ("rust", "fn f(a: &mut dyn Store) {\n    a.<CURSOR>", ("Store",)),
        ("python", "a: Store  # where it is kept\na.<CURSOR>", ("Store",)),
        ("python", "a: Old = 1\na: New = 2\na.<CURSOR>", ("New",)),
        ("python", "def f(a: Wrong): ...\ndef g(self):\n    a = Right()\n    a.<CURSOR>", ("Right",)),
        ("python", "def f(b: Cart):\n    a = b\n    a.<CURSOR>", ("Cart",)),
        ("python", "def f(carts: list[Cart]):\n    for cart in carts:\n        cart.<CURSOR>", ("Cart",)),
        ("python", "try:\n    x()\nexcept (CartError, OSError) as e:\n    e.<CURSOR>", ("CartError", "OSError")),
        ("python", "if isinstance(x, Cart):\n    x.<CURSOR>", ("Cart",)),
        ("typescript", "for (const cart of carts) {\n  cart.<CURSOR>\n}\nlet carts: Cart[];", ()),
        ("typescript", "let carts: Cart[] = [];\nfor (const cart of carts) {\n  cart.<CURSOR>\n}", ("Cart",)),
        ("python", "Color.<CURSOR>", ("Color",)),
        ("python", "x = 1\nx.<CURSOR>", ()),
        ("typescript", "function f(cart?: Cart | undefined) {\n  cart.<CURSOR>\n}", ("Cart",)),
        ("typescript", "const cart = new Cart();\ncart.<CURSOR>", ("Cart",)),
        ("typescript", "const cart = load() as Cart;\ncart?.<CURSOR>", ("Cart",)),
        ("java", "class A { void f(Cart cart) {\n cart.<CURSOR>\n} }", ("Cart",)),
        ("go", "func f() {\n\tcart := Cart{1}\n\tcart.<CURSOR>\n}", ("Cart",)),
        ("cpp", "int f(Cart *cart) {\n  return cart-><CURSOR>;\n}", ("Cart",)),
    ],
)
def test_the_type_before_the_dot(language: str, code: str, types: tuple[str, ...]) -> None:
    found = receiver(code, language)
    assert found is not None
    assert found.types == types


def test_self_is_the_class_and_its_bases() -> None:
    found = receiver("class Cart(Base, Mixin):\n    def f(self):\n        self.<CURSOR>\n")
    assert found == Receiver(("self",), ("Cart", "Base", "Mixin"))


def test_an_attribute_of_self_has_the_type_that_it_was_given() -> None:
    code = "class A:\n  def __init__(self):\n    self.client = Client()\n  def f(self):\n    self.client.<CURSOR>\n"
    assert receiver(code) == Receiver(("",), ("Client",))


def test_the_function_that_made_it_is_named() -> None:
    found = receiver("cart = load_cart(1)\ncart.lines.<CURSOR>")
    assert found == Receiver(("", "lines"), (), ("load_cart",))
    assert receiver("load_cart(1, 2).<CURSOR>") == Receiver(("",), (), ("load_cart",))


def test_a_method_is_a_step_of_the_chain() -> None:
    found = receiver("def f(shop: Shop):\n    cart = shop.cart_of(1)\n    cart.<CURSOR>")
    assert found == Receiver(("", "cart_of"), ("Shop",), ("cart_of",))


def test_what_a_container_gives_is_what_it_holds() -> None:
    code = "class A:\n  carts: dict[str, Cart]\n  def f(self):\n    cart = self.carts.get(1)\n    cart.<CURSOR>\n"
    assert receiver(code) == Receiver(("",), ("Cart",))
    assert receiver("def f(carts: list[Cart]):\n    carts[0].<CURSOR>") == Receiver(("",), ("Cart",))


def test_a_check_of_the_type_may_be_for_the_others() -> None:
    code = "def f(x: Cart | Failure):\n    if isinstance(x, Failure):\n        return\n    x.<CURSOR>"
    assert receiver(code) == Receiver(("",), ("Failure", "Cart"))


def test_the_colon_of_a_block_annotates_nothing() -> None:
    assert receiver("cart = Cart()\nif not cart:\n    raise ValueError()\ncart.<CURSOR>") == Receiver(("",), ("Cart",))


def test_an_attribute_that_the_class_says_nothing_of_may_be_inherited() -> None:
    found = receiver("class Cart(Base):\n    def f(self):\n        self.client.<CURSOR>\n")
    assert found == Receiver(("self", "client"), ("Cart", "Base"))


def test_a_field_that_the_class_declares_has_its_type() -> None:
    code = "class A:\n  client: Client\n  other: Other\n  def f(self):\n    self.client.pool.<CURSOR>\n"
    assert receiver(code) == Receiver(("", "pool"), ("Client",))


@pytest.mark.parametrize("code", ["x = 1<CURSOR>", "<CURSOR>", "return (a).<CURSOR>", "3.<CURSOR>"])
def test_no_receiver(code: str) -> None:
    assert receiver(code) is None


def test_containers_and_built_in_types_are_left_out() -> None:
    assert types_in("dict[str, Optional[list[Cart]]] | None") == ("Cart",)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("cart.<CURSOR>", "cart"),
        ("for item in self.items:\n    item.<CURSOR>", "item"),  # Not what its type is known by.
        ("self.client.get(1).<CURSOR>", ""),
        ("load(1).<CURSOR>", ""),
        ("rows[0].<CURSOR>", ""),
        ("rows[0].cell.<CURSOR>", "cell"),
        ("self.<CURSOR>", "self"),
    ],
)
def test_the_name_before_the_dot_as_it_is_written(code: str, name: str) -> None:
    found = as_written(code)
    assert found is not None
    assert found.name == name
