"""The benchmark of reviews: what is recorded, what counts as found, and the figures."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest

from codeassist.flow.asking import Bound
from codeassist.model.api import Chunk, CompletionRequest
from codeassist.model.scripted import ScriptedModel
from codeassist.prompt.families import family

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks" / "quality"
SCRIPTS = (
    "fim_cases", "fim_measure", "review", "review_cases", "review_measure", "review_picture", "review_record",
)  # fmt: skip
CLEAN = "def area(width, height):\n    return width * height\n"
BUGGY = CLEAN.replace("*", "+")
CASE: dict[str, Any] = {
    "id": "area",
    "task": "review",
    "lang": "python",
    "path": "area.py",
    "prefix": BUGGY,
    "suffix": "",
    "reference": CLEAN,
    "checker": {"type": "bug_lines", "lines": [[2, 2]], "tolerance": 0},
    "meta": {"bug_type": "operator misuse"},
}
PRODUCT = '!token "    return width" -0.01\n!token " *" -0.01 " +" -7.0\n height\n'
REST = "!next\n height\n"
SCRIPT = PRODUCT + REST + "!next\n" + PRODUCT


class Leaving:
    """A model that counts how often it is asked, and whose streams are left."""

    def __init__(self, script: str) -> None:
        self.model = ScriptedModel(script)

    def bound(self) -> Bound:
        return Bound(self.model, family("qwen-coder"), "tiny")


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    file = tmp_path / "cases.jsonl"
    file.write_text(json.dumps(CASE) + "\n", encoding="utf-8")
    return file


@pytest.fixture
def tiny(script: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch) -> Leaving:
    """The model that the benchmark finds."""
    leaving = Leaving(SCRIPT)

    class Ready:
        async def __aenter__(self) -> Bound:
            return leaving.bound()

        async def __aexit__(self, *_: object) -> None:
            return

    monkeypatch.setattr(script["review"], "bound_model", lambda *_a, **_k: Ready())
    return leaving


def run(script: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["review.py", *map(str, arguments)])
    status: int = script["review"].main()
    return status


def test_findings_and_figures(
    script: dict[str, ModuleType],
    tiny: Leaving,
    cases: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, raw, name = tmp_path / "found.jsonl", tmp_path / "raw.jsonl", tmp_path / "curve"
    assert run(script, monkeypatch, cases, out, "--raw", raw, "--curve", name) == 0
    buggy, clean = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert (buggy["id"], buggy["variant"], clean["variant"], clean["findings"]) == ("area", "buggy", "clean", [])
    (found,) = buggy["findings"]
    assert (found["line"], found["end_line"], found["category"], found["fixes"]) == (2, 2, "wrong-operator", True)
    assert (buggy["requests"], buggy["functions"]) == (2, 1)
    told = capsys.readouterr().out
    assert "the first 3: 100.0%" in told
    assert "0.00 false alarms" in told
    assert "operator misuse: 100% of 1" in told
    assert "infill" in (tmp_path / "curve.txt").read_text(encoding="utf-8")
    ElementTree.parse(tmp_path / "curve.svg")  # It was written a line above.
    asked = len(tiny.model.calls)
    assert run(script, monkeypatch, cases, out, "--raw", raw, "--offline") == 0
    assert len(tiny.model.calls) == asked, "everything is recorded"
    assert [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] == [buggy, clean]


def test_what_is_not_recorded_is_left_out_offline(
    script: dict[str, ModuleType], tiny: Leaving, cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, raw = tmp_path / "found.jsonl", tmp_path / "raw.jsonl"
    assert run(script, monkeypatch, cases, out, "--raw", raw) == 0
    lines = raw.read_text(encoding="utf-8").splitlines(keepends=True)
    raw.write_text("".join(lines[:-1]) + lines[-1][:20], encoding="utf-8")
    assert run(script, monkeypatch, cases, out, "--raw", raw, "--offline") == 0
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [row["variant"] for row in rows] == ["clean"], "its only prompt is the first one of the other"
    assert raw.read_text(encoding="utf-8") == "".join(lines[:-1])


def test_recordings_of_one_model_are_not_those_of_another(
    script: dict[str, ModuleType], tiny: Leaving, cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = tmp_path / "raw.jsonl"
    raw.write_text(
        '{"key": "asked", "model": "huge", "family": "qwen-coder", "prompt_tokens": 768, "suffix_tokens": 64, '
        '"max_model_tokens": null, "can_review": false}\n',
        encoding="utf-8",
    )
    assert run(script, monkeypatch, cases, tmp_path / "found.jsonl", "--raw", raw) == 2
    assert tiny.model.calls == []


@pytest.mark.parametrize("text", ["[1]\n", '{"key": "x"}\n', "nothing"])
def test_other_files_are_no_recordings(script: dict[str, ModuleType], tmp_path: Path, text: str) -> None:
    file = tmp_path / "raw.jsonl"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"raw\.jsonl"):
        script["review_record"].read_recordings(file)
    assert file.read_text(encoding="utf-8") == text


async def test_a_reader_that_wants_more_than_the_one_before_asks_anew(
    script: dict[str, ModuleType], tmp_path: Path
) -> None:
    record = script["review_record"]
    model = ScriptedModel("!repeat\none¦ two¦ three")
    recordings = record.Recordings(None)
    request = CompletionRequest("prompt", 8, logprobs=1)

    async def first(count: int) -> str:
        stream: AsyncGenerator[Chunk, None] = record.Recorder(recordings, model).complete(request)
        text = ""
        async with aclosing(stream) as chunks:
            async for chunk in chunks:
                text += chunk.text
                count -= bool(chunk.text)
                if count == 0:
                    break
        return text

    assert [await first(1), await first(1), len(model.calls)] == ["one", "one", 1]
    assert [await first(3), len(model.calls)] == ["one two three", 2]
    assert [await first(3), len(model.calls)] == ["one two three", 2]


def reviewed(script: dict[str, ModuleType], variant: str, *scores_and_lines: tuple[float, int]) -> Any:
    measure, case = script["review_measure"], script["review_cases"]._case(CASE)
    findings = tuple(
        measure.Found(line, line, score, "infill", "wrong-name", "Said.", fixes=line == 2)
        for score, line in scores_and_lines
    )
    return measure.Reviewed(case, variant, findings)


def test_figures_at_a_threshold(script: dict[str, ModuleType]) -> None:
    measure = script["review_measure"]
    reviews = [
        reviewed(script, "buggy", (9.0, 1), (8.0, 2)),
        reviewed(script, "buggy", (9.0, 2), (3.0, 1)),
        reviewed(script, "buggy", (9.0, 1), (8.0, 1), (7.0, 1), (6.0, 2)),
        reviewed(script, "buggy"),
        reviewed(script, "clean", (4.0, 1), (2.0, 2)),
        reviewed(script, "clean"),
    ]
    low, high = measure.figures(reviews, 0.0), measure.figures(reviews, 5.0)
    assert low.recall == {1: 0.25, 3: 0.5, 5: 0.75}
    assert (low.alarms, low.fixed, low.precision) == (1.0, 0.5, 0.3)
    assert (high.alarms, high.precision) == (0.0, 3 / 7)
    assert measure.figures(reviews, 0.0, "words").recall[5] == 0.0
    points = measure.curve(reviews, (0.0, 5.0), "infill")
    assert [each.alarms for _, each in points] == [1.0, 0.0]
    assert measure.table(points).count("\n") == 2


@pytest.mark.parametrize(
    ("first", "last", "tolerance", "hit"), [(2, 2, 0, True), (1, 3, 0, True), (3, 3, 0, False), (3, 4, 1, True)]
)
def test_what_hits_a_bug(script: dict[str, ModuleType], first: int, last: int, tolerance: int, hit: bool) -> None:
    row = {**CASE, "checker": {"lines": [[2, 2]], "tolerance": tolerance}}
    assert script["review_cases"]._case(row).hit(first, last) is hit


def test_a_case_without_a_known_right_version(script: dict[str, ModuleType]) -> None:
    case = script["review_cases"]._case({**CASE, "reference": None})
    assert case.variant("clean") is None
    assert case.variant("buggy") == BUGGY
