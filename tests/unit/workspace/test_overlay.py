"""Open documents over an index."""

from __future__ import annotations

from codeassist.workspace.overlay import Overlaid
from tests.unit.workspace.test_lookup import SHOP, Files, opened_file

NEW = "from .money import Price\n\n\nclass Cent:\n    value: int\n"


def overlaid(path: str = "shop/money.py", text: str = NEW) -> Overlaid:
    return Overlaid.of(Files(SHOP), [opened_file(path, text)])


def test_definitions_and_imports_are_those_of_the_editor() -> None:
    over = overlaid()
    assert [tag.name for tag in over.definitions_in(["shop/money.py"])["shop/money.py"]] == ["Cent", "value"]
    assert [each.module for each in over.imports_in(["shop/money.py"])["shop/money.py"]] == [".money"]
    assert set(over.definitions_in(["shop/cart.py", "shop/money.py"])) == {"shop/cart.py", "shop/money.py"}


def test_names_are_found_in_open_documents_first_and_not_where_they_no_longer_are() -> None:
    over = overlaid()
    assert set(over.definitions_named(["Price", "Cent", "Cart"])) == {"Cent", "Cart"}
    assert over.definitions_named(["Cent"], 1)["Cent"][0][0] == "shop/money.py"


def test_a_document_that_is_not_saved_yet_is_a_file_of_the_folder() -> None:
    over = overlaid("shop/new.py")
    assert over.exists("shop/new.py")
    assert "shop/new.py" in over.folder("shop")
    assert over.ending("new.py") == ["shop/new.py"]
    assert over.read("shop/new.py") == NEW
    assert over.read("shop/other.py") == SHOP["shop/other.py"]


def test_text_is_that_of_the_editor() -> None:
    assert overlaid().text("shop/money.py", 3, 5) == "class Cent:\n    value: int\n"
    assert overlaid().text("shop/other.py", 0, 1) == SHOP["shop/other.py"]


def test_the_index_is_not_searched_in_files_that_are_open() -> None:
    over = overlaid()
    assert "shop/money.py" not in [found.path for found in over.similar(["Price"], 9)]
    assert "shop/money.py" not in [found.path for found in over.mentions("Price", 9)]
