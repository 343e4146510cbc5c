"""What is looked at after a change: the functions and the lines that changed, what depends on them, nothing else."""

from __future__ import annotations

import sys

import pytest

from codeassist.flow.regions import Region, codes_after, codes_of, fingerprints_of, regions_of, stretches
from codeassist.text.document import Offset
from tests.unit.flow.making import parsed

SHOP = """\
import os

LIMIT = 3
RATE = LIMIT * 2


class Cart:
    size = 4

    def total(self, prices):
        amount = 0
        for price in prices:
            amount += price
        label = os.name
        return amount

    def count(self):
        def one(item):
            return item * 1

        return sum(one(item) for item in self.items)


def half(n):
    return n / 2
"""


def after(text: str, before: str = SHOP) -> list[Region]:
    """The regions to review after a change."""
    old = parsed(before)
    return list(regions_of(parsed(text), fingerprints_of(old), codes_of(old)))


def shown(text: str, before: str = SHOP) -> list[tuple[str, list[str]]]:
    """Their names, with the lines to look at, in that order."""
    lines = text.split("\n")
    return [(region.name, [lines[line].strip() for line in region.lines]) for region in after(text, before)]


def test_everything_where_nothing_is_known() -> None:
    found = regions_of(parsed(SHOP))
    assert [(region.name, region.lines, region.changed) for region in found] == [
        ("Cart.total", (10, 11, 12, 13, 14), frozenset()),
        ("Cart.count", (20,), frozenset()),
        ("Cart.count.one", (18,), frozenset()),
        ("half", (24,), frozenset()),
        ("", (2, 3, 7), frozenset()),
    ]
    looked_at = [line for region in found for line in region.lines]
    assert len(looked_at) == len(set(looked_at)), "no line is looked at twice"


@pytest.mark.parametrize(
    ("language", "text", "lines"),
    [
        ("python", "def f(a): return a - 1  # Why.\nkey = lambda a: a - 1\n", [0, 1]),
        ("typescript", "class A {\n  f = (a: T) => a - 1;\n  g() { return 1; } // Why.\n}\n", [1, 2]),
        ("javascript", "const o = {\n  f: (a) => a - 1,\n  g(a) { return a - 1; },\n};\n", [0, 1, 2]),
        ("rust", "impl A {\n    fn f(&self) -> i32 { 1 } // Why.\n}\n", [1]),
        ("go", "package m\n\nfunc f(a int) int { return a } // Why.\n", [2]),
        ("java", "class A { int f() { return 1; } int g() { return 2; } }\n", [0]),
        ("php", "<?php\nfunction f($a) { return $a; } // Why.\n", [1]),
        ("ruby", "def f(a) = a - 1 # Why.\n", [0]),
        ("kotlin", "class A {\n  fun f(a: Int) = a - 1 // Why.\n}\n", [1]),
    ],
)
def test_a_function_on_one_line_is_looked_at_once_whatever_stands_behind_it(
    language: str, text: str, lines: list[int]
) -> None:
    syntax = parsed(text, language)
    found = regions_of(syntax)
    assert sorted(line for region in found for line in region.lines) == lines
    for region in found:
        for line in region.lines:
            assert any(part.contains(Offset(syntax.document.line_end(line) - 1)) for part in region.parts)


@pytest.mark.parametrize(
    "text",
    [
        SHOP,
        "# More.\n\n" + SHOP,
        SHOP.replace("        label = os.name", "\n        # Why.\n        label = os.name  # What."),
        SHOP.replace(
            "sum(one(item) for item in self.items)", "sum(\n            one(item) for item in self.items\n        )"
        ),
        SHOP.replace("\n\n\ndef half(n):\n    return n / 2\n", "").replace(
            "import os\n", "import os\n\ndef half(n):\n    return n / 2\n"
        ),
    ],
)
def test_what_is_only_laid_out_or_placed_otherwise_costs_nothing(text: str) -> None:
    assert after(text) == []


def test_a_changed_line_and_what_depends_on_it() -> None:
    assert shown(SHOP.replace("amount = 0", "amount = 1")) == [
        ("Cart.total", ["amount = 1", "amount += price", "return amount"])
    ]
    assert shown(SHOP.replace("in prices:", "in self.prices:")) == [
        ("Cart.total", ["for price in self.prices:", "amount += price"])
    ]
    assert shown(SHOP.replace("return amount", "return amount + 1")) == [
        ("Cart.total", ["return amount + 1", "amount = 0", "amount += price"])
    ]


def test_a_change_in_a_nested_function_leaves_the_one_around_it_alone() -> None:
    assert shown(SHOP.replace("item * 1", "item * 2")) == [("Cart.count.one", ["return item * 2"])]
    assert shown(SHOP.replace("self.items", "self.things")) == [
        ("Cart.count", ["return sum(one(item) for item in self.things)"])
    ]


def test_code_outside_of_functions_is_looked_at_where_it_changed() -> None:
    assert shown(SHOP.replace("LIMIT = 3", "LIMIT = 4")) == [("", ["LIMIT = 4", "RATE = LIMIT * 2"])]
    (region,) = after(SHOP.replace("size = 4", "size = 5"))
    assert [SHOP.replace("size = 4", "size = 5")[part.start : part.end].strip() for part in region.parts] == [
        SHOP[: SHOP.index("    def total")].replace("size = 4", "size = 5").strip()
    ]


def test_an_import_has_nothing_to_look_at() -> None:
    assert after(SHOP.replace("import os\n", "import os\nimport sys\n")) == []


def test_a_statement_over_several_lines_is_looked_at_from_its_beginning() -> None:
    before = "def f(a):\n    g(\n        a,\n        1,\n    )\n    h()\n"
    assert shown(before.replace("1", "2"), before) == [("f", ["g("])]


def test_lines_that_are_gone_stand_where_they_were_and_their_neighbours_are_looked_at() -> None:
    text = SHOP.replace("            amount += price\n        label = os.name\n", "            pass\n")
    (region,) = after(text)
    assert region.removed == ((12, ("            amount += price", "        label = os.name")),)
    assert region.changed == {12}
    (region,) = after(SHOP.replace("        label = os.name\n", ""))
    assert (region.removed, region.changed) == (((13, ("        label = os.name",)),), frozenset())
    assert shown(SHOP.replace("        label = os.name\n", "")) == [
        ("Cart.total", ["amount += price", "return amount"])
    ]
    (region,) = after(SHOP.replace("        label = os.name\n        return amount\n", ""))
    assert region.removed == ((13, ("        label = os.name", "        return amount")),)


def test_a_line_that_leaves_its_block_changed() -> None:
    before = "def f(a):\n    for b in a:\n        c(b)\n        d()\n"
    assert shown(before.replace("        d()", "    d()"), before) == [("f", ["d()"])]


def test_a_changed_header_concerns_what_uses_its_new_names() -> None:
    before = "def f(a):\n    b = 1\n    c = a\n    return d\n"
    assert shown(before.replace("def f(a)", "def f(a, d)"), before) == [("f", ["return d"])]


@pytest.mark.parametrize(
    ("old", "new"),
    [('"""The sum."""', '"""The product."""'), ("@cached", "@cached(size=1)"), ("def f(a)", "def f(a=1)")],
)
def test_a_function_that_is_meant_otherwise_is_looked_at_whole(old: str, new: str) -> None:
    """No statement changed, and none uses a name that did: what the function is for says something of all of them."""
    before = 'def f(b):\n    return b\n\n\n@cached\ndef f(a):\n    """The sum."""\n    c = 1\n    return c\n'
    assert shown(before.replace(old, new), before) == [("f#2", ["c = 1", "return c"])]


def test_a_renamed_function_is_compared_with_what_it_was() -> None:
    text = SHOP.replace("def total", "def whole")
    (region,) = after(text)
    assert (region.name, region.lines, region.changed) == ("Cart.whole", (), {9})
    assert shown(text.replace("amount = 0", "amount = 1")) == [
        ("Cart.whole", ["amount = 1", "amount += price", "return amount"])
    ]


def test_a_new_function_is_looked_at_whole() -> None:
    assert shown(SHOP + "\n\ndef new(a):\n    b = 1\n    return a\n") == [("new", ["b = 1", "return a"])]


def test_an_overload_is_told_from_the_other() -> None:
    before = "class A:\n    def f(self):\n        return 1\n    def f(self, a):\n        return a\n"
    assert shown(before.replace("return a", "return b"), before) == [("A.f#2", ["return b"])]


def test_an_overload_that_is_put_before_another_is_new_and_the_other_is_not() -> None:
    other = "    def f(self, a):\n        b = a\n        c = 1\n        return b\n"
    new = "    def f(self):\n        b = 2\n        c = 1\n        return b\n"
    before = f"class A:\n{other}"
    assert shown(f"class A:\n{new}{other}", before) == [("A.f", ["b = 2", "c = 1", "return b"])], "looked at whole"
    (first, second) = shown(f"class A:\n{new}{other.replace('c = 1', 'c = 2')}", before)
    assert first == ("A.f", ["b = 2", "c = 1", "return b"])
    assert second == ("A.f#2", ["c = 2"])
    both = f"class A:\n{new}{other}"
    assert shown(f"class A:\n{other.replace('c = 1', 'c = 2')}", both) == [("A.f", ["c = 2"])], "one is gone"


def test_overloads_that_were_written_anew_are_the_same_in_order() -> None:
    before = "class A:\n    def f(self):\n        return 1\n    def f(self, a):\n        return a\n"
    (region,) = after(before.replace("self, a", "self, b").replace("return a", "c = b"), before)
    assert (region.name, region.changed) == ("A.f#2", {3, 4})


def test_what_was_not_reviewed_is_compared_with_its_own_code_after_another_overload_came() -> None:
    other = "    def f(self, a):\n        b = a\n        c = 1\n        return b\n"
    first = parsed(f"class A:\n{other}")
    known, codes = fingerprints_of(first), codes_of(first)
    new = "    def f(self):\n        return 7\n"
    second = parsed(f"class A:\n{new}{other.replace('c = 1', 'c = 2')}")
    before = regions_of(second, known, codes)
    codes = codes_after(codes, second, known)
    assert regions_of(second, known, codes) == before
    assert [region.name for region in before] == ["A.f", "A.f#2"]
    assert before[1].changed == {5}


def test_what_a_renamed_function_was_is_not_forgotten_before_it_is_reviewed() -> None:
    first, second = parsed(SHOP), parsed(SHOP.replace("def total", "def whole").replace("amount = 0", "amount = 1"))
    known, codes = fingerprints_of(first), codes_of(first)
    (region,) = regions_of(second, known, codes)
    assert region.changed == {9, 10}
    assert regions_of(second, known, codes_after(codes, second, known)) == (region,)


def test_many_functions_of_one_name_are_told_apart_by_what_they_are() -> None:
    before = "".join(f"def f(a):\n    b = {n}\n    return b\n" for n in range(100))
    (region,) = after("def f():\n    return 0\n" + before, before)
    assert (region.name, region.changed) == ("f", frozenset())


def test_an_undo_to_what_was_looked_at_costs_nothing() -> None:
    first = parsed(SHOP)
    known, codes = fingerprints_of(first), codes_of(first)
    changed = parsed(SHOP.replace("n / 2", "n / 3"))
    known |= {region.fingerprint for region in regions_of(changed, known, codes)}
    codes = codes_after(codes, changed, known)
    assert regions_of(changed, known, codes) == ()
    assert regions_of(parsed(SHOP), known, codes) == ()
    (region,) = regions_of(parsed(SHOP.replace("n / 2", "n / 4")), known, codes)
    assert region.removed == ((24, ("    return n / 3",)),)


def test_what_was_not_reviewed_stays_to_be_compared_with_what_was_looked_at_before() -> None:
    first = parsed(SHOP)
    known, codes = fingerprints_of(first), codes_of(first)
    changed = parsed(SHOP.replace("n / 2", "n / 3").replace("amount = 0", "amount = 1"))
    total, half = regions_of(changed, known, codes)
    known |= {half.fingerprint}
    assert regions_of(changed, known, codes_after(codes, changed, known)) == (total,)


def test_what_is_new_or_gone_is_forgotten_or_not_known() -> None:
    first, second = parsed(SHOP), parsed("def half(n):\n    return n / 3\n\ndef new():\n    return 1\n")
    assert codes_after(codes_of(first), second, frozenset()) == {"half": ("def half(n):", "    return n / 2")}


def test_an_empty_start_makes_all_of_a_new_file_new() -> None:
    assert after(SHOP, "") == list(regions_of(parsed(SHOP)))


def test_known_fingerprints_are_enough_to_leave_functions_out() -> None:
    found = regions_of(parsed(SHOP.replace("n / 2", "n / 3")), fingerprints_of(parsed(SHOP)))
    assert [(region.name, region.changed) for region in found] == [("half", frozenset())]


def test_stretches_are_the_regions_without_the_work() -> None:
    regions = regions_of(parsed(SHOP))
    assert stretches(parsed(SHOP)) == [(region.name, region.span, region.fingerprint) for region in regions]


def test_a_caller_may_know_the_lines_that_changed() -> None:
    found = regions_of(parsed(SHOP), changed={10, 24, 1})
    assert [(region.name, region.lines, region.changed) for region in found] == [
        ("Cart.total", (10, 12, 14), {10}),
        ("half", (24,), {24}),
    ]
    assert regions_of(parsed(SHOP), changed=()) == ()


@pytest.mark.parametrize(
    "one",
    [
        "limit{n} = {n}\n\ndef f{n}(a):\n    b = a\n    return b\n\n",
        "def f{n}(a):\n    def inner(c):\n        return c\n    return inner(a)\n\n",
    ],
)
def test_twice_as_many_functions_cost_twice_as_much(one: str) -> None:
    """In calls of functions, which are always as many."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    def cost_of(number: int) -> int:
        nonlocal calls
        syntax = parsed("".join(one.format(n=n) for n in range(number)))
        old = parsed("".join(one.format(n=n).replace("return", "yield") for n in range(number)))
        codes = codes_of(old)
        calls = 0
        sys.setprofile(count)
        try:
            found = [*regions_of(syntax), *regions_of(syntax, (), codes)]
        finally:
            sys.setprofile(None)
        assert len(found) > 2 * number
        return calls

    cost_of(1)
    assert cost_of(400) < 2.3 * cost_of(200)


def test_a_function_of_5000_lines_is_looked_at_around_what_changed() -> None:
    before = "def f(a):\n" + "".join(f"    b{n} = {n}\n" for n in range(5_000)) + "    return a\n"
    (region,) = after(before.replace("b2500 = 2500", "b2500 = b2499"), before)
    assert region.lines == (2501, 2500)
