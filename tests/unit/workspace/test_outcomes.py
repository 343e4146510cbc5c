"""The file of outcomes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from codeassist.workspace import outcomes
from codeassist.workspace.outcomes import Event, OutcomeStore


def event(verdict: str, probability: float | None = 0.5, characters: int = 0, model: str = "m") -> Event:
    return Event(model, "python", verdict, probability, characters)


def test_a_file_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    store = OutcomeStore(tmp_path / "deep" / "outcomes.sqlite3")
    assert store.latest() == {}
    assert store.totals() == {}
    assert not (tmp_path / "deep").exists()


def test_what_was_added_is_there(tmp_path: Path) -> None:
    store = OutcomeStore(tmp_path / "outcomes.sqlite3")
    store.add([event("shown"), event("accepted", 0.75, 12)])
    store.add([event("shown"), event("typed-over", 0.25), event("accepted", None, 3), event("shown", model="n")])
    again = OutcomeStore(tmp_path / "outcomes.sqlite3")
    assert again.latest() == {"m": [("accepted", 0.75), ("typed-over", 0.25)]}
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
    assert store.latest()["m"] == [("accepted", 0.4), ("accepted", 0.5), ("accepted", 0.6)]
    assert store.totals()["m"]["accepted"]["count"] == 7


def test_several_editors_write_at_once(tmp_path: Path) -> None:
    """Also where none of them has made the file yet."""
    path = tmp_path / "outcomes.sqlite3"
    program = (
        "import sys; from pathlib import Path; from codeassist.workspace.outcomes import Event, OutcomeStore\n"
        "store = OutcomeStore(Path(sys.argv[1]))\n"
        "for _ in range(40): store.add([Event('m', 'python', 'typed', 0.5)])"
    )
    editors = [subprocess.Popen([sys.executable, "-c", program, str(path)], stderr=subprocess.PIPE) for _ in range(3)]
    assert [editor.communicate()[1] for editor in editors] == [b""] * 3
    assert OutcomeStore(path).totals()["m"]["typed"]["count"] == 120


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE events SET probability = 'abc' WHERE id = 1",
        "UPDATE events SET probability = 9e999 WHERE id = 1",
        "UPDATE events SET probability = -1 WHERE id = 1",
        "UPDATE events SET probability = x'00' WHERE id = 1",
        "UPDATE events SET verdict = x'ff' WHERE id = 1",
        "UPDATE events SET model = x'ff' WHERE id = 1",
    ],
)
def test_what_makes_no_sense_is_left_out(tmp_path: Path, change: str) -> None:
    path = tmp_path / "outcomes.sqlite3"
    store = OutcomeStore(path)
    store.add([event("accepted", 0.25), event("accepted", 0.75)])
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(change)
        database.execute("INSERT INTO totals VALUES ('m', 'typed', 'many', 1.5)")
        database.execute("INSERT INTO totals VALUES (x'ff', x'ff', 1, 1)")
        database.execute("INSERT INTO totals VALUES (CAST(x'ff' AS TEXT), 'typed', 1, 1)")
    assert store.latest() == {"m": [("accepted", 0.75)]}
    assert store.totals() == {
        "m": {"accepted": {"count": 2, "characters": 0}},
        "\ufffd": {"typed": {"count": 1, "characters": 1}},
    }


@pytest.mark.parametrize("content", [b"no database at all, whatever it is\n" * 40, b""])
def test_a_broken_file_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "outcomes.sqlite3"
    path.write_bytes(content)
    store = OutcomeStore(path)
    if content:
        for use in (lambda: store.add([event("shown")]), store.latest, store.totals):
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
