"""How far it is, and for how long yet, by a clock that the test owns."""

from __future__ import annotations

import pytest

from codeassist.cli.reviewing.progress import Progress, in_words, lines


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_is_left_is_estimated_by_the_size_of_the_files() -> None:
    clock = Clock()
    said: list[tuple[str, float, float | None]] = []
    progress = Progress([1_000, 3_000], lambda *what: said.append(what), clock)
    assert progress.left_s is None
    clock.now += 10
    first, second = progress.of_file("a.py", 1_000), progress.of_file("a.py", 1_000)
    first("f", 2)
    second("g", 2)
    second("g", 2)  # More is known of it; it was done before.
    assert said[-1] == ("1 of 2 files, 2 functions in a.py", 0.25, 30.0)
    progress.of_file("b\x1b.py", 3_000)("f", 1)
    assert said[-1] == ("2 of 2 files, 3 functions in b\\x1b.py", 1.0, 0.0)


def test_files_of_unknown_size_do_no_harm() -> None:
    said: list[str] = []
    progress = Progress([0, 0], lambda line, _share, _left: said.append(line))
    progress.file_done(0)
    progress.of_file("a.py", 0)("f", 1)
    assert said == ["1 of 2 files, 0 functions", "2 of 2 files, 1 function in a.py"]
    assert progress.left_s is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0.0, ""), (0.2, "1 s"), (89, "89 s"), (91, "2 min"), (3_600, "60 min"), (10_000, "3 h")],
)
def test_how_long_that_is(seconds: float | None, words: str) -> None:
    assert in_words(seconds) == (f", about {words} left" if words else "")


def test_without_a_terminal_there_is_a_line_each_half_minute(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    show = lines(clock)
    for _ in range(70):
        clock.now += 1
        show("1 of 2 files", 0.5, 20.0)
    assert capsys.readouterr().err == "codeassist: 1 of 2 files, about 20 s left\n" * 2
