"""Every `.case` file of this folder, through the product's own flows. A new test is a new file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.format import Case, parse_case, update_goldens
from tests.cases.running import as_goldens, found, run_completion, run_review, same_answer

HERE = Path(__file__).parent


def _cases(kind: str) -> list[Path]:
    return sorted((HERE / kind).glob("*.case"))


def _name(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", _cases("completion"), ids=_name)
async def test_completion(path: Path, request: pytest.FixtureRequest) -> None:
    case = _read(path)
    assert set(case.goldens) & {"@context", "@prompt", "@answer"}, "a case without goldens shows nothing"
    _compare(path, case, await run_completion(case), request)


@pytest.mark.parametrize("path", _cases("review"), ids=_name)
async def test_review(path: Path, request: pytest.FixtureRequest) -> None:
    case = _read(path)
    actual, document, result = await run_review(case)
    if case.expected or not case.goldens:
        assert found(result, document, next(iter(case.files))) == list(case.expected)
    _compare(path, case, actual, request)


def test_there_are_cases() -> None:
    assert len(_cases("completion")) >= 30
    assert len(_cases("review")) >= 8


def _read(path: Path) -> Case:
    return parse_case(path.read_text(encoding="utf-8"))


def _compare(path: Path, case: Case, actual: dict[str, str], request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-goldens"):
        text = path.read_text(encoding="utf-8")
        path.write_text(update_goldens(text, as_goldens(case, actual)), encoding="utf-8", newline="\n")
        return
    for name, wanted in case.goldens.items():
        if name == "@answer" and same_answer(wanted, actual[name]):
            continue
        assert actual[name] == wanted, f"{name} of {path.name}"
