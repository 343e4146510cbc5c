"""What the code at the cursor wants to know, and that it rarely changes while somebody types."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeassist.context import question as question_module
from codeassist.context.cursor import CursorView, cursor_view
from codeassist.context.limits import ContextLimits
from codeassist.context.question import Question, parts_of, question_at
from codeassist.syntax.tree import parse
from codeassist.text.document import Document, Offset
from tests.unit.context.making import python_file

CURSOR = "<CURSOR>"
CODE = """import os
from shop.money import Price, parse_price as parse
from . import orders


class Cart(Base):
    def total(self, prices: list[Price]):
        cents = sum_of(prices)
        return <CURSOR>

    def later(self): ...
"""


def question(marked: str, language: str = "python") -> Question:
    document = Document.create("file:///cart", marked.replace(CURSOR, ""), language)
    syntax = parse(document)
    assert syntax is not None
    return question_at(cursor_view(syntax, Offset(marked.index(CURSOR)), ContextLimits()), "shop/cart.py")


def test_imports_are_those_of_the_editor_and_what_is_not_used_yet_is_known() -> None:
    found = question(CODE)
    assert [each.module for each in found.imports][:2] == ["os", "shop.money"]
    assert found.unused == {"os", "parse", "orders"}
    assert "Price" in found.used


def test_the_nearer_a_name_the_heavier() -> None:
    names = question(CODE.replace("return ", "return here(")).names
    assert names["here"] > names["sum_of"] > names["later"]


def test_what_the_file_defines_itself_and_what_its_class_is_derived_from() -> None:
    found = question(CODE)
    assert {"Cart", "total"} <= found.defined
    assert found.bases == ("Base",)


def test_the_word_that_is_being_typed_changes_nothing() -> None:
    """Each change would be a prompt of which little is cached."""
    asked = [question(CODE.replace(CURSOR, f"{'round_up'[:length]}{CURSOR}")) for length in range(9)]
    assert all(each == asked[0] for each in asked)


def test_the_function_whose_first_lines_are_written() -> None:
    assert question("def ship_all(orders):\n    <CURSOR>").writing == "ship_all"
    assert question("func (s *Shop) ShipAll(orders int) {\n\t<CURSOR>\n}", "go").writing == "ShipAll"
    assert question("def main():\n    <CURSOR>").writing == ""
    assert question("def ship_all(orders):\n" + "    x = 1\n" * 9 + "    <CURSOR>").writing == ""


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("parse_price", {"parse", "price"}),
        ("HTTPServer", {"http", "server"}),
        ("toJson2", {"json"}),
        ("_x", set()),
    ],
)
def test_parts_of_names(name: str, parts: set[str]) -> None:
    assert parts_of(name) == parts


@pytest.mark.parametrize("text", ["<CURSOR>", "\x00<CURSOR>", "import\n<CURSOR>", "x" * 90_000 + "<CURSOR>"])
def test_odd_texts(text: str) -> None:
    assert question(text).path == "shop/cart.py"


def used_at_once(view: CursorView) -> frozenset[str]:
    """The names that are used, from the text as a whole: what the cells have to give, too."""
    text, offset, around = view.document.text, view.offset, question_module._USES_CHARACTERS // 2
    first, last = max(0, offset - around), min(len(text), offset + around)
    word = re.search(r"\w+$", view.line_prefix)
    typed = offset - (len(word.group()) if word else 0)
    pieces, at = [], first
    for span in sorted(view.imports, key=lambda span: span.start):
        pieces.append(text[at : max(at, min(span.start, last))])
        at = max(at, span.end)
    pieces.append(text[at:typed])
    pieces.append(text[max(at, offset) : last])
    return frozenset(re.findall(r"[^\W\d]\w*", "\n".join(pieces)))


LONG = python_file(3000)
DEFINES = r"\b(?:def|class|func|fn|function|struct|type|interface|enum|trait|module)\s+(\w+)"


@given(place=st.integers(0, len(LONG)), imported=st.lists(st.integers(0, len(LONG)), max_size=3))
def test_names_are_the_same_cell_by_cell(place: int, imported: list[int]) -> None:
    text = LONG
    for at in imported:
        start = text.find("\n", at) + 1
        text = f"{text[:start]}import names_{at}\n{text[start:]}"
    syntax = parse(Document.create("file:///cart", text, "python"))
    assert syntax is not None
    view = cursor_view(syntax, Offset(place), ContextLimits())
    found = question_at(view, "shop/cart.py")
    assert found.used == used_at_once(view)
    assert found.defined == {*re.findall(DEFINES, view.prefix), *re.findall(DEFINES, view.suffix)}


@given(text=st.text(alphabet="ab1_é \n\r\t.", max_size=400), data=st.data())
def test_names_are_the_same_with_all_kinds_of_line_ends(text: str, data: st.DataObject) -> None:
    view = cursor_view(Document.create("file:///notes", text), Offset(data.draw(st.integers(0, 400))), ContextLimits())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(question_module, "_CELL_LINES", 2)
        patch.setattr(question_module, "_MOST_CELL_CHARACTERS", 12)
        patch.setattr(question_module, "_USES_CHARACTERS", 60)
        assert question_at(view, "notes").used == used_at_once(view)


@given(
    pieces=st.lists(st.sampled_from(["def", "class ", "type", "\n", "\r", " ", "a", "b1"]), max_size=60), data=st.data()
)
def test_what_is_defined_is_the_same_from_memory(pieces: list[str], data: st.DataObject) -> None:
    text = "".join(pieces)
    offset = Offset(data.draw(st.integers(0, len(text))))
    view = cursor_view(Document.create("file:///notes", text), offset, ContextLimits())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(question_module, "_CELL_LINES", 2)
        found = question_at(view, "notes").defined
    assert found == {*re.findall(DEFINES, view.prefix), *re.findall(DEFINES, view.suffix)}
