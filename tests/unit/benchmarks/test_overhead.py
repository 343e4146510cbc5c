"""What the server adds to the engine: the file that is typed in, the places, the figures."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

from benchmarks.latency.overhead import Found, Key, line_and_column, report, stages_of, verdict
from benchmarks.latency.overhead_work import KEYS_AT_PLACE, KINDS, long_file, make_repository, modules, places

METHOD = """\
    def method_{0}(self, values):
        self.combine(values)
        for value in values:
            if value:
                self.remember(value)
                return self.remembered
        return [self.remembered, *values]
"""
SOURCES = [f"import module_{n}\nX = 1\n\n\nclass Class{n}:\n" + METHOD.format(n) for n in range(60)]


def test_the_long_file_is_python_of_that_length() -> None:
    text = long_file(SOURCES, 500)
    assert text.count("\n") == 500
    ast.parse(text)
    assert text.startswith("import module_0\n")
    assert "class Class7:" in text


def test_what_the_long_file_leaves_out() -> None:
    endless = "def endless():\n" + "    pass\n" * 400
    text = long_file(["def wrong(:\n", "def accent():\n    return 'é'\n", endless, *SOURCES], 300)
    assert not [name for name in ("wrong", "accent", "endless") if name in text]


def test_too_few_sources_for_the_long_file() -> None:
    with pytest.raises(ValueError, match="lines of definitions, not 10000"):
        long_file(SOURCES, 10_000)


def test_this_python_has_enough_for_the_benchmark() -> None:
    texts = (file.read_text(encoding="utf-8", errors="replace") for file in modules()[300:])
    text = long_file(texts, 10_000)
    ast.parse(text)
    assert {place.kind for place in places(text, 20)} == set(KINDS)


def test_places_are_of_all_kinds_and_in_the_middle() -> None:
    text = long_file(SOURCES, 500)
    found = places(text, 10)
    assert [place.kind for place in found] == [*KINDS, *KINDS, *KINDS[:2]]
    for place in found:
        typed = "".join(place.keys)
        assert len(place.keys) == KEYS_AT_PLACE
        assert text[place.start : place.end].startswith(typed)
        assert text[place.end] == "\n"
        assert 500 // 4 - 1 <= line_and_column(text[: place.start])[0] <= 500 * 3 // 4
    by_kind = {place.kind: "".join(place.keys) for place in found}
    assert by_kind["after a dot"].startswith(".")
    assert by_kind["in a call"].startswith("(")
    assert by_kind["nested block"].startswith("\n" + " " * 12)
    assert not by_kind["line start"][0].isspace()


def test_too_few_places() -> None:
    with pytest.raises(ValueError, match="places of the kind 'line start'"):
        places("x = 1\n" * 100, 4)


def test_the_repository_is_committed(tmp_path: Path) -> None:
    make_repository(tmp_path, modules()[:3], "x = 1\n", "long.py")
    listed = subprocess.run(["git", "-C", str(tmp_path), "ls-files"], check=True, capture_output=True, text=True)
    assert len(listed.stdout.split()) == 4


@pytest.mark.parametrize(
    ("added", "kept"),
    [([1.0] * 20, True), ([4.0] * 20, False), ([1.0] * 18 + [11.0] * 2, False), ([1.0] * 39 + [50.0], True)],
    ids=["kept", "median-above", "tail-above", "one-outlier"],
)
def test_the_verdict(added: list[float], kept: bool) -> None:
    assert verdict(added)[0] is kept


def test_what_is_printed() -> None:
    stages = {"parse": 1.0, "model": 62.0, "total": 64.0}
    found = Found([Key("line start", "a", n == 0, 65.0 + n, 60.0, True, n > 0, stages) for n in range(3)])
    found.unasked["mid-word"] = 2
    text = "\n".join(report(found))
    assert "with a suggestion: 2 of 3 keys" in text
    assert "not asked after 2 other keys: mid-word" in text
    row = next(line for line in text.split("\n") if line.startswith("the server adds"))
    assert row.split()[3:] == ["3", "6.0", "7.0", "7.0"]
    assert stages_of(found.keys)["model, beside bare"] == [2.0, 2.0, 2.0]
    assert stages_of(found.keys)["outside of the total"] == [1.0, 2.0, 3.0]
