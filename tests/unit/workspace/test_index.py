from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from codeassist.workspace.index import Index
from tests.unit.workspace.making import Workplace

CART = '''"""Carts."""

from __future__ import annotations

import os.path as path
from .money import Price, round_price as rounded


class Cart:
    """What somebody wants to buy."""

    def add_item(self, price: Price, count: int = 1) -> None:
        """Add a thing."""
        self.items.append((price, count))

    def total(self) -> Price:
        return sum(self.items)


def empty_cart() -> Cart:
    return Cart()
'''
MONEY = (
    "class Price:\n    def add_tax(self, rate):\n        return rate\n\n\ndef round_price(price):\n    return price\n"
)


@pytest.fixture
def index(place: Workplace) -> Index:
    place.write(
        {
            "src/shop/cart.py": CART,
            "src/shop/money.py": MONEY,
            "src/shop/__init__.py": "",
            "money.py": "def other(): pass\n",
            "package.json": '{"name": "shop"}\n',
            "tests/test_cart.py": "from src.shop.cart import Cart\n\n\ndef test_total():\n    assert Cart().total()\n",
        }
    )
    place.scan()
    return place.index


def test_paths(index: Index) -> None:
    assert index.exists("src/shop/cart.py")
    assert not index.exists("src/shop/none.py")
    assert index.ending("money.py") == ["money.py", "src/shop/money.py"]
    assert index.ending("shop/money.py") == ["src/shop/money.py"]
    assert index.ending("oney.py") == []
    assert index.ending("money.py", limit=1) == ["money.py"]
    assert index.folder("src/shop") == ["src/shop/__init__.py", "src/shop/cart.py", "src/shop/money.py"]
    assert index.folder("") == ["money.py", "package.json"]


def test_reads_only_files_of_the_index(index: Index) -> None:
    (index.root / ".env").write_text("KEY=1")
    assert index.read("package.json") == '{"name": "shop"}\n'
    assert index.read(".env") is None
    assert index.read("../outside.json") is None


def test_text(index: Index) -> None:
    assert index.text("src/shop/money.py", 5, 7) == "def round_price(price):\n    return price"
    assert index.text("src/shop/none.py", 0, 5) == ""
    assert index.text("../../etc/passwd", 0, 5) == ""
    assert index.text("/etc/passwd", 0, 5) == ""


def test_definitions(index: Index) -> None:
    found = index.definitions_in(["src/shop/cart.py", "src/shop/none.py"])
    assert list(found) == ["src/shop/cart.py"]
    tags = {tag.name: tag for tag in found["src/shop/cart.py"]}
    assert tags["add_item"].parent == "Cart"
    assert "count: int = 1" in tags["add_item"].signature
    assert index.definitions_in(["src/shop/cart.py"]) == found  # From memory.

    named = index.definitions_named(["Price", "total", "nothing", ""])
    assert [path for path, _ in named["Price"]] == ["src/shop/money.py"]
    assert sorted(named) == ["Price", "total"]
    assert index.definitions_named(["total"], limit=0) == {}


def test_kept_definitions_follow_the_file(index: Index, place: Workplace) -> None:
    assert index.definitions_in(["money.py"])["money.py"][0].name == "other"
    place.write({"money.py": "def changed(): pass\n"})
    place.scan()
    assert index.definitions_in(["money.py"])["money.py"][0].name == "changed"


def test_imports(index: Index) -> None:
    imports = {one.module: one for one in index.imports_in(["src/shop/cart.py"])["src/shop/cart.py"]}
    assert imports[".money"].names == (("Price", "Price"), ("round_price", "rounded"))
    assert imports["os.path"].alias == "path"


def test_similar(index: Index) -> None:
    assert index.similar(["round_price"], 3)[0].path in ("src/shop/money.py", "src/shop/cart.py")
    best = index.similar({"addTax": 1.0, "rate": 1.0}, 1)  # Its parts are those of `add_tax`.
    assert [found.path for found in best] == ["src/shop/money.py"]
    assert best[0].score > 0
    assert index.similar(["add_tax"], 3, exclude=["src/shop/money.py"]) == [
        found for found in index.similar(["add_tax"], 3) if found.path != "src/shop/money.py"
    ]
    assert index.similar([], 3) == []
    assert index.similar(['"', "a OR b", "NEAR(", "*"], 3) == []
    assert index.similar(["add_item"], 0) == []


def test_similar_code_that_holds_a_name(index: Index) -> None:
    held = [found.path for found in index.mentions("round_price", 9)]
    found = index.similar(["add_tax", "rate"], 9, (), "round_price")
    assert sorted(each.path for each in found) == sorted(held)
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert found[0].score > 0
    assert [each.path for each in index.similar([], 9, (), "round_price")]  # Nothing else is known of the place.
    assert index.similar(["add_tax"], 9, held, "round_price") == []
    assert index.similar(["add_tax"], 9, (), "nowhere_at_all") == []
    assert index.similar(["add_tax"], 9, (), "if") == []


def test_mentions(index: Index) -> None:
    assert [found.path for found in index.mentions("empty_cart", 5)] == ["src/shop/cart.py"]
    assert {found.path for found in index.mentions("Cart", 5)} >= {"src/shop/cart.py", "tests/test_cart.py"}
    assert index.mentions("empty", 5, exclude=["src/shop/cart.py"]) == []
    assert index.mentions("bad\udce9name", 5) == []


def test_odd_questions_have_empty_answers(index: Index) -> None:
    assert index.definitions_named(["bad\udce9name"]) == {}
    assert not index.exists("bad\udce9.py")
    assert index.folder("\0") == []
    assert len(index.definitions_in([f"{number}.py" for number in range(2000)])) == 0


def test_each_thread_reads(index: Index) -> None:
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.append(index.exists("money.py"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 8
    index.close()
    assert index.exists("money.py")


def test_reads_while_somebody_writes(index: Index, place: Workplace) -> None:
    from codeassist.workspace.store import open_to_write

    connection = open_to_write(index.database)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM files")
    assert index.exists("money.py")
    connection.execute("ROLLBACK")
    connection.close()


def test_what_could_not_be_read_once_is_not_taken_for_empty(index: Index) -> None:
    from codeassist.workspace.store import open_to_write

    connection = open_to_write(index.database)
    connection.execute("ALTER TABLE definitions RENAME TO away")
    assert index.exists("money.py")
    assert index.definitions_in(["money.py"]) == {}
    connection.execute("ALTER TABLE away RENAME TO definitions")
    connection.close()
    assert index.definitions_in(["money.py"])["money.py"]


def test_root_is_kept_as_given(tmp_path: Path) -> None:
    assert Index(tmp_path, tmp_path).root == tmp_path


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes there")
def test_a_pipe_in_place_of_a_file_is_not_waited_for(index: Index, place: Workplace) -> None:
    (place.root / "money.py").unlink()
    os.mkfifo(place.root / "money.py")
    assert index.text("money.py", 0, 3) == ""
    assert index.read("money.py") is None
