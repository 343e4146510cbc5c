"""Findings in the terminal: the code with its marks, at any width, and nothing that a terminal would obey."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from codeassist.cli.plain import one_line, plain
from codeassist.cli.reviewing.frames import frame, print_findings
from tests.unit.cli.reviewing.making import finding, results_of

CODE = "def f(a):\n    b = wrong(a)\n    return b\n"


def shown(text: str, quote: str, width: int = 80, path: str = "a.py", **others: str) -> list[str]:
    results = results_of([(path, text, [finding(text, quote, **others)])])  # type: ignore[arg-type]  # Texts only.
    return [line.plain for line in frame(results.shown[0], width)]


def test_a_finding_with_the_lines_around_it() -> None:
    assert shown(CODE, "wrong", better="right") == [
        "a.py:2:9: warning [wrong-name] Said.",
        "  1 | def f(a):",
        "  2 |     b = wrong(a)",
        "    |         ^^^^^",
        "  3 |     return b",
        "    fix: Replace with `right`",
    ]


def test_marks_stand_under_wide_characters_and_tabs() -> None:
    text = 'def f(a):\n\tb = "漢字😀"; return wrong(a)\n'
    lines = shown(text, "wrong")
    code, marks = lines[2], lines[3]
    assert cell_len(code[: code.index("wrong")]) == marks.index("^")
    assert marks.count("^") == 5


def test_several_lines_are_marked_up_to_a_number() -> None:
    body = "".join(f"    a{number} = {number}\n" for number in range(20))
    lines = shown("def f(a):\n" + body, body.strip("\n"))
    assert len([line for line in lines if "^" in line]) == 6
    assert lines[-1] == "    | ... and 14 more lines"


@pytest.mark.parametrize("width", [1, 30, 60, 80])
def test_a_line_that_does_not_fit_is_cut_around_the_mark(width: int) -> None:
    text = "def f(a):\n    b = " + "x + " * 200 + "wrong(a)" + " + y" * 200 + "\n"
    lines = shown(text, "wrong", width)
    (code,) = [line for line in lines if line.startswith("  2 |")]
    (marks,) = [line for line in lines if "^" in line]
    assert cell_len(code) <= max(width, 30)
    assert "…" in code
    assert code[marks.index("^") :].startswith("wrong")


def test_the_first_and_the_last_line_of_a_file() -> None:
    assert shown("x = 1", "x")[1:] == ["  1 | x = 1", "    | ^"]
    assert shown("\n\nx = 1\n", "x")[1:] == ["  3 | x = 1", "    | ^"]


HOSTILE = "\x1b[31m\x07\x9b2J\x00\u202e\u2066\u200b\r\n\u2028\udcff"


def test_nothing_reaches_the_terminal_that_it_obeys() -> None:
    text = "def f(a):\n    b = wrong(a) # \x1b]0;title\x07\u202e\n"
    lines = shown(
        text,
        "wrong",
        path=HOSTILE.replace("\0", "") + ".py",
        message=f"Said {HOSTILE}.",
        category=HOSTILE,
        better=HOSTILE,
    )
    assert all(line.isprintable() for line in lines)
    assert "\\x1b[31m" in lines[0]
    assert "\\xff.py" in lines[0]


@given(st.text())
def test_plain_text_is_printable_and_says_what_it_was(text: str) -> None:
    assert all(character.isprintable() or character == "\u3000" for character in plain(text))
    if text.isprintable():
        assert plain(text) == text


def test_what_a_server_says_is_one_line() -> None:
    assert one_line("no\n  room\x1b[31m\u202e") == "no room\\x1b[31m\\u202e"


def test_a_name_cannot_be_a_command_of_the_runner() -> None:
    assert shown(CODE, "wrong", path="::error::x.py")[0].startswith("./::error::x.py:2:9")
    assert shown(CODE, "wrong", path="\t ::error::x.py")[0].startswith("./     ::error::x.py:2:9")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("variables", "is_terminal", "has_colour"),
    [({}, True, True), ({"NO_COLOR": "1"}, True, False), ({}, False, False), ({"TERM": "dumb"}, True, False)],
)
def test_colour_is_for_terminals_of_people_who_want_it(
    variables: dict[str, str], is_terminal: bool, has_colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm-256color", **variables}.items():
        monkeypatch.setenv(name, value)
    stream = Terminal() if is_terminal else io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    print_findings(results_of([("a.py", CODE, [finding(CODE, "wrong")])]))
    assert ("\x1b[33m" in stream.getvalue()) == has_colour
    assert "a.py:2:9" in stream.getvalue()


def test_a_narrow_stream_of_few_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    data = io.BytesIO()
    stream = io.TextIOWrapper(data, encoding="ascii", newline="\n")
    monkeypatch.setattr(sys, "stdout", stream)
    text = 'def f(a):\n    b = "é😀"; wrong(a)\n'
    print_findings(results_of([("ä.py", text, [finding(text, "wrong", message="`é` …")])]))
    stream.flush()
    assert data.getvalue().startswith(b"\\xe4.py:2:15: warning")
