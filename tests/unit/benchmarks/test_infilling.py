"""The benchmark of infilling: what is recorded, how both ways end it, and which programs pass."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from codeassist.flow.asking import Bound
from codeassist.flow.complete import complete
from codeassist.flow.trace import Trace
from codeassist.model.api import CompletionRequest
from codeassist.model.scripted import ScriptedModel
from codeassist.prompt.families import family
from codeassist.settings import load

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs are run with the limits of POSIX")

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks" / "quality"
SCRIPTS = (
    "fim_cases",
    "fim_measure",
    "infilling",
    "infilling_check",
    "infilling_figures",
    "infilling_record",
    "infilling_replay",
    "infilling_silence",
)
PROGRAM = "{prefix}{completion}{suffix}\n{test}\ncheck({entry_point})\n"
ENOUGH_S = 60
HALF: dict[str, Any] = {
    "id": "half",
    "lang": "python",
    "path": "half.py",
    "prefix": "def half(number):\n    ",
    "suffix": "\n\n\ndef twice(number):\n    return number * 2\n",
    "reference": "return number / 2",
    "max_new_tokens": 16,
    "checker": {
        "type": "unittest",
        "program": PROGRAM,
        "entry_point": "half",
        "test": "def check(candidate):\n    assert candidate(4) == 2\n",
        "timeout_s": ENOUGH_S,
    },
    "meta": {"kind": "single"},
}
SCRIPT = "return¦ number¦ / 2¦\n¦\n¦def¦ never¦(number):\n    pass\n"


@pytest.fixture
def case(script: dict[str, ModuleType], tmp_path: Path) -> Any:
    return made(script, tmp_path, HALF)


def made(script: dict[str, ModuleType], folder: Path, row: dict[str, Any]) -> Any:
    file = folder / "cases.jsonl"
    file.write_text(json.dumps(row) + "\n")
    (read,) = script["fim_cases"].read_cases(file)
    return read


def bound(model: ScriptedModel) -> Bound:
    return Bound(model, family("qwen-coder"), "scripted")


def recorded(script: dict[str, ModuleType], case: Any, answer: str, file: Path, cursor: str = "as-is") -> Any:
    """What the scripted `answer` to `case` leaves in `file`."""
    model = ScriptedModel(answer)
    settings, _ = load()
    asyncio.run(script["infilling_record"].record([case], file, bound(model), settings.completion, cursor, 1))
    (request,) = model.requests
    assert isinstance(request, CompletionRequest)
    assert (request.max_tokens, request.logprobs) == (case.max_tokens, 1)
    return script["infilling_record"].read_recordings(file, cursor)[case.id]


def shown(script: dict[str, ModuleType], case: Any, recording: Any) -> Any:
    settings, _ = load()
    return asyncio.run(script["infilling_replay"].ours(case, recording, settings.completion))


@pytest.mark.parametrize(
    ("answer", "right"), [("return number / 2", True), ("return number", False), ("return (", False)]
)
def test_a_completion_is_right_if_its_program_passes(
    script: dict[str, ModuleType], case: Any, answer: str, right: bool
) -> None:
    program = case.prefix + answer + case.suffix
    assert script["infilling_check"].check([(case, script["infilling_replay"].Answer(answer, program, 1))]) == [right]


def test_a_completion_without_a_test_is_compared(script: dict[str, ModuleType], case: Any) -> None:
    answer = script["infilling_replay"].Answer
    asked = [(replace(case, test=None), answer(text, "", 1)) for text in (" return number / 2\nx", "return number")]
    assert script["infilling_check"].check(asked) == [True, False]


def test_an_endless_program_and_what_it_started_are_ended(script: dict[str, ModuleType]) -> None:
    assert not script["infilling_check"].passes("while True:\n    pass\n", 1.0)
    waits = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    assert not script["infilling_check"].passes(waits, 1.0)


@pytest.mark.parametrize(
    "program", ["open('big', 'wb').write(bytes(2**21))", "input()", "import os; os.environ['HOME']"]
)
def test_a_program_has_limits_and_nobody_to_ask(script: dict[str, ModuleType], program: str) -> None:
    assert not script["infilling_check"].passes(program, ENOUGH_S)


def test_texts_with_placeholders_in_them_stay_as_they_are(script: dict[str, ModuleType], case: Any) -> None:
    program = script["infilling_check"].program_of(case.test, "x = '{test} {prefix}'")
    assert program.startswith("x = '{test} {prefix}'\ndef check")
    assert program.endswith("check(half)\n")
    with pytest.raises(ValueError, match="holds"):
        script["infilling_check"].program_of(replace(case.test, program="{completion}"), "")


@pytest.mark.parametrize(
    ("text", "kept"),
    [("a\n\nb", "a\n"), ("\n\n  a\nb\n\nc", "\n\n  a\nb\n"), ("a\nb", "a\nb"), ("\n\n", "\n\n"), ("", "")],
)
def test_raw_ends_at_the_first_blank_line(script: dict[str, ModuleType], text: str, kept: str) -> None:
    assert script["infilling_replay"].until_blank_line(text) == kept


@pytest.mark.parametrize("answer", [SCRIPT, "return number¦ / 2", "", "return¦ 1\n¦" * 6])
def test_a_replayed_answer_is_shown_as_the_answer_itself(
    script: dict[str, ModuleType], case: Any, tmp_path: Path, answer: str
) -> None:
    ours = shown(script, case, recorded(script, case, answer, tmp_path / "raw.jsonl"))
    settings, _ = load()
    snapshot = script["infilling_record"].snapshot_of(case, "as-is")
    flow = asyncio.run(complete(snapshot, bound(ScriptedModel(answer)), settings.completion, Trace("completion")))
    assert ours.inserted == (flow.item.text if flow.item else "")
    assert ours.skip == (flow.skip.reason if flow.skip else "")
    assert ours.same_prompt
    assert not ours.too_short


def test_the_product_needs_fewer_tokens_than_the_engine_made(script: dict[str, ModuleType], tmp_path: Path) -> None:
    case = made(script, tmp_path, {**HALF, "prefix": "def half(number):\n    return "})
    recording = recorded(script, case, SCRIPT.removeprefix("return¦ "), tmp_path / "raw.jsonl")
    ours, raw = shown(script, case, recording), script["infilling_replay"].raw(case, recording)
    assert (ours.inserted, raw.inserted) == ("number / 2", "number / 2\n")
    assert ours.tokens < raw.tokens == len(recording.pieces)
    assert ours.stopped
    assert all(logprob is not None for _, logprob in recording.pieces)


def test_a_stream_is_left_when_both_ways_have_ended_it(
    script: dict[str, ModuleType], case: Any, tmp_path: Path
) -> None:
    recording = recorded(script, case, "return number / 2\n¦\nx\n¦y\n¦!hang\n", tmp_path / "raw.jsonl")
    assert recording.finish is None
    assert recording.text.startswith("return number / 2\n\nx\n")
    assert shown(script, case, recording).inserted == "return number / 2"
    short = replace(recording, pieces=recording.pieces[:0])
    assert shown(script, case, short).too_short


def test_an_answer_may_replace_what_stands_behind_the_cursor(script: dict[str, ModuleType], tmp_path: Path) -> None:
    case = made(script, tmp_path, {**HALF, "prefix": "def half(number):\n    return min(", "suffix": ")\n"})
    recording = recorded(script, case, "number, 9) / 2", tmp_path / "raw.jsonl")
    ours, raw = shown(script, case, recording), script["infilling_replay"].raw(case, recording)
    assert ours.program == "def half(number):\n    return min(number, 9) / 2\n"
    assert script["infilling_check"].check([(case, ours), (case, raw)]) == [True, False]


def test_the_cursor_may_get_a_line_of_its_own(script: dict[str, ModuleType], tmp_path: Path) -> None:
    row = {**HALF, "prefix": "def half(number):\n", "suffix": "    return number\n", "reference": "    number /= 2\n"}
    case = made(script, tmp_path, row)
    file = tmp_path / "raw.jsonl"
    ours = shown(script, case, recorded(script, case, "    number /= 2\n", file, "own-line"))
    assert ours.program == "def half(number):\n    number /= 2\n    return number\n"
    assert script["infilling_record"].read_recordings(file, "as-is") == {}


def test_half_a_line_is_cut_off_and_asked_again(script: dict[str, ModuleType], case: Any, tmp_path: Path) -> None:
    file = tmp_path / "raw.jsonl"
    recorded(script, case, SCRIPT, file)
    line = file.read_text()
    file.write_text(line + line.replace('"half"', '"other"')[:60])
    assert set(script["infilling_record"].read_recordings(file, "as-is")) == {"half"}
    assert file.read_text() == line
    recorded(script, replace(case, id="other"), SCRIPT, file)
    assert set(script["infilling_record"].read_recordings(file, "as-is")) == {"half", "other"}


@pytest.mark.parametrize("text", ["what somebody wrote", '{"a": 1}\n', "[]\n{"])
def test_a_file_of_something_else_stays_as_it_is(script: dict[str, ModuleType], tmp_path: Path, text: str) -> None:
    file = tmp_path / "raw.jsonl"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"raw\.jsonl"):
        script["infilling_record"].read_recordings(file, "as-is")
    assert file.read_text() == text


def test_a_run_tells_both_shares_and_the_cases_that_only_raw_gets_right(
    script: dict[str, ModuleType],
    case: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw, out, predictions = tmp_path / "raw.jsonl", tmp_path / "out.json", tmp_path / "predictions.jsonl"
    recorded(script, case, "divided = number\n    return divided / 2", raw)
    files = ["--raw", str(raw), "--json", str(out), "--predictions", str(predictions)]
    monkeypatch.setattr(sys, "argv", ["infilling.py", str(tmp_path / "cases.jsonl"), *files, "--show", "1"])
    monkeypatch.setattr(script["infilling"], "ours", silenced(script["infilling"].ours, case.prefix + case.suffix))
    assert script["infilling"].main() == 0
    told = capsys.readouterr().out
    assert "by hand silent 1 times (repetition 1); as typed silent 1 times (repetition 1)" in told
    assert "=== half\n[before]\ndef half(number):\n    \n[raw]\ndivided = number" in told
    (by_group,) = json.loads(out.read_text()).values()
    assert set(by_group) == {"all", "kind single", "lang python"}
    assert (by_group["all"]["raw"]["count"], by_group["all"]["ours"]["count"], by_group["all"]["worse"]) == (1, 0, 1)
    assert json.loads(predictions.read_text())["skip"] == "repetition"


def silenced(ours: Any, program: str) -> Any:
    async def silent(*arguments: Any, **options: Any) -> Any:
        return replace(await ours(*arguments, **options), skip="repetition", inserted="", program=program)

    return silent


@pytest.mark.parametrize(("logprob", "skip"), [(-0.1, ""), (-6.0, "unsure"), (None, "")])
def test_who_only_types_is_not_shown_what_the_model_is_not_sure_of(
    script: dict[str, ModuleType], case: Any, tmp_path: Path, logprob: float | None, skip: str
) -> None:
    recording = recorded(script, case, "return number / 2", tmp_path / "raw.jsonl")
    recording = replace(recording, pieces=tuple((text, logprob) for text, _ in recording.pieces))
    (result,) = asyncio.run(script["infilling"].judge([case], {case.id: recording}, load()[0].completion))
    assert (result.ours.skip, result.typed.skip) == ("", skip)
    assert (result.ours_right, result.typed_right) == (True, not skip)
    found = script["infilling_figures"].figures([result])
    assert (found["ours"]["count"], found["typed"]["count"], found["typed_shown"]["count"]) == (1, not skip, not skip)


def test_who_only_types_is_left_alone_in_comments(script: dict[str, ModuleType], tmp_path: Path) -> None:
    case = made(script, tmp_path, {**HALF, "prefix": "def half(number):\n    # of the ", "reference": "number"})
    recording = recorded(script, case, "number", tmp_path / "raw.jsonl")
    (result,) = asyncio.run(script["infilling"].judge([case], {case.id: recording}, load()[0].completion))
    assert (result.ours.skip, result.typed.skip) == ("", "in-comment")


def test_what_a_threshold_keeps_and_what_it_silences(script: dict[str, ModuleType]) -> None:
    silence = script["infilling_silence"]
    lines = [silence.FirstLine(*each) for each in ((0.9, True), (0.3, True), (0.2, False), (0.6, False))]
    assert silence.rates(lines, 0.0) == (1.0, 0.0, 0.5)
    assert silence.rates(lines, 0.5) == (0.5, 0.5, 0.5)
    assert silence.rates(lines, 0.8) == (0.5, 1.0, 1.0)
    assert silence.rates([], 0.5) == (1.0, 1.0, 1.0)
