"""The file of outcomes."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from codeassist.workspace import outcomes
from codeassist.workspace.outcomes import Event, OutcomeStore


def event(verdict: str, probability: float | None = 0.5, characters: int = 0, model: str = "m") -> Event:
    return Event(model, "python", verdict, probability, characters)


def test_a_file_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    store = OutcomeStore(tmp_path / "deep" / "outcomes.sqlite3")
    assert store.of_model("m") == []
    assert store.totals() == {}
    assert not (tmp_path / "deep").exists()


def test_what_was_added_is_there(tmp_path: Path) -> None:
    store = OutcomeStore(tmp_path / "outcomes.sqlite3")
    store.add([event("shown"), event("accepted", 0.75, 12)])
    store.add([event("shown"), event("typed-over", 0.25), event("accepted", None, 3), event("shown", model="n")])
    again = OutcomeStore(tmp_path / "outcomes.sqlite3")
    assert again.of_model("m") == [("accepted", 0.75), ("typed-over", 0.25)]
    assert again.totals() == {
        "m": {
            "accepted": {"count": 2, "characters": 15},
            "shown": {"count": 2, "characters": 0},
            "typed-over": {"count": 1, "characters": 0},
        },
        "n": {"shown": {"count": 1, "characters": 0}},
    }


def test_old_ones_are_let_go_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes, "_MOST_EVENTS", 3)
    store = OutcomeStore(tmp_path / "outcomes.sqlite3")
    store.add([event("accepted", number / 10) for number in range(7)])
    assert store.of_model("m") == [("accepted", 0.4), ("accepted", 0.5), ("accepted", 0.6)]
    assert store.totals()["m"]["accepted"]["count"] == 7


def test_several_editors_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.sqlite3"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: OutcomeStore(path).add([event("typed")]), range(24)))
    assert OutcomeStore(path).totals()["m"]["typed"]["count"] == 24


@pytest.mark.parametrize("content", [b"no database at all, whatever it is\n" * 40, b""])
def test_a_broken_file_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "outcomes.sqlite3"
    path.write_bytes(content)
    store = OutcomeStore(path)
    if content:
        for use in (lambda: store.add([event("shown")]), lambda: store.of_model("m"), store.totals):
            with pytest.raises(sqlite3.Error):
                use()
        assert path.read_bytes() == content
    else:
        store.add([event("shown")])
        assert store.totals()["m"]["shown"]["count"] == 1


def test_a_file_of_another_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.sqlite3"
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.execute("CREATE TABLE future (x)")
    database.commit()
    database.close()
    with pytest.raises(sqlite3.Error, match="another version"):
        OutcomeStore(path).add([event("shown")])
