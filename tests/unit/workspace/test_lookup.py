"""What a question about the cursor finds in a repository: through imports, along types, by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from codeassist.context.cursor import cursor_view
from codeassist.context.facts import Facts, FileFacts, Passage
from codeassist.context.limits import ContextLimits
from codeassist.context.question import question_at
from codeassist.context.related import OpenFile
from codeassist.syntax.languages import language_of
from codeassist.syntax.tags import Import, Tag, tags_of
from codeassist.syntax.tree import parse
from codeassist.text.document import Document, Offset
from codeassist.workspace.index import Stretch
from codeassist.workspace.lookup import Lookup
from codeassist.workspace.overlay import Overlaid

CURSOR = "<CURSOR>"
MONEY = """class Price:
    cents: int

    def plus(self, other: "Price") -> "Price": ...


def parse_price(text: str) -> Price: ...
"""
SHOP = {
    "shop/__init__.py": "from .money import Price as Money\n",
    "shop/money.py": MONEY,
    "shop/cart.py": "from shop.money import Price\n\n\nclass Base:\n    def close(self): ...\n\n\n"
    "class Cart(Base):\n    total: Price\n\n    def add(self, price: Price) -> None: ...\n",
    "shop/other.py": "def unheard_of(): ...\n",
}


@dataclass
class Files:
    """An index in memory. `asked` counts look-ups."""

    texts: Mapping[str, str]
    asked: list[str] = field(default_factory=list)

    def exists(self, path: str) -> bool:
        return path in self.texts

    def ending(self, suffix: str, limit: int = 20) -> Sequence[str]:
        found = [path for path in self.texts if path == suffix or path.endswith(f"/{suffix}")]
        return sorted(found, key=lambda path: path.count("/"))[:limit]

    def folder(self, path: str) -> Sequence[str]:
        return [each for each in self.texts if each.rpartition("/")[0] == path]

    def read(self, path: str) -> str | None:
        return self.texts.get(path)

    def definitions_in(self, paths: Sequence[str]) -> dict[str, Sequence[Tag]]:
        self.asked.append("definitions")
        return {path: self._tags(path)[0] for path in paths if path in self.texts}

    def definitions_named(self, names: Collection[str], limit: int = 8) -> dict[str, list[tuple[str, Tag]]]:
        places = {
            name: [(path, tag) for path in self.texts for tag in self._tags(path)[0] if tag.name == name]
            for name in names
        }
        return {name: found[:limit] for name, found in places.items() if found}

    def imports_in(self, paths: Sequence[str]) -> dict[str, Sequence[Import]]:
        return {path: self._tags(path)[1] for path in paths if path in self.texts}

    def similar(
        self, words: Sequence[str], limit: int, exclude: Collection[str] = (), holding: str = ""
    ) -> Sequence[Stretch]:
        self.asked.append("similar")
        words = (holding,) if holding else words
        found = [path for path, text in self.texts.items() if path not in exclude and any(w in text for w in words)]
        return [Stretch(path, 0, 9, 1.0) for path in found[:limit]]

    def mentions(self, name: str, limit: int, exclude: Collection[str] = ()) -> Sequence[Stretch]:
        return self.similar((name,), limit, exclude)

    def text(self, path: str, start: int, end: int) -> str:
        return "".join(self.texts[path].splitlines(keepends=True)[start:end])

    def _tags(self, path: str) -> tuple[Sequence[Tag], Sequence[Import]]:
        tags = tags_of(language_of(path), self.texts[path].encode())
        return tags.definitions, tags.imports


def asked(
    marked: str, texts: Mapping[str, str] = SHOP, path: str = "shop/main.py", over: Mapping[str, str] = {}
) -> Facts:
    document = Document.create("file:///main", marked.replace(CURSOR, ""), language_of(path))
    syntax = parse(document)
    assert syntax is not None
    view = cursor_view(syntax, Offset(marked.index(CURSOR)), ContextLimits())
    index = Files(texts)
    opened = [opened_file(each, text) for each, text in (over or {}).items()]
    return Lookup(index).answer(question_at(view, path), Overlaid.of(index, opened) if over else None)


def opened_file(path: str, text: str) -> OpenFile:
    document = Document.create(f"file:///{path}", text, language_of(path))
    return OpenFile(path, parse(document), document)


def of(facts: Facts, path: str) -> FileFacts:
    return next(file for file in facts.files if file.path == path)


def names(facts: Facts, most: int = 4) -> list[str]:
    return [each.tag.name for each in facts.ranked[:most]]


def test_what_is_imported_is_found_with_the_names_that_are_meant() -> None:
    facts = asked("from shop.money import Price\n\nx = <CURSOR>")
    assert of(facts, "shop/money.py").names == {"Price"}
    assert names(facts, 1) == ["Price"]


def test_a_name_that_is_handed_on_is_followed_to_its_definition_under_its_own_name() -> None:
    facts = asked("from shop import Money\n\nx = <CURSOR>")
    assert of(facts, "shop/money.py").names == {"Price"}
    assert facts.hidden == {"Price": "Money"}
    assert facts.ranked[0].tag.name == "Price"


def test_members_of_the_type_before_the_dot_and_of_its_bases() -> None:
    facts = asked("from shop.cart import Cart\n\ndef f(cart: Cart):\n    cart.<CURSOR>")
    assert facts.types == {"Cart", "Base"}
    assert {"total", "add", "close"} <= set(names(facts, 5))


def test_a_chain_is_followed_step_by_step() -> None:
    facts = asked("from shop.cart import Cart\n\ndef f(cart: Cart):\n    cart.total.<CURSOR>")
    assert facts.types == {"Price"}
    assert "plus" in names(facts, 3)


def test_what_a_function_gives_is_known_by_its_signature() -> None:
    facts = asked("from shop.money import parse_price\n\nprice = parse_price('1')\nprice.<CURSOR>")
    assert facts.types == {"Price"}


def test_a_name_that_nothing_explains_is_looked_for_everywhere() -> None:
    facts = asked("x = unheard_of(<CURSOR>)")
    assert of(facts, "shop/other.py").relation == "named"


def test_a_name_that_many_define_is_not() -> None:
    many = {f"m{number}.py": "def run_it(): ...\n" for number in range(5)}
    assert asked("x = run_it(<CURSOR>)", many).files == ()


def test_a_test_shows_what_it_tests() -> None:
    facts = asked("def test_add():\n    <CURSOR>", path="tests/test_cart.py")
    assert of(facts, "shop/cart.py").relation == "sibling"


def test_typescript_through_a_barrel() -> None:
    texts = {
        "src/index.ts": "export * from './cart';\n",
        "src/cart.ts": "export interface Cart {\n  total: number;\n  add(price: number): void;\n}\n",
    }
    facts = asked(
        "import { Cart } from './index';\n\nfunction f(cart: Cart) {\n  cart.<CURSOR>\n}", texts, "src/main.ts"
    )
    assert {"total", "add"} <= set(names(facts, 3))


def test_an_open_document_counts_as_it_is_in_the_editor() -> None:
    facts = asked(
        "from shop.money import Cent\n\nx = <CURSOR>", over={"shop/money.py": "class Cent:\n    value: int\n"}
    )
    assert names(facts, 1) == ["Cent"]
    assert "Price" not in {tag.name for tag in of(facts, "shop/money.py").tags}


def test_what_the_class_around_is_derived_from_can_be_overridden() -> None:
    facts = asked("from shop.cart import Base\n\n\nclass Basket(Base):\n    def <CURSOR>")
    assert "close" in names(facts, 3)


def test_who_calls_the_function_that_is_being_written() -> None:
    texts = {"shop/use.py": "from shop.main import ship_all\n\n\ndef run():\n    return ship_all(orders, by='post')\n"}
    facts = asked("def ship_all(orders, by):\n    <CURSOR>", texts)
    first = facts.passages[0]
    assert (first.path, first.why) == ("shop/use.py", "calls ship_all")
    assert "ship_all(orders, by='post')" in first.text
    common = asked("def main():\n    <CURSOR>", {"shop/use.py": "main()\n"})
    assert "calls main" not in [each.why for each in common.passages]


def test_similar_code_is_searched_for_once_until_the_cursor_is_further_on() -> None:
    index = Files(SHOP)
    lookup = Lookup(index)
    for text in ("total_price = 1\n<CURSOR>", "total_price = 1\nx<CURSOR>", "total_price = 1\nxy <CURSOR>"):
        document = Document.create("file:///main", text.replace(CURSOR, ""), "python")
        view = cursor_view(document, Offset(text.index(CURSOR)), ContextLimits())
        lookup.answer(question_at(view, "main.py"))
    assert index.asked.count("similar") <= 2


@pytest.mark.parametrize("path", ["main.py", "main.ts", "main.go", "main.rs", "main.java", "main.c", "main.rb"])
def test_an_empty_repository_knows_nothing(path: str) -> None:
    assert asked("x.y(<CURSOR>", {}, path) == Facts()


def test_how_a_name_is_used_that_was_imported_for_the_line_being_written() -> None:
    use = "from shop.cart import Cart\n\n\n\n\n\ndef run(price):\n    cart = Cart(owner='me')\n    cart.add(price)\n"
    facts = asked("from shop.cart import Cart\n\n\ndef main(price):\n    <CURSOR>", {**SHOP, "shop/use.py": use})
    first = facts.passages[0]
    assert (first.path, first.why) == ("shop/use.py", "uses Cart")
    assert "cart = Cart(owner='me')\n    cart.add(price)" in first.text
    assert not first.text.startswith("from")  # The lines around the use, not the import above them.
    used = asked("from shop.cart import Cart\n\n\ncart = Cart()\n<CURSOR>", {**SHOP, "shop/use.py": use})
    assert "uses Cart" not in [each.why for each in used.passages]


class Whole(Files):
    """Finds whole files."""

    def similar(
        self, words: Sequence[str], limit: int, exclude: Collection[str] = (), holding: str = ""
    ) -> Sequence[Stretch]:
        found = [path for path, text in self.texts.items() if path not in exclude and holding in text]
        return [Stretch(path, 0, 99, 1.0) for path in found]


def test_what_is_taken_elsewhere_of_what_stands_before_the_dot() -> None:
    filler = "".join(f"unrelated_{number} = {number}\n" for number in range(30))
    use = f"from shop.codes import Codes\n{filler}if not paid:\n    raise Failure(Codes.UNPAID, order)\n{filler}"
    texts = {**SHOP, "shop/use.py": use, "shop/import.py": "from shop.codes import Codes\n"}

    def passages(marked: str) -> list[Passage]:
        document = Document.create("file:///main", marked.replace(CURSOR, ""), "python")
        view = cursor_view(document, Offset(marked.index(CURSOR)), ContextLimits())
        shown = Lookup(Whole(texts)).answer(question_at(view, "main.py")).passages
        return [passage for passage in shown if passage.telling]

    (found,) = passages("def pay(order):\n    if not paid:\n        raise Failure(Codes.<CURSOR>")
    assert (found.path, found.why, found.telling) == ("shop/use.py", "uses Codes", True)
    assert "raise Failure(Codes.UNPAID, order)" in found.text
    assert "from shop.codes" not in found.text
    assert found.text == "".join(use.splitlines(keepends=True)[found.start_line : found.end_line])
    assert passages("class A:\n    def pay(self):\n        self.<CURSOR>") == []
    assert passages("def pay(order):\n    raise Failure(<CURSOR>") == []


def test_similar_code_is_the_lines_that_share_words_and_no_more() -> None:
    filler = "".join(f"unrelated_{number} = {number}\n" for number in range(15))
    alike = "shipment = pack(parcel, weight)\ncourier.collect(shipment)\n"
    texts = {"far.py": filler + alike + filler}
    index = Whole(texts)
    document = Document.create(
        "file:///main", "shipment = 1\nparcel = 2\ncourier = 3\nweight = 4\n" + "\n" * 4, "python"
    )
    view = cursor_view(document, Offset(len(document.text)), ContextLimits())
    (found,) = Lookup(index).answer(question_at(view, "main.py")).passages
    assert alike in found.text
    assert found.end_line - found.start_line <= 20
    assert texts["far.py"].splitlines()[found.start_line : found.end_line] == found.text.splitlines()


@pytest.mark.parametrize(
    ("extension", "text", "known"),
    [("go", "package shop\n\nfunc ParsePrice(text string) int { return 1 }\n", True), ("py", MONEY, False)],
)
def test_names_of_the_same_package_need_no_import_where_the_language_has_it_so(
    extension: str, text: str, known: bool
) -> None:
    main = "package shop\n\nfunc main() {\n\t<CURSOR>\n}\n" if extension == "go" else "<CURSOR>"
    texts = {f"shop/money.{extension}": text, f"else/far.{extension}": text, f"shop/money_test.{extension}": text}
    facts = asked(main, texts, f"shop/main.{extension}")
    assert [file.path for file in facts.files if file.relation == "package"] == ["shop/money.go"] * known
