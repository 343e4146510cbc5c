from __future__ import annotations

from itertools import pairwise

import pytest

from codeassist.context.cursor import CursorView, cursor_view
from codeassist.context.index import index_of
from codeassist.context.limits import ContextLimits
from codeassist.context.related import OpenFile, Snippet, related_snippets, warm
from codeassist.context.tokens import estimate_tokens
from codeassist.syntax.tree import parse
from codeassist.text.document import Document, Offset
from tests.unit.context.making import opened, python_file, typing

LIMITS = ContextLimits()
MONEY = '''"""Money."""

VAT = 0.2


class Price:
    """An amount in cents."""

    def __init__(self, cents: int) -> None:
        self.cents = cents

    def plus(self, other: Price) -> Price:
        return Price(self.cents + other.cents)


def parse_price(text: str) -> Price:
    return Price(round(float(text) * 100))
'''


def other(path: str, text: str, language: str = "python") -> OpenFile:
    syntax = opened(text, language, f"file:///project/{path}")
    return OpenFile(path, syntax, syntax.document)


def view_of(text: str, limits: ContextLimits = LIMITS) -> CursorView:
    source = opened(text.replace("¦", ""), uri="file:///project/shop/cart.py")
    return cursor_view(source, Offset(text.index("¦")), limits)


def brief(snippets: tuple[Snippet, ...]) -> list[tuple[str, int, int, str]]:
    return [(snippet.path, snippet.start_line, snippet.end_line, snippet.why) for snippet in snippets]


def test_finds_the_definition_of_what_is_imported() -> None:
    view = view_of("from shop.money import Price\n\n\ndef total(items):\n    return ¦\n")
    found = related_snippets(view, [other("shop/money.py", MONEY), other("shop/tax.py", "RATE = 1\n")], LIMITS)
    assert brief(found) == [("shop/money.py", 5, 13, "defines Price")]
    assert found[0].text.startswith("class Price:\n")
    assert found[0].tokens >= estimate_tokens(found[0].text)


def test_the_imported_module_decides_between_two_definitions() -> None:
    view = view_of("from shop.money import Price\n\nx = Price(¦\n")
    twin = "class Price:\n    points = 1\n"
    found = related_snippets(view, [other("game/score.py", twin), other("shop/money.py", MONEY)], LIMITS)
    assert [snippet.path for snippet in found] == ["shop/money.py"]


def test_a_function_used_on_the_line_is_found_without_an_import() -> None:
    view = view_of("x = parse_price(¦\n")
    assert brief(related_snippets(view, [other("shop/money.py", MONEY)], LIMITS)) == [
        ("shop/money.py", 15, 17, "defines parse_price")
    ]


def test_a_method_brings_its_class() -> None:
    view = view_of("amount.plus(¦\n")
    assert brief(related_snippets(view, [other("shop/money.py", MONEY)], LIMITS)) == [
        ("shop/money.py", 5, 13, "defines plus")
    ]


@pytest.mark.parametrize("text", ["parse_price¦\n", "x = ¦parse_price\n", "x = parse_¦price\n"])
def test_the_word_being_typed_does_not_count(text: str) -> None:
    assert related_snippets(view_of(text), [other("shop/money.py", MONEY)], LIMITS) == ()


def test_what_the_file_defines_itself_is_not_looked_up() -> None:
    view = view_of("class Price:\n    pass\n\n\nPrice(¦)\n")
    assert related_snippets(view, [other("shop/money.py", MONEY)], LIMITS) == ()


def test_the_cursors_own_file_is_passed_over() -> None:
    view = view_of("parse_price(¦)\n")
    own = opened(MONEY, uri="file:///project/shop/cart.py")
    assert related_snippets(view, [OpenFile("shop/cart.py", own, own.document)], LIMITS) == ()


def test_code_that_repeats_the_cursors_surroundings_is_left_out() -> None:
    text = python_file(25)
    view = view_of(text.replace("        return amount\n", "        ¦\n", 1))
    assert related_snippets(view, [other("copy.py", text)], LIMITS) == ()


def test_similar_code_of_an_unknown_language_is_found() -> None:
    recipe = "\n".join(f"step {word} oven flour butter sugar" for word in ("mix", "stir", "bake", "cool"))
    plain = Document.create("file:///project/cake.recipe", recipe)
    noise = Document.create("file:///project/noise.txt", "nothing here\n" * 300)
    view = cursor_view(
        Document.create("file:///project/bread.recipe", "step knead oven flour butter sugar\n\n"), Offset(36), LIMITS
    )
    found = related_snippets(view, [OpenFile("noise.txt", None, noise), OpenFile("cake.recipe", None, plain)], LIMITS)
    assert brief(found) == [("cake.recipe", 0, 4, "similar code")]


def test_a_long_class_comes_as_its_skeleton() -> None:
    body = "".join(f"        value_{number} = {number}\n" for number in range(60))
    head = 'class Price:\n    """Money."""\n'
    signatures = ("    def plus(\n        self, other\n    ):\n", "    def minus(self):\n")
    text = f"{head}\n    cents: int\n\n{signatures[0]}{body}\n{signatures[1]}{body}"
    view = view_of("from shop.money import Price\n\nx = ¦\n")
    (found,) = related_snippets(view, [other("shop/money.py", text)], LIMITS)
    assert found.text == f"{head}    cents: int\n{signatures[0]}{signatures[1]}"
    assert (found.start_line, found.end_line) == (0, 130)


def test_budgets_hold_and_the_best_comes_first() -> None:
    files = [other(f"shop/m{number}.py", MONEY.replace("Price", f"Price{number}")) for number in range(30)]
    names = ", ".join(f"Price{number}" for number in range(30))
    limits = ContextLimits(prompt_tokens=1000, suffix_tokens=100)
    view = view_of(f"from shop import {names}\n\nx = Price7(¦\n", limits)
    found = related_snippets(view, files, limits)
    assert found[0].path == "shop/m7.py"
    assert 1 < len(found) <= limits.snippet_count
    assert sum(snippet.tokens for snippet in found) <= 1000 - view.prefix_tokens - view.suffix_tokens
    assert related_snippets(view, files, ContextLimits(related_share=0.0)) == ()
    assert len(related_snippets(view, files, ContextLimits(snippet_count=1))) == 1


def test_typing_seldom_changes_what_is_chosen() -> None:
    files = [other(f"shop/m{number}.py", MONEY.replace("Price", f"Price{number}")) for number in range(30)]
    names = ", ".join(f"Price{number}" for number in range(30))
    limits = ContextLimits(prompt_tokens=1600, snippet_count=30)
    start = opened(f"from shop import {names}\n\n", uri="file:///project/shop/cart.py")
    typed = "def total(things):\n    return sum(thing.cents for thing in things if thing.kind == 'good')\n" * 2
    choices = []
    for syntax, offset in typing(start, Offset(len(start.document.text)), typed):
        found = related_snippets(cursor_view(syntax, offset, limits), files, limits)
        choices.append([(snippet.path, snippet.start_line) for snippet in found])
    assert len(choices[0]) > 5
    assert sum(one != following for one, following in pairwise(choices)) <= 1


def test_warming_gives_the_same_answer() -> None:
    file = other("shop/money.py", MONEY)
    view = view_of("x = parse_price(¦\n")
    warm(file)
    assert related_snippets(view, [file], LIMITS) == related_snippets(view, [other("shop/money.py", MONEY)], LIMITS)


def test_a_file_that_is_parsed_later_is_indexed_anew() -> None:
    document = Document.create("file:///w/later.py", "def helper():\n    return 1\n", "python")
    assert index_of(OpenFile("later.py", None, document)).symbols == ()
    assert [s.name for s in index_of(OpenFile("later.py", parse(document), document)).symbols] == ["helper"]
