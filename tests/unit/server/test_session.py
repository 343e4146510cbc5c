"""Findings that move with the text, work that ends, and steps that are caught up with at once."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from lsprotocol import types

from codeassist.post.findings import Finding
from codeassist.post.skip import Skip
from codeassist.server.convert import apply_changes
from codeassist.server.opened import OpenDocument, moved_findings
from codeassist.server.session import Session
from codeassist.settings import Settings
from codeassist.syntax.tree import parse
from codeassist.text.document import Document, Offset, Span
from codeassist.text.edits import Edit, apply

TEXT = "if a < b:\n    return n\n"


def finding(start: int, end: int, fix: Edit) -> Finding:
    return Finding(Span(Offset(start), Offset(end)), "warning", "c", "m", "infill", 5.0, (fix,), "t", "f")


def edit(start: int, end: int, text: str) -> Edit:
    return Edit(Offset(start), Offset(end), text)


OPERATOR = finding(5, 6, edit(5, 6, "<="))
MISSING = finding(21, 22, edit(22, 22, " + 1"))


@pytest.mark.parametrize(
    ("before", "typed", "kept"),
    [
        (OPERATOR, edit(6, 6, "="), False),  # Mended by hand, right behind the span.
        (OPERATOR, edit(5, 5, "<"), False),
        (MISSING, edit(22, 22, " + 1"), False),
        (OPERATOR, edit(3, 4, "x"), True),
        (OPERATOR, edit(0, 0, "# Above.\n"), True),
        (MISSING, edit(0, 2, "while"), True),
    ],
)
def test_a_finding_goes_when_its_code_is_touched_even_at_its_edge(before: Finding, typed: Edit, kept: bool) -> None:
    moved = moved_findings([before], [typed])
    assert bool(moved) is kept
    if moved:
        mended = apply(apply(TEXT, [typed]), moved[0].fix)
        assert mended == apply(TEXT, [typed, *before.fix])


def change(line: int, start: int, end: int, text: str) -> types.TextDocumentContentChangePartial:
    place = types.Range(types.Position(line, start), types.Position(line, end))
    return types.TextDocumentContentChangePartial(range=place, text=text)


def test_replacing_all_from_the_end_is_one_step() -> None:
    document = Document.create("file:///a", "one two\n" * 500)
    changes = [change(line, 4, 7, "three") for line in reversed(range(500))]
    steps = apply_changes(document, changes, 2, "utf-16")
    assert len(steps) == 1
    assert steps[-1][1].text == "one three\n" * 500
    assert steps[-1][1].version == 2


def test_changes_in_any_other_order_are_applied_one_after_the_other() -> None:
    document = Document.create("file:///a", "ab\ncd\n")
    forward = [change(0, 0, 1, "xyz"), change(0, 3, 4, "!"), change(1, 0, 2, "")]
    steps = apply_changes(document, forward, 2, "utf-16")
    assert [step[1].text for step in steps] == ["xyzb\ncd\n", "xyz!\ncd\n", "xyz!\n\n"]
    touching = [change(0, 1, 2, "B"), change(0, 0, 1, "A")]
    assert apply_changes(document, touching, 2, "utf-16")[-1][1].text == "AB\ncd\n"


async def test_many_steps_are_caught_up_with_by_one_parse() -> None:
    session = Session()
    entry = session.open("file:///a.py", "x = 1\n", "python", 1)
    assert await session.syntax_at(entry, entry.document) is not None
    for number in range(40):
        steps = apply_changes(entry.document, [change(0, 5, 5, "1")], number + 2, "utf-16")
        session.change("file:///a.py", steps)
    syntax = await session.syntax_at(entry, entry.document)
    assert syntax is not None
    assert syntax.document is entry.document
    assert syntax.source == entry.document.text.encode()
    await session.shut_down()


async def test_a_parse_that_is_late_does_not_bring_back_what_was_cut_off() -> None:
    """The first parse of a document is on its way while NUL is put in and taken out again."""
    session = Session()
    entry = session.open("file:///a.py", "def f():\n    return 1\n", "python", 1)
    first = asyncio.ensure_future(session.syntax_at(entry, entry.document))
    await asyncio.sleep(0)
    for number, typed in enumerate((change(2, 0, 0, "#\0"), change(2, 1, 2, ""), change(1, 11, 12, "10"))):
        session.change(entry.document.uri, apply_changes(entry.document, [typed], number + 2, "utf-16"))
    assert await first is not None
    syntax = await session.syntax_at(entry, entry.document)
    assert syntax is not None
    assert syntax.document is entry.document
    whole = parse(entry.document)
    assert whole is not None
    assert str(syntax.tree.root_node) == str(whole.tree.root_node)
    await session.shut_down()


async def test_shutting_down_waits_for_work_that_was_dropped_before() -> None:
    session = Session()
    started, ended = asyncio.Event(), []

    async def work() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            ended.append(True)

    waiting = asyncio.ensure_future(session.newest("file:///a", "completion", work))
    await started.wait()
    session.drop_task("file:///a", "completion")
    await session.shut_down()
    assert ended == [True]
    assert await waiting == Skip("superseded")


def test_the_document_edited_last_comes_first_with_the_place() -> None:
    session = Session()
    for name in "abc":
        session.open(f"file:///{name}.py", "x = 1\n" * 30, "python", 1)

    def edit_of(name: str, *changes: types.TextDocumentContentChangePartial) -> None:
        entry = session.documents[f"file:///{name}.py"]
        session.change(f"file:///{name}.py", apply_changes(entry.document, changes, 2, "utf-16"))

    edit_of("b", change(12, 5, 6, "2"))
    edit_of("c", change(3, 5, 6, "2"))
    edit_of("b", change(13, 0, 0, "y = 3\n" * 2_000))  # Pasted, not edited.
    edit_of("a", change(0, 0, 0, "z"))
    found = [(file.path, file.edited_line) for file in session.others("file:///a.py")]
    assert found == [("b.py", 12), ("c.py", 3)]
    assert session.others("file:///b.py")[0].path == "a.py"


def test_files_outside_of_the_workspace_stay_out_of_its_prompts(tmp_path: Path) -> None:
    session = Session(roots=(tmp_path / "project",))
    inside, outside = (tmp_path / "project" / "a.py").as_uri(), (tmp_path / "elsewhere" / "b.py").as_uri()
    for uri in (inside, outside, "untitled:new.py"):
        session.open(uri, "x = 1\n", "python", 1)
    assert {file.document.uri for file in session.others(inside)} == {"untitled:new.py"}
    assert {file.document.uri for file in session.others(outside)} == {inside, "untitled:new.py"}
    assert {file.document.uri for file in session.others("untitled:new.py")} == {inside, outside}


@pytest.mark.parametrize("pattern", ["secrets/", "secrets/**", "/secrets", "**/s.*"])
def test_files_that_are_not_indexed_stay_out_of_prompts(tmp_path: Path, pattern: str) -> None:
    session = Session(roots=(tmp_path,))
    session.settings = Settings.model_validate({"index": {"exclude": [pattern]}})
    for name in ("a.py", "secrets/deep/s.py", "b.py"):
        session.open((tmp_path / name).as_uri(), "x = 1\n", "python", 1)
    assert [file.path for file in session.others((tmp_path / "a.py").as_uri())] == ["b.py"]


def test_what_lies_in_a_folder_of_secrets_is_hidden_wherever_that_is() -> None:
    session = Session()
    for path in ("/home/me/.kube/config.yaml", "/home/me/.aws/config.toml", "/home/me/plain/config.yaml"):
        session.open(f"file://{path}", "x: 1\n", "yaml", 1)
    assert [file.path for file in session.others("file:///a.py")] == ["config.yaml"]
    assert session.documents["file:///home/me/.kube/config.yaml"].hidden


LONG = "import os\n\n\ndef total():\n    return 1\n\n\n" + "x = 1\n" * 8_000


def opened_long(session: Session) -> OpenDocument:
    session.roots = (Path("/project"),)
    return session.open("file:///project/long.py", LONG, "python", 1)


def typed(session: Session, entry: OpenDocument, line: int, text: str) -> Document:
    session.change(entry.document.uri, apply_changes(entry.document, [change(line, 0, 0, text)], 2, "utf-16"))
    return entry.document


async def test_a_prompt_of_a_long_document_does_not_wait_for_the_parse() -> None:
    session = Session()
    entry = opened_long(session)
    before = await session.syntax_for_prompt(entry, entry.document)
    assert before is not None
    assert not before.is_moved
    document = typed(session, entry, 3, "y = 2\n")
    between = await session.syntax_for_prompt(entry, document)
    assert between is not None
    assert between.is_moved
    assert between.document is document
    assert entry.syntax is before
    syntax = await session.settle(entry, between)
    assert not syntax.is_moved
    assert syntax.document is document
    assert entry.syntax is syntax
    assert not entry.steps
    assert await session.settle(entry, between) is syntax


async def test_a_quote_or_a_short_document_is_parsed_first() -> None:
    session = Session()
    entry = opened_long(session)
    await session.syntax_at(entry, entry.document)
    syntax = await session.syntax_for_prompt(entry, typed(session, entry, 3, '"""'))
    assert syntax is not None
    assert not syntax.is_moved
    short = session.open("file:///project/short.py", "x = 1\n", "python", 1)
    await session.syntax_at(short, short.document)
    syntax = await session.syntax_for_prompt(short, typed(session, short, 0, "y"))
    assert syntax is not None
    assert not syntax.is_moved


async def test_a_parse_that_comes_after_that_of_a_newer_text_changes_nothing() -> None:
    session = Session()
    entry = opened_long(session)
    await session.syntax_at(entry, entry.document)
    between = await session.syntax_for_prompt(entry, typed(session, entry, 3, "y"))
    assert between is not None
    newest = await session.syntax_at(entry, typed(session, entry, 3, "z"))
    late = await session.settle(entry, between)
    assert late.document is between.document
    assert entry.syntax is newest
    assert not entry.steps


async def test_what_has_time_takes_no_thread_from_a_parse_that_is_waited_for() -> None:
    session, holding = Session(), threading.Event()
    patient = [asyncio.ensure_future(session.in_background(lambda: holding.wait(10))) for _ in range(8)]
    try:
        assert await asyncio.wait_for(session.off_loop(lambda: "parsed"), 10) == "parsed"
        assert not any(each.done() for each in patient)
    finally:
        holding.set()
    assert all(await asyncio.gather(*patient))
    await session.shut_down()
