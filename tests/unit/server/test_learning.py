"""One suggestion of a document is watched, in one place: what the editor shows, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from codeassist.post.inline import Inline
from codeassist.server.learning import Learning
from codeassist.server.opened import OpenDocument
from codeassist.server.session import Session
from codeassist.settings import CompletionSettings, Settings
from codeassist.text.document import Offset, Span
from codeassist.text.edits import Edit
from codeassist.workspace.outcomes import OutcomeStore

URI = "file:///a/x.py"
TEXT = "x = \n"
AT = Offset(4)
SHOWN = Inline("sum(y)", Span(AT, AT), 0.5)


def watching(tmp_path: Path, *, learn: bool = True, in_menu: bool = False) -> tuple[Session, Learning, OpenDocument]:
    session = Session(settings=Settings(completion=CompletionSettings(learn=learn)))
    learning = Learning(session, OutcomeStore(tmp_path / "outcomes.sqlite3"))
    entry = session.open(URI, TEXT, "python", 1)
    learning.shown(URI, "1", SHOWN, "model", "python", in_menu=in_menu)
    return session, learning, entry


def typed(session: Session, learning: Learning, at: int, text: str, version: int = 2) -> None:
    entry = session.documents[URI]
    edits = (Edit(Offset(at), Offset(at), text),)
    session.change(URI, [(edits, entry.document.replace(edits, version))])
    learning.changed(entry)


def outcomes(session: Session) -> list[str]:
    return [trace["outcome"] for trace in session.traces if trace["kind"] == "outcome"]


async def test_what_was_shown_in_a_closed_document_is_forgotten_with_it(tmp_path: Path) -> None:
    session, learning, _ = watching(tmp_path)
    session.close(URI)
    learning.told("1", "accepted")
    assert outcomes(session) == []
    await learning.aclose()


async def test_what_came_of_it_is_known_to_both(tmp_path: Path) -> None:
    session, learning, entry = watching(tmp_path)
    typed(session, learning, AT, "s")
    learning.shown(URI, "2", Inline("um(y)", Span(Offset(AT + 1), Offset(AT + 1)), 0.5), "model", "python")
    typed(session, learning, AT + 1, "um(y)")
    assert outcomes(session) == ["accepted"]
    assert not entry.expired
    assert entry.outcomes == []
    await learning.aclose()


async def test_what_is_not_shown_any_more_does_not_expire_and_is_watched_on(tmp_path: Path) -> None:
    session, learning, entry = watching(tmp_path)
    typed(session, learning, AT, "s")
    entry.shows_nothing()
    typed(session, learning, AT + 1, "um(y)")
    assert not entry.expired
    assert outcomes(session) == ["accepted"]
    await learning.aclose()


async def test_what_was_rejected_does_not_expire(tmp_path: Path) -> None:
    session, learning, entry = watching(tmp_path)
    learning.told("1", "rejected")
    typed(session, learning, AT, "len")
    assert not entry.expired
    assert outcomes(session) == ["rejected"]
    await learning.aclose()


@pytest.mark.parametrize(
    ("keys", "outcome"),
    [(["sum(y)"], ["accepted"]), (list("sum(y)"), []), (["len"], []), (["sum", "("], []), (["sum", "!"], [])],
)
async def test_in_a_menu_only_choosing_it_says_something(keys: list[str], outcome: list[str], tmp_path: Path) -> None:
    """And that does not decide what is shown: nobody would hear of the others."""
    session, learning, entry = watching(tmp_path, in_menu=True)
    learning.read_ahead()
    at = int(AT)
    for number, key in enumerate(keys):
        entry.shown = entry.shown and replace(entry.shown, since=-1e9)  # For long enough to be noticed.
        typed(session, learning, at, key, number + 2)
        at += len(key)
    assert outcomes(session) == outcome
    await learning.aclose()
    assert OutcomeStore(tmp_path / "outcomes.sqlite3").latest() == {}


async def test_without_learning_the_editors_view_is_followed_all_the_same(tmp_path: Path) -> None:
    session, learning, entry = watching(tmp_path, learn=False)
    typed(session, learning, AT, "len")
    assert entry.expired
    assert outcomes(session) == []
    assert not (tmp_path / "outcomes.sqlite3").exists()
    await learning.aclose()
