"""The fixed set of categories, and which kind a difference is."""

from __future__ import annotations

import pytest

from codeassist.post.categories import CATEGORIES, SEVERITIES, category_of
from codeassist.post.change import smallest_change
from codeassist.prompt.review import CATEGORIES as WORDS


@pytest.mark.parametrize(
    ("line", "better", "category"),
    [
        ("if a < b:", "if a > b:", "wrong-operator"),
        ("if a < b:", "if a <= b:", "off-by-one"),
        ("if a < b:", "if a >= b:", "inverted-condition"),
        ("if a == b:", "if a != b:", "inverted-condition"),
        ("if (a === b) {", "if (a !== b) {", "inverted-condition"),
        ("if a in b:", "if a not in b:", "inverted-condition"),
        ("if not a:", "if a:", "inverted-condition"),
        ("if (a) {", "if (!a) {", "inverted-condition"),
        ("a and b", "a or b", "wrong-operator"),
        ("a * b", "a + b", "wrong-operator"),
        ("x = n - 1", "x = n + 1", "wrong-operator"),
        ("x = n - 1", "x = n - 2", "off-by-one"),
        ("range(n)", "range(n + 1)", "off-by-one"),
        ("x[i - 1]", "x[i]", "off-by-one"),
        ("x[0]", "x[1]", "off-by-one"),
        ("total = 0", "total = 1", "wrong-constant"),
        ("return 0", "return 1", "wrong-constant"),
        ("x[0]", "x[5]", "wrong-constant"),
        ("x = 0.5", "x = 0.25", "wrong-constant"),
        ("return True", "return False", "wrong-constant"),
        ("f(null)", "f(0)", "wrong-constant"),
        ("x == 'a'", "x == 'b'", "wrong-constant"),
        ("f(x)", "f(y)", "wrong-name"),
        ("f(x)", "g(y)", "wrong-name"),
        ("f(a, b)", "f(b, a)", "swapped-arguments"),
        ("a - b", "b - a", "swapped-arguments"),
        ("x = a - b", "x = abs(a - b)", "missing-call"),
        ("x = name", "x = name.strip()", "missing-call"),
        ("x = a", "x = Math.abs(a)", "missing-call"),
        ("if a:", "if a and b:", "missing-code"),
        ("if a and b:", "if a:", "extra-code"),
        ("print(x)", "print('x')", "unexpected-code"),
    ],
)
def test_the_kind_of_a_difference(line: str, better: str, category: str) -> None:
    assert category_of(line, smallest_change(line, better)).name == category


def test_every_category_has_words() -> None:
    for name, category in CATEGORIES.items():
        assert name == category.name
        assert category.meaning.endswith(".")
        assert category.severity in SEVERITIES
        assert bool(category.says) == (category.analyzer == "infill")
        if category.says:
            said = category.says.format(old="a", new="b", line="c")
            assert "`c`" in said


def test_the_review_in_words_has_no_others() -> None:
    assert {*WORDS, "review"} == {name for name, category in CATEGORIES.items() if category.analyzer == "words"}
