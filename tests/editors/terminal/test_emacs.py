"""Completions and reviews as people see them in Emacs with eglot, with what docs/editors.md tells them to write."""

from __future__ import annotations

import re
import subprocess

import pytest

from codeassist.syntax.languages import LANGUAGES
from tests.e2e.programs import BUGGY, RIGHT, knowing
from tests.editors.terminal.conftest import Person
from tests.editors.terminal.emacs import COMPLETE, END, HABITS, SAVE, command, emacs, run, variables
from tests.editors.terminal.screen import ENTER, Screen, control
from tests.fake_vllm import FakeVllm
from tests.snippets import snippets

ALONE, BESIDE, _GHOST, EVERYWHERE, SETTINGS = snippets("Emacs", "elisp")
PROMPT = "def total(prices):\n    return "


def text_of(person: Person, name: str) -> str:
    return (person.folder / name).read_text(encoding="utf-8")


def save(screen: Screen, person: Person, name: str, text: str) -> None:
    """Save until the file is so."""
    screen.keys_until(SAVE, lambda: text_of(person, name) == text, f"the file:\n{text}")


COMPLETIONS = {
    "line": (PROMPT, "sum(prices)\n", f"{PROMPT}sum(prices)\n"),
    "word": (f"{PROMPT}su", "m(prices)\n", f"{PROMPT}sum(prices)\n"),
    "lines": (
        "def total(prices):\n    ",
        "if not prices:\n        return 0\n    return sum(prices)\n",
        "def total(prices):\n    if not prices:\n        return 0\n    return sum(prices)\n",
    ),
}


@pytest.mark.parametrize("written", COMPLETIONS)
def test_a_completion_is_inserted(person: Person, fake: FakeVllm, name: str, written: str) -> None:
    before, fake.answer, after = COMPLETIONS[written]
    with emacs(person, name, before, ALONE) as screen:
        screen.keys(END, COMPLETE)
        screen.shows("sum(prices)")
        save(screen, person, name, after)


@pytest.mark.parametrize("init", [ALONE, BESIDE], ids=["alone", "beside-another-server"])
def test_a_finding_is_marked_where_it_is_and_mended_by_its_fix(
    person: Person, fake: FakeVllm, name: str, init: str
) -> None:
    """Behind an emoji, which editors and servers count differently."""
    fake.answer = knowing(BUGGY, RIGHT)
    with emacs(person, name, BUGGY.replace("len(prices)", "len(price)"), init) as screen:
        screen.keys(control("s"), "len(price", ENTER, "s", SAVE)
        screen.shows("Flymake[0 3]" if init == BESIDE else "Flymake[0 1]")
        run(screen, "flymake-show-buffer-diagnostics")
        row = re.compile(r"^ +11 +28 warning .* codeassist \[wrong-name\]: `len`", re.MULTILINE)
        screen.until(lambda: row.search(screen.text), "the row of the finding")
        if init == BESIDE:
            screen.shows("Ruff [F841]")
        else:
            screen.settle()
            assert "Ruff [F841]" not in screen.text
        screen.keys(control("r"), "len", ENTER)
        screen.until(lambda: screen.behind_cursor.startswith("len(prices)"), "the cursor before the call")
        run(screen, "eglot-code-actions")
        screen.shows("Pick an action")
        screen.keys("Replace with", ENTER)
        screen.shows("amount = sum(prices)")
        screen.hides("codeassist [wrong-name]")
        save(screen, person, name, BUGGY.replace("len(prices)", "sum(prices)"))


def test_the_settings_reach_the_server(person: Person, fake: FakeVllm, name: str) -> None:
    fake.answer = "sum(prices)\n"
    url = person.variables.pop("CODEASSIST_SERVER__URL")
    written = SETTINGS.replace("http://127.0.0.1:8000/v1", url)
    assert written != SETTINGS
    with emacs(person, name, PROMPT, ALONE + written) as screen:
        screen.keys(END, COMPLETE)
        screen.shows("sum(prices)")


@pytest.mark.parametrize("trouble", [503, 401])
def test_emacs_works_on_while_the_engine_does_not(person: Person, fake: FakeVllm, name: str, trouble: int) -> None:
    fake.answer, fake.behaviour.status = "sum(prices)\n", trouble
    with emacs(person, name, PROMPT, ALONE) as screen:
        screen.keys(END, COMPLETE)
        screen.until(lambda: fake.received, "a request")
        screen.keys("0")
        save(screen, person, name, f"{PROMPT}0\n")
        fake.behaviour.status = 0
        screen.keys("\x7f")
        screen.keys_until(COMPLETE, lambda: "sum(prices)" in screen.text, "a completion")


LOOK_UP = """\
(require 'eglot)
(load-file (pop command-line-args-left))
(dolist (entry (caar eglot-server-programs))
  (let ((mode (car (ensure-list entry))))
    (pcase-let ((`(,languages . ,contact) (eglot--lookup-mode mode)))
      (princ (format "%s %s %s %S\\n" mode (cdr (assq mode languages)) (and (fboundp mode) t) contact)))))
"""
NOT_OF_EMACS = {
    "go-mode", "json-mode", "kotlin-mode", "lua-mode", "markdown-mode", "php-mode", "rust-mode", "scala-mode",
    "swift-mode", "yaml-mode",
}  # fmt: skip
"""Modes that people install."""


def test_every_mode_is_known_to_emacs_and_the_server(person: Person) -> None:
    snippet, script = person.folder / "everywhere.el", person.folder / "look-up.el"
    snippet.write_text(EVERYWHERE, encoding="utf-8")
    script.write_text(HABITS + LOOK_UP, encoding="utf-8")
    words = command("--quick", "--batch", "--load", str(script), str(snippet))
    done = subprocess.run(words, env={**person.variables, **variables()}, capture_output=True, text=True, check=True)
    rows = [line.split(" ", 3) for line in done.stdout.splitlines()]
    assert all(contact == '("codeassist" "lsp")' for *_, contact in rows)
    languages = {identifier: language.name for language in LANGUAGES for identifier in language.ids}
    assert {languages.get(identifier) for _, identifier, *_ in rows} == {language.name for language in LANGUAGES}
    assert {mode for mode, _, known, _ in rows if known == "nil"} == NOT_OF_EMACS
