"""Source files of a wanted size, made by rule, and typing into them."""

from __future__ import annotations

from collections.abc import Iterator

from codeassist.syntax.tree import Syntax, parse, reparse
from codeassist.text.document import Document, Offset
from codeassist.text.edits import Edit


def python_file(lines: int, seed: int = 0) -> str:
    """Imports, then classes with methods; about `lines` lines, all with different names."""
    out = ["from __future__ import annotations", "", "import os", "from shop.money import Price", ""]
    number = seed
    while len(out) < lines:
        number += 1
        out += ["", f"class Basket{number}:", f'    """Holds the goods of customer {number}."""', ""]
        for method in ("add", "remove", "total"):
            out += [
                f"    def {method}_{number}(self, item: Price, count: int = {number}) -> int:",
                f"        amount = self.stock_{number}[item] * count",
                f"        if amount > {number * 10}:",
                f"            raise ValueError(f'too much of {{item}} in {number}')",
                "        return amount",
                "",
            ]
    return "\n".join(out) + "\n"


def opened(text: str, language: str = "python", uri: str = "file:///project/shop/cart.py") -> Syntax:
    """The text as a parsed document of a known language."""
    syntax = parse(Document.create(uri, text, language, 1))
    assert syntax is not None
    return syntax


def typing(syntax: Syntax, offset: Offset, typed: str) -> Iterator[tuple[Syntax, Offset]]:
    """The document and the cursor before the first and after each typed character."""
    yield syntax, offset
    for character in typed:
        edits = (Edit(offset, offset, character),)
        document = syntax.document.replace(edits, syntax.document.version + 1)
        syntax = reparse(syntax, edits, document)
        offset = Offset(offset + 1)
        yield syntax, offset


def common_prefix(one: str, other: str) -> int:
    """How many characters two texts share from their beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
