"""Edits: applying, carrying places across, and finding them between two texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeassist.text.edits import Edit, apply, diff_edits, in_order, reanchor, shift
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


@given(texts, texts)
def test_diff_leads_from_one_text_to_the_other(old: str, new: str) -> None:
    edits = diff_edits(old, new)
    assert apply(old, edits) == new
    assert list(edits) == in_order(edits, len(old))
    for found in edits:
        assert old[found.start : found.end] != found.text
        for place in (found.start, found.end):
            assert not (place and old[place - 1 : place + 1] == "\r\n")


def test_diff_is_as_small_as_the_change() -> None:
    old = "def total(items):\n    result = 0\n    return result\n"
    new = "def total(items, start):\n    result = start\n    return result\n"
    assert diff_edits(old, new) == (edit(15, 15, ", start"), edit(31, 32, "start"))
    assert diff_edits(old, old) == ()


def test_diff_inserts_and_removes_whole_lines() -> None:
    assert diff_edits("a\nc\n", "a\nb\nc\n") == (edit(2, 2, "b\n"),)
    assert diff_edits("a\nb\nc\n", "a\nc\n") == (edit(2, 4, ""),)


def test_diff_of_a_word_replaced_throughout_a_long_file() -> None:
    old = "".join(f"old = {number}\n" for number in range(5000))
    edits = diff_edits(old, old.replace("old", "new"))
    assert len(edits) == 5000
    assert all(old[found.start : found.end] == "old" and found.text == "new" for found in edits)


def test_diff_of_long_texts_without_likeness_is_one_edit() -> None:
    old = "".join(f"a{number}\n" for number in range(3000))
    new = "".join(f"b{number}\n" for number in range(2999))
    edits = diff_edits(old, new)
    assert apply(old, edits) == new
    assert len(edits) == 1
