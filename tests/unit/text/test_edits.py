"""Edits: applying them, and carrying places across."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeassist.text.edits import Edit, apply, in_order, reanchor, shift
from codeassist.text.spans import Offset, Span

from .strategies import edits_of, texts


def edit(start: int, end: int, text: str) -> Edit:
    return Edit(Offset(start), Offset(end), text)


def span(start: int, end: int) -> Span:
    return Span(Offset(start), Offset(end))


def test_apply_takes_any_order_and_keeps_insertions_at_one_place_in_order() -> None:
    assert apply("abcdef", [edit(4, 5, "E"), edit(0, 1, ""), edit(2, 2, "1"), edit(2, 2, "2")]) == "b12cdEf"
    assert apply("", []) == ""


def test_overlapping_edits_are_refused() -> None:
    with pytest.raises(ValueError, match="overlaps"):
        in_order([edit(0, 3, ""), edit(2, 4, "")], 9)


@pytest.mark.parametrize(
    ("offset", "change", "expected"),
    [
        (1, edit(2, 4, "xyz"), 1),
        (2, edit(2, 4, "xyz"), 5),
        (3, edit(2, 4, "xyz"), 5),
        (4, edit(2, 4, "xyz"), 5),
        (9, edit(2, 4, "xyz"), 10),
        (2, edit(2, 2, "xyz"), 5),
        (3, edit(2, 4, ""), 2),
    ],
)
def test_shift(offset: int, change: Edit, expected: int) -> None:
    assert shift(Offset(offset), change) == expected


def test_shift_can_stay_before_what_is_inserted() -> None:
    assert shift(Offset(2), edit(2, 2, "xyz"), stay=True) == 2
    assert shift(Offset(2), edit(1, 2, "xyz"), stay=True) == 4


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ([], (5, 9)),
        ([edit(0, 2, "")], (3, 7)),
        ([edit(9, 12, "zz")], (5, 9)),
        ([edit(0, 0, "ab"), edit(12, 12, "c"), edit(2, 5, "")], (4, 8)),
        ([edit(5, 5, "ab")], (7, 11)),
        ([edit(9, 9, "ab")], (5, 9)),
        ([edit(6, 6, "ab")], None),
        ([edit(4, 6, "ab")], None),
        ([edit(8, 10, "")], None),
        ([edit(0, 20, "")], None),
    ],
)
def test_reanchor(edits: list[Edit], expected: tuple[int, int] | None) -> None:
    assert reanchor(span(5, 9), edits) == (span(*expected) if expected else None)


@given(st.data())
def test_a_reanchored_span_still_covers_its_text(data: st.DataObject) -> None:
    text = data.draw(texts)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    edits = data.draw(edits_of(len(text)))
    moved = reanchor(span(start, end), edits)
    if moved is not None and start < end:
        assert apply(text, edits)[moved.start : moved.end] == text[start:end]
