"""Columns in UTF-8 bytes, UTF-16 code units and characters."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeassist.text.positions import Encoding, from_units, to_units

ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)
WIDTHS = {"utf-8": (1, 2, 3, 4, 3, 3), "utf-16": (1, 1, 1, 2, 1, 1), "utf-32": (1, 1, 1, 1, 1, 1)}
CHARACTERS = "aé€😀\ud83d\ude00"

lines = st.text(alphabet="ab é€😀𝒳\ud83d\ude00\u0301\0", max_size=30)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_width_of_each_kind_of_character(encoding: Encoding) -> None:
    widths = [to_units(CHARACTERS, index + 1, encoding) - to_units(CHARACTERS, index, encoding) for index in range(6)]
    assert tuple(widths) == WIDTHS[encoding]


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(lines)
def test_columns_round_trip(encoding: Encoding, line: str) -> None:
    units = [to_units(line, column, encoding) for column in range(len(line) + 1)]
    assert [from_units(line, unit, encoding) for unit in units] == list(range(len(line) + 1))
    assert units == sorted(set(units))


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(lines, st.integers(-3, 130))
def test_any_number_gives_the_start_of_the_character_it_falls_in(encoding: Encoding, line: str, units: int) -> None:
    column = from_units(line, units, encoding)
    assert 0 <= column <= len(line)
    assert to_units(line, column, encoding) <= max(units, 0)
    if column < len(line):
        assert to_units(line, column + 1, encoding) > units


@pytest.mark.parametrize(
    ("units", "encoding", "column"),
    [(2, "utf-16", 1), (3, "utf-16", 2), (2, "utf-8", 1), (4, "utf-8", 1), (5, "utf-8", 2), (-1, "utf-8", 0)],
)
def test_inside_a_character_rounds_down(units: int, encoding: Encoding, column: int) -> None:
    assert from_units("a😀b", units, encoding) == column


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_past_the_ends(encoding: Encoding) -> None:
    for line in ("abc", "é😀", ""):
        assert from_units(line, 99, encoding) == len(line)
        assert to_units(line, 99, encoding) == to_units(line, len(line), encoding)
        assert to_units(line, -1, encoding) == 0
