"""Telling a proxy that collects answers from an engine that writes them."""

from __future__ import annotations

import pytest

from codeassist.serving.remote.pace import Pace


@pytest.mark.parametrize(
    ("answers", "in_one_piece"),
    [
        ([(40, 2.0, 2.001)] * 3, True),
        ([(40, 2.0, 2.001)] * 2, False),
        ([(40, 2.0, 2.001), (40, 2.0, 2.9), (40, 2.0, 2.001)], False),
        ([(40, 0.2, 0.201)] * 9, False),  # Quick enough for all that anybody can tell.
        ([(40, 2.0, 2.4)] * 9, False),  # A long prompt, then ten milliseconds for each token.
        ([(3, 2.0, 2.0)] * 9, False),
        ([(40, 2.0, 2.001)] * 9 + [(40, 2.0, 2.5)], False),
    ],
)
def test_only_many_pieces_at_once_after_a_long_silence_are_suspicious(
    answers: list[tuple[int, float, float]], in_one_piece: bool
) -> None:
    pace = Pace()
    for answer in answers:
        pace.note(*answer)
    assert pace.in_one_piece == in_one_piece
