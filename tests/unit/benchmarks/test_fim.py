"""The benchmark of completions over case files, on a small repository."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks" / "quality"
SCRIPTS = ("fim", "fim_cases", "fim_contexts", "fim_measure")
FILES = {
    "shop/money.py": "class Price:\n    def plus(self, other):\n        return self\n",
    "shop/cart.py": "from shop.money import Price\n\n\ndef total(price: Price):\n    return price.plus(price)\n",
    "shop/other.py": "\n".join(f"def other_{number}(price): return {number}" for number in range(60)),
}


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """A case whose answer the bundle holds: the cut file must hide it."""
    (tmp_path / "repos").mkdir()
    bundle = "\n".join(json.dumps({"path": path, "text": text}) for path, text in FILES.items())
    (tmp_path / "repos" / "shop.jsonl").write_text(bundle)
    prefix, suffix = FILES["shop/cart.py"].split("plus(price)")
    row = {
        "id": "one",
        "lang": "python",
        "path": "shop/cart.py",
        "files": "repos/shop.jsonl",
        "prefix": prefix,
        "suffix": suffix,
        "reference": "plus(price)",
        "gold_defs": [{"path": "shop/money.py", "line": 2, "name": "plus"}],
        "meta": {"symbol_seen_above": False, "line_also_in_file": False, "line_also_elsewhere": False},
    }
    file = tmp_path / "cases.jsonl"
    file.write_text(json.dumps(row) + "\n")
    return file


@pytest.mark.parametrize(("context", "covered"), [("ours", 1), ("gold", 1), ("none", 0)])
def test_the_context_is_written_and_counted(
    script: dict[str, ModuleType],
    cases: Path,
    context: str,
    covered: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = cases.with_name("predictions.jsonl")
    monkeypatch.setattr(sys, "argv", ["fim.py", str(cases), str(out), "--no-model", "--context", context])
    assert script["fim"].main() == 0
    row: dict[str, Any] = json.loads(out.read_text())
    assert row["id"] == "one"
    assert f"definition in the prompt: {covered} of 1" in capsys.readouterr().out
    assert all(place["path"] != "shop/cart.py" for place in row["context"])
    assert (
        {"path", "start_line", "end_line"} <= set(*map(dict.keys, row["context"][:1]))
        if row["context"]
        else not covered
    )


def test_windows_of_words_find_what_shares_them(script: dict[str, ModuleType], cases: Path, tmp_path: Path) -> None:
    (case,) = script["fim_cases"].read_cases(cases)
    repository = script["fim_cases"].Repository.unpack(tmp_path / case.bundle, tmp_path / "r")
    best = next(script["fim_contexts"]._Windows(repository)._best(case))
    assert best.path in ("shop/money.py", "shop/other.py")


def test_the_answer_is_hidden_while_its_case_runs_and_back_afterwards(
    script: dict[str, ModuleType], cases: Path, tmp_path: Path
) -> None:
    (case,) = script["fim_cases"].read_cases(cases)
    repository = script["fim_cases"].Repository.unpack(tmp_path / case.bundle, tmp_path / "r")
    with repository.cut(case) as file:
        assert "price.plus" not in file.read_text()
    assert file.read_text() == FILES["shop/cart.py"]


@pytest.mark.parametrize("path", ["../out.py", "/etc/out.py"])
def test_a_bundle_writes_nowhere_else(script: dict[str, ModuleType], tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="leads out"):
        script["fim_cases"].Repository(tmp_path).write(path, "x")


def test_measures(script: dict[str, ModuleType], cases: Path) -> None:
    measure = script["fim_measure"]
    (case,) = script["fim_cases"].read_cases(cases)
    assert measure.exact(" plus(price)\nmore", case)
    assert measure.similarity("plus(prices)", case) == pytest.approx(2 * 11 / 23)
    assert measure.similarity("", case) == 0.0
    assert measure.paired({"a": True, "b": False, "c": True}, {"a": False, "b": False, "c": True}) == (1, 0, 1.0)
    low, high = measure.interval(0.5, 100)
    assert (round(low, 2), round(high, 2)) == (0.40, 0.60)


def test_a_line_that_is_no_case_is_named(script: dict[str, ModuleType], tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('{"id": "x"}\n')
    with pytest.raises(ValueError, match=r"bad\.jsonl:1"):
        script["fim_cases"].read_cases(file)
