"""Completions and reviews as people see them in Helix, with what docs/editors.md tells them to write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.programs import BUGGY, RIGHT, knowing
from tests.editors.terminal.conftest import Person
from tests.editors.terminal.screen import ENTER, ESCAPE, TAB, Screen, control, terminal
from tests.fake_vllm import FakeVllm
from tests.snippets import snippets

PROGRAM = Path(__file__).resolve().parents[3] / ".editors" / "debian" / "root" / "usr" / "bin" / "hx"
SNIPPETS = snippets("Helix", "toml")
LANGUAGES, SETTINGS = SNIPPETS
PROMPT = "def total(prices):\n    return "


@contextmanager
def helix(person: Person, file: str, text: str, languages: str = LANGUAGES) -> Iterator[Screen]:
    """Helix with a file of the workspace."""
    person.configure("helix/languages.toml", languages)
    (person.folder / file).write_text(text, encoding="utf-8")
    with terminal([PROGRAM, "-v", file], person.folder, person.variables) as screen:
        log = person.home / "cache" / "helix" / "helix.log"
        screen.until(
            lambda: log.exists() and "textDocument/didOpen" in log.read_text(encoding="utf-8"),
            "the server has the file",
        )
        yield screen


def mode(screen: Screen, name: str) -> None:
    """Wait for it: the status line names it."""
    screen.until(lambda: any(row.startswith(f" {name} ") for row in screen.rows), f"mode {name}")


def text_of(file: Path) -> str | None:
    """What is in a file; Helix puts the old one aside before it writes."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def write_behind(screen: Screen, text: str) -> None:
    """Go behind the end of the file's last line and write."""
    screen.keys("geA")
    mode(screen, "INS")
    screen.keys(text)


def save(screen: Screen, file: Path, text: str) -> None:
    """Save, and wait until the file is so."""
    screen.keys(ESCAPE)
    mode(screen, "NOR")
    screen.keys(":write", ENTER)
    screen.until(lambda: text_of(file) == text, f"the file:\n{text}")


def accept(screen: Screen, item: str) -> None:
    """Choose the first item of the menu, beside which stands who offers it."""
    screen.shows(item)
    screen.keys(TAB)
    screen.until(lambda: any(item in row for row in screen.rows[:2]), "the item in the text")
    screen.keys(ENTER)
    screen.hides("codeassist")


def test_a_completion_is_inserted_from_the_menu(person: Person, fake: FakeVllm, name: str) -> None:
    fake.answer = "sum(prices)\n"
    with helix(person, name, PROMPT) as screen:
        write_behind(screen, control("x"))
        accept(screen, "sum(prices)")
        save(screen, person.folder / name, "def total(prices):\n    return sum(prices)\n")


def test_a_completion_of_several_lines_is_inserted_as_it_is(person: Person, fake: FakeVllm, name: str) -> None:
    fake.answer = "if not prices:\n        return 0\n    return sum(prices)\n"
    with helix(person, name, "def total(prices):\n    ") as screen:
        write_behind(screen, control("x"))
        accept(screen, "if not prices:")
        save(screen, person.folder / name, f"def total(prices):\n    {fake.answer}")


def test_a_finding_is_marked_where_it_is_and_mended_by_its_fix(person: Person, fake: FakeVllm, name: str) -> None:
    """Behind an emoji, which editors and servers count differently."""
    fake.answer = knowing(BUGGY, RIGHT)
    with helix(person, name, BUGGY.replace("len(prices)", "len(price)")) as screen:
        screen.keys(r"/len\(price", ENTER, "a")
        mode(screen, "INS")
        screen.keys("s")
        save(screen, person.folder / name, BUGGY)
        screen.until(lambda: screen.underlined() == {(10, "len")}, "the mark of the finding")
        screen.shows("`len` is unexpected")
        screen.keys(" a")
        screen.shows("Dismiss this finding")
        screen.keys(ENTER)
        screen.shows("amount = sum(prices)")
        screen.until(lambda: not screen.underlined(), "no mark")
        save(screen, person.folder / name, BUGGY.replace("len(prices)", "sum(prices)"))


def test_all_of_a_file_is_reviewed_by_a_command(person: Person, fake: FakeVllm, name: str) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    with helix(person, name, BUGGY) as screen:
        screen.keys(":lsp-workspace-command codeassist.review", ENTER)
        screen.until(lambda: screen.underlined() == {(4, "<"), (10, "len")}, "the marks of both findings")


def test_the_settings_reach_the_server(person: Person, fake: FakeVllm, name: str) -> None:
    fake.answer = "sum(prices)\n"
    url = person.variables.pop("CODEASSIST_SERVER__URL")
    written = SETTINGS.replace("http://127.0.0.1:8000/v1", url)
    assert written != SETTINGS
    with helix(person, name, PROMPT, f"{LANGUAGES}\n{written}") as screen:
        write_behind(screen, control("x"))
        screen.shows("sum(prices)")


@pytest.mark.parametrize("trouble", [503, 401])
def test_helix_works_on_while_the_engine_does_not(person: Person, fake: FakeVllm, name: str, trouble: int) -> None:
    fake.answer, fake.behaviour.status = "sum(prices)\n", trouble
    with helix(person, name, PROMPT) as screen:
        write_behind(screen, control("x"))
        screen.until(lambda: fake.received, "a request")
        save(screen, person.folder / name, f"{PROMPT}\n")
        fake.behaviour.status = 0
        write_behind(screen, "")
        screen.keys_until(control("x"), lambda: "sum(prices)" in screen.text, "a completion")
        accept(screen, "sum(prices)")
        save(screen, person.folder / name, f"{PROMPT}sum(prices)\n")
