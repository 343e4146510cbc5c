"""Emacs in a terminal, as a user with an init file of their own starts it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.editors.terminal.conftest import Person
from tests.editors.terminal.screen import ENTER, ESCAPE, Screen, control, terminal

ROOT = Path(__file__).resolve().parents[3] / ".editors" / "debian" / "root"
PROGRAM = ROOT / "usr" / "bin" / "emacs-nox"
HABITS = "(setq native-comp-jit-compilation nil make-backup-files nil create-lockfiles nil eglot-report-progress nil)\n"
"""Progress would be told in the place of messages that the tests wait for."""
SAVE = control("x") + control("s")
COMPLETE = ESCAPE + control("i")
END = ESCAPE + ">"


def command(*words: str) -> list[str]:
    """What starts it. It was not unpacked where it was built for, so it has to be told where its parts are."""
    (dump,) = (ROOT / "usr" / "libexec" / "emacs").glob("*/*/*.pdmp")
    return [str(PROGRAM), f"--dump-file={dump}", *words]


def variables() -> dict[str, str]:
    """Where its parts are."""
    (shared,) = (ROOT / "usr" / "share" / "emacs").glob("[0-9]*")
    (programs,) = (ROOT / "usr" / "libexec" / "emacs").glob("*/*")
    return {
        "EMACSLOADPATH": str(shared / "lisp"),
        "EMACSDATA": str(shared / "etc"),
        "EMACSDOC": str(shared / "etc"),
        "EMACSPATH": str(programs),
    }


def run(screen: Screen, name: str) -> None:
    """Run a command by its name."""
    screen.keys(ESCAPE + "x", name, ENTER)


@contextmanager
def emacs(person: Person, file: str, text: str, init: str) -> Iterator[Screen]:
    """Emacs with a file of the workspace, once a language server has begun with it."""
    person.configure("emacs/init.el", HABITS + init)
    (person.folder / file).write_text(text, encoding="utf-8")
    with terminal(command("-nw", file), person.folder, {**person.variables, **variables()}) as screen:
        screen.shows("[eglot:")
        screen.shows("Connected!")
        yield screen
