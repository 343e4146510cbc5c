"""Why another way to write a line is no finding, rule by rule."""

from __future__ import annotations

import pytest

from codeassist.post.change import smallest_change
from codeassist.post.taste import taste
from codeassist.syntax.tree import parse
from codeassist.text.document import Document, Offset

CODE = """\
from shop import parse_price

def total(items, tax):
    result = 0
    for item in items:
        result += item.price
    print("there is nothing here", result)
    cost = parse_price(result)
    return cost * tax

def half(cost): return cost / 2
"""


def tasted(line: str, better: str, seen: str = CODE, code: str = CODE) -> str | None:
    document = Document.create("file:///a.py", code, "python")
    syntax = parse(document)
    assert syntax is not None
    start = Offset(code.index(line))
    return taste(syntax, start, line, better, smallest_change(line, better), seen)


@pytest.mark.parametrize(
    ("line", "better", "why"),
    [
        ("    result = 0", "", "no-line"),
        ("    return cost * tax", "return cost * tax", "other-block"),
        ("    result = 0", "    # The sum.", "no-line"),
        ("    result = 0", "    for item in items:", "neighbour"),
        ("        result += item.price", '        print("there is nothing here", result)', None),
        ("    cost = parse_price(result)", "    return cost * tax", "neighbour"),
        ('    print("there is nothing here", result)', '    print("no more of it", result)', "message"),
        ("    cost = parse_price(result)", "    value = parse_price(result)", "own-name"),
        ("    return cost * tax", "    return cost * (tax", "no-syntax"),
        ("def half(cost): return cost / 2", "def half(cost):", "goes-on"),
        ("def half(cost): return cost / 2", "def half(cost): return (", "no-syntax"),
        ("def half(cost): return cost / 2", "def half(cost): return cost", None),
        ("    return cost * tax", "    return (tax * cost)", "same-meaning"),
        ("    return cost * tax", "    return cost * tax  # all", "same-meaning"),
        ("        result += item.price", "        result = result + item.price", "same-meaning"),
        ("    return cost * tax", "    return cost + tax", None),
        ("    return cost * tax", "    return result * tax", None),
        ("    result = 0", "    result = 1", None),
        ("    result = 0", "    cost = 0", None),
        ('    print("there is nothing here", result)', '    print("there is nothing here", items)', None),
    ],
)
def test_rules(line: str, better: str, why: str | None) -> None:
    assert tasted(line, better) == why


def test_a_name_from_where_the_model_did_not_look() -> None:
    line, better = "    cost = parse_price(result)", "    cost = float(result)"
    assert tasted(line, better, seen=CODE[CODE.index("def") :].replace(line, "")) == "unseen-name"
    assert tasted(line, better) is None, "it saw the import"
    slip = CODE.replace("parse_price(", "parse_pryce(")
    assert tasted(line.replace("ice", "yce"), line, seen="", code=slip) is None, "the name is nowhere else"
