"""Which lines are shown of code that does not fit: bounded stretches around those that are wanted."""

from __future__ import annotations

import pytest

from codeassist.context.extracts import line_tokens, shown_text, stretches
from codeassist.text.document import Document

LINES = ["def f(a):", *(f"    b{n} = a + {n}" for n in range(1, 400)), "    return a"]
FILE = Document.create("file:///a.py", "\n".join(LINES), "python", 1)
OWN = range(len(LINES))


def test_what_fits_is_shown_whole() -> None:
    (whole,) = stretches(FILE, OWN[:20], {3}, 10_000)
    assert whole.lines == tuple(range(20))
    assert whole.tokens == sum(line_tokens(FILE, line) for line in range(20))


@pytest.mark.parametrize("budget", [150, 300, 900])
@pytest.mark.parametrize("wanted", [{200}, {5, 390}, {100, 104, 130, 131}, set(range(50, 250))])
def test_all_that_is_wanted_is_shown_within_the_budget(wanted: set[int], budget: int) -> None:
    found = stretches(FILE, OWN, wanted, budget)
    assert wanted <= {line for stretch in found for line in stretch.lines}
    for stretch in found:
        assert stretch.tokens <= budget
        assert stretch.lines[0] == 0, "the line that names the function"
        assert list(stretch.lines) == sorted(set(stretch.lines))


def test_lines_around_are_shown_as_far_as_there_is_room() -> None:
    (near,) = stretches(FILE, OWN, {200}, 900)
    assert near.lines == (0, *range(188, 213))
    (tight,) = stretches(FILE, OWN, {200}, 80)
    assert 200 in tight.lines
    assert len(tight.lines) < 10


def test_a_line_that_does_not_fit_is_shown_all_the_same() -> None:
    long = Document.create("file:///a.py", "def f():\n    x = '" + "ab " * 5_000 + "'\n    y = 1\n", "python", 1)
    found = stretches(long, range(3), {1}, 100)
    assert [stretch.lines for stretch in found] == [(0, 1)]
    assert len(shown_text(long, 1)) < 1_010
    assert shown_text(long, 1).endswith(" …")
    assert shown_text(long, 0) == "def f():"


def test_nothing_wanted_is_nothing_shown_of_what_does_not_fit() -> None:
    assert stretches(FILE, OWN, (), 100) == ()
    assert stretches(FILE, (), {3}, 100)[0].lines == ()
