"""Findings that went with an edit: when a pause in typing is worth a parse, and when no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

import pytest_asyncio

from codeassist.flow.regions import regions_of
from codeassist.post.findings import Finding, with_fingerprints
from codeassist.server.hiding import Hiding
from codeassist.server.lost import note_lost
from codeassist.server.opened import OpenDocument
from codeassist.server.review import Reviewer
from codeassist.server.session import Session
from codeassist.syntax.tree import Syntax
from codeassist.text.document import Document, Offset, Span
from codeassist.text.edits import Edit

T = TypeVar("T")
URI = "file:///a.py"
TEXT = "def low(a, b):\n    return a < b\n\n\ndef high(a, b):\n    return a < b\n"


@dataclass(slots=True)
class CountingSession(Session):
    """A session that counts who wants a parse."""

    parses: int = 0
    spawned: list[asyncio.Task[Any]] = field(default_factory=list)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = Session.spawn(self, work)
        self.spawned.append(task)
        return task

    async def syntax_at(self, entry: OpenDocument, document: Document) -> Syntax | None:
        self.parses += 1
        return await Session.syntax_at(self, entry, document)


class Typing:
    """A document whose two functions were reviewed, each with a finding at its `<`, and somebody who edits it."""

    def __init__(self, session: CountingSession) -> None:
        self.session = session
        self.entry = session.open(URI, TEXT, "python", 1)
        nobody = cast(Any, None)
        publisher = cast(Any, type("Publisher", (), {"publish": lambda _self, _uri: None})())
        hiding = Hiding(session, lambda _told: None)
        self.reviewer = Reviewer(session, nobody, nobody, nobody, nobody, publisher, hiding, nobody)

    async def reviewed(self) -> None:
        syntax = await Session.syntax_at(self.session, self.entry, self.entry.document)
        assert syntax is not None
        document = self.entry.document
        for region in regions_of(syntax):
            start = Offset(document.text.index("<", region.span.start))
            (found,) = with_fingerprints(
                [Finding(Span(start, Offset(start + 1)), "warning", "bug", "No.", "infill", 5)], syntax
            )
            text = document.slice(region.span)
            self.session.remembered.add("python", region.fingerprint, text, region.span.start, [found])
            self.entry.findings = (*self.entry.findings, found)

    def edit(self, old: str, new: str) -> None:
        before, findings = self.entry.document, self.entry.findings
        start = before.text.index(old)
        edits = (Edit(Offset(start), Offset(start + len(old)), new),)
        steps = [(edits, before.replace(edits, before.version + 1))]
        self.session.change(URI, steps)
        self.reviewer.changed(self.entry, before, steps, findings)

    async def is_parsed_at_a_pause(self) -> bool:
        """Whether anybody wants a parse at a pause in typing."""
        before = self.session.parses
        if self.entry.recalling is not None:
            self.entry.recalling.cancel()
            self.reviewer._rested(self.entry)
            await asyncio.gather(*self.session.spawned)
        return self.session.parses > before

    @property
    def shown(self) -> list[str]:
        """The functions that have findings."""
        text = self.entry.document.text
        return [text[text.rindex("def ", 0, each.span.start) + 4 :].split("(")[0] for each in self.entry.findings]


@pytest_asyncio.fixture
async def typing() -> AsyncGenerator[Typing, None]:
    made = Typing(CountingSession())
    await made.reviewed()
    yield made
    await made.session.shut_down()


async def test_a_finding_is_back_with_its_code_and_then_no_pause_costs_a_parse(typing: Typing) -> None:
    typing.edit("< b\n\n", "<= b\n\n")
    assert typing.shown == ["high"]
    assert not await typing.is_parsed_at_a_pause(), "the code is not back"
    typing.edit("<= b\n\n", "< b\n\n")
    assert await typing.is_parsed_at_a_pause()
    assert typing.shown == ["low", "high"]
    for number in range(3):
        typing.edit("def high(", f"def high(c{number}, ")
        assert not await typing.is_parsed_at_a_pause()


async def test_what_somebody_mended_is_waited_for_without_a_parse(typing: Typing) -> None:
    typing.edit("< b\n\n", "> b\n\n")
    for number in range(30):
        typing.edit("def high(", f"def high(c{number}, ")
        assert not await typing.is_parsed_at_a_pause()


async def test_of_two_functions_each_comes_back_in_its_turn(typing: Typing) -> None:
    typing.edit("< b\n\n", "> b\n\n")
    typing.edit("a < b\n", "a > b\n")
    assert typing.shown == []
    typing.edit("> b\n\n", "< b\n\n")
    assert await typing.is_parsed_at_a_pause()
    assert typing.shown == ["low"]
    typing.edit("a > b\n", "a < b\n")
    assert await typing.is_parsed_at_a_pause()
    assert typing.shown == ["low", "high"]


async def test_what_is_not_remembered_is_not_waited_for(typing: Typing) -> None:
    typing.edit("< b\n\n", "> b\n\n")
    typing.session.remembered.forget()
    typing.edit("> b\n\n", "< b\n\n")
    assert not await typing.is_parsed_at_a_pause()
    assert typing.entry.lost == {}


async def test_a_copy_elsewhere_is_not_the_function_that_lost_its_finding(typing: Typing) -> None:
    typing.edit("\n\ndef high", "\n\ndef low(a, b):\n    return a < b\n\n\ndef high")
    (mark,) = typing.session.remembered.functions_with("python", typing.entry.findings[0].fingerprint)
    typing.edit("< b\n\n", "<= b\n\n")
    assert typing.entry.lost == {mark: 2}
    assert not await typing.is_parsed_at_a_pause(), "the copy was there before"
    typing.edit("<= b\n\n", "< b\n\n")
    assert await typing.is_parsed_at_a_pause()
    assert typing.entry.lost == {}


async def test_only_so_many_functions_are_waited_for(typing: Typing) -> None:
    for number in range(50):
        name = f"other{number}"
        found = replace(typing.entry.findings[0], fingerprint=name)
        typing.session.remembered.add("python", name, TEXT, Offset(0), [found])
        note_lost(typing.entry, typing.entry.document, [found], typing.session.remembered)
    assert list(typing.entry.lost) == [f"other{number}" for number in range(30, 50)]
