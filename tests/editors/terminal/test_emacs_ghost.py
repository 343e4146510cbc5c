"""Ghost text as people see it in Emacs, with what docs/editors.md tells them to write."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.editors.terminal.conftest import Person
from tests.editors.terminal.emacs import END, HABITS, SAVE, command, emacs, run, variables
from tests.editors.terminal.screen import LIMIT_S, TAB, Screen, control
from tests.fake_vllm import FakeVllm
from tests.snippets import snippets

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "editors" / "emacs" / "codeassist.el"
ALONE, _BESIDE, GHOST, _EVERYWHERE, _SETTINGS = snippets("Emacs", "elisp")
INIT = ALONE + GHOST.replace("/path/to/codeassist", str(ROOT))
PROMPT = "def total(prices):\n    return"
LINES = "if not prices:\n        return 0\n    return sum(prices)\n"
UNDO = control("_")


@pytest.fixture
def shown(person: Person, fake: FakeVllm, name: str) -> Iterator[Screen]:
    """Emacs with a suggestion behind `return `."""
    fake.answer = "sum(prices)\n"
    with emacs(person, name, PROMPT, INIT) as screen:
        screen.shows("Assist")
        screen.keys(END, " ")
        screen.until(lambda: screen.behind_cursor == "sum(prices)", "ghost text")
        yield screen


def saved(screen: Screen, person: Person, name: str, text: str) -> None:
    file = person.folder / name
    screen.keys_until(SAVE, lambda: file.read_text(encoding="utf-8") == text, f"the file:\n{text}")


def test_ghost_text_is_not_in_the_file_until_it_is_accepted(shown: Screen, person: Person, name: str) -> None:
    saved(shown, person, name, f"{PROMPT} \n")
    shown.until(lambda: shown.behind_cursor == "sum(prices)", "ghost text")
    shown.keys(TAB)
    shown.until(lambda: shown.behind_cursor == "", "the cursor behind it")
    saved(shown, person, name, f"{PROMPT} sum(prices)\n")


def test_accepting_is_undone_in_one_step(shown: Screen, person: Person, name: str) -> None:
    shown.keys(TAB)
    shown.until(lambda: shown.behind_cursor == "", "the cursor behind it")
    shown.keys(UNDO)
    shown.hides("sum")
    saved(shown, person, name, f"{PROMPT} \n")


def test_what_is_typed_through_stays_and_costs_no_request(shown: Screen, fake: FakeVllm) -> None:
    asked = len(fake.received)
    for typed, left in (("s", "um(prices)"), ("u", "m(prices)"), ("m", "(prices)")):
        shown.keys(typed)
        shown.until(lambda left=left: shown.behind_cursor == left, left)
    assert len(fake.received) == asked


def test_what_is_typed_otherwise_takes_it_away(shown: Screen, fake: FakeVllm) -> None:
    fake.answer = ""
    shown.keys("x")
    shown.until(lambda: shown.behind_cursor == "", "no ghost text")


@pytest.mark.parametrize("key", [control("b"), control("g"), control("a")], ids=["left", "dismissed", "line-start"])
def test_it_goes_when_the_user_goes(shown: Screen, key: str) -> None:
    shown.keys_until(key, lambda: "sum(prices)" not in shown.text, "no ghost text")


def test_a_word_is_accepted(shown: Screen, person: Person, name: str) -> None:
    shown.keys("\x1bf")
    shown.until(lambda: shown.behind_cursor == "(prices)", "the rest")
    shown.keys_until(control("g"), lambda: shown.behind_cursor == "", "no ghost text")
    saved(shown, person, name, f"{PROMPT} sum\n")


def test_several_lines(person: Person, fake: FakeVllm, name: str) -> None:
    fake.answer = LINES
    with emacs(person, name, "def total(prices):\n   ", INIT) as screen:
        screen.shows("Assist")
        screen.keys(END, " ")
        screen.shows("return sum(prices)")
        screen.until(lambda: screen.behind_cursor == "if not prices:", "the cursor before it")
        screen.keys(TAB)
        saved(screen, person, name, f"def total(prices):\n    {LINES}")


def test_a_bracket_that_the_editor_closed_is_not_doubled(person: Person, fake: FakeVllm, name: str) -> None:
    fake.answer = "prices)\n"
    with emacs(person, name, f"{PROMPT} sum", f"{INIT}(electric-pair-mode 1)\n") as screen:
        screen.shows("Assist")
        screen.keys(END, "(")
        screen.until(lambda: screen.behind_cursor == "prices)", "ghost text before the bracket")
        screen.keys(TAB)
        screen.until(lambda: screen.behind_cursor == ")", "the cursor behind it")
        saved(screen, person, name, f"{PROMPT} sum(prices)\n")


def test_an_answer_that_nobody_waits_for_is_broken_off(person: Person, fake: FakeVllm, name: str) -> None:
    fake.answer, fake.behaviour.trouble = "sum(prices)\n", "hang"
    with emacs(person, name, PROMPT, INIT) as screen:
        screen.shows("Assist")
        screen.keys(END, " ")
        screen.until(lambda: fake.counts.held, "a request that hangs")
        aborted = fake.counts.aborted
        screen.keys(control("a"))
        screen.until(lambda: fake.counts.aborted > aborted, "its end")
        fake.behaviour.trouble = ""
        screen.keys(END)
        run(screen, "codeassist-complete")
        screen.until(lambda: screen.behind_cursor == "sum(prices)", "ghost text")


CHECK = """\
(require 'checkdoc)
(setq byte-compile-error-on-warn t)
(unless (byte-compile-file "codeassist.el") (kill-emacs 1))
(checkdoc-file "codeassist.el")
"""


def test_the_package_compiles_without_a_warning(tmp_path: Path, person: Person) -> None:
    (tmp_path / "codeassist.el").write_bytes(PACKAGE.read_bytes())
    script = tmp_path / "check.el"
    script.write_text(HABITS + CHECK, encoding="utf-8")
    words = command("--quick", "--batch", "--load", str(script))
    environment = {**person.variables, **variables()}
    done = subprocess.run(
        words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "arning" not in done.stderr
