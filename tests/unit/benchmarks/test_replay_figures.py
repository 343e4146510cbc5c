"""What is made of the events of a replay."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.latency.replay import print_tables
from benchmarks.latency.replay_figures import Figures, figures_of, rows
from tests.unit.benchmarks.events import event, opened

JOINED = [
    opened("return total", debounce_ms=60),
    event(1.0, "key", text="r"),
    event(1.0, "ask", ask=1, would="right"),
    event(1.1, "begun", request=1, place=1, prompt=100, cached=80, limit=128),
    event(1.2, "key", text="e"),
    event(1.2, "ask", ask=2, would="right"),
    event(1.3, "shown", ask=2, text="turn total", how="new"),
    event(1.4, "ended", request=1, generated=4, how="finished",
          tokens=[[1.15, "eturn"], [1.25, " total"], [1.35, "\n"], [1.36, ""]]),
    event(1.8, "accepted", text="turn total"),
    event(2.0, "closed"),
]  # fmt: skip


def test_a_suggestion_that_a_running_request_brought() -> None:
    figures = figures_of([JOINED])
    assert (figures.keys, figures.characters, figures.accepted) == (2, 12, 10)
    assert (figures.answers, figures.reused, figures.requests) == (1, 1, 1)
    assert (figures.offers, figures.right_offers, figures.wrong_moments) == (1, 1, 0)
    # The line that was not shown is for nothing; what was typed before it was shown is not.
    assert (figures.generated, figures.unwanted, figures.late, figures.dropped) == (4, 1, 0, 0)
    assert figures.new_ms == pytest.approx([100.0])
    assert figures.right_s == pytest.approx(0.5)
    assert figures.seconds == pytest.approx(1.0)
    assert figures.server_ms == []


def test_a_suggestion_with_a_request_of_its_own() -> None:
    block = [
        opened("ab", debounce_ms=60),
        event(1.0, "key", text="a"),
        event(1.0, "ask", ask=1, would="wrong"),
        event(1.07, "begun", request=1, place=1, prompt=10, cached=0),
        event(1.2, "shown", ask=1, text="x y", how="new"),
        event(1.5, "key", text="b"),
        event(1.5, "hidden"),
        event(1.6, "ended", request=1, generated=7, after=2, how="left",
              tokens=[[1.17, "x"], [1.19, " y"], [1.4, " z"], [1.52, " u"], [1.55, " v"], [1.58, " w"]]),
        event(2.0, "closed"),
    ]  # fmt: skip
    figures = figures_of([block])
    assert (figures.answers, figures.reused) == (1, 0)
    assert (figures.offers, figures.right_offers) == (1, 0)
    assert (figures.wrong_moments, figures.quiet) == (1, 0)
    assert figures.wrong_s == pytest.approx(0.3)
    assert figures.right_s == 0
    assert figures.server_ms == pytest.approx([20.0])
    # Of the four that were made after the key, one was in flight.
    assert (figures.unwanted, figures.late, figures.dropped) == (5, 3, 3)


WRITTEN = [[1.1 + number / 10, f" {number}"] for number in range(8)]


@pytest.mark.parametrize(
    ("then", "late", "dropped"),
    [
        ([event(1.55, "key", text=" 0 1")], 0, 0),
        ([event(1.55, "key", text="no")], 2, 2),
        ([event(1.05, "key", text="no")], 6, 6),
        ([event(1.55, "deleted", count=1)], 2, 2),
        ([event(1.55, "begun", request=2, place=5, prompt=9, cached=0, limit=9)], 0, 2),
        ([event(1.55, "begun", request=2, place=5, prompt=9, cached=0, limit=1)], 0, 0),
        ([event(1.55, "begun", request=2, place=9, prompt=9, cached=0, limit=9)], 0, 0),
        ([event(1.55, "closed")], 0, 2),
    ],
    ids=["agrees", "parts", "parts-later", "goes-back", "another", "read-ahead", "speculation", "closed"],
)
def test_tokens_for_what_is_not_wanted_any_more(then: list[dict[str, Any]], late: int, dropped: int) -> None:
    block = [
        opened("x = , 0 1 2 3"),
        event(1.0, "key", text="x = ,"),
        event(1.01, "begun", request=1, place=5, prompt=9, cached=0, limit=9),
        event(1.9, "ended", request=1, generated=8, tokens=WRITTEN, how="finished"),
    ]
    block = sorted([*block, *then], key=lambda each: float(each["at"]))
    figures = figures_of([block])
    assert (figures.late, figures.dropped) == (late, dropped)


def test_a_request_that_is_shown_later_was_wanted() -> None:
    block = [*JOINED[:6], event(1.25, "begun", request=2, place=1, prompt=9, cached=0, limit=9), *JOINED[6:]]
    assert figures_of([block]).dropped == 0


def test_silence_where_it_would_be_wrong_is_counted() -> None:
    block = [
        opened("abc"),
        event(1.0, "key", text="x"),
        event(1.0, "ask", ask=1, would="wrong"),
        event(1.2, "deleted", count=1),
        event(1.2, "ask", ask=2, would="right"),
        event(1.3, "shown", ask=2, text="abc", how="new"),
        event(1.4, "key", text="a"),
        event(1.4, "ask", ask=3, would="wrong"),
        event(1.5, "shown", ask=3, text="bc", how="rest"),
        event(1.6, "closed"),
    ]
    figures = figures_of([block])
    assert (figures.wrong_moments, figures.quiet) == (1, 1)
    assert (len(figures.new_ms), len(figures.all_ms)) == (1, 2)
    assert figures.right_s == pytest.approx(0.3)


def test_a_prompt_read_ahead_is_no_request_of_a_key() -> None:
    block = [
        opened("ab"),
        event(1.0, "ask", ask=1),
        event(1.1, "begun", request=1, place=0, prompt=10, cached=0, limit=1),
        event(1.2, "shown", ask=1, text="ab", how="new"),
        event(1.3, "closed"),
    ]
    figures = figures_of([block])
    assert (figures.answers, figures.reused, figures.requests) == (1, 1, 1)


def test_an_engine_that_is_not_watched_is_known_from_traces() -> None:
    block = [
        opened("ab"),
        event(1.0, "key", text="a"),
        event(1.0, "ask", ask=1),
        event(1.2, "shown", ask=1, text="b", how="new"),
        event(1.3, "trace", requests=1, prompt=50, cached=40, generated=3, reused=False, skip=None),
        event(1.3, "trace", requests=0, prompt=0, cached=0, generated=0, reused=True, skip=None),
        event(1.3, "trace", requests=1, prompt=50, cached=50, generated=1, reused=False, skip="cancelled"),
        event(1.4, "closed"),
    ]
    # A trace comes after what is shown, and all suggestions are counted by it.
    figures = figures_of([block])
    assert (figures.answers, figures.reused, figures.requests) == (2, 1, 2)
    assert (figures.read, figures.cached, figures.generated) == (100, 90, 4)
    assert dict(rows(figures))["tokens generated and never wanted"] == "-"


def test_nothing_at_all_is_no_division_by_nothing() -> None:
    assert set(dict(rows(Figures())).values()) == {"-", "0"}
    assert dict(rows(Figures(keys=3, characters=9, seconds=1.0)))["characters accepted"] == "0%"


def test_recorded_columns_stand_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    other = [{**JOINED[0], "column": "peer"}, *JOINED[1:]]
    print_tables([JOINED, other])
    printed = capsys.readouterr().out
    assert "1 blocks" in printed
    assert printed.count("83%") == 2
