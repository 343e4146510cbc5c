"""The replay of typing: what is typed, what the engine knows, what is printed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).resolve().parents[3] / "benchmarks" / "latency" / "replay.py"
TEXT = "import os\n\n\ndef f():\n    a = 1\n    b = 2\n\n    return a + b\n\n\nX = 1\n"


@pytest.fixture(scope="module")
def replay() -> ModuleType:
    spec = importlib.util.spec_from_file_location("replay", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["replay"] = module
    spec.loader.exec_module(module)
    return module


def test_a_block_is_typed_at_its_indent(replay: ModuleType) -> None:
    block = replay.block_at("a.py", TEXT, 4, 5)
    assert block.before.endswith("def f():\n    ")
    assert block.text == "a = 1\n    b = 2\n\n    return a + b"
    assert block.before + block.text + block.after == TEXT


@pytest.mark.parametrize(
    ("text", "first", "count"),
    [(TEXT, 4, 2), (TEXT, 0, 40), ("", 0, 5), (TEXT.replace("a = 1", "ä = 1"), 4, 5), ("a = 1\n" * 40, 0, 40)],
    ids=["short", "beyond-the-end", "empty", "not-ascii", "long"],
)
def test_blocks_that_are_not_taken(replay: ModuleType, text: str, first: int, count: int) -> None:
    block = replay.block_at("a.py", text, first, count)
    assert block is None or block.before + block.text + block.after == text
    assert block is None or (text, count) == (TEXT, 40)


def test_blocks_come_from_commits(replay: ModuleType, tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)

    git("init", "-q")
    git("config", "user.email", "a@example.org")
    git("config", "user.name", "A")
    lines = TEXT.split("\n")
    for text in ("\n".join(lines[:4] + lines[8:]), TEXT):
        (tmp_path / "a.py").write_text(text)
        git("add", "-A")
        git("commit", "-q", "-m", "x")
    (found,) = replay.blocks_of(tmp_path, 5)
    assert (found.path, found.text) == ("a.py", "a = 1\n    b = 2\n\n    return a + b")


def test_the_engine_knows_what_follows(replay: ModuleType) -> None:
    oracle = replay.Oracle(1.0)
    oracle.goal = TEXT
    before = TEXT[: TEXT.index("b = 2")]
    assert oracle({"prompt": f"<|fim_prefix|>{before}<|fim_suffix|>"}).startswith("b = 2\n\n    return")
    oracle.right = 0.0
    assert oracle({"prompt": f"<|fim_prefix|>{before}<|fim_suffix|>"}) == "b _other(value)\n"
    assert oracle({"prompt": "elsewhere<|fim_suffix|>"}) == ""


def test_nothing_accepted_is_no_division_by_nothing(replay: ModuleType) -> None:
    figures = replay.Figures(keys=3, characters=9, seconds=1.0)
    assert dict(replay.rows(figures))["characters accepted"] == "0%"
