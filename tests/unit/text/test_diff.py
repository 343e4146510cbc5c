"""Which lines differ, whatever their layout, and how much two texts resemble each other."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from codeassist.text.diff import diff_lines, likeness, lines_in

OLD = ["def f(a):", "    x = a", "    y = 2", "    return x"]


@pytest.mark.parametrize(
    ("new", "added", "removed"),
    [
        (OLD, [], ()),
        (["", *OLD, "  "], [], ()),
        ([line + "  " for line in OLD], [], ()),
        ([line.strip() for line in OLD], [], ()),
        ([*OLD[:2], "    y = 3", OLD[3]], [2], ((2, ("    y = 2",)),)),
        ([*OLD[:2], OLD[3]], [], ((2, ("    y = 2",)),)),
        (OLD[:3], [], ((3, ("    return x",)),)),
        ([*OLD[:2], "    z = 4", *OLD[2:]], [2], ()),
        ([], [], ((0, tuple(OLD)),)),
    ],
)
def test_diff(new: list[str], added: list[int], removed: object) -> None:
    found = diff_lines(OLD, new)
    assert (sorted(found.added), found.removed) == (added, removed)
    assert found.is_empty == (not added and not removed)


def test_indentation_counts_when_it_is_to() -> None:
    deeper = [*OLD[:2], "        y = 2", OLD[3]]
    assert diff_lines(OLD, deeper).is_empty
    assert diff_lines(OLD, deeper, indented=True).added == {2}


def test_huge_texts_with_nothing_in_common_are_not_compared_line_by_line() -> None:
    old, new = ["same", *(f"old {n}" for n in range(3_000))], ["same", *(f"new {n}" for n in range(3_000))]
    found = diff_lines(old, new)
    assert found.added == frozenset(range(1, 3_001))
    assert found.removed == ((1, tuple(old[1:])),)


def test_a_huge_text_with_one_change_is_no_trouble() -> None:
    old = [f"line {n}" for n in range(20_000)]
    assert diff_lines(old, [*old[:9_999], "other", *old[10_000:]]).added == {9_999}


def test_likeness() -> None:
    def alike(one: Sequence[str], other: Sequence[str], least: float = 0.0) -> float:
        return likeness(lines_in(one), lines_in(other), least)

    assert alike(OLD, ["def g(a):", *OLD[1:]]) == 0.75
    assert alike(OLD, OLD) == 1.0
    assert alike(OLD, []) == alike([], []) == alike(OLD, ["other"]) == 0.0
    assert alike(["x", "x"], ["x"]) == alike(["x"], [" x", "", "x "]) == 0.5
    assert alike(["x", "x"], ["x"], 0.5) == 0.5
    assert alike(["x", "x", "x"], ["x"], 0.5) == alike(["x", "y", "z"], ["x", "a", "b"], 0.5) == 0.0
