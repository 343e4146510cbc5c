"""Definitions as a model reads them: declarations of their language."""

from __future__ import annotations

import pytest

from codeassist.context.shown import shown
from codeassist.syntax.tags import tags_of


def of(language: str, source: str, *names: str) -> str:
    """What is shown of the definitions with these names, or of all."""
    tags = tags_of(language, source.encode()).definitions
    return shown([tag for tag in tags if not names or tag.name in names], language)


CART = """class Cart(Base):
    total: Price

    def add(self, price):
        self.x = price


def empty():
    return 1
"""


def test_members_stand_below_their_class() -> None:
    assert of("python", CART) == (
        "class Cart(Base):\n    total: Price\n    def add(self, price): ...\ndef empty(): ...\n"
    )


def test_a_class_without_members_is_closed() -> None:
    assert of("python", CART, "Cart", "empty") == "class Cart(Base): ...\ndef empty(): ...\n"


def test_a_member_without_its_class_names_it() -> None:
    assert of("python", CART, "add") == "Cart: def add(self, price): ...\n"


@pytest.mark.parametrize(
    ("language", "source", "found"),
    [
        (
            "typescript",
            "export class Cart {\n  add(price: Price): void {\n    this.x = price;\n  }\n}\n"
            "export function empty(): Cart {\n  return x;\n}\n",
            "export class Cart {\n    add(price: Price): void;\n}\nexport function empty(): Cart;\n",
        ),
        ("typescript", "export interface Empty {\n}\n", "export interface Empty {}\n"),
        (
            "go",
            "type Cart struct {\n\tTotal int\n}\n\nfunc (c *Cart) Add(price int) error {\n\treturn nil\n}\n",
            "type Cart struct {\n    Total int\n    func (c *Cart) Add(price int) error\n}\n",
        ),
        (
            "rust",
            "pub struct Cart {\n    total: u32,\n}\n\npub fn empty() -> Cart {\n    todo!()\n}\n",
            "pub struct Cart {\n    total: u32\n}\npub fn empty() -> Cart;\n",
        ),
        ("ruby", "class Cart\n  def add(price)\n    @x = price\n  end\nend\n", "class Cart\n    def add(price)\n"),
    ],
)
def test_other_languages(language: str, source: str, found: str) -> None:
    assert of(language, source) == found


def test_an_arrow_function_shows_that_there_is_more() -> None:
    shown_of = of("typescript", "export const add = (a: number, b: number): number => {\n  return a + b;\n};\n")
    assert shown_of.startswith("export const add = (a: number, b: number): number =>")
    assert "return" not in shown_of


def test_how_a_function_is_called_is_shown() -> None:
    code = (
        "class Box:\n    @property\n    def area(self) -> int:\n        return 1\n\n"
        "    @classmethod\n    @cache\n    def load(cls):\n        return cls()\n\n"
        "    @cache\n    def slow(self): ...\n"
    )
    assert of("python", code) == (
        "class Box:\n    @property\n    def area(self) -> int: ...\n    @classmethod\n    def load(cls): ...\n"
        "    def slow(self): ...\n"
    )


def test_a_type_in_a_namespace_stands_by_itself() -> None:
    code = "namespace n {\nnamespace m {\nclass W {\n public:\n  int f(int a) const;\n};\n}\n}\n"
    assert of("cpp", code, "W", "f") == "class W {\n    int f(int a) const;\n}\n"


def test_a_struct_of_rust_shows_its_fields() -> None:
    assert of("rust", "pub struct Meters(pub f64, String);\n") == "pub struct Meters(pub f64, String);\n"


@pytest.mark.parametrize(
    ("language", "source", "found"),
    [
        (
            "typescript",
            "export enum Code {\n  NotFound = 'NOT_FOUND',\n  Other = 'x-other',\n  Gone = 410,\n}\n",
            "export enum Code {\n    NotFound\n    Other = 'x-other'\n    Gone = 410\n}\n",
        ),
        (
            "python",
            "class Code(Enum):\n    NOT_FOUND = 'not-found'\n    OTHER = 'x'\n",
            "class Code(Enum):\n    NOT_FOUND\n    OTHER = 'x'\n",
        ),
        ("typescript", "export const START = 'start';\n", "export const START\n"),
        ("typescript", "export const START = 'st' + 'art';\n", "export const START = 'st' + 'art';\n"),
        ("typescript", "export const dark = theme === 'dark';\n", "export const dark = theme === 'dark';\n"),
        ("typescript", "export const on: boolean = x !== 'on';\n", "export const on: boolean = x !== 'on';\n"),
        ("python", "debug = mode == 'debug'\n", "debug = mode == 'debug'\n"),
        ("python", "DEBUG: str = 'debug'\n", "DEBUG\n"),
    ],
)
def test_a_value_that_only_repeats_the_name_is_left_out(language: str, source: str, found: str) -> None:
    assert of(language, source) == found
