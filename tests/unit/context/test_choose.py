"""Which definitions are worth a line of the prompt, and when they stay."""

from __future__ import annotations

from dataclasses import replace

from codeassist.context.choose import Piece, candidates, choose
from codeassist.context.facts import Facts, FileFacts
from codeassist.context.question import Question
from codeassist.syntax.definitions import Kind
from codeassist.syntax.tags import Tag

QUESTION = Question(path="shop/cart.py", language="python", names={"total": 3.0, "Price": 1.0}, parts={"total": 3.0})


def tag(name: str, line: int, kind: Kind = "function", parent: str = "", signature: str = "") -> Tag:
    signature = signature or {"class": f"class {name}:"}.get(kind, f"def {name}(self):")
    return Tag(name, kind, parent, line, line + 5, line, line + 1, signature, "")


PRICE = (
    tag("Price", 0, "class"),
    tag("__init__", 1, "method", "Price"),
    tag("plus", 4, "method", "Price"),
    tag("_round", 8, "method", "Price"),
    tag("parse_price", 20),
    tag("unrelated", 30),
)
MONEY = FileFacts("shop/money.py", "imported", PRICE, frozenset({"Price"}))


def chosen_of(question: Question, facts: Facts, budget: int, held: tuple[Piece, ...] = ()) -> tuple[Piece, ...]:
    return choose(candidates(question, facts), budget, held, "python")


def names(pieces: tuple[Piece, ...]) -> list[str]:
    return [each.tag.name for piece in pieces for each in piece.members]


def test_what_is_imported_comes_before_its_members_and_the_rest_stays_out() -> None:
    found = [each.tag.name for each in candidates(QUESTION, Facts((MONEY,)))]
    assert found.index("Price") < found.index("plus")
    assert not {"_round", "unrelated"} & set(found)


def test_an_import_that_is_not_used_yet_is_likely_what_is_being_written() -> None:
    both = FileFacts("shop/money.py", "imported", PRICE, frozenset({"Price", "parse_price"}))
    question = replace(QUESTION, used=frozenset({"Price"}), unused=frozenset({"parse_price"}))
    best = candidates(question, Facts((both,)))[0]
    assert (best.tag.name, best.why) == ("parse_price", "imported and not used yet: parse_price")


def test_members_of_what_is_imported_and_not_used_nearby_stay_out() -> None:
    far = replace(QUESTION, names={"total": 3.0})
    assert {each.tag.name for each in candidates(far, Facts((MONEY,)))} == {"Price"}
    unused = replace(far, unused=frozenset({"Price"}))
    assert {each.tag.name for each in candidates(unused, Facts((MONEY,)))} == {"Price", "__init__", "plus"}


def test_members_of_the_type_before_the_dot_come_first() -> None:
    other = FileFacts("shop/other.py", "receiver", (tag("Order", 0, "class"), tag("ship", 2, "method", "Order")))
    found = candidates(QUESTION, Facts((MONEY, other), types=frozenset({"Order"})))
    assert found[0].tag.name == "ship"
    assert found[0].why == "member of Order, the type before the dot"


def test_a_member_is_shown_below_its_class_in_the_order_of_the_file() -> None:
    (piece,) = chosen_of(QUESTION, Facts((MONEY,)), 1000)
    snippet = piece.snippet
    assert snippet.text.splitlines()[:3] == [
        "class Price:",
        "    def __init__(self): ...",
        "    def plus(self): ...",
    ]
    assert (0, 1) in snippet.ranges
    assert snippet.path == "shop/money.py"


def test_the_budget_holds_and_counts_the_header() -> None:
    for budget in (0, 10, 25, 40, 80):
        assert sum(piece.snippet.tokens for piece in chosen_of(QUESTION, Facts((MONEY,)), budget)) <= budget


def function(path: str, name: str) -> FileFacts:
    return FileFacts(path, "imported", (tag(name, 3),), frozenset({name}))


def test_nothing_changes_for_what_is_hardly_better() -> None:
    first = chosen_of(QUESTION, Facts((MONEY,)), 45)
    later = replace(QUESTION, names={**QUESTION.names, "unrelated": 0.6})
    assert chosen_of(later, Facts((MONEY,)), 45, first) == first


def test_what_is_much_better_comes_in() -> None:
    first = chosen_of(QUESTION, Facts((MONEY,)), 45)
    later = replace(QUESTION, names={"send": 3.0, "total": 3.0})
    assert "send" in names(chosen_of(later, Facts((MONEY, function("shop/a.py", "send"))), 45, first))


def test_what_comes_in_stands_behind_what_was_there() -> None:
    first = chosen_of(QUESTION, Facts((MONEY,)), 200)
    later = replace(QUESTION, names={**QUESTION.names, "send": 3.0, "receive": 3.0})
    files = (function("shop/a.py", "send"), MONEY, function("shop/b.py", "receive"))
    now = chosen_of(later, Facts(files), 200, first)
    assert now[: len(first)] == first
    assert set(names(now[len(first) :])) == {"send", "receive"}


def test_a_file_that_is_shown_already_gets_a_second_piece() -> None:
    first = chosen_of(QUESTION, Facts((MONEY,)), 200)
    later = replace(QUESTION, names={**QUESTION.names, "parse_price": 3.0, "unrelated": 3.0})
    now = chosen_of(later, Facts((replace(MONEY, names=frozenset({"Price", "unrelated"})),)), 200, first)
    assert now[: len(first)] == first
    assert "unrelated" in names(now[len(first) :])


def test_what_stands_before_the_change_stays() -> None:
    """An engine has read it, and reads only what comes behind."""
    files = tuple(function(f"shop/{name}.py", name) for name in ("first", "second", "third"))
    early = replace(QUESTION, names={"first": 3.0, "second": 2.0})
    held = chosen_of(early, Facts(files), 40)
    assert names(held) == ["first", "second"]
    now = chosen_of(replace(QUESTION, names={"first": 1.0, "third": 3.0}), Facts(files), 40, held)
    assert names(now) == ["first", "third"]
    best = chosen_of(replace(QUESTION, names={"first": 1.0, "third": 3.0}), Facts(files), 40)
    assert names(best) == ["third", "first"]


def test_the_type_before_the_dot_comes_in_at_once() -> None:
    first = chosen_of(QUESTION, Facts((MONEY,)), 60)
    order = FileFacts("shop/order.py", "receiver", (tag("ship", 2, "method", "Order"),))
    now = chosen_of(QUESTION, Facts((MONEY, order), types=frozenset({"Order"})), 60, first)
    assert "ship" in names(now)


def test_what_is_held_has_to_fit() -> None:
    first = chosen_of(QUESTION, Facts((MONEY,)), 200)
    now = chosen_of(QUESTION, Facts((MONEY,)), 30, first)
    assert 0 < sum(piece.snippet.tokens for piece in now) <= 30


def test_definitions_of_tests_count_less_than_others_unless_a_test_is_written() -> None:
    def of(path: str) -> FileFacts:
        return FileFacts(path, "imported", (tag("total_of", 1),), frozenset({"total_of"}))

    facts = Facts((of("tests/test_money.py"), of("shop/money.py")))
    assert [each.path for each in candidates(QUESTION, facts)] == ["shop/money.py", "tests/test_money.py"]
    test = replace(QUESTION, path="tests/test_cart.py")
    assert len({each.worth for each in candidates(test, facts)}) == 1


def test_a_very_long_signature_is_cut() -> None:
    long = tag("f", 0, signature="def f(" + ", ".join(f"argument_{n}: int" for n in range(60)) + "):")
    facts = Facts((FileFacts("a.py", "imported", (long,), frozenset({"f"})),))
    (piece,) = chosen_of(QUESTION, facts, 1000)
    assert len(piece.snippet.text) < 260
    assert piece.snippet.text.rstrip().endswith("…")
